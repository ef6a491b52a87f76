//! Clients that believe an authority, or one of several fingerprints: they join before and after the server's certificate is renewed, and
//! go on, and nobody else is believed.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use daystar::Server;
use daystar_client::{
    Authorities, AuthoritiesError, CloseCode, ConnectError, ConnectionState, Disconnected,
    Distrust, Events, Fingerprint, Trust,
};
use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

#[allow(dead_code, reason = "a program of its own")]
#[path = "../examples/belfry.rs"]
mod belfry;
#[allow(dead_code, reason = "a program of its own")]
#[path = "../examples/stay.rs"]
mod stay;

use belfry::{Belfry, Event, Request};

type Client = daystar_client::Client<Request, Event>;
type Builder = daystar_client::ClientBuilder<Request, Event>;

/// Who issues certificates, in the tests.
struct Issuer(CertifiedIssuer<'static, KeyPair>);

impl Issuer {
    fn new(called: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, called);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// One that this one vouches for.
    fn under(&self, called: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, called);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::signed_by(params, key, &self.0).expect("an authority"))
    }

    /// What is believed by who believes it, under this name.
    fn for_name(&self, name: &str) -> Authorities {
        Authorities::from_pem(name, self.0.pem()).expect("authorities")
    }

    /// Puts a new certificate and its key where the server looks for them.
    fn renew(&self, names: &[&str], files: &Files) {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, "a server");
        self.write(params, files);
    }

    fn write(&self, params: CertificateParams, files: &Files) {
        let key = KeyPair::generate().expect("a key");
        let leaf = params.signed_by(&key, &self.0).expect("a certificate");
        write(&files.chain(), &leaf.pem());
        write(&files.key(), &key.serialize_pem());
    }
}

/// Where a server finds its certificate.
struct Files(TempDir);

impl Files {
    fn chain(&self) -> std::path::PathBuf {
        self.0.path().join("chain.pem")
    }

    fn key(&self) -> std::path::PathBuf {
        self.0.path().join("key.pem")
    }
}

/// Each time newer than what was there, however coarse the file system's clock is.
fn write(path: &Path, text: &str) {
    let before = fs::metadata(path).and_then(|before| before.modified());
    fs::write(path, text).expect("a file");
    let file = File::options().write(true).open(path).expect("a file");
    let time = before.unwrap_or_else(|_| SystemTime::now()) + Duration::from_secs(1);
    file.set_modified(time).expect("a time");
}

/// A server with a certificate of `issuer` for `names`, and where that lies.
fn serve(issuer: &Issuer, names: &[&str]) -> (Server, Files) {
    let files = Files(tempfile::tempdir().expect("a folder"));
    issuer.renew(names, &files);
    let server = Server::builder(Belfry).in_memory().certificate(files.chain(), files.key());
    (server.start().expect("a server"), files)
}

/// Somebody who shows a certificate of `issuer` for `name` and does not have its key, as anybody can who has once seen it.
fn impostor(issuer: &Issuer, name: &str) -> SocketAddr {
    let [own, other] = [(); 2].map(|()| KeyPair::generate().expect("a key"));
    let params = CertificateParams::new([name.to_owned()]).expect("a name");
    let shown = params.signed_by(&own, &issuer.0).expect("a certificate").der().clone();
    let other = PrivateKeyDer::Pkcs8(other.serialize_der().into());
    let other = ring::sign::any_supported_type(&other).expect("a key");
    // This way nobody looks whether they belong together.
    let pair = SingleCertAndKey::from(CertifiedKey::new(vec![shown], other));
    let provider = Arc::new(ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(pair));
    tls.alpn_protocols = vec![b"daystar/1".to_vec()];
    let tls = QuicServerConfig::try_from(tls).expect("a suite for QUIC");
    let config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    let server =
        quinn::Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).expect("a server");
    let address = server.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Some(incoming) = server.accept().await {
            // Whatever becomes of it: the clients tell.
            let _ = incoming.await;
        }
    });
    address
}

fn builder(server: SocketAddr, name: &str) -> Builder {
    Client::builder(server).game("belfry").name(name)
}

async fn join(builder: Builder) -> Result<(Client, Events<Event>), ConnectError> {
    timeout(PATIENCE, builder.connect()).await.expect("an answer in time")
}

/// What the server shows to who comes now.
async fn shown(server: SocketAddr) -> Fingerprint {
    let nobody = Trust::Fingerprint(Fingerprint::new([0; 32]));
    match join(builder(server, "a stranger").trust(nobody)).await {
        Err(ConnectError::Untrusted { actual, .. }) => actual,
        other => panic!("{other:?}"),
    }
}

/// Waits until the server shows another certificate than `before`.
async fn shown_after(server: SocketAddr, before: Fingerprint) -> Fingerprint {
    let renewed = async {
        loop {
            match shown(server).await {
                same if same == before => sleep(Duration::from_millis(50)).await,
                other => return other,
            }
        }
    };
    timeout(PATIENCE, renewed).await.expect("the server reads its files again")
}

