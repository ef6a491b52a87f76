//! The server's certificate, and the TLS settings it is used with.

use std::sync::Arc;

use daystar_protocol::fingerprint::Fingerprint;
use daystar_protocol::handshake::ALPN;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// How the server proves who it is.
pub(crate) struct Certificate {
    pub(super) chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// Making one failed.
    #[error("a development certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    /// TLS does not take it.
    #[error("the certificate or its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Certificate {
    /// A new certificate that nobody vouches for; clients know it by its fingerprint, if at all.
    ///
    /// # Errors
    /// [`CertificateError::Make`] when the system has no randomness to give.
    pub(crate) fn development() -> Result<Self, CertificateError> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Ok(Self { chain: vec![made.cert.into()], key: key.into() })
    }

    /// SHA-256 of the server's own certificate.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let mut sha256 = [0; 32];
        if let (Some(suite), Some(own)) = (suite.tls13(), self.chain.first()) {
            sha256.copy_from_slice(suite.common.hash_provider.hash(own).as_ref());
        }
        Fingerprint::new(sha256)
    }

    /// TLS 1.3 for `daystar/1`, without 0-RTT: a replayed request would be done twice.
    pub(super) fn tls(self) -> Result<QuicServerConfig, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let mut tls =
            rustls::ServerConfig::builder_with_provider(Arc::<CryptoProvider>::clone(&provider))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_no_client_auth()
                .with_single_cert(self.chain, self.key)?;
        tls.alpn_protocols = vec![ALPN.to_vec()];
        tls.max_early_data_size = 0;
        // Tickets would be made for, and remembered by, thousands of clients that keep one connection each.
        tls.send_tls13_tickets = 0;
        let initial = ring::cipher_suite::TLS13_AES_128_GCM_SHA256
            .tls13()
            .and_then(|suite| suite.quic_suite());
        let initial =
            initial.ok_or_else(|| rustls::Error::General("ring has no QUIC suite".to_owned()))?;
        QuicServerConfig::with_initial(Arc::new(tls), initial)
            .map_err(|error| rustls::Error::General(error.to_string()).into())
    }
}
