//! Requests of which the game says that they only read. They see all that their session has asked for before, and are answered
//! in its order; they change nothing, whatever they try; however much others change under them, they are not run again, and what
//! they say is of one moment; and what they say is on disk before it is told, where that is asked for.

mod oracle;
mod stage;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use daystar::prelude::*;
use daystar::{Breaks, Builder, Fault, Server};
use daystar_client::{Client as AnyClient, Events, Incoming, Trust};
use daystar_engine::History;
use stage::{Mood, Stage};
use tokio::task::JoinSet;

/// Where all put things down. There are always as many as the count says.
#[managed]
struct Shelf {
    things: OrderedMap<u64, u64>,
    count: u64,
    visits: Ref<Counter>,
}

/// What one client has put down.
#[managed]
struct Reader {
    put: u64,
}

/// Something to be done later.
#[task]
struct Dust {}

/// When that is.
#[managed]
struct Dusting {
    task: TaskHandle,
}

impl Task for Dust {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        ctx.get_mut(ctx.lookup::<Shelf>("shelf")?)?.count += 1_000;
        Ok(())
    }
}

#[message]
enum Request {
    /// Puts something down on the shelf, or takes it away if it lies there. Answered by how many things lie there.
    Toggle(u64),
    /// Puts one more thing down where nobody else does. Answered by how many that are.
    Put,
    /// How many things one has put down where nobody else does. Only reads.
    HowMany,
    /// How many things there are on the shelf, in two ways. Only reads.
    Walk,
    /// The same, as a request that may change something.
    WalkAsOthersDo,
    /// How many things there are on the shelf, told at once, and again in answer. Only reads.
    Show,
    /// Only reads, and tries to do this all the same.
    Try(Deed),
    /// Only reads, and makes light of it that it cannot change anything.
    Shrug,
    /// Says something to all in the hall.
    Shout,
    /// What there is, for who wants to know whether anything has changed. Only reads.
    Look,
    /// Nobody can say whether it only reads.
    Puzzle,
}

#[message]
#[derive(Copy, PartialEq, Eq)]
enum Deed {
    Change,
    ChangeBlindly,
    Count,
    Insert,
    Remove,
    PutInMap,
    ClearMap,
    MakeMap,
    Bind,
    Unbind,
    Attach,
    Spawn,
    Schedule,
    Repeat,
    Cancel,
    Join,
    Leave,
    Disconnect,
    DisconnectDurably,
}

/// What the engine refuses.
const STORED: [Deed; 15] = [
    Deed::Change,
    Deed::ChangeBlindly,
    Deed::Count,
    Deed::Insert,
    Deed::Remove,
    Deed::PutInMap,
    Deed::ClearMap,
    Deed::MakeMap,
    Deed::Bind,
    Deed::Unbind,
    Deed::Attach,
    Deed::Spawn,
    Deed::Schedule,
    Deed::Repeat,
    Deed::Cancel,
];

/// What is no change of an object, and a change all the same.
const NOT_STORED: [Deed; 4] = [Deed::Join, Deed::Leave, Deed::Disconnect, Deed::DisconnectDurably];

#[message]
#[derive(PartialEq, Eq)]
enum Event {
    There(u64),
    Mine(u64),
    Walked { things: u64, count: u64 },
    Seen(u64),
    State { things: u64, count: u64, visits: i64, put: u64, is_extra_bound: bool },
    Shouted,
    Noise,
}

/// What test and game tell each other past the world.
#[derive(Default)]
struct Signals {
    walks: AtomicUsize,
    /// A walk is to wait in the middle.
    is_slow: AtomicBool,
    is_half_way: AtomicBool,
    may_go_on: AtomicBool,
}

/// Lets a walk go on when the test is over, however it ends.
struct Release(Arc<Signals>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.may_go_on.store(true, Ordering::SeqCst);
    }
}

const THINGS: u64 = 5_000;

struct Library(Arc<Signals>);

