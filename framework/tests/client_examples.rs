//! The clients in `examples/` do what they say, against the game that is there.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use daystar::login::Passwords;
use daystar::{Builder, Ctx, Game, NetworkLimits, Server, Session};
use daystar_client::{CloseCode, ConnectError, ConnectionState, Disconnected};
use tokio::runtime::Runtime;

#[allow(dead_code, reason = "a program of its own")]
#[path = "../examples/account.rs"]
mod account;
#[allow(dead_code, reason = "a program of its own")]
#[path = "../examples/belfry.rs"]
mod belfry;
#[allow(dead_code, reason = "a program of its own")]
#[path = "../examples/listen.rs"]
mod listen;
#[allow(dead_code, reason = "a program of its own")]
#[path = "../examples/ring.rs"]
mod ring;
#[allow(dead_code, reason = "a program of its own")]
#[path = "../examples/stay.rs"]
mod stay;

fn open(prepare: impl FnOnce(Builder<belfry::Belfry>) -> Builder<belfry::Belfry>) -> Server {
    prepare(Server::builder(belfry::Belfry)).start().expect("a server")
}

/// Files of a certificate that stays the same when a server is started anew, and of its key.
fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("a file");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    (certificate, key)
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

#[test]
fn one_rings_and_another_hears_it() {
    let (server, runtime) = (open(|server| server.in_memory()), runtime());
    let address = server.address();
    let (heard, hears) = channel();
    let listening = runtime.spawn(async move {
        let told =
            listen::listen(address, move |times, by| heard.send((times, by)).expect("a test"));
        told.await.map_err(|error| error.to_string())
    });
    // It may hear the first of them, or a later one: it is not known when it is in.
    let heard = (0..200).find_map(|_| {
        runtime.block_on(ring::ring(address)).expect("a ring");
        hears.recv_timeout(Duration::from_millis(50)).ok()
    });
    let (times, by) = heard.expect("a stroke is heard");
    assert!(times >= 1 && by == "ann", "{by} {times}");
    server.stop().expect("a clean end");
    let why = runtime.block_on(listening).expect("an end").expect("a session");
    assert!(matches!(why, Disconnected::ByServer { code: CloseCode::Closing, .. }), "{why}");
}

#[test]
fn who_stays_comes_back_when_the_server_does() {
    let (folder, runtime) = (tempfile::tempdir().expect("a folder"), runtime());
    let (certificate, key) = certificate(folder.path());
    let world = folder.path().join("world");
    let server = open(|server| server.data(&world).certificate(&certificate, &key));
    let (address, fingerprint) = (server.address(), server.fingerprint());
    let (shown, shows) = channel();
    let staying = runtime.spawn(async move {
        let show = move |state| shown.send(state).expect("a test");
        stay::stay(address, fingerprint, 40, Duration::from_millis(25), show).await
    });
    assert_eq!(shows.recv_timeout(PATIENCE), Ok(ConnectionState::Connected));
    server.stop().expect("a clean end");
    let again = open(|server| server.data(&world).certificate(&certificate, &key).listen(address));
    runtime.block_on(staying).expect("an end").expect("all rings");
    let states: Vec<_> = shows.iter().collect();
    assert!(states.contains(&ConnectionState::Connected), "it joined anew: {states:?}");
    again.stop().expect("a clean end");
}

#[test]
fn who_stays_believes_one_server_only() {
    let (server, other) = (open(|server| server.in_memory()), open(|server| server.in_memory()));
    let staying =
        stay::stay(server.address(), other.fingerprint(), 1, Duration::from_millis(1), |_| {});
    let told = runtime().block_on(staying).expect_err("another server");
    let told = told.downcast_ref::<ConnectError>();
    assert!(matches!(told, Some(ConnectError::Untrusted { .. })), "{told:?}");
}

/// A belfry where nobody is welcome for long; remembers who came.
#[derive(Clone, Default)]
struct Barred(Arc<Mutex<HashSet<Session>>>);

impl Game for Barred {
    type Request = stay::Request;
    type Event = stay::Event;
    const NAME: &'static str = "belfry";

    fn joined(&self, ctx: &Ctx, session: Session) -> daystar::Result<()> {
        self.0.lock().expect("no panic").insert(session);
        ctx.disconnect(session, "you were banned");
        Ok(())
    }
    fn received(&self, _: &Ctx, _: Session, _: stay::Request) -> daystar::Result<()> {
        Ok(())
    }
}

#[test]
fn who_stays_takes_its_time_with_a_server_that_lets_it_go_each_time() {
    let (barred, runtime) = (Barred::default(), runtime());
    let server = Server::builder(barred.clone()).in_memory().start().expect("a server");
    let (address, fingerprint) = (server.address(), server.fingerprint());
    let (began, pause) = (Instant::now(), Duration::from_millis(100));
    let staying = runtime.spawn(stay::stay(address, fingerprint, u32::MAX, pause, |_| {}));
    while barred.0.lock().expect("no panic").len() < 4 {
        assert!(!staying.is_finished() && began.elapsed() < PATIENCE, "it tries again");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(began.elapsed() >= pause * 3, "came four times in {:?}", began.elapsed());
    staying.abort();
    server.stop().expect("a clean end");
}

#[test]
fn who_stays_ends_where_the_same_would_happen_again() {
    let limits = NetworkLimits {
        message_burst: 1,
        messages_per_second: 5.0,
        message_patience: Duration::ZERO,
        ..NetworkLimits::default()
    };
    let server = open(|server| server.in_memory().network(limits));
    let (address, fingerprint) = (server.address(), server.fingerprint());
    let pause = Duration::from_millis(1);
    let told = runtime().block_on(async {
        let staying = stay::stay(address, fingerprint, u32::MAX, pause, |_| {});
        tokio::time::timeout(PATIENCE, staying).await.expect("in time").expect_err("an end")
    });
    match told.downcast_ref::<Disconnected>() {
        Some(Disconnected::ByServer { code: CloseCode::RateLimit, .. }) => {}
        _ => panic!("{told:?}"),
    }
    server.stop().expect("a clean end");
}

#[test]
fn an_account_is_made_once_and_its_password_holds() {
    let server = open(|server| server.in_memory().login(Passwords::new().registration(true)));
    let join = |password| account::join(server.address(), server.fingerprint(), "ann", password);
    runtime().block_on(async {
        let (client, is_new) = join("a long password").await.expect("a new account");
        assert!(is_new);
        client.close().await;
        let (client, is_new) = join("a long password").await.expect("the account");
        assert!(!is_new);
        client.close().await;
        let told = join("another password").await.map(|(_, is_new)| is_new);
        assert!(matches!(told, Err(ConnectError::Rejected { .. })), "{told:?}");
    });
}

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
