//! A stand-in for the game: it does what the requests say, and reports what the network told it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daystar_client::{Client, ClientBuilder, ConnectError, Events, Incoming, Trust};
use daystar_protocol::fingerprint::Fingerprint;
use daystar_protocol::handshake::Credentials;
use daystar_protocol::message::{Message, decode_message};
use daystar_protocol::reject::RejectCode;
use daystar_protocol::to_client::{ToClient, event_frame, reply_frame};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::login::{
    Account, Accounts, AccountsFuture, Authenticator, DevelopmentNames, LoginAttempt, LoginError,
};
use crate::net::certificate::Certificate;
use crate::net::channels::{Act, Switchboard};
use crate::net::endpoint::{Endpoint, NetConfig};
use crate::net::handler::{self, Closed, Login, SessionHandler, SessionInput};
use crate::net::limits::Limits;
use crate::net::login::{Admission, Admitted, Doorkeeper, NotAdmitted};
use crate::net::outbox::{Delivery, Outbox, Say};
use crate::net::resume::Broken;
use crate::net::watermark::{Hold, Watermark};

/// What a client asks the stand-in to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Request {
    /// Reply with the same text.
    Echo(String),
    /// Reply with nothing.
    Nod,
    /// Refuse, for this reason.
    Refuse(String),
    /// Send so many events of so many bytes, and then reply with nothing.
    Flood { events: u32, bytes: usize },
    /// Send the text as an event to everybody in the channel.
    Tell { channel: String, text: String },
    /// Join a channel.
    Enter(String),
    /// Leave a channel.
    Exit(String),
    /// Send one event, then end the session for this reason.
    Kick(String),
    /// Keep the request in the queue until [`StandIn::release`].
    Hold(u32),
    /// Send what is no event.
    Nonsense,
    /// Send so many numbered events, of so many bytes, of which only the newest counts; then reply with nothing.
    Latest { events: u32, bytes: usize },
    /// Send so many numbered events, of so many bytes, of which each may be lost; then reply with nothing.
    Unreliable { events: u32, bytes: usize },
}

/// What the stand-in sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Event {
    Echo(String),
    Flood(u32, Vec<u8>),
    Told(String),
}

impl Message for Request {
    const NAME: &'static str = "Request";
}

impl Message for Event {
    const NAME: &'static str = "Event";
}

/// What became of somebody who wanted to join.
pub(super) type Joined = Result<(Client<Request, Event>, Events<Event>), ConnectError>;

/// What the network told the stand-in.
#[derive(Debug, PartialEq)]
pub(super) enum Report {
    Opened(String),
    Received(String, Request),
    /// A request that is none of the game's.
    Unknown(String),
    Closed(String, Closed),
}

/// A running server with the stand-in behind it.
pub(super) struct StandIn {
    endpoint: Endpoint,
    pub(super) address: SocketAddr,
    pub(super) fingerprint: Fingerprint,
    /// For raw clients, which check it.
    pub(super) certificate: CertificateDer<'static>,
    /// To be read again.
    pub(super) presented: Arc<Certificate>,
    reports: UnboundedReceiver<Report>,
    game: Arc<Hamlet>,
}

/// Long enough for a busy machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// `future`'s outcome, or the test's end.
pub(in crate::net) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing happened for twenty seconds")
}

pub(super) fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// One of this machine's addresses, each of which counts as a network.
pub(super) fn network(number: u8) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, number), 0).into()
}

impl StandIn {
    pub(super) fn start() -> Self {
        Self::with(Limits::default())
    }

    pub(super) fn with(limits: Limits) -> Self {
        Self::presenting(limits, Certificate::development().unwrap(), Broken::default())
    }

    pub(super) fn broken(limits: Limits, broken: Broken) -> Self {
        Self::presenting(limits, Certificate::development().unwrap(), broken)
    }

    /// With the given certificate.
    pub(super) fn presenting(limits: Limits, certificate: Certificate, broken: Broken) -> Self {
        let (sender, reports) = unbounded_channel();
        let game = Arc::new(Hamlet {
            reports: sender,
            sessions: AtomicU64::new(0),
            switchboard: Arc::default(),
            held: Arc::default(),
        });
        let certificate = Arc::new(certificate);
        let own = certificate.chain()[0].clone();
        let watermark = Arc::new(Watermark::new(0));
        let config = NetConfig {
            listen: loopback(),
            game: "hamlet".to_owned(),
            limits,
            certificate: Arc::clone(&certificate),
            door: Arc::new(FrontDoor),
            watermark,
            resets: None,
            stand_in: Arc::default(),
            broken,
        };
        let endpoint = Endpoint::bind(config, Arc::clone(&game) as _).unwrap();
        let (address, fingerprint) = (endpoint.address(), endpoint.fingerprint());
        Self {
            endpoint,
            address,
            fingerprint,
            certificate: own,
            presented: certificate,
            reports,
            game,
        }
    }

