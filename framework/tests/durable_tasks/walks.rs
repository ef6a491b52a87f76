//! Walks: every entry of a collection once, across restarts, whatever becomes of the collection meanwhile, and an end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use daystar::Breaks;
use daystar::prelude::*;

use crate::game::{BEGIN_MS, Event, Log, Request, Shop, write};
use crate::told::tasks;

/// What walks go over, each with the same numbers in it; and which of them a visit has come to, how often.
#[managed]
#[derive(Copy)]
pub(crate) struct Shelves {
    map: Map<u64, u64>,
    ordered: OrderedMap<u64, u64>,
    set: Set<u64>,
    visits: OrderedMap<(Over, u64), Visited>,
}

/// How often a number was visited, and with which value the last time.
#[managed]
#[derive(Copy)]
pub(crate) struct Visited {
    times: u64,
    value: u64,
}

#[managed]
#[message]
#[derive(Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Over {
    Map,
    Ordered,
    Set,
}

/// What a visit does besides.
#[managed]
#[message]
#[derive(Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Nothing,
    /// Takes out the number, and if that is even the next one.
    Takes,
    /// Puts in another number, just behind this one.
    PutsBehind,
    /// Puts in another number, as far behind this one as a slice reaches.
    PutsAhead,
    /// Gives the number and the next one new values.
    Changes,
    /// Takes out the number and puts it in again.
    PutsBack,
    /// Removes the collection.
    Destroys,
    /// Fails at this number, while things are broken.
    BreaksAt(u64),
}

#[message]
#[derive(PartialEq, Eq)]
pub(crate) enum Order {
    /// Puts these numbers in everywhere, each with itself as its value.
    Put { from: u64, to: u64, step: usize },
    /// Takes these out everywhere.
    Take { from: u64, to: u64 },
    /// Gives these a value.
    Change { from: u64, to: u64, value: u64 },
    /// Has walks go, which write these labels when they are done.
    Walk { over: Vec<(Over, String)>, deed: Deed },
    /// The same, and puts in a number afterwards, in the same task.
    WalkAndPut { over: Vec<(Over, String)>, number: u64 },
    /// Has a walk go over the map, and over the set's numbers once the program has changed.
    WalkAstray,
    /// Removes the ordered map.
    Destroy,
    /// Which numbers were visited, how often, and with which value the last time.
    Visits { over: Over },
}

/// Numbers, how often each was visited, and with which value.
pub(crate) type Visits = Vec<(u64, u64, u64)>;

/// The same for all three collections.
#[managed]
struct Stroll {
    shelves: Ref<Shelves>,
    over: Over,
    label: String,
    deed: Deed,
}

#[walk]
pub(crate) struct MapWalk {
    of: Map<u64, u64>,
    stroll: Stroll,
}

#[walk]
pub(crate) struct OrderedWalk {
    of: OrderedMap<u64, u64>,
    stroll: Stroll,
}

#[walk]
pub(crate) struct SetWalk {
    of: Set<u64>,
    stroll: Stroll,
}

/// The same for both kinds of map.
macro_rules! walk_over {
    ($walk:ident, $map:ident) => {
        impl Walk for $walk {
            type Collection = $map<u64, u64>;
            const RETRY: Retry = RETRY;

            fn collection(&self) -> Self::Collection {
                self.of
            }
            fn visit(&self, ctx: &Ctx, (number, value): (u64, u64)) -> Result<()> {
                let put = |number, value| self.of.insert(ctx, number, value).map(drop);
                let take = |number| self.of.remove(ctx, &number).map(drop);
                self.stroll.visit(ctx, number, value, put, take, || self.of.destroy(ctx))
            }
            fn done(&self, ctx: &Ctx) -> Result<()> {
                write(ctx, &self.stroll.label)
            }
        }
    };
}

walk_over!(MapWalk, Map);
walk_over!(OrderedWalk, OrderedMap);

impl Walk for SetWalk {
    type Collection = Set<u64>;
    const RETRY: Retry = RETRY;

    fn collection(&self) -> Self::Collection {
        self.of
    }
    fn visit(&self, ctx: &Ctx, number: u64) -> Result<()> {
        let put = |number, _| self.of.insert(ctx, number).map(drop);
        let take = |number| self.of.remove(ctx, &number).map(drop);
        self.stroll.visit(ctx, number, 0, put, take, || self.of.destroy(ctx))
    }
    fn done(&self, ctx: &Ctx) -> Result<()> {
        write(ctx, &self.stroll.label)
    }
}

