//! Clients and servers of bare quinn, for what the client crate would never do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use daystar_protocol::close::CloseCode;
use daystar_protocol::handshake::{ALPN, Credentials, Hello, VERSION};
use daystar_protocol::to_server::ToServer;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::net::tests::stand_in::{StandIn, loopback, soon};

/// A connection that has not sent anything.
pub(super) async fn connect(server: &StandIn, alpn: &[u8]) -> Result<Connection, ConnectionError> {
    connect_from(loopback(), server, alpn).await
}

/// The same, from one of this machine's addresses.
pub(super) async fn connect_from(
    address: SocketAddr,
    server: &StandIn,
    alpn: &[u8],
) -> Result<Connection, ConnectionError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    // Quinn would take a megabyte from the server before anybody reads it.
    let mut transport = quinn::TransportConfig::default();
    transport.stream_receive_window(16_384u32.into());
    config.transport_config(Arc::new(transport));
    let endpoint = quinn::Endpoint::client(address).unwrap();
    soon(endpoint.connect_with(config, server.address, "localhost").unwrap()).await
}

/// Connections that never send anything, one after another.
pub(super) async fn idle(server: &StandIn, address: SocketAddr, count: usize) -> Vec<Connection> {
    let mut idle = Vec::new();
    for _ in 0..count {
        idle.push(connect_from(address, server, ALPN).await.unwrap());
    }
    idle
}

/// A connection with its stream, on which nothing was sent yet.
pub(super) async fn open(server: &StandIn) -> (Connection, SendStream, RecvStream) {
    let connection = connect(server, ALPN).await.unwrap();
    let (send, recv) = connection.open_bi().await.unwrap();
    (connection, send, recv)
}

/// A connection that has greeted.
pub(super) async fn greet(server: &StandIn, name: &str) -> (Connection, SendStream, RecvStream) {
    let (connection, mut send, recv) = open(server).await;
    send.write_chunk(ToServer::Hello(hello(name)).encode()).await.unwrap();
    (connection, send, recv)
}

pub(super) fn hello(name: &str) -> Hello {
    let credentials = Credentials::Name(name.to_owned());
    Hello { version: VERSION, game: "hamlet".to_owned(), credentials }
}

/// The code and the text that the server closes the connection with.
pub(super) async fn closed(connection: &Connection) -> (Option<CloseCode>, String) {
    match soon(connection.closed()).await {
        ConnectionError::ApplicationClosed(closed) => (
            CloseCode::from_raw(closed.error_code.into_inner()),
            String::from_utf8(closed.reason.to_vec()).unwrap(),
        ),
        other => panic!("{other}"),
    }
}

/// A server of something else, or of `daystar/1` that does not keep to it.
pub(super) fn server(alpn: &[u8]) -> quinn::Endpoint {
    server_with(alpn, 0)
}

/// One that takes what is sent before the handshake is done.
pub(super) fn server_with_0rtt(alpn: &[u8]) -> quinn::Endpoint {
    server_with(alpn, u32::MAX)
}

/// Whether a client that comes a second time may send before the handshake is done.
pub(super) async fn can_0rtt(server: SocketAddr) -> bool {
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.enable_early_data = true;
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let endpoint = quinn::Endpoint::client(loopback()).unwrap();
    let connecting = || endpoint.connect_with(config.clone(), server, "localhost").unwrap();
    let first = soon(connecting()).await.unwrap();
    // A ticket comes right behind the handshake, before anything else.
    tokio::time::sleep(Duration::from_millis(200)).await;
    first.close(0u32.into(), b"");
    connecting().into_0rtt().is_ok()
}

/// Believes everyone.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn server_with(alpn: &[u8], early_bytes_max: u32) -> quinn::Endpoint {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.into()], key.into())
        .unwrap();
    tls.alpn_protocols = vec![alpn.to_vec()];
    tls.max_early_data_size = early_bytes_max;
    let tls = Arc::new(QuicServerConfig::try_from(tls).unwrap());
    quinn::Endpoint::server(quinn::ServerConfig::with_crypto(tls), loopback()).unwrap()
}
