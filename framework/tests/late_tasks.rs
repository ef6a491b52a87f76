//! A task that runs for too long: the operator is told, it is stopped, its client hears why, and all others are served
//! meanwhile. Nothing here depends on how long something takes: tasks wait until the test lets them go on.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use daystar::prelude::*;
use daystar::{Breaks, Limits, Server};
use daystar_client::{Client as AnyClient, Events, Incoming, Trust};

#[message]
#[derive(PartialEq, Eq)]
enum Request {
    /// Waits until the test says go on.
    Wait,
    /// Waits likewise, then looks at things until that is an error; and returns that error.
    LookForever,
    /// The same, but swallows the error.
    LookForeverAndSwallow,
    /// Answers at once.
    Ping,
    /// Tells somebody something, and has no answer.
    Tell { whom: String },
}

#[message]
#[derive(PartialEq, Eq)]
enum Event {
    Pong,
    Told,
}

/// What test and game tell each other past the world.
#[derive(Default)]
struct Signals {
    is_running: AtomicBool,
    /// How many tasks have begun to wait.
    waiting: AtomicUsize,
    may_go_on: AtomicBool,
}

/// Lets the game's tasks go on when the test is over, however it ends.
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

    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        ctx.channel(&ctx.name(session)?).join(session);
        Ok(())
    }

    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        if let Request::Tell { whom } = &request {
            ctx.channel(whom).send(Event::Told);
            return Ok(());
        }
        if request == Request::Ping {
            ctx.reply(Event::Pong);
            return Ok(());
        }
        self.0.is_running.store(true, Ordering::SeqCst);
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        while !self.0.may_go_on.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        match request {
            Request::LookForever => loop {
                ctx.name(session)?;
            },
            Request::LookForeverAndSwallow => while ctx.name(session).is_ok() {},
            Request::Wait | Request::Ping | Request::Tell { .. } => {}
        }
        Ok(())
    }
}

type Client = AnyClient<Request, Event>;

fn serve(limits: Limits) -> (Server, Release) {
    serve_broken(limits, Breaks::default())
}

fn serve_broken(limits: Limits, breaks: Breaks) -> (Server, Release) {
    listen_to_log();
    let signals = Arc::<Signals>::default();
    let builder = Server::builder(Mill(signals.clone())).in_memory().workers(2).limits(limits);
    (builder.broken(breaks).start().expect("a server in memory"), Release(signals))
}

async fn join(server: SocketAddr, name: &str) -> (Client, Events<Event>) {
    let builder = Client::builder(server).game(Mill::NAME).name(name).trust(Trust::Anyone);
    builder.connect().await.expect("joined")
}

/// Waits until something is so; it must become so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// Far longer than anything here takes: a test that fails shall end.
const PATIENCE: Duration = Duration::from_secs(60);

/// So long that no task which does little reaches it, also where the machine is busy with other things.
const TIME_MAX: Duration = Duration::from_secs(2);

static LOG: Mutex<String> = Mutex::new(String::new());

fn listen_to_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::fmt().with_ansi(false).with_writer(|| LogLine).init());
}

struct LogLine;

impl io::Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().expect("the log").push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_logged(parts: &[&str]) -> bool {
    let log = LOG.lock().expect("the log");
    log.lines().any(|line| parts.iter().all(|part| line.contains(part)))
}

