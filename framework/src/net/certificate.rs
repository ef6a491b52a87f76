//! The server's certificate, and the TLS settings it is used with.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use daystar_protocol::fingerprint::Fingerprint;
use daystar_protocol::handshake::ALPN;
use parking_lot::RwLock;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::{info, warn};

use crate::login::Watched;

/// How the server proves who it is: from the next handshake on, by what was read last.
pub(crate) struct Certificate {
    presented: RwLock<Arc<CertifiedKey>>,
    files: Option<Files>,
}

struct Files {
    chain: PathBuf,
    key: PathBuf,
    watched: Watched,
}

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// Making one failed.
    #[error("a development certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A file cannot be read.
    #[error("the certificate file {path} cannot be read: {cause}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no {wanted} in PEM: {cause}")]
    NoPem {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        cause: String,
    },
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
        let presented = certified(vec![made.cert.into()], key.into())?;
        Ok(Self { presented: RwLock::new(presented), files: None })
    }

    /// The chain, the server's own certificate first, and its key, from PEM files.
    ///
    /// # Errors
    /// [`CertificateError`]: a file cannot be read or used, or the two do not belong together.
    pub(crate) fn from_files(chain: PathBuf, key: PathBuf) -> Result<Self, CertificateError> {
        let watched = Watched::new(vec![chain.clone(), key.clone()]);
        let files = Files { chain, key, watched };
        Ok(Self { presented: RwLock::new(files.read()?), files: Some(files) })
    }

    /// Reads the files again if they have changed. What cannot be used is logged, and the certificate before stays. May block.
    pub(crate) fn refresh(&self) {
        let Some(files) = &self.files else { return };
        match files.watched.read_if_changed(|| files.read()) {
            None => {}
            Some(Ok(read)) => {
                *self.presented.write() = read;
                info!(fingerprint = %self.fingerprint(), "new clients see another certificate");
            }
            Some(Err(error)) => warn!(%error, "new clients still see the certificate before"),
        }
    }

    /// The certificates that clients are shown, the server's own first.
    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.presented.read().cert.clone()
    }

    /// SHA-256 of the server's own certificate.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let mut sha256 = [0; 32];
        if let (Some(suite), Some(own)) = (suite.tls13(), self.chain().first()) {
            sha256.copy_from_slice(suite.common.hash_provider.hash(own).as_ref());
        }
        Fingerprint::new(sha256)
    }

    /// TLS 1.3 for `daystar/1`, without 0-RTT: a replayed request would be done twice.
    pub(super) fn tls(self: &Arc<Self>) -> Result<QuicServerConfig, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let mut tls =
            rustls::ServerConfig::builder_with_provider(Arc::<CryptoProvider>::clone(&provider))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(self) as _);
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

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.presented.read()))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint())
    }
}

impl Files {
    fn read(&self) -> Result<Arc<CertifiedKey>, CertificateError> {
        let unusable = |path: &PathBuf, wanted, cause| match cause {
            pem::Error::Io(cause) => CertificateError::Unreadable { path: path.clone(), cause },
            cause => {
                CertificateError::NoPem { path: path.clone(), wanted, cause: cause.to_string() }
            }
        };
        let chain = CertificateDer::pem_file_iter(&self.chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .and_then(
                |chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) },
            )
            .map_err(|cause| unusable(&self.chain, "certificate", cause))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|cause| unusable(&self.key, "private key", cause))?;
        certified(chain, key)
    }
}

/// Checks that the two belong together, too.
fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, CertificateError> {
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &ring::default_provider())?))
}