const RETRY: Retry =
    Retry { tries: Some(3), first: Duration::from_millis(10), longest: Duration::from_millis(10) };

impl Stroll {
    fn visit(
        &self,
        ctx: &Ctx,
        number: u64,
        value: u64,
        put: impl Fn(u64, u64) -> Result<()>,
        take: impl Fn(u64) -> Result<()>,
        destroy: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let visits = ctx.get(self.shelves)?.visits;
        let times = visits.get(ctx, &(self.over, number))?.map_or(0, |before| before.times) + 1;
        visits.insert(ctx, (self.over, number), Visited { times, value })?;
        match self.deed {
            Deed::Nothing => Ok(()),
            Deed::Takes => {
                take(number)?;
                if number.is_multiple_of(2) { take(number + 1) } else { Ok(()) }
            }
            Deed::PutsBehind => put(number + 1, number + 1),
            Deed::PutsAhead => put(number + SLICE as u64, number),
            Deed::Changes => {
                put(number, CHANGED)?;
                put(number + 1, CHANGED)
            }
            Deed::PutsBack => {
                take(number)?;
                put(number, value)
            }
            Deed::Destroys => destroy(),
            Deed::BreaksAt(at) => {
                let is_broken = ctx.get(ctx.lookup::<Log>("log")?)?.is_broken;
                ensure!(number != at || !is_broken, "a shelf has broken at {at}");
                Ok(())
            }
        }
    }
}

const CHANGED: u64 = 1_000_000;

/// Over the map in the program as it was, and over another one in the program that it becomes.
#[walk]
pub(crate) struct AstrayWalk {
    before: Map<u64, u64>,
    after: Map<u64, u64>,
}

/// Whether the program has changed.
static IS_CHANGED: AtomicBool = AtomicBool::new(false);

impl Walk for AstrayWalk {
    type Collection = Map<u64, u64>;
    const RETRY: Retry = Retry::NEVER;

    fn collection(&self) -> Self::Collection {
        if IS_CHANGED.load(Ordering::SeqCst) { self.after } else { self.before }
    }
    fn visit(&self, _: &Ctx, _: (u64, u64)) -> Result<()> {
        // In the first slice, so that the walk is not over.
        IS_CHANGED.store(true, Ordering::SeqCst);
        Ok(())
    }
    fn done(&self, ctx: &Ctx) -> Result<()> {
        write(ctx, "astray")
    }
}

/// Makes what walks go over.
pub(crate) fn created(ctx: &Ctx) -> Result<()> {
    let shelves = Shelves {
        map: Map::new(ctx)?,
        ordered: OrderedMap::new(ctx)?,
        set: Set::new(ctx)?,
        visits: OrderedMap::new(ctx)?,
    };
    ctx.bind("shelves", ctx.insert(shelves)?)
}

/// Does as it is told.
pub(crate) fn received(ctx: &Ctx, order: Order) -> Result<Event> {
    let shelves = ctx.lookup::<Shelves>("shelves")?;
    let Shelves { map, ordered, set, visits } = *ctx.get(shelves)?;
    let put = |number, value| -> Result<()> {
        map.insert(ctx, number, value)?;
        ordered.insert(ctx, number, value)?;
        set.insert(ctx, number).map(drop)
    };
    let walk = |over: Vec<(Over, String)>, deed| -> Result<()> {
        for (over, label) in over {
            let stroll = Stroll { shelves, over, label, deed };
            match over {
                Over::Map => ctx.walk(MapWalk { of: map, stroll })?,
                Over::Ordered => ctx.walk(OrderedWalk { of: ordered, stroll })?,
                Over::Set => ctx.walk(SetWalk { of: set, stroll })?,
            };
        }
        Ok(())
    };
    match order {
        Order::Put { from, to, step } => {
            (from..to).step_by(step).try_for_each(|number| put(number, number))?;
        }
        Order::Take { from, to } => {
            for number in from..to {
                map.remove(ctx, &number)?;
                ordered.remove(ctx, &number)?;
                set.remove(ctx, &number)?;
            }
        }
        Order::Change { from, to, value } => {
            (from..to).try_for_each(|number| put(number, value))?;
        }
        Order::Walk { over, deed } => walk(over, deed)?,
        Order::WalkAndPut { over, number } => {
            walk(over, Deed::Nothing)?;
            put(number, number)?;
        }
        Order::WalkAstray => drop(ctx.walk(AstrayWalk { before: map, after: Map::new(ctx)? })?),
        Order::Destroy => ordered.destroy(ctx)?,
        Order::Visits { over } => {
            let of = (over, 0)..=(over, u64::MAX);
            let found = visits.range(ctx, of)?.map(|entry| {
                let ((_, number), visited) = entry?;
                Ok((number, visited.times, visited.value))
            });
            return Ok(Event::Shelves(found.collect::<Result<_>>()?));
        }
    }
    Ok(Event::Done)
}