/// What is wrong with the server's certificate for who believes `authorities`.
async fn distrust(server: SocketAddr, authorities: Authorities) -> String {
    match join(builder(server, "mallory").authorities(authorities)).await {
        Err(error @ ConnectError::Untrusted { .. }) => {
            let text = error.to_string();
            let ConnectError::Untrusted { why, .. } = error else { unreachable!() };
            let Distrust::NotVouchedFor { cause, .. } = why else { panic!("{why:?}") };
            assert!(text.contains(&cause), "{text}");
            cause
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_believes_an_authority_joins_before_and_after_a_renewal_and_goes_on() {
    let authority = Issuer::new("an authority");
    let (server, files) = serve(&authority, &["game.example"]);
    let address = server.address();
    let authorities = authority.for_name("game.example");
    let (ann, _hears) =
        join(builder(address, "ann").authorities(authorities.clone())).await.expect("ann");
    let first = shown(address).await;
    assert_eq!(first, server.fingerprint());

    authority.renew(&["other.example", "game.example"], &files);
    let second = shown_after(address, first).await;
    let (bob, _hears) = join(builder(address, "bob").authorities(authorities)).await.expect("bob");
    bob.call(&Request::Ring).await.expect("a ring");
    // What was believed at the join is looked at again by who comes back, and so is the new one.
    let mut state = ann.state();
    ann.break_connection();
    ann.call(&Request::Ring).await.expect("a ring over another connection");
    assert_eq!(*state.borrow_and_update(), ConnectionState::Resumed);

    // Somebody else is there when the connection is lost.
    Issuer::new("somebody").renew(&["game.example"], &files);
    shown_after(address, second).await;
    ann.break_connection();
    let over = state.wait_for(|state| matches!(state, ConnectionState::Over(_)));
    let over = timeout(PATIENCE, over).await.expect("an end").expect("a state").clone();
    let ConnectionState::Over(Disconnected::NotResumed(why)) = over else { panic!("{over:?}") };
    assert!(why.contains("no authority that you trust vouches for it as game.example"), "{why}");
    drop(bob);
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_another_authority_and_a_time_that_is_over_are_not_believed() {
    let authority = Issuer::new("an authority");
    let (server, files) = serve(&authority, &["game.example", "127.0.0.1"]);
    let address = server.address();
    let told = distrust(address, authority.for_name("other.example")).await;
    assert!(told.contains("not valid for name \"other.example\""), "{told}");
    // Of the same name, as somebody who wants to be taken for it would call himself.
    for called in ["somebody else", "an authority"] {
        distrust(address, Issuer::new(called).for_name("game.example")).await;
    }
    // An address is a name like any other, if the certificate says so.
    for name in ["game.example", "127.0.0.1"] {
        let trusting = builder(address, name).authorities(authority.for_name(name));
        join(trusting).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    let first = shown(address).await;
    let mut past = CertificateParams::new(["game.example".to_owned()]).expect("a name");
    past.not_after = rcgen::date_time_ymd(2020, 1, 1);
    authority.write(past, &files);
    shown_after(address, first).await;
    let told = distrust(address, authority.for_name("game.example")).await;
    assert!(told.contains("expired"), "{told}");
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_vouches_through_another_whose_certificate_the_server_shows() {
    let authority = Issuer::new("an authority");
    let between = authority.under("one in between");
    let (server, files) = serve(&between, &["game.example"]);
    let address = server.address();
    distrust(address, authority.for_name("game.example")).await;

    let first = shown(address).await;
    between.renew(&["game.example"], &files);
    let leaf = fs::read_to_string(files.chain()).expect("a certificate");
    write(&files.chain(), &format!("{leaf}{}", between.0.pem()));
    shown_after(address, first).await;
    let joins = || {
        let trusting = builder(address, "ann").authorities(authority.for_name("game.example"));
        join(trusting)
    };
    let joined = async {
        loop {
            match joins().await {
                Ok(joined) => return joined,
                // The server has looked between the two writes.
                Err(ConnectError::Untrusted { .. }) => sleep(Duration::from_millis(50)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    timeout(PATIENCE, joined).await.expect("the whole chain is shown");
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_fingerprints_is_enough() {
    let (server, _files) = serve(&Issuer::new("an authority"), &["localhost"]);
    let (address, fingerprint) = (server.address(), server.fingerprint());
    let [one, other] = [1, 2].map(|byte| Fingerprint::new([byte; 32]));
    join(builder(address, "ann").fingerprints([one, fingerprint])).await.expect("ann");
    for expected in [vec![one, other], Vec::new()] {
        match join(builder(address, "bob").fingerprints(expected.clone())).await {
            Err(ConnectError::Untrusted { actual, why, .. }) => {
                assert_eq!((actual, why), (fingerprint, Distrust::OtherFingerprint { expected }));
            }
            joined => panic!("{joined:?}"),
        }
    }
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_a_certificate_without_its_key_is_not_believed() {
    let authority = Issuer::new("an authority");
    let address = impostor(&authority, "game.example");
    let fingerprint = shown(address).await;
    let by_fingerprint = builder(address, "ann").trust(Trust::Fingerprint(fingerprint));
    let by_authority = builder(address, "bob").authorities(authority.for_name("game.example"));
    for builder in [by_fingerprint, by_authority] {
        match join(builder).await {
            Err(error @ ConnectError::Untrusted { .. }) => {
                let text = error.to_string();
                assert!(text.contains("has not shown that the certificate is its own"), "{text}");
                let ConnectError::Untrusted { actual, why, .. } = error else { unreachable!() };
                assert_eq!((actual, why), (fingerprint, Distrust::NotItsKey));
            }
            joined => panic!("{joined:?}"),
        }
    }
    // Nor does who believes anyone join, but trust is not what that is about.
    match join(builder(address, "cid").trust(Trust::Anyone)).await {
        Err(ConnectError::Disconnected { cause: Disconnected::Lost(_), .. }) => {}
        joined => panic!("{joined:?}"),
    }
}

#[tokio::test]
async fn the_server_is_asked_for_by_its_name() {
    let config = daystar::bare_quic().expect("a server");
    let server =
        quinn::Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).expect("a server");
    let address = server.local_addr().expect("an address");
    let asked = tokio::spawn(async move {
        let mut connecting =
            server.accept().await.expect("a client").accept().expect("a handshake");
        let data = connecting.handshake_data().await.expect("a greeting");
        let data = data.downcast::<HandshakeData>().expect("of TLS");
        let _ = connecting.await;
        (data.server_name, data.protocol)
    });
    distrust(address, Issuer::new("an authority").for_name("game.example")).await;
    let (name, protocol) = timeout(PATIENCE, asked).await.expect("in time").expect("no panic");
    assert_eq!(name.as_deref(), Some("game.example"));
    assert_eq!(protocol.as_deref(), Some(&b"daystar/1"[..]));
}

#[test]
fn what_no_server_can_be_believed_by_is_told() {
    let authority = Issuer::new("an authority");
    let root = authority.0.pem();
    let told = |name: &str, roots: &str| Authorities::from_pem(name, roots).expect_err("an error");
    for name in ["", "game.example:4433", "https://game.example", "game example"] {
        assert_eq!(told(name, &root), AuthoritiesError::Name { name: name.to_owned() });
    }
    for not_pem in ["", "authority.pem", "no such file\n", "MIIBszCCAVmgAwIBAgIUXq=="] {
        assert_eq!(told("game.example", not_pem), AuthoritiesError::NoRoots, "{not_pem:?}");
    }
    assert!(AuthoritiesError::NoRoots.to_string().contains("is it PEM?"));
    let der = Authorities::from_pem("game.example", authority.0.der()).expect_err("not PEM");
    assert_eq!(der, AuthoritiesError::NoRoots);
    let key = KeyPair::generate().expect("a key").serialize_pem();
    assert_eq!(told("game.example", &key), AuthoritiesError::NoRoots, "a key is no certificate");
    let cut = &root[..root.len() / 2];
    assert!(matches!(told("game.example", cut), AuthoritiesError::Pem { .. }));
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    match told("game.example", &format!("{root}{nonsense}")) {
        AuthoritiesError::Unusable { number: 2, .. } => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_tries_again_only_what_may_pass() {
    let server = Server::builder(Belfry).in_memory().start().expect("a server");
    let (address, fingerprint) = (server.address(), server.fingerprint());
    let joined = |game: &str| {
        Client::builder(address).game(game).name("cecily").trust(Trust::Anyone).connect()
    };
    let other_game = joined("hamlet").await.expect_err("another game");
    assert!(!stay::may_pass(&other_game), "{other_game:?}");
    // She is there, and then not.
    let (cecily, _hears) = joined("belfry").await.expect("cecily");
    let in_use = joined("belfry").await.expect_err("a name in use");
    assert!(stay::may_pass(&in_use), "{in_use:?}");
    let ended = |code| stay::may_go_on(&Disconnected::ByServer { code, reason: String::new() });
    let passing: Vec<_> = CloseCode::ALL.into_iter().filter(|&code| ended(code)).collect();
    assert_eq!(passing, [CloseCode::Closing, CloseCode::HelloTimeout, CloseCode::Busy]);
    assert!(!stay::may_go_on(&Disconnected::TooSlow("of reading".to_owned())));
    assert!(!stay::may_go_on(&Disconnected::Violation("of the protocol".to_owned())));
    let staying =
        tokio::spawn(stay::stay(address, fingerprint, 1, Duration::from_millis(10), |_| {}));
    sleep(Duration::from_millis(100)).await;
    assert!(!staying.is_finished(), "it waits for its name");
    cecily.close().await;
    timeout(PATIENCE, staying).await.expect("in time").expect("no panic").expect("a ring");
    server.stop().expect("a clean end");
}

/// Far more than anything here takes: the server looks at its files every two seconds.
const PATIENCE: Duration = Duration::from_secs(60);
