//! Joining: who is let in, who is not, and what each is told.

use std::sync::Arc;
use std::time::Duration;

use daystar_client::{Client, ConnectError, Disconnected, Distrust, Trust};
use daystar_protocol::fingerprint::Fingerprint;
use daystar_protocol::handshake::{ALPN, Hello, VERSION};
use daystar_protocol::reject::RejectCode;
use daystar_protocol::to_client::ToClient;
use daystar_protocol::to_server::ToServer;

use crate::net::certificate::Certificate;
use crate::net::endpoint::{BindError, Endpoint, NetConfig};
use crate::net::handler::{Closed, Login, SessionHandler, SessionInput};
use crate::net::limits::Limits;
use crate::net::outbox::Outbox;
use crate::net::resume::Broken;
use crate::net::tests::raw;
use crate::net::tests::stand_in::{Event, FrontDoor, Report, Request, StandIn, loopback, soon};
use crate::net::watermark::Watermark;

#[tokio::test]
async fn a_client_joins_by_name_and_learns_its_session() {
    let mut server = StandIn::start();
    let (ann, _events) = server.join("ann").await;
    let (bob, _events) = server.join("bob").await;
    assert_eq!((ann.session(), bob.session()), (1, 2));
    assert_eq!(server.report().await, Report::Opened("ann".to_owned()));
    assert_eq!(server.report().await, Report::Opened("bob".to_owned()));
}

#[tokio::test]
async fn many_clients_share_one_socket() {
    let server = StandIn::start();
    let endpoint = quinn::Endpoint::client(loopback()).unwrap();
    let mut joined = Vec::new();
    for number in 0..20 {
        let builder = server.builder(&format!("visitor {number}")).endpoint(endpoint.clone());
        joined.push(soon(builder.connect()).await.unwrap());
    }
    for (client, _) in &joined {
        assert_eq!(soon(client.call(&Request::Nod)).await.unwrap(), None);
    }
    assert_eq!(endpoint.open_connections(), 20);
}

#[tokio::test]
async fn the_network_rejects_bad_names_before_the_game_hears_of_them() {
    let mut server = StandIn::start();
    assert!(server.rejection("").await.contains("a name is needed"));
    assert!(server.rejection(&"x".repeat(33)).await.contains("33 characters"));
    assert!(server.rejection("a\u{7}b").await.contains("control characters"));
    assert_eq!(server.reported(), []);
}

#[tokio::test]
async fn the_game_rejects_at_once_or_after_the_join_was_tried() {
    let mut server = StandIn::start();
    assert_eq!(server.rejection("mallory").await, "mallory is not welcome here");
    assert_eq!(server.rejection("trent").await, "the village is asleep");
    // Only the one that was opened is closed.
    assert_eq!(server.report().await, Report::Opened("trent".to_owned()));
    let why = Closed::Dropped("the village is asleep".to_owned());
    assert_eq!(server.report().await, Report::Closed("trent".to_owned(), why));
}

#[tokio::test]
async fn a_client_of_another_game_is_rejected() {
    let server = StandIn::start();
    let joined = soon(server.builder("ann").game("tideland").connect()).await;
    let Err(ConnectError::Rejected { code, reason }) = joined else { panic!("{joined:?}") };
    assert_eq!(code, RejectCode::WrongGame);
    assert_eq!(reason, "this server runs hamlet, not \"tideland\"");
}

#[tokio::test]
async fn a_client_of_another_version_is_rejected() {
    let server = StandIn::start();
    let (_connection, mut send, mut recv) = raw::open(&server).await;
    let hello = ToServer::Hello(Hello { version: VERSION + 1, ..raw::hello("ann") });
    send.write_chunk(hello.encode()).await.unwrap();
    let answer = soon(recv.read_to_end(1000)).await.unwrap();
    let reason = "the client speaks version 4 of the protocol, this server version 3".to_owned();
    assert_eq!(answer, ToClient::Rejected { code: RejectCode::WrongVersion, reason }.encode());
}

#[tokio::test]
async fn a_server_with_another_fingerprint_is_not_trusted() {
    let mut server = StandIn::start();
    let other = Fingerprint::new([7; 32]);
    let joined = soon(server.builder("ann").trust(Trust::Fingerprint(other)).connect()).await;
    match joined {
        Err(ConnectError::Untrusted { actual, why, .. }) => {
            let expected = vec![other];
            assert_eq!(why, Distrust::OtherFingerprint { expected });
            assert_eq!(actual, server.fingerprint);
        }
        joined => panic!("{joined:?}"),
    }
    soon(server.builder("bob").trust(Trust::Anyone).connect()).await.unwrap();
    assert_eq!(server.report().await, Report::Opened("bob".to_owned()));
}

