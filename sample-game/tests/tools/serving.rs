//! `serve` with its options: who may join, what the server shows, and how many it lets in.

use std::path::Path;

use daystar_client::Credentials;
use daystar_client::builder::Trust;
use daystar_client::client::Client;
use daystar_client::error::ConnectError;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sample_game::messages::{Event, Request};
use serde::Serialize;

use crate::program::{Player, Serving, run, text};

/// Joins a server that is believed only if it has the certificate that it says it has.
async fn join(server: &Serving, credentials: Credentials) -> Result<Player, ConnectError> {
    let builder = Client::<Request, Event>::builder(server.address)
        .game("tideland")
        .trust(Trust::Fingerprint(server.fingerprint));
    builder.credentials(credentials).connect().await
}

fn rejected(joined: Result<Player, ConnectError>) -> String {
    match joined {
        Err(ConnectError::Rejected { reason, .. }) => reason,
        Err(other) => panic!("it failed otherwise: {other}"),
        Ok(_) => panic!("it was let in"),
    }
}

fn named(name: &str) -> Credentials {
    Credentials::Name(name.to_owned())
}

fn password(password: &str, is_new: bool) -> Credentials {
    Credentials::Password { account: "ann".to_owned(), password: password.to_owned(), is_new }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_made_when_registration_is_open_and_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("island");
    let with_registration = ["--login", "passwords", "--registration"];
    let server = Serving::start_with(&data, &with_registration);
    rejected(join(&server, named("ann")).await);
    let (client, _events) = join(&server, password("a long secret", true)).await.expect("let in");
    client.close().await;
    server.stop();

    let server = Serving::start_with(&data, &["--login", "passwords"]);
    let bob = Credentials::Password {
        account: "bob".to_owned(),
        password: "another secret".to_owned(),
        is_new: true,
    };
    rejected(join(&server, bob).await);
    rejected(join(&server, password("a wrong secret", false)).await);
    join(&server, password("a long secret", false)).await.expect("the account is known");
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    exp: u64,
    aud: &'a str,
}

fn token(audience: &str) -> Credentials {
    let key = include_bytes!("../../../framework/tests/keys/ed25519.pem");
    let key = EncodingKey::from_ed_pem(key).expect("a key");
    let claims = Claims { sub: "ann", exp: u64::from(u32::MAX), aud: audience };
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key);
    Credentials::Token(token.expect("a token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_checked_by_the_key_and_for_the_audience() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("island");
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/../framework/tests/keys/ed25519.pub.pem");
    let options = ["--login", "tokens", "--token-key", key, "--token-audience", "tideland"];
    let server = Serving::start_with(&data, &options);
    rejected(join(&server, named("ann")).await);
    rejected(join(&server, token("elsewhere")).await);
    join(&server, token("tideland")).await.expect("the token is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_files_is_shown_and_stays_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    write_certificate(&cert, &key);
    let data = folder.path().join("island");
    let options = ["--cert", text(&cert), "--key", text(&key)];
    let server = Serving::start_with(&data, &options);
    join(&server, named("ann")).await.expect("the fingerprint is the certificate's");
    let first = server.fingerprint;
    server.stop();
    assert_eq!(Serving::start_with(&data, &options).fingerprint, first);
    assert_ne!(Serving::start(&folder.path().join("other")).fingerprint, first);
}

fn write_certificate(cert: &Path, key: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(cert, made.cert.pem()).expect("a file");
    std::fs::write(key, made.signing_key.serialize_pem()).expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_are_let_in_than_it_was_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Serving::start_with(&folder.path().join("island"), &["--connections", "1"]);
    let _first = join(&server, named("ann")).await.expect("let in");
    match join(&server, named("bob")).await {
        Err(ConnectError::Full { .. }) => {}
        other => panic!("it should be full: {:?}", other.err()),
    }
}

#[test]
fn options_that_cannot_be_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("island");
    let missing = folder.path().join("missing.pem");
    let noise = folder.path().join("noise.pem");
    std::fs::write(&noise, "no key").expect("a file");
    let serve = ["serve", "--data", text(&data), "--listen", "127.0.0.1:0"];
    for (options, named) in [
        (&["--login", "tokens"][..], "--token-key"),
        (&["--login", "tokens", "--token-key", text(&missing)], "missing.pem"),
        (&["--login", "tokens", "--token-key", text(&noise)], "noise.pem"),
        (&["--cert", text(&noise)], "--key"),
        (&["--cert", text(&noise), "--key", text(&noise)], "noise.pem"),
        (&["--connections", "many"], "--connections"),
    ] {
        let said = run(&[&serve, options].concat());
        assert!(!said.is_ok && said.err.contains(named), "{options:?}: {said:?}");
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
}
