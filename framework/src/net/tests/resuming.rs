//! Sessions that go on over another connection: nothing is lost, nothing comes twice, and nobody else gets in.

use std::time::Duration;

use daystar_client::{Client, ConnectionState, Disconnected, Incoming, Trust};
use daystar_protocol::close::CloseCode;
use daystar_protocol::frame::FrameDecoder;
use daystar_protocol::handshake::{ALPN, Credentials, Hello, Secret, VERSION};
use daystar_protocol::message::encode_message;
use daystar_protocol::reject::RejectCode;
use daystar_protocol::to_client::ToClient;
use daystar_protocol::to_server::ToServer;
use quinn::{Connection, RecvStream, SendStream};
use tokio::time::timeout;

use crate::net::handler::Closed;
use crate::net::limits::Limits;
use crate::net::resume::Broken;
use crate::net::tests::raw;
use crate::net::tests::stand_in::{Event, Report, Request, StandIn, event, soon};

/// What came of traffic in both directions over a connection that was lost again and again.
struct Traffic {
    /// Of the numbers that the client sent, in this order.
    received: Vec<u32>,
    /// Of the events that answered them.
    heard: Vec<u32>,
}

/// How often the connection is lost, and how much is sent each time.
const LOSSES: u32 = 110;
const EACH: u32 = 12;