impl Game for Library {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "library";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let things = OrderedMap::new(ctx)?;
        (0..THINGS).try_for_each(|thing| things.insert(ctx, thing * 2, thing).map(drop))?;
        let visits = ctx.insert(Counter::new(0))?;
        let shelf = ctx.insert(Shelf { things, count: THINGS, visits })?;
        let dusting =
            ctx.insert(Dusting { task: ctx.schedule(Duration::from_secs(3_600), Dust {})? })?;
        ctx.bind("dusting", dusting)?;
        ctx.bind("shelf", shelf)
    }

    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        ctx.channel("hall").join(session);
        let reader = ctx.insert(Reader { put: 0 })?;
        ctx.attach(session, reader)
    }

    fn only_reads(&self, request: &Request) -> bool {
        match request {
            Request::HowMany
            | Request::Walk
            | Request::Show
            | Request::Try(_)
            | Request::Shrug
            | Request::Look => true,
            Request::Puzzle => panic!("a mistake in the game"),
            Request::Toggle(_) | Request::Put | Request::WalkAsOthersDo | Request::Shout => false,
        }
    }

    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        let shelf = ctx.lookup::<Shelf>("shelf")?;
        let own = ctx.attached::<Reader>(session)?;
        match request {
            Request::Toggle(thing) => {
                let mut shelf = ctx.get_mut(shelf)?;
                match shelf.things.remove(ctx, &thing)? {
                    Some(_) => shelf.count -= 1,
                    None => {
                        shelf.things.insert(ctx, thing, 0)?;
                        shelf.count += 1;
                    }
                }
                ctx.at(Durability::Committed).reply(Event::There(shelf.count));
            }
            Request::Put => {
                let mut own = ctx.get_mut(own)?;
                own.put += 1;
                ctx.reply(Event::Mine(own.put));
            }
            Request::HowMany => ctx.reply(Event::Mine(ctx.get(own)?.put)),
            Request::Walk | Request::WalkAsOthersDo => self.walk(ctx, shelf)?,
            Request::Show => {
                let count = ctx.get(shelf)?.count;
                ctx.at(Durability::Committed).send(session, Event::Seen(count));
                ctx.reply(Event::There(count));
            }
            Request::Try(deed) => {
                ctx.send(session, Event::Noise);
                ctx.channel("hall").send(Event::Noise);
                let tried = attempt(ctx, session, deed);
                let is_fault =
                    |error: &Error| matches!(error.fault(), Some(Fault::ReadOnly { .. }));
                // Whatever the game may have been told instead.
                assert!(tried.as_ref().err().is_none_or(is_fault), "{deed:?}: {tried:?}");
                return tried;
            }
            Request::Shrug => {
                for deed in STORED {
                    let _ = attempt(ctx, session, deed);
                }
                ctx.reply(Event::Noise);
            }
            Request::Shout => ctx.channel("hall").send(Event::Shouted),
            Request::Look => {
                let seen = ctx.get(shelf)?;
                ctx.reply(Event::State {
                    things: seen.things.len(ctx)?,
                    count: seen.count,
                    visits: ctx.get(seen.visits)?.value(),
                    put: ctx.get(own)?.put,
                    is_extra_bound: ctx.find::<Shelf>("extra")?.is_some(),
                });
            }
            Request::Puzzle => {}
        }
        Ok(())
    }
}