    pub(super) fn builder(&self, name: &str) -> ClientBuilder<Request, Event> {
        Client::builder(self.address)
            .game("hamlet")
            .name(name)
            .trust(Trust::Fingerprint(self.fingerprint))
    }

    pub(super) async fn join(&self, name: &str) -> (Client<Request, Event>, Events<Event>) {
        soon(self.builder(name).connect()).await.unwrap()
    }

    /// Joins from one of this machine's addresses.
    pub(super) async fn join_from(&self, address: SocketAddr, name: &str) -> Joined {
        let endpoint = quinn::Endpoint::client(address).unwrap();
        soon(self.builder(name).endpoint(endpoint).connect()).await
    }

    /// Joins, once the server is not full any more: a place comes back a moment after its client is gone.
    pub(super) async fn join_when_there_is_room(&self, name: &str) {
        let joined = async {
            loop {
                match self.builder(name).connect().await {
                    Err(ConnectError::Full { .. }) => tokio::task::yield_now().await,
                    joined => return joined,
                }
            }
        };
        soon(joined).await.unwrap();
    }

    pub(super) async fn rejection(&self, name: &str) -> String {
        match soon(self.builder(name).connect()).await {
            Err(ConnectError::Rejected { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// Has it told now how much waits, as it is now and then.
    pub(super) fn measure(&self) {
        self.endpoint.measure();
    }

    pub(super) async fn report(&mut self) -> Report {
        soon(self.reports.recv()).await.unwrap()
    }

    /// The next report of a session's end, passing over others.
    pub(super) async fn closed(&mut self) -> (String, Closed) {
        loop {
            if let Report::Closed(name, why) = self.report().await {
                return (name, why);
            }
        }
    }

    /// Reports that are there now.
    pub(super) fn reported(&mut self) -> Vec<Report> {
        std::iter::from_fn(|| self.reports.try_recv().ok()).collect()
    }

    /// Shuts the network down, and gives what had been reported by then.
    pub(super) async fn stop(mut self, reason: &str) -> Vec<Report> {
        soon(self.endpoint.shutdown(reason)).await;
        std::iter::from_fn(|| self.reports.try_recv().ok()).collect()
    }

    /// Lets go of the requests that were held, and says how many there were.
    pub(super) fn release(&self) -> usize {
        std::mem::take(&mut *self.game.held.lock().unwrap()).len()
    }
}

/// The next event of the game.
pub(super) async fn event(events: &mut Events<Event>) -> Event {
    match soon(events.next()).await {
        Some(Incoming::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

/// Lets everyone in by name; but `sloth` never gets through.
pub(super) struct FrontDoor;

impl Doorkeeper for FrontDoor {
    fn admit(&self, credentials: Credentials, address: SocketAddr) -> Admission<'_> {
        Box::pin(async move {
            if credentials == Credentials::Name("sloth".to_owned()) {
                std::future::pending::<()>().await;
            }
            let attempt = LoginAttempt::new(credentials, address);
            let identity = DevelopmentNames.authenticate(attempt, &NoAccounts).await;
            let refusal = |error: LoginError| NotAdmitted {
                code: RejectCode::Other,
                reason: error.to_string(),
                kind: error.kind(),
            };
            Ok(Admitted { identity: identity.map_err(refusal)?, seat: Box::new(()) })
        })
    }
}

struct NoAccounts;

impl Accounts for NoAccounts {
    fn find<'a>(&'a self, _: &'a str) -> AccountsFuture<'a, Option<Account>> {
        Box::pin(async { Ok(None) })
    }
    fn add(&self, _: Account) -> AccountsFuture<'_, bool> {
        Box::pin(async { Ok(false) })
    }
}

struct Hamlet {
    reports: UnboundedSender<Report>,
    sessions: AtomicU64,
    switchboard: Arc<Switchboard>,
    held: Arc<Mutex<Vec<handler::Request>>>,
}

struct Visitor {
    name: String,
    session: u64,
    outbox: Arc<Outbox>,
    reports: UnboundedSender<Report>,
    switchboard: Arc<Switchboard>,
    held: Arc<Mutex<Vec<handler::Request>>>,
}

impl SessionHandler for Hamlet {
    fn open(&self, login: Login, outbox: Arc<Outbox>) -> Result<Arc<dyn SessionInput>, String> {
        let name = login.identity.name().to_owned();
        if name == "mallory" {
            return Err("mallory is not welcome here".to_owned());
        }
        let session = self.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        if name == "trent" {
            outbox.reject(RejectCode::Other, "the village is asleep", Hold::NONE);
        } else {
            outbox.push(outbox.welcome(session), Hold::NONE);
            self.switchboard.register(session, Arc::clone(&outbox));
        }
        let _ = self.reports.send(Report::Opened(name.clone()));
        Ok(Arc::new(Visitor {
            name,
            session,
            outbox,
            reports: self.reports.clone(),
            switchboard: Arc::clone(&self.switchboard),
            held: Arc::clone(&self.held),
        }))
    }
}

impl SessionInput for Visitor {
    fn received(&self, request: handler::Request) {
        let answer = |event: Option<&Event>| {
            if let Some(call) = request.call {
                self.outbox.push(reply_frame(call, event).unwrap(), Hold::NONE);
            }
        };
        let Ok(asked) = decode_message::<Request>(&request.payload) else {
            let _ = self.reports.send(Report::Unknown(self.name.clone()));
            return self.refuse(&request, "this is no request of hamlet");
        };
        let _ = self.reports.send(Report::Received(self.name.clone(), asked.clone()));
        match asked {
            Request::Echo(text) => answer(Some(&Event::Echo(text))),
            Request::Nod => answer(None),
            Request::Refuse(reason) => self.refuse(&request, &reason),
            Request::Flood { events, bytes } => {
                for number in 0..events {
                    self.send(&Event::Flood(number, vec![0; bytes]));
                }
                answer(None);
            }
            Request::Tell { channel, text } => {
                let say = say(&Event::Told(text), Delivery::Ordered);
                self.act(Act::Broadcast { channel: channel.into(), say });
                answer(None);
            }
            Request::Enter(channel) => {
                self.act(Act::Join { channel: channel.into(), session: self.session });
                answer(None);
            }
            Request::Exit(channel) => {
                self.act(Act::Leave { channel: channel.into(), session: self.session });
                answer(None);
            }
            Request::Kick(reason) => {
                self.send(&Event::Told("out!".to_owned()));
                self.act(Act::Disconnect { session: self.session, reason, hold: Hold::NONE });
                self.send(&Event::Told("too late".to_owned()));
            }
            Request::Latest { events, bytes } => {
                self.flood(events, bytes, Delivery::Latest(1));
                answer(None);
            }
            Request::Unreliable { events, bytes } => {
                self.flood(events, bytes, Delivery::Unreliable);
                answer(None);
            }
            Request::Hold(_) => self.held.lock().unwrap().push(request),
            Request::Nonsense => {
                let payload = vec![0xff; 9].into();
                let frame = ToClient::Event { payload }.encode();
                self.outbox.push(frame, Hold::NONE);
            }
        }
    }

    // It has answered at once.
    fn begin(&self) {}

    fn closed(&self, why: Closed) {
        self.switchboard.unregister(self.session);
        let _ = self.reports.send(Report::Closed(self.name.clone(), why));
    }

    fn abandoned(&self) {
        self.closed(Closed::Lost);
    }
}

impl Visitor {
    fn send(&self, event: &Event) {
        self.act(Act::Say { session: self.session, say: say(event, Delivery::Ordered) });
    }

    fn flood(&self, events: u32, bytes: usize, delivery: Delivery) {
        for number in 0..events {
            let say = say(&Event::Flood(number, vec![0; bytes]), delivery);
            self.act(Act::Say { session: self.session, say });
        }
    }

    fn act(&self, act: Act) {
        self.switchboard.act(vec![act]);
    }

    fn refuse(&self, request: &handler::Request, reason: &str) {
        let call = request.call.unwrap_or(0);
        self.outbox
            .push(ToClient::Refused { call, reason: reason.to_owned() }.encode(), Hold::NONE);
    }
}

fn say(event: &Event, delivery: Delivery) -> Say {
    Say { frame: event_frame(event).unwrap(), hold: Hold::NONE, delivery, is_patient: false }
}