impl Traffic {
    async fn over(mut server: StandIn) -> Self {
        let (ann, mut events) = server.join("ann").await;
        soon(ann.call(&Request::Enter("village".to_owned()))).await.unwrap();
        let mut state = ann.state();
        let talking = tokio::spawn(async move {
            for number in 0..LOSSES * EACH {
                let text = number.to_string();
                let told = Request::Tell { channel: "village".to_owned(), text };
                if ann.send(&told).await.is_err() {
                    break;
                }
                if number % EACH == EACH / 2
                    && !matches!(*state.borrow_and_update(), ConnectionState::Over(_))
                {
                    // In turn: the server learns of it, and it does not.
                    if (number / EACH).is_multiple_of(4) {
                        ann.abandon_connection();
                    } else {
                        ann.break_connection();
                    }
                    // Some of what follows is sent while there is no connection.
                    soon(state.changed()).await.unwrap();
                }
                if number % EACH == EACH - 1 {
                    let is_back = |state: &ConnectionState| {
                        state.is_connected() || matches!(state, ConnectionState::Over(_))
                    };
                    let _ = soon(state.wait_for(is_back)).await;
                }
            }
            let told = Request::Tell { channel: "village".to_owned(), text: "end".to_owned() };
            let _ = ann.send(&told).await;
            ann
        });
        let mut heard = Vec::new();
        // A session that was broken on purpose may fall silent, or end.
        while let Ok(Some(Incoming::Event(Event::Told(text)))) =
            timeout(Duration::from_secs(5), events.next()).await
        {
            match text.parse() {
                Ok(number) => heard.push(number),
                Err(_) => break,
            }
        }
        let ann = soon(talking).await.unwrap();
        let received = server.reported().into_iter().filter_map(|report| match report {
            Report::Received(_, Request::Tell { text, .. }) => text.parse().ok(),
            _ => None,
        });
        let received = received.collect();
        drop(ann);
        Self { received, heard }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_comes_twice_however_often_the_connection_is_lost() {
    let Traffic { received, heard } = Traffic::over(StandIn::start()).await;
    let all: Vec<u32> = (0..LOSSES * EACH).collect();
    assert_eq!(received, all);
    assert_eq!(heard, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_twice_is_caught() {
    let broken = Broken { received_is_ignored: true, ..Broken::default() };
    let Traffic { heard, .. } = Traffic::over(StandIn::broken(Limits::default(), broken)).await;
    assert_ne!(heard, (0..LOSSES * EACH).collect::<Vec<_>>(), "the break was not seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_caught() {
    let broken = Broken { retained_is_forgotten: true, ..Broken::default() };
    let Traffic { heard, .. } = Traffic::over(StandIn::broken(Limits::default(), broken)).await;
    assert_ne!(heard, (0..LOSSES * EACH).collect::<Vec<_>>(), "the break was not seen");
}

#[tokio::test]
async fn calls_survive_the_connection_they_were_made_over() {
    let mut server = StandIn::start();
    let (ann, _events) = server.join("ann").await;
    // Held until the server lets go; then it is never answered, so the answer that counts is the next one's.
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let ann = ann.clone();
            tokio::spawn(async move {
                if number % 7 == 3 {
                    ann.break_connection();
                }
                ann.call(&Request::Echo(number.to_string())).await
            })
        })
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        let answer = soon(call).await.unwrap().unwrap();
        assert_eq!(answer, Some(Event::Echo(number.to_string())));
    }
    let closed = server.reported().into_iter().find(|it| matches!(it, Report::Closed(..)));
    assert_eq!(closed, None);
}

#[tokio::test]
async fn a_channel_keeps_a_member_that_is_away() {
    let server = StandIn::start();
    let (ann, mut anns) = server.join("ann").await;
    let (bob, _bobs) = server.join("bob").await;
    soon(ann.call(&Request::Enter("village".to_owned()))).await.unwrap();
    ann.break_connection();
    let told = Request::Tell { channel: "village".to_owned(), text: "are you there?".to_owned() };
    soon(bob.call(&told)).await.unwrap();
    assert_eq!(event(&mut anns).await, Event::Told("are you there?".to_owned()));
}

#[tokio::test]
async fn a_client_whose_port_changes_goes_on_over_the_same_connection() {
    let mut server = StandIn::start();
    let (ann, _events) = server.join("ann").await;
    for number in 0..5 {
        ann.rebind().unwrap();
        let answer = soon(ann.call(&Request::Echo(number.to_string()))).await.unwrap();
        assert_eq!(answer, Some(Event::Echo(number.to_string())));
    }
    assert_eq!(*ann.state().borrow(), ConnectionState::Connected);
    let closed = server.reported().into_iter().find(|it| matches!(it, Report::Closed(..)));
    assert_eq!(closed, None);
}

/// A session of a client that is written out by hand.
struct RawSession {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    decoder: FrameDecoder<ToClient>,
    unread: Vec<u8>,
}

impl RawSession {
    async fn greet(server: &StandIn, credentials: Credentials) -> Self {
        let (connection, mut send, recv) = raw::open(server).await;
        let hello = Hello { version: VERSION, game: "hamlet".to_owned(), credentials };
        send.write_chunk(ToServer::Hello(hello).encode()).await.unwrap();
        Self { connection, send, recv, decoder: FrameDecoder::new(1 << 20), unread: Vec::new() }
    }

    async fn join(server: &StandIn, name: &str) -> (Self, u64, Secret) {
        let mut session = Self::greet(server, Credentials::Name(name.to_owned())).await;
        match session.next().await {
            ToClient::Welcome { session: number, secret, .. } => (session, number, secret),
            other => panic!("{other:?}"),
        }
    }

    async fn resume(server: &StandIn, session: u64, secret: Secret, received: u64) -> Self {
        let secret = secret.to_bytes();
        Self::greet(server, Credentials::Resume { session, secret, received }).await
    }

    /// The next frame from the server.
    async fn next(&mut self) -> ToClient {
        loop {
            let mut rest = &self.unread[..];
            let frame = self.decoder.handle_bytes(&mut rest).unwrap();
            self.unread = rest.to_vec();
            if let Some(frame) = frame {
                return frame;
            }
            let chunk = soon(self.recv.read_chunk(1 << 16, true)).await.unwrap();
            self.unread.extend_from_slice(&chunk.expect("the stream goes on").bytes);
        }
    }

    async fn say(&mut self, frame: ToServer) {
        self.send.write_chunk(frame.encode()).await.unwrap();
    }

    async fn secret(&mut self) -> Secret {
        match self.next().await {
            ToClient::Resumed { secret, .. } => secret,
            other => panic!("{other:?}"),
        }
    }

    async fn rejection(&mut self) -> RejectCode {
        match self.next().await {
            ToClient::Rejected { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }
}

fn told(text: &str) -> ToServer {
    let request = Request::Tell { channel: "village".to_owned(), text: text.to_owned() };
    ToServer::Send { payload: encode_message(&request).unwrap() }
}

#[tokio::test]
async fn the_new_connection_takes_the_place_of_one_that_has_not_noticed() {
    let mut server = StandIn::start();
    let (old, session, secret) = RawSession::join(&server, "ann").await;
    let mut new = RawSession::resume(&server, session, secret, 0).await;
    let _next = new.secret().await;
    assert_eq!(raw::closed(&old.connection).await.0, Some(CloseCode::Replaced));
    new.say(ToServer::Call {
        call: 1,
        level: None,
        payload: encode_message(&Request::Nod).unwrap(),
    })
    .await;
    assert_eq!(new.next().await, ToClient::Reply { call: 1, payload: None });
    assert_eq!(server.report().await, Report::Opened("ann".to_owned()));
    assert_eq!(server.report().await, Report::Received("ann".to_owned(), Request::Nod));
    new.say(ToServer::Goodbye).await;
    assert_eq!(server.report().await, Report::Closed("ann".to_owned(), Closed::ByClient));
}

#[tokio::test]
async fn a_secret_that_was_used_is_refused_and_harms_nobody() {
    let server = StandIn::start();
    let (_old, session, first) = RawSession::join(&server, "ann").await;
    let mut new = RawSession::resume(&server, session, first, 0).await;
    let second = new.secret().await;
    new.say(ToServer::Ack { received: 0 }).await;
    let call = |call| ToServer::Call {
        call,
        level: None,
        payload: encode_message(&Request::Nod).unwrap(),
    };
    // Answered: so the server has seen the acknowledgement.
    new.say(call(1)).await;
    assert_eq!(new.next().await, ToClient::Reply { call: 1, payload: None });
    for secret in [first, Secret::new([7; 32])] {
        let mut thief = RawSession::resume(&server, session, secret, 0).await;
        assert_eq!(thief.rejection().await, RejectCode::SessionOver);
    }
    // Nor can the owner claim what cannot be.
    let mut liar = RawSession::resume(&server, session, second, 99).await;
    assert_eq!(liar.rejection().await, RejectCode::SessionOver);
    new.say(call(2)).await;
    assert_eq!(new.next().await, ToClient::Reply { call: 2, payload: None });
}

#[tokio::test]
async fn an_answer_that_was_lost_does_not_lock_the_client_out() {
    let server = StandIn::start();
    let (_old, session, first) = RawSession::join(&server, "ann").await;
    let mut lost = RawSession::resume(&server, session, first, 0).await;
    let never_seen = lost.secret().await;
    let mut again = RawSession::resume(&server, session, first, 0).await;
    let _newest = again.secret().await;
    assert_eq!(raw::closed(&lost.connection).await.0, Some(CloseCode::Replaced));
    let mut thief = RawSession::resume(&server, session, never_seen, 0).await;
    assert_eq!(thief.rejection().await, RejectCode::SessionOver);
}

#[tokio::test]
async fn who_does_not_come_back_in_time_has_left_once() {
    let resume_window = Duration::from_millis(100);
    let mut server = StandIn::with(Limits { resume_window, ..Limits::default() });
    let (ann, session, secret) = RawSession::join(&server, "ann").await;
    ann.connection.close(CloseCode::Detached.to_raw().into(), b"");
    assert_eq!(server.report().await, Report::Opened("ann".to_owned()));
    assert_eq!(server.report().await, Report::Closed("ann".to_owned(), Closed::Lost));
    let mut late = RawSession::resume(&server, session, secret, 0).await;
    assert_eq!(late.rejection().await, RejectCode::SessionOver);
    assert_eq!(server.stop("night").await, []);
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_those_who_are_away() {
    let mut server = StandIn::start();
    let (ann, ..) = RawSession::join(&server, "ann").await;
    ann.connection.close(CloseCode::Detached.to_raw().into(), b"");
    let (_bob, ..) = RawSession::join(&server, "bob").await;
    while server.report().await != Report::Opened("bob".to_owned()) {}
    let mut stopped = server.stop("night").await;
    stopped.sort_by_key(|report| format!("{report:?}"));
    let why = || Closed::Dropped("night".to_owned());
    let both = ["ann", "bob"].map(|name| Report::Closed(name.to_owned(), why()));
    assert_eq!(stopped, both);
}

#[tokio::test]
async fn no_more_are_waited_for_than_the_limit() {
    let mut server = StandIn::with(Limits { detached_max: 1, ..Limits::default() });
    let (ann, ..) = RawSession::join(&server, "ann").await;
    let (bob, ..) = RawSession::join(&server, "bob").await;
    ann.connection.close(CloseCode::Detached.to_raw().into(), b"");
    bob.connection.close(CloseCode::Detached.to_raw().into(), b"");
    let (_, why) = server.closed().await;
    assert_eq!(why, Closed::Lost);
    assert!(server.reported().is_empty(), "the other is waited for");
}

#[tokio::test]
async fn without_a_window_a_session_ends_with_its_connection() {
    let resume_window = Duration::ZERO;
    let mut server = StandIn::with(Limits { resume_window, ..Limits::default() });
    let (ann, mut events) = server.join("ann").await;
    ann.break_connection();
    assert_eq!(server.closed().await, ("ann".to_owned(), Closed::Lost));
    assert!(matches!(soon(events.next()).await, Some(Incoming::Closed(_))));
}

#[tokio::test]
async fn an_acknowledgement_of_what_was_never_sent_is_a_violation() {
    let mut server = StandIn::start();
    let (mut eve, ..) = RawSession::join(&server, "eve").await;
    eve.say(told("hello")).await;
    eve.say(ToServer::Ack { received: 1 }).await;
    let (code, reason) = raw::closed(&eve.connection).await;
    assert_eq!(code, Some(CloseCode::Violation));
    assert!(reason.contains("1 frames are said to be received"), "{reason}");
    assert_eq!(server.closed().await, ("eve".to_owned(), Closed::Dropped(reason)));
}

#[tokio::test]
async fn requests_are_acknowledged_and_those_of_a_lost_connection_taken_once() {
    let mut server = StandIn::start();
    let (mut ann, session, secret) = RawSession::join(&server, "ann").await;
    for number in 0..70 {
        ann.say(told(&number.to_string())).await;
    }
    assert_eq!(ann.next().await, ToClient::Ack { received: 64 });
    while server.report().await
        != Report::Received(
            "ann".to_owned(),
            Request::Tell { channel: "village".to_owned(), text: "69".to_owned() },
        )
    {}
    let mut again = RawSession::resume(&server, session, secret, 0).await;
    let resumed = again.next().await;
    assert!(matches!(resumed, ToClient::Resumed { received: 70, .. }), "{resumed:?}");
}

/// A server that lets a client in, and after its connection was lost knows nothing of it: it was started anew.
#[tokio::test]
async fn a_client_tells_that_the_server_no_longer_knows_it() {
    let forgetful = raw::server(ALPN);
    let address = forgetful.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut kept = Vec::new();
        let welcome =
            ToClient::Welcome { session: 7, secret: Secret::default(), window_ms: 30_000 };
        let (code, reason) = (RejectCode::SessionOver, "who are you?".to_owned());
        for answer in [welcome, ToClient::Rejected { code, reason }] {
            let connection = forgetful.accept().await.unwrap().await.unwrap();
            let (mut send, recv) = connection.accept_bi().await.unwrap();
            send.write_chunk(answer.encode()).await.unwrap();
            kept.push((connection, send, recv));
        }
        kept[1].0.closed().await
    });
    let builder = Client::<Request, Event>::builder(address).game("hamlet").name("ann");
    let (ann, mut events) = soon(builder.trust(Trust::Anyone).connect()).await.unwrap();
    let mut state = ann.state();
    ann.break_connection();
    let why = Disconnected::NotResumed("who are you?".to_owned());
    assert_eq!(soon(events.next()).await, Some(Incoming::Closed(why.clone())));
    let over = soon(state.wait_for(|state| matches!(state, ConnectionState::Over(_)))).await;
    assert_eq!(*over.unwrap(), ConnectionState::Over(why));
    soon(serving).await.unwrap();
}

#[tokio::test]
async fn a_slow_reader_skips_to_the_latest() {
    let server = StandIn::start();
    let (mut eve, ..) = RawSession::join(&server, "eve").await;
    // Twice what may wait, if it all did.
    let request = Request::Latest { events: 1000, bytes: 2000 };
    let payload = encode_message(&request).unwrap();
    eve.say(ToServer::Call { call: 1, level: None, payload }).await;
    // All has been said before anything is read.
    let (bob, _bobs) = server.join("bob").await;
    soon(bob.call(&Request::Nod)).await.unwrap();
    let mut numbers = Vec::new();
    loop {
        match eve.next().await {
            ToClient::Event { payload } => {
                let Ok(Event::Flood(number, _)) =
                    daystar_protocol::message::decode_message(&payload)
                else {
                    panic!("another event")
                };
                numbers.push(number);
            }
            ToClient::Reply { call: 1, .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(numbers.is_sorted());
    assert_eq!(numbers.last(), Some(&999));
    assert!(numbers.len() < 1000, "none was skipped");
}

#[tokio::test]
async fn what_may_be_lost_arrives_and_goes_by_stream_if_it_is_large() {
    let server = StandIn::start();
    let (ann, mut events) = server.join("ann").await;
    let large = Request::Unreliable { events: 20, bytes: 5000 };
    soon(ann.call(&large)).await.unwrap();
    for number in 0..20 {
        assert_eq!(event(&mut events).await, Event::Flood(number, vec![0; 5000]));
    }
    // Small ones may be lost, so it is asked until one is not.
    let small = Request::Unreliable { events: 5, bytes: 20 };
    let arrived = async {
        loop {
            soon(ann.call(&small)).await.unwrap();
            let waiting = timeout(Duration::from_millis(200), events.next());
            if let Ok(Some(Incoming::Event(Event::Flood(number, bytes)))) = waiting.await {
                return (number, bytes.len());
            }
        }
    };
    let (number, bytes) = soon(arrived).await;
    assert!(number < 5 && bytes == 20);
}