const ALL: [Over; 3] = [Over::Map, Over::Ordered, Over::Set];

impl Shop {
    /// Opens a world of which the shelves have the numbers up to `to`, every so many-th of them.
    async fn with_numbers(data: &Path, to: u64, step: usize, breaks: Breaks) -> Self {
        let shop = Self::open(data, BEGIN_MS, breaks).await;
        shop.tell(Order::Put { from: 0, to, step }).await;
        shop
    }

    async fn tell(&self, order: Order) {
        assert_eq!(self.ask(Request::Shelves { order }).await, Event::Done);
    }

    /// Has walks go over all three.
    async fn walk(&self, deed: Deed) {
        let over = ALL.map(|over| (over, label(over).to_owned())).to_vec();
        self.tell(Order::Walk { over, deed }).await;
    }

    async fn visits(&self, over: Over) -> Visits {
        let order = Order::Visits { over };
        let Event::Shelves(visits) = self.ask(Request::Shelves { order }).await else {
            panic!("no visits")
        };
        visits
    }

    /// The numbers that were visited in each of the three when all walks are done, how often each.
    async fn visited(&self) -> Vec<BTreeMap<u64, u64>> {
        self.expect(&ALL.map(|over| (label(over), 1))).await;
        let mut all = Vec::new();
        for over in ALL {
            let visits = self.visits(over).await;
            all.push(visits.into_iter().map(|(number, times, _)| (number, times)).collect());
        }
        all
    }
}

fn label(over: Over) -> &'static str {
    match over {
        Over::Map => "map",
        Over::Ordered => "ordered",
        Over::Set => "set",
    }
}

/// Each of these numbers once.
fn once(numbers: impl IntoIterator<Item = u64>) -> BTreeMap<u64, u64> {
    numbers.into_iter().map(|number| (number, 1)).collect()
}

/// More than two slices, and not a whole number of them.
const COUNT: u64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_visits_each_entry_once_also_when_the_server_is_stopped_in_between() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::with_numbers(folder.path(), COUNT, 1, Breaks::default()).await;
    shop.walk(Deed::Nothing).await;
    let mut now = shop.close();
    let mut restarts = 0;
    loop {
        let shop = Shop::open(folder.path(), now, Breaks::default()).await;
        let mut is_done = true;
        for over in ALL {
            let visits = shop.visits(over).await;
            assert!(visits.iter().all(|(_, times, _)| *times == 1), "none twice: {visits:?}");
            is_done &= shop.count(label(over)).await == 1;
        }
        if is_done || restarts == 50 {
            for visited in shop.visited().await {
                assert_eq!(visited, once(0..COUNT));
            }
            shop.close();
            break;
        }
        restarts += 1;
        now = shop.close();
    }
    assert_eq!(tasks(folder.path()), Vec::<String>::new(), "nothing is left");
    println!("{restarts} restarts in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_forgets_where_it_stands_is_caught() {
    let folder = tempfile::tempdir().expect("a folder");
    let breaks = Breaks { walk_forgets: true, ..Breaks::default() };
    let shop = Shop::with_numbers(folder.path(), COUNT, 1, breaks).await;
    shop.walk(Deed::Nothing).await;
    for over in ALL {
        let mut most = 0;
        for _ in 0..1_500 {
            most = shop.visits(over).await.iter().map(|(_, times, _)| *times).max().unwrap_or(0);
            if most > 1 {
                break;
            }
        }
        assert!(most > 1, "the break was not seen: {}", label(over));
    }
    shop.close();
}

/// Where walks fail. In the order of numbers that is in the third slice, or in the second of even ones.
const BREAKS_AT: u64 = 300;
/// How many entries a slice visits.
const SLICE: usize = 128;