async fn is_stopped(request: Request) {
    let limits = Limits { time_max: TIME_MAX, ..Limits::default() };
    let (server, release) = serve(limits);
    let (ann, _ann_events) = join(server.address(), "ann").await;
    let (bob, _bob_events) = join(server.address(), "bob").await;
    let endless = tokio::spawn(async move { ann.call(&request).await });
    until("the task runs", || release.0.is_running.load(Ordering::SeqCst)).await;
    // It runs until it may go on, so this is meanwhile.
    for _ in 0..20 {
        assert_eq!(bob.call(&Request::Ping).await.expect("an answer"), Some(Event::Pong));
    }
    release.0.may_go_on.store(true, Ordering::SeqCst);
    let refused = endless.await.expect("a call").expect_err("a task without an end");
    let told = "task `received` was still running after 2s and was stopped";
    assert!(refused.to_string().contains(told), "told: {refused}");
    let logged =
        ["ERROR", "a task runs for too long and is being stopped", "\"received\"", "running="];
    assert!(is_logged(&logged), "the operator was not told");
    assert_eq!(bob.call(&Request::Ping).await.expect("an answer"), Some(Event::Pong));
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_task_is_stopped_and_others_are_served_meanwhile() {
    is_stopped(Request::LookForever).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_task_is_stopped_also_if_it_swallows_the_error() {
    is_stopped(Request::LookForeverAndSwallow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_task_is_logged_and_ends_well() {
    let time_max = Duration::from_secs(3600);
    let limits = Limits { time_warn: Duration::from_millis(10), time_max, ..Limits::default() };
    let (server, release) = serve(limits);
    let (ann, _events) = join(server.address(), "ann").await;
    let late = tokio::spawn(async move { ann.call(&Request::Wait).await });
    let logged = ["WARN", "a task runs for long", "\"received\"", "running="];
    until("the operator is told", || is_logged(&logged)).await;
    release.0.may_go_on.store(true, Ordering::SeqCst);
    late.await.expect("a call").expect("it has only been late");
    server.stop().expect("a clean end");
    assert!(is_logged(&["INFO", "closed", "commits=", "conflicts=0", "attempts_most="]));
}

/// As many requests that wait as the network has threads; whether somebody else is answered meanwhile, and somebody new let in.
async fn is_served_beside_requests_that_wait(breaks: Breaks, patience: Duration) -> bool {
    let (server, release) = serve_broken(Limits::default(), breaks);
    let (bob, _bob_events) = join(server.address(), "bob").await;
    let mut waiting = Vec::new();
    for number in 1..=3 {
        let (client, events) = join(server.address(), &format!("waiter {number}")).await;
        waiting.push(tokio::spawn(async move { (client.call(&Request::Wait).await, events) }));
        until("one more waits", || release.0.waiting.load(Ordering::SeqCst) == number).await;
    }
    let address = server.address();
    let served = async {
        bob.call(&Request::Ping).await.expect("an answer");
        join(address, "carol").await
    };
    let is_served = tokio::time::timeout(patience, served).await.is_ok();
    release.0.may_go_on.store(true, Ordering::SeqCst);
    for one in waiting {
        one.await.expect("a call").0.expect("it has only been late");
    }
    server.stop().expect("a clean end");
    is_served
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_take_long_do_not_keep_the_network_from_others() {
    assert!(is_served_beside_requests_that_wait(Breaks::default(), PATIENCE).await);
}

/// On one thread, so that both requests lie in the client's queue before they are written, and arrive together.
#[tokio::test]
async fn what_was_said_before_a_request_that_takes_long_is_not_held_up_by_it() {
    let (server, release) = serve(Limits::default());
    let (ann, _ann_events) = join(server.address(), "ann").await;
    let (_bob, mut bob_events) = join(server.address(), "bob").await;
    ann.send(&Request::Tell { whom: "bob".to_owned() }).await.expect("sent");
    let waiting = ann.begin(&Request::Wait).await.expect("sent");
    let told = tokio::time::timeout(PATIENCE, bob_events.next()).await;
    assert!(
        matches!(told, Ok(Some(Incoming::Event(Event::Told)))),
        "bob waits for what ann's next request does"
    );
    release.0.may_go_on.store(true, Ordering::SeqCst);
    waiting.outcome().await.expect("it has only been late");
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_runs_all_it_brings_is_caught() {
    let breaks = Breaks { network_runs_all: true, ..Breaks::default() };
    assert!(!is_served_beside_requests_that_wait(breaks, Duration::from_secs(2)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_stops_endless_tasks_that_are_still_to_run() {
    let limits = Limits { time_max: TIME_MAX, ..Limits::default() };
    let (server, release) = serve(limits);
    let (ann, mut events) = join(server.address(), "ann").await;
    ann.send(&Request::Wait).await.expect("sent");
    ann.send(&Request::LookForever).await.expect("sent");
    until("the first runs", || release.0.is_running.load(Ordering::SeqCst)).await;
    let (stopped, has_stopped) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || stopped.send(server.stop()));
    // The second begins when the server has sent its clients home already.
    while events.next().await.is_some() {}
    release.0.may_go_on.store(true, Ordering::SeqCst);
    let outcome = tokio::time::timeout(PATIENCE, has_stopped).await;
    outcome.expect("the server stops").expect("its outcome").expect("a clean end");
}
