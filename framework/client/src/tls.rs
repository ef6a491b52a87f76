//! TLS and QUIC as a client of Daystar uses them.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use daystar_protocol::fingerprint::Fingerprint;
use daystar_protocol::handshake::ALPN;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, IdleTimeout, TransportConfig, VarInt};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::authorities::Authorities;
use crate::builder::Trust;
use crate::error::Distrust;

/// Whom a client believes; [`Trust`], and what does not fit into a type that is copied.
#[derive(Clone, Debug)]
pub(crate) enum Belief {
    Anyone,
    /// Whoever has a certificate with one of these.
    Fingerprints(Arc<[Fingerprint]>),
    Authorities(Authorities),
}

impl Belief {
    /// The name by which the server is asked for its certificate.
    pub(crate) fn server_name(&self) -> Cow<'_, str> {
        match self {
            // Nobody looks at it.
            Self::Anyone | Self::Fingerprints(_) => "daystar".into(),
            Self::Authorities(authorities) => authorities.name().to_str(),
        }
    }
}

impl From<Trust> for Belief {
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::Anyone => Self::Anyone,
            Trust::Fingerprint(fingerprint) => Self::Fingerprints([fingerprint].into()),
        }
    }
}

/// The settings for one connection.
pub(crate) struct Settings {
    pub(crate) quic: ClientConfig,
    /// The fingerprint of the server's certificate and what is wrong with it, should the handshake fail because of that.
    pub(crate) distrusted: Arc<OnceLock<(Fingerprint, Distrust)>>,
}

/// How a program connects that speaks QUIC itself, to see what a server does about it. Not for games.
///
/// # Errors
/// TLS cannot be set up.
pub fn quic(trust: Trust) -> Result<ClientConfig, rustls::Error> {
    settings(trust.into()).map(|settings| settings.quic)
}

/// What TLS computes with: for the handshake and for whoever verifies a chain the same.
pub(crate) fn provider() -> CryptoProvider {
    // The suite whose hash processors know comes first, since servers take the first that they know: with SHA-384 a handshake
    // computes a tenth more, on both sides.
    let cipher_suites = vec![
        ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
        ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
        ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    CryptoProvider { cipher_suites, ..ring::default_provider() }
}

/// Settings that believe whom `belief` names.
pub(crate) fn settings(belief: Belief) -> Result<Settings, rustls::Error> {
    let provider = Arc::new(provider());
    let distrusted = Arc::<OnceLock<_>>::default();
    let verifier = Verifier {
        belief,
        distrusted: Arc::clone(&distrusted),
        algorithms: provider.signature_verification_algorithms,
    };
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.resumption = Resumption::disabled();
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13();
    let initial = suite.and_then(|suite| suite.quic_suite());
    let initial =
        initial.ok_or_else(|| rustls::Error::General("ring has no QUIC suite".to_owned()))?;
    let tls = QuicClientConfig::with_initial(Arc::new(tls), initial)
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut quic = ClientConfig::new(Arc::new(tls));
    quic.transport_config(Arc::new(transport()));
    Ok(Settings { quic, distrusted })
}

/// QUIC as a client uses it, whoever answers: what the benches give their bare peers, so that both sides of a comparison have
/// the same. Not for games.
///
/// # Errors
/// TLS cannot be set up.
#[doc(hidden)]
pub fn bare_quic() -> Result<ClientConfig, rustls::Error> {
    settings(Belief::Anyone).map(|settings| settings.quic)
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        // What clients say is short. Probes for longer packets are padded, which the server would have to read through.
        .mtu_discovery_config(None)
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .initial_rtt(INITIAL_RTT)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
        .receive_window(VarInt::from_u32(WINDOW_BYTES))
        .send_window(u64::from(WINDOW_BYTES))
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER_BYTES))
        .datagram_send_buffer_size(DATAGRAM_BUFFER_BYTES);
    transport
}

/// Believes a certificate by its fingerprint, by who has issued it, or whatever it is; that the server has the certificate's key is
/// checked in any case. Remembers why it does not: the handshake's error tells that only as an alert's number.
#[derive(Debug)]
struct Verifier {
    belief: Belief,
    distrusted: Arc<OnceLock<(Fingerprint, Distrust)>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (why, error) = match &self.belief {
            Belief::Anyone => return Ok(ServerCertVerified::assertion()),
            Belief::Fingerprints(expected) => {
                if expected.contains(&fingerprint(own)?) {
                    return Ok(ServerCertVerified::assertion());
                }
                let why = Distrust::OtherFingerprint { expected: expected.to_vec() };
                (why, rustls::CertificateError::ApplicationVerificationFailure.into())
            }
            Belief::Authorities(authorities) => {
                // By the name that is believed, whatever the connection was opened with.
                let (verifier, name) = (authorities.verifier(), authorities.name());
                match verifier.verify_server_cert(own, intermediates, name, ocsp, now) {
                    Ok(verified) => return Ok(verified),
                    Err(error) => {
                        let (name, cause) = (name.to_str().into_owned(), error.to_string());
                        (Distrust::NotVouchedFor { name, cause }, error)
                    }
                }
            }
        };
        let _ = self.distrusted.set((fingerprint(own)?, why));
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, own, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verified = verify_tls13_signature(message, own, signed, &self.algorithms);
        // Otherwise it would be told as a connection that was lost, which clients try again, here for nothing. Who believes anyone
        // expects nobody in particular, so nobody else can have come in their place.
        if verified.is_err() && !matches!(self.belief, Belief::Anyone) {
            let _ = self.distrusted.set((fingerprint(own)?, Distrust::NotItsKey));
        }
        verified
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// SHA-256 of a certificate.
fn fingerprint(certificate: &CertificateDer<'_>) -> Result<Fingerprint, rustls::Error> {
    let unusable = || rustls::Error::General("ring has no SHA-256 of 32 bytes".to_owned());
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().ok_or_else(unusable)?;
    let sha256 = suite.common.hash_provider.hash(certificate);
    let sha256: [u8; 32] = sha256.as_ref().try_into().map_err(|_| unusable())?;
    Ok(Fingerprint::new(sha256))
}

const IDLE_TIMEOUT_MS: u32 = 30_000;

/// A third of the idle timeout: two keep-alives may be lost.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What a round trip is thought to take before one was measured. Three times this is waited before a lost first packet is sent
/// again; QUIC's own third of a second makes that a second.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// What may be in flight in either direction. Small, because a program may be thousands of clients.
const WINDOW_BYTES: u32 = 256 * 1024;

const DATAGRAM_BUFFER_BYTES: usize = 64 * 1024;