/// A world in which the walks over all three have stopped for a while; and the last number that that over the ordered map has
/// visited.
async fn stopped(data: &Path, step: usize) -> (Shop, u64) {
    let shop = Shop::with_numbers(data, COUNT, step, Breaks::default()).await;
    shop.ask(Request::Break { is_broken: true }).await;
    shop.walk(Deed::BreaksAt(BREAKS_AT)).await;
    // Those of whole slices.
    let before = (0..BREAKS_AT).step_by(step).count() / SLICE * SLICE;
    let before = (0..COUNT).step_by(step).take(before).map(|number| (number, 1, number));
    let before: Visits = before.collect();
    for _ in 0..1_500 {
        if shop.visits(Over::Ordered).await == before {
            break;
        }
    }
    shop.settle().await;
    let ordered = shop.visits(Over::Ordered).await;
    assert_eq!(ordered, before, "in their order, and nothing of the slice that failed");
    let last = before.last().expect("some were visited").0;
    shop.expect(&[("ordered", 0)]).await;
    (shop, last)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_failed_goes_on_with_that_slice_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (shop, _) = stopped(folder.path(), 1).await;
    let now = shop.close();
    let stored = tasks(folder.path()).join("\n");
    assert!(stored.contains("a shelf has broken at 300"), "{stored}");
    let mut shop = Shop::open(folder.path(), now, Breaks::default()).await;
    shop.ask(Request::Break { is_broken: false }).await;
    shop.pass(1_000);
    for visited in shop.visited().await {
        assert_eq!(visited, once(0..COUNT));
    }
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_keeps_failing_is_set_aside_with_its_cause() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut shop, last) = stopped(folder.path(), 1).await;
    for _ in 0..8 {
        shop.pass(20);
        shop.settle().await;
    }
    assert_eq!(shop.visits(Over::Ordered).await.len() as u64, last + 1);
    let now = shop.close();
    let stored = tasks(folder.path());
    let ordered = stored.iter().find(|task| task.contains("OrderedWalk")).expect("it is kept");
    for part in ["\"again\":null", "\"tries\":3", "a shelf has broken at 300"] {
        assert!(ordered.contains(part), "{part} is not in {ordered}");
    }
    let mut shop = Shop::open(folder.path(), now, Breaks::default()).await;
    shop.ask(Request::Break { is_broken: false }).await;
    shop.pass(60_000);
    // It waits for an operator.
    shop.expect(&[("ordered", 0)]).await;
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_do_to_the_collection_meanwhile_is_seen_when_its_turn_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    // Even numbers, so that there is room between them.
    let (mut shop, last) = stopped(folder.path(), 2).await;
    // Where the walk has been: taken out and put in again, and new ones.
    shop.tell(Order::Take { from: 0, to: 20 }).await;
    shop.tell(Order::Put { from: 0, to: 20, step: 1 }).await;
    // Where it has not: taken out, new ones, changed ones; and behind its end.
    shop.tell(Order::Take { from: 800, to: 820 }).await;
    shop.tell(Order::Put { from: 701, to: 720, step: 2 }).await;
    shop.tell(Order::Change { from: 900, to: 901, value: CHANGED }).await;
    shop.tell(Order::Put { from: COUNT, to: COUNT + 300, step: 1 }).await;
    let (before_map, before_set) = (shop.visits(Over::Map).await, shop.visits(Over::Set).await);
    shop.ask(Request::Break { is_broken: false }).await;
    shop.pass(1_000);
    let visited = shop.visited().await;
    let stay = |number: &u64| !(800..820).contains(number);
    let new = (701..720).step_by(2);
    assert_eq!(visited[1], once((0..COUNT).step_by(2).filter(stay).chain(new)), "behind {last}");
    assert!(shop.visits(Over::Ordered).await.contains(&(900, 1, CHANGED)), "as it was then");
    // In the order of their hashes nobody knows which of the others had been.
    for (visited, before) in [(&visited[0], before_map), (&visited[2], before_set)] {
        assert!(visited.values().all(|times| *times == 1), "none twice: {visited:?}");
        let stayed = (0..COUNT).step_by(2).filter(stay).all(|number| visited.contains_key(&number));
        assert!(stayed, "all that were there and are: {visited:?}");
        let was = |number: &u64| before.iter().any(|(of, ..)| of == number);
        let gone = visited.range(800..820).all(|(number, _)| was(number));
        assert!(gone, "none that was gone: {visited:?}");
    }
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_visit_does_to_the_collection_is_seen_by_the_next() {
    for deed in [Deed::Takes, Deed::PutsBehind, Deed::Changes, Deed::PutsBack] {
        let folder = tempfile::tempdir().expect("a folder");
        // Far enough from one another to tell what is put in from what was there.
        let step = if deed == Deed::Takes { 1 } else { 10 };
        let shop = Shop::with_numbers(folder.path(), COUNT, step, Breaks::default()).await;
        shop.walk(deed).await;
        let visited = shop.visited().await;
        for visited in &visited {
            assert!(visited.values().all(|times| *times == 1), "none twice: {visited:?}");
        }
        match deed {
            // What an earlier visit has taken out is not visited, also in the same slice.
            Deed::Takes => {
                assert_eq!(visited[1], once((0..COUNT).step_by(2)));
                for visited in [&visited[0], &visited[2]] {
                    assert!((0..COUNT).step_by(2).all(|even| visited.contains_key(&even)));
                }
            }
            Deed::PutsBack => visited.iter().for_each(|visited| {
                assert_eq!(*visited, once((0..COUNT).step_by(step)));
            }),
            _ => visited.iter().for_each(|visited| {
                assert!((0..COUNT).step_by(step).all(|number| visited.contains_key(&number)));
            }),
        }
        shop.close();
    }
}