impl Library {
    fn walk(&self, ctx: &Ctx, shelf: Ref<Shelf>) -> Result<()> {
        self.0.walks.fetch_add(1, Ordering::SeqCst);
        let mut things = 0;
        for entry in ctx.get(shelf)?.things.iter(ctx)? {
            entry?;
            things += 1;
            if things == THINGS / 2 && self.0.is_slow.load(Ordering::SeqCst) {
                self.0.is_half_way.store(true, Ordering::SeqCst);
                while !self.0.may_go_on.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        ctx.reply(Event::Walked { things, count: ctx.get(shelf)?.count });
        Ok(())
    }
}

fn attempt(ctx: &Ctx, session: Session, deed: Deed) -> Result<()> {
    let shelf = ctx.lookup::<Shelf>("shelf")?;
    let things = ctx.get(shelf)?.things;
    let visits = ctx.get(shelf)?.visits;
    match deed {
        Deed::Change => ctx.get_mut(shelf)?.count += 1,
        Deed::ChangeBlindly => ctx.update(shelf, |shelf| {
            shelf.count += 1;
            Ok(())
        })?,
        Deed::Count => ctx.add(visits, 1)?,
        Deed::Insert => drop(ctx.insert(Reader { put: 7 })?),
        Deed::Remove => ctx.remove(visits)?,
        Deed::PutInMap => drop(things.insert(ctx, 1, 1)?),
        Deed::ClearMap => things.clear(ctx)?,
        Deed::MakeMap => drop(OrderedMap::<u64, u64>::new(ctx)?),
        Deed::Bind => ctx.bind("extra", shelf)?,
        Deed::Unbind => ctx.unbind("shelf")?,
        Deed::Attach => ctx.attach(session, shelf)?,
        Deed::Spawn => ctx.spawn(Dust {})?,
        Deed::Schedule => drop(ctx.schedule(Duration::from_secs(1), Dust {})?),
        Deed::Repeat => drop(ctx.every(Duration::from_secs(1), Dust {})?),
        Deed::Cancel => {
            let dusting = ctx.get(ctx.lookup::<Dusting>("dusting")?)?.task;
            ensure!(!ctx.cancel(dusting)?, "it was taken back");
        }
        Deed::Join => ctx.channel("vault").join(session),
        Deed::Leave => ctx.channel("hall").leave(session),
        Deed::Disconnect => ctx.disconnect(session, "out"),
        Deed::DisconnectDurably => ctx.durable().disconnect(session, "out"),
    }
    Ok(())
}

type Client = AnyClient<Request, Event>;

/// A server with two workers, as it is `made`.
fn serve(
    made: impl FnOnce(Builder<Library>) -> Builder<Library>,
) -> (Server, Arc<Signals>, Release) {
    let signals = Arc::<Signals>::default();
    let builder = Server::builder(Library(signals.clone())).in_memory().workers(2);
    let server = made(builder).start().expect("a server");
    (server, signals.clone(), Release(signals))
}

async fn join(server: SocketAddr, name: &str) -> (Client, Events<Event>) {
    let builder = Client::builder(server).game(Library::NAME).name(name).trust(Trust::Anyone);
    builder.connect().await.expect("joined")
}

async fn ask(client: &Client, request: Request) -> Event {
    client.call(&request).await.expect("done").expect("an answer")
}

/// Why it is refused, which it must be.
async fn refusal(client: &Client, request: Request) -> String {
    client.call(&request).await.expect_err("it was done").to_string()
}

async fn next_event(events: &mut Events<Event>) -> Event {
    match events.next().await {
        Some(Incoming::Event(event)) => event,
        other => panic!("instead of an event came {other:?}"),
    }
}

/// How often each client asks.
const ROUNDS: u64 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_only_reads_sees_what_its_session_asked_for_before() {
    let (server, ..) = serve(|builder| builder);
    let mut clients = JoinSet::new();
    for name in ["ann", "bob", "carol"] {
        let address = server.address();
        clients.spawn(async move {
            let (client, _events) = join(address, name).await;
            let mut under_way = Vec::new();
            for _ in 0..ROUNDS {
                // Nothing is waited for in between.
                under_way.push(client.begin(&Request::Put).await.expect("sent"));
                under_way.push(client.begin(&Request::HowMany).await.expect("sent"));
            }
            for (number, call) in (0..).zip(under_way) {
                let mine = call.outcome().await.expect("done");
                assert_eq!(mine, Some(Event::Mine(number / 2 + 1)), "{name}'s {number}th");
            }
        });
    }
    clients.join_all().await;
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_reads_is_answered_in_its_turn() {
    let (server, ..) = serve(|builder| builder);
    let (ann, mut ann_hears) = join(server.address(), "ann").await;
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    let mut wanted = Vec::new();
    for number in 0..ROUNDS {
        match number % 5 {
            1 | 4 => {
                ann.send(&Request::Shout).await.expect("sent");
                wanted.push(Event::Shouted);
            }
            2 => {
                ann.send(&Request::Walk).await.expect("sent");
                wanted.push(Event::Walked { things: THINGS, count: THINGS });
            }
            _ => {
                ann.send(&Request::HowMany).await.expect("sent");
                wanted.push(Event::Mine(0));
            }
        }
        bob.send(&Request::Put).await.expect("sent");
    }
    for (number, wanted) in wanted.into_iter().enumerate() {
        assert_eq!(next_event(&mut ann_hears).await, wanted, "number {number}");
    }
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_only_reads_can_change_nothing() {
    let (server, ..) = serve(|builder| builder);
    let (ann, mut ann_hears) = join(server.address(), "ann").await;
    let (bob, mut bob_hears) = join(server.address(), "bob").await;
    assert_eq!(ask(&ann, Request::Put).await, Event::Mine(1));
    let before = ask(&ann, Request::Look).await;
    for deed in STORED {
        let why = refusal(&ann, Request::Try(deed)).await;
        assert!(why.ends_with("cannot be changed here: task `received` is read-only"), "{why}");
    }
    for deed in NOT_STORED {
        let why = refusal(&ann, Request::Try(deed)).await;
        assert!(why.starts_with("a request that only reads cannot "), "{deed:?}: {why}");
    }
    assert_eq!(ask(&ann, Request::Shrug).await, Event::Noise);
    assert_eq!(ask(&ann, Request::Look).await, before);
    // Both are still there, in the channel, and have heard nothing before.
    bob.call(&Request::Shout).await.expect("done");
    assert_eq!(next_event(&mut ann_hears).await, Event::Shouted);
    assert_eq!(next_event(&mut bob_hears).await, Event::Shouted);
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_panics_at_the_question_harms_nobody() {
    let (server, ..) = serve(|builder| builder);
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let why = refusal(&ann, Request::Puzzle).await;
    assert_eq!(why, "the server failed at this request; nothing of it has happened");
    assert_eq!(ask(&ann, Request::HowMany).await, Event::Mine(0));
    server.stop().expect("a clean end");
}

/// How often a walk is run that others change the shelf under, the first time and not again; and what it tells.
async fn overtaken(walk: Request) -> (usize, Event) {
    let (server, signals, _release) = serve(|builder| builder);
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    signals.is_slow.store(true, Ordering::SeqCst);
    let walking = tokio::spawn(async move { ask(&ann, walk).await });
    while !signals.is_half_way.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // In what was walked over, and in what was not: so many are put down, and one is taken away.
    for thing in [1, 3, 2 * THINGS - 1, 2 * THINGS - 2] {
        ask(&bob, Request::Toggle(thing)).await;
    }
    signals.may_go_on.store(true, Ordering::SeqCst);
    let walked = walking.await.expect("a walk");
    server.stop().expect("a clean end");
    (signals.walks.load(Ordering::SeqCst), walked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_only_reads_is_not_run_again() {
    let at_its_beginning = Event::Walked { things: THINGS, count: THINGS };
    assert_eq!(overtaken(Request::Walk).await, (1, at_its_beginning));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_walk_is_run_again() {
    let at_its_end = Event::Walked { things: THINGS + 2, count: THINGS + 2 };
    assert_eq!(overtaken(Request::WalkAsOthersDo).await, (2, at_its_end));
}

#[tokio::test(flavor = "multi_thread")]
async fn walks_beside_writers_see_one_moment_each_and_one_thread_comes_to_the_same() {
    const WRITERS: u64 = 3;
    let history = Arc::<History>::default();
    let (server, signals, _release) = serve(|builder| builder.recorder(history.clone()));
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let (address, is_over) = (server.address(), is_over.clone());
        writers.spawn(async move {
            let (client, _events) = join(address, &format!("writer {number}")).await;
            let mut changes = 0;
            while !is_over.load(Ordering::SeqCst) {
                let thing = (changes * WRITERS + number) * 7 % (2 * THINGS);
                ask(&client, Request::Toggle(thing)).await;
                changes += 1;
            }
        });
    }
    let (mut walks, mut moments) = (0, Vec::new());
    // Until they have seen the shelf change, however slow this machine is.
    while moments.len() < 8 {
        let Event::Walked { things, count } = ask(&ann, Request::Walk).await else {
            panic!("no walk")
        };
        assert_eq!(things, count, "two moments were seen in one");
        walks += 1;
        if moments.last() != Some(&count) {
            moments.push(count);
        }
    }
    is_over.store(true, Ordering::SeqCst);
    writers.join_all().await;
    assert_eq!(signals.walks.load(Ordering::SeqCst), walks, "a walk was run again");
    oracle::stop_and_compare(server, &history);
}

/// Long enough for anything that is under way to arrive on this machine; a wait for what must not come.
const QUIET: Duration = Duration::from_millis(150);

/// What a client is told of another's change that is not on disk, by a request that only reads: at once, and not before it is.
async fn told_too_early(breaks: Breaks, is_server_durable: bool) -> bool {
    let store = Stage::new();
    let level = if is_server_durable { Durability::Durable } else { Durability::Committed };
    let (server, ..) =
        serve(|builder| builder.store(store.clone()).durability(level).broken(breaks));
    let _well = store.well_at_last();
    let (ann, mut ann_hears) = join(server.address(), "ann").await;
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    store.set(Mood::Waiting);
    assert_eq!(ask(&bob, Request::Toggle(1)).await, Event::There(THINGS + 1));
    let mut shown = tokio::spawn(async move {
        match is_server_durable {
            true => ann.call(&Request::Show).await,
            false => ann.call_durable(&Request::Show).await,
        }
    });
    assert_eq!(next_event(&mut ann_hears).await, Event::Seen(THINGS + 1), "this need not wait");
    let is_early = tokio::time::timeout(QUIET, &mut shown).await.is_ok();
    store.set(Mood::Well);
    if !is_early {
        let shown = shown.await.expect("a call").expect("done");
        assert_eq!(shown, Some(Event::There(THINGS + 1)));
    }
    server.stop().expect("a clean end");
    is_early
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_reads_tells_nothing_that_is_not_stored_where_that_is_asked_for() {
    assert!(!told_too_early(Breaks::default(), true).await, "a durable server");
    assert!(!told_too_early(Breaks::default(), false).await, "a durable call");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_too_early_is_caught() {
    let breaks = Breaks { durable_is_early: true, ..Breaks::default() };
    assert!(told_too_early(breaks, true).await, "the break was not seen");
}