#[tokio::test]
async fn a_builder_says_what_is_missing() {
    let joined = Client::<Request, Event>::builder(loopback()).game("hamlet").name("ann").connect();
    assert!(matches!(joined.await, Err(ConnectError::Unset { what: "trust" })));
}

#[tokio::test]
async fn nobody_there_is_told_in_time() {
    // Bound and silent: nothing answers.
    let silent = std::net::UdpSocket::bind(loopback()).unwrap();
    let address = silent.local_addr().unwrap();
    let builder = Client::<Request, Event>::builder(address).game("hamlet").name("ann");
    let patience = Duration::from_millis(200);
    let joined = soon(builder.trust(Trust::Anyone).connect_timeout(patience).connect()).await;
    let Err(ConnectError::TimedOut { server, after }) = joined else { panic!("{joined:?}") };
    assert_eq!((server, after), (address, patience));
}

#[tokio::test]
async fn a_wrong_alpn_is_refused_by_the_server() {
    let mut server = StandIn::start();
    let error = raw::connect(&server, b"h3").await.unwrap_err();
    assert!(
        error.to_string().contains("no_application_protocol") || error.to_string().contains("120"),
        "{error}"
    );
    let (ann, _events) = server.join("ann").await;
    soon(ann.call(&Request::Nod)).await.unwrap();
    assert_eq!(server.report().await, Report::Opened("ann".to_owned()));
}

#[tokio::test]
async fn another_kind_of_server_is_noticed_by_the_client() {
    let other = raw::server(b"h3");
    let accepting = tokio::spawn({
        let other = other.clone();
        async move { other.accept().await.unwrap().await.map(drop) }
    });
    let builder = Client::<Request, Event>::builder(other.local_addr().unwrap());
    let joined = soon(builder.game("hamlet").name("ann").trust(Trust::Anyone).connect()).await;
    assert!(matches!(joined, Err(ConnectError::WrongProtocol { .. })), "{joined:?}");
    assert!(soon(accepting).await.unwrap().is_err());
}

#[tokio::test]
async fn a_server_that_answers_garbage_is_left() {
    let liar = raw::server(ALPN);
    let accepting = tokio::spawn({
        let liar = liar.clone();
        async move {
            let connection = liar.accept().await.unwrap().await.unwrap();
            let (mut send, _recv) = connection.accept_bi().await.unwrap();
            send.write_all(&[4, 0, 0, 0, 0x99]).await.unwrap();
            raw::closed(&connection).await
        }
    });
    let builder = Client::<Request, Event>::builder(liar.local_addr().unwrap());
    let joined = soon(builder.game("hamlet").name("ann").trust(Trust::Anyone).connect()).await;
    match joined {
        Err(ConnectError::Disconnected { cause: Disconnected::ServerViolation(error), .. }) => {
            assert!(error.to_string().contains("0x99"), "{error}");
        }
        joined => panic!("{joined:?}"),
    }
    let (_, reason) = soon(accepting).await.unwrap();
    assert!(reason.contains("0x99"), "{reason}");
}

struct Nobody;

impl SessionHandler for Nobody {
    fn open(&self, _: Login, _: Arc<Outbox>) -> Result<Arc<dyn SessionInput>, String> {
        Err("closed".to_owned())
    }
}

#[tokio::test]
async fn a_port_in_use_is_told() {
    let taken = StandIn::start();
    let config = NetConfig {
        listen: taken.address,
        game: "hamlet".to_owned(),
        limits: Limits::default(),
        certificate: Arc::new(Certificate::development().unwrap()),
        door: Arc::new(FrontDoor),
        watermark: Arc::new(Watermark::new(0)),
        resets: None,
        stand_in: Arc::default(),
        broken: Broken::default(),
    };
    let error = Endpoint::bind(config, Arc::new(Nobody)).err().unwrap();
    assert!(matches!(error, BindError::InUse { address } if address == taken.address), "{error}");
    assert!(error.to_string().contains("is already in use"), "{error}");
    taken.join("ann").await;
}