/// In the order of numbers, each slice puts in a whole one that would come next.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_whose_visits_put_in_more_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = 2 * SLICE as u64;
    let shop = Shop::with_numbers(folder.path(), count, 1, Breaks::default()).await;
    let over = vec![(Over::Ordered, "ordered".to_owned())];
    shop.tell(Order::Walk { over, deed: Deed::PutsAhead }).await;
    shop.expect(&[("ordered", 1)]).await;
    let visits = shop.visits(Over::Ordered).await;
    let visited: BTreeMap<_, _> =
        visits.iter().map(|(number, times, _)| (*number, *times)).collect();
    assert_eq!(visited, once(0..count));
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_sees_the_value_that_another_has_given_in_the_same_slice() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::with_numbers(folder.path(), 3, 1, Breaks::default()).await;
    shop.walk(Deed::Changes).await;
    shop.visited().await;
    let ordered = shop.visits(Over::Ordered).await;
    assert_eq!(ordered, [(0, 1, 0), (1, 1, CHANGED), (2, 1, CHANGED)]);
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_over_nothing_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::with_numbers(folder.path(), 0, 1, Breaks::default()).await;
    let over = ALL.map(|over| (over, label(over).to_owned())).to_vec();
    // What the task puts in after it has asked was not there yet.
    shop.tell(Order::WalkAndPut { over, number: 7 }).await;
    for visited in shop.visited().await {
        assert_eq!(visited, BTreeMap::new());
    }
    shop.close();
}

/// Whole slices, and one more and one less.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_ends_where_a_slice_does() {
    for count in [1, 127, 128, 129, 256] {
        let folder = tempfile::tempdir().expect("a folder");
        let shop = Shop::with_numbers(folder.path(), count, 1, Breaks::default()).await;
        shop.walk(Deed::Nothing).await;
        for visited in shop.visited().await {
            assert_eq!(visited, once(0..count));
        }
        shop.close();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_is_done_when_its_collection_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut shop, last) = stopped(folder.path(), 1).await;
    shop.tell(Order::Destroy).await;
    shop.pass(1_000);
    shop.expect(&[("ordered", 1)]).await;
    assert_eq!(shop.visits(Over::Ordered).await.len() as u64, last + 1, "none is there any more");
    // Whoever asks for one then made a mistake.
    let over = vec![(Over::Ordered, "late".to_owned())];
    let order = Order::Walk { over, deed: Deed::Nothing };
    let told = shop.refused(Request::Shelves { order }).await;
    assert!(told.contains("daystar.Collection"), "{told}");
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_whose_visit_removes_the_collection_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::with_numbers(folder.path(), COUNT, 1, Breaks::default()).await;
    shop.walk(Deed::Destroys).await;
    for visited in shop.visited().await {
        assert_eq!(visited.values().collect::<Vec<_>>(), [&1]);
    }
    shop.close();
}

/// The keys of one collection say nothing of where those of another are.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_names_another_collection_than_before_is_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::with_numbers(folder.path(), COUNT, 1, Breaks::default()).await;
    shop.tell(Order::WalkAstray).await;
    shop.expect(&[("astray", 0)]).await;
    shop.close();
    let stored = tasks(folder.path()).join("\n");
    assert!(stored.contains("`AstrayWalk` was begun over the collection #"), "{stored}");
}
