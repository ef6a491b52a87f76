//! A server that is told to stop answers what it has taken, takes nothing more, tells its clients, and ends in any case.

mod stage;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use daystar::prelude::*;
use daystar::{ServeError, Server};
use daystar_client::{
    CallError, Client as AnyClient, CloseCode, Disconnected, Events, Incoming, Trust,
};
use stage::{Mood, Stage};
use tokio::runtime::Builder;
use tokio::task::JoinHandle;

#[managed]
struct Tally {
    done: u32,
}

#[message]
enum Request {
    /// Waits until the test says go on, and counts.
    Grind,
    /// Counts at once.
    Count,
    /// Sends oneself much more than fits between two sockets.
    Flood,
}

#[message]
#[derive(PartialEq, Eq)]
enum Event {
    Done(u32),
    Noise(Vec<u8>),
}

/// What test and game tell each other past the world.
#[derive(Default)]
struct Signals {
    grinding: AtomicUsize,
    may_go_on: AtomicBool,
}

/// Lets the game go on when the test is over, however it ends.
struct Release(Arc<Signals>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.may_go_on.store(true, Ordering::SeqCst);
    }
}

struct Mill(Arc<Signals>);

impl Game for Mill {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "mill";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let tally = ctx.insert(Tally { done: 0 })?;
        ctx.bind("tally", tally)
    }

    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        match request {
            Request::Grind => {
                self.0.grinding.fetch_add(1, Ordering::SeqCst);
                while !self.0.may_go_on.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Request::Count => {}
            Request::Flood => {
                for _ in 0..60 {
                    ctx.send(session, Event::Noise(vec![7; 10_000]));
                }
            }
        }
        let mut tally = ctx.get_mut(ctx.lookup::<Tally>("tally")?)?;
        tally.done += 1;
        ctx.reply(Event::Done(tally.done));
        Ok(())
    }
}

type Client = AnyClient<Request, Event>;

/// A server with one worker.
fn serve(store: Arc<Stage>) -> (Server, Release) {
    let signals = Arc::<Signals>::default();
    let builder = Server::builder(Mill(signals.clone())).store(store).workers(1);
    (builder.start().expect("a server"), Release(signals))
}

async fn join(server: SocketAddr, name: &str) -> (Client, Events<Event>) {
    let builder = AnyClient::builder(server).game(Mill::NAME).name(name).trust(Trust::Anyone);
    builder.connect().await.expect("joined")
}

/// Stops the server, and comes back when it has begun to: from then on it takes nothing.
async fn begin_to_stop(server: Server) -> JoinHandle<Result<(), ServeError>> {
    let address = server.address();
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    loop {
        let builder = Client::builder(address).game(Mill::NAME).name("late").trust(Trust::Anyone);
        // Nobody answers then. Long enough for a handshake on a busy machine, and well within what is waited for answers.
        if builder.connect_timeout(Duration::from_secs(1)).connect().await.is_err() {
            return stopping;
        }
    }
}

async fn until_it_grinds(signals: &Signals, count: usize) {
    while signals.grinding.load(Ordering::SeqCst) < count {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Has what follows for the next two seconds run by the worker: a thread of the network that does so reads no more of the same client
/// meanwhile, and after a request that took long none does for a while. All of that is on disk when it comes back.
async fn send_off_guests(client: &Client, signals: &Signals) {
    let ground = client.call(&Request::Grind);
    let ending = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        signals.may_go_on.store(true, Ordering::SeqCst);
    };
    tokio::join!(ground, ending).0.expect("an answer");
    signals.may_go_on.store(false, Ordering::SeqCst);
    client.call_durable(&Request::Count).await.expect("on disk");
}

/// The end of a session whose client was told that the server stops.
fn told() -> Disconnected {
    let (code, reason) = (CloseCode::Closing, "the server is stopping".to_owned());
    Disconnected::ByServer { code, reason }
}

/// Far longer than a stop may take.
const PATIENCE: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_answered_before_the_goodbye_and_nothing_more_is_taken() {
    let store = Stage::new();
    let (server, release) = serve(store.clone());
    let _well = store.well_at_last();
    let (ann, mut events) = join(server.address(), "ann").await;
    let (bob, _bob_events) = join(server.address(), "bob").await;
    send_off_guests(&ann, &release.0).await;
    store.set(Mood::Waiting);
    let running = tokio::spawn({
        let ann = ann.clone();
        async move { ann.call(&Request::Grind).await }
    });
    until_it_grinds(&release.0, 2).await;
    let queued = tokio::spawn({
        let ann = ann.clone();
        async move { ann.call_durable(&Request::Count).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopping = begin_to_stop(server).await;
    let late = tokio::spawn({
        let bob = bob.clone();
        async move { bob.call(&Request::Count).await }
    });
    let later = tokio::spawn(async move { ann.call(&Request::Count).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    release.0.may_go_on.store(true, Ordering::SeqCst);
    assert_eq!(running.await.expect("a call").expect("an answer"), Some(Event::Done(3)));
    // It is held until it is on disk, and the goodbye behind it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!queued.is_finished(), "told before it is on disk");
    store.set(Mood::Well);
    assert_eq!(queued.await.expect("a call").expect("an answer"), Some(Event::Done(4)));
    for refused in [late, later] {
        let refused = refused.await.expect("a call");
        assert!(
            matches!(&refused, Err(CallError::Disconnected(why)) if *why == told()),
            "{refused:?}"
        );
    }
    assert_eq!(events.next().await, Some(Incoming::Closed(told())));
    let refused = bob.call(&Request::Count).await;
    assert!(matches!(&refused, Err(CallError::Disconnected(_))), "{refused:?}");
    stopping.await.expect("a stop").expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_end_keeps_nobody_from_being_told() {
    let (server, release) = serve(Stage::new());
    let (ann, _ann_events) = join(server.address(), "ann").await;
    let (_bob, mut bob_events) = join(server.address(), "bob").await;
    let running = tokio::spawn(async move { ann.call(&Request::Grind).await });
    until_it_grinds(&release.0, 1).await;
    let stopping = begin_to_stop(server).await;
    let end = tokio::time::timeout(PATIENCE, bob_events.next()).await;
    assert_eq!(end.expect("nobody is told"), Some(Incoming::Closed(told())));
    let refused = running.await.expect("a call");
    assert!(matches!(&refused, Err(CallError::Disconnected(why)) if *why == told()), "{refused:?}");
    assert!(!stopping.is_finished(), "what was taken is finished, answered or not");
    drop(release);
    stopping.await.expect("a stop").expect("a clean end");
}

#[test]
fn a_client_that_does_not_read_holds_up_the_stop_for_a_bounded_time() {
    let (server, _release) = serve(Stage::new());
    // All that the client does is done by a thread that goes away in the middle.
    let stalling = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let address = server.address();
    let _stalled = stalling.block_on(async {
        let (ann, events) = join(address, "ann").await;
        ann.send(&Request::Flood).await.expect("sent");
        // Until it is on its way.
        tokio::time::sleep(Duration::from_millis(20)).await;
        (ann, events)
    });
    let began = Instant::now();
    server.stop().expect("a clean end");
    assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
}
