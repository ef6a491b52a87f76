//! The game of the servers that are killed: what it is asked for becomes an order, and whatever comes of an order is noted in
//! it, by the commit in which it comes. So the world keeps the ledger of itself.

use daystar::prelude::*;

use crate::kills::outside;

/// What was asked for, and all that has come of it.
#[managed]
#[derive(Debug)]
pub(crate) struct Order {
    /// Made up by who asked: a later order has a higher one.
    pub(crate) number: u64,
    pub(crate) work: Work,
    /// The server that was asked.
    pub(crate) round: u64,
    pub(crate) asked: Stamp,
    /// How many chests there were.
    pub(crate) chests: u64,
    /// Of the task that waits, or of the last one that did.
    pub(crate) handle: TaskHandle,
    pub(crate) effects: Vec<Effect>,
    pub(crate) cancelled: Option<Cancelled>,
}

#[managed]
#[message]
#[derive(Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Moves a coin.
    Strike { after_ms: u64 },
    /// So many tasks, each of which is asked for by the one before it.
    Chain { links: u64 },
    /// A task that runs again and again.
    Every { period_ms: u64, missed: u8, by_wall: bool },
    /// A task that fails for some milliseconds.
    Late,
    /// A task that fails: on the server that was asked, or `for_ever`.
    Doomed { for_ever: bool },
    /// A call of the outside world.
    Errand,
    /// A sweep over all chests.
    Sweep,
    /// A walk over all chests, by their places.
    Walk,
    /// A survey of all chests.
    Survey,
}

/// What the `missed` of [`Work::Every`] means.
pub(crate) const MISSED: [Missed; 3] = [Missed::Skip, Missed::One, Missed::All];

#[managed]
#[derive(Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) world_ms: u64,
    pub(crate) wall_ms: u64,
}

#[managed]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) what: What,
    /// The server that has brought it about.
    pub(crate) round: u64,
    pub(crate) at: Stamp,
}

#[managed]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    Struck,
    Linked {
        link: u64,
    },
    Ticked,
    /// Of [`Work::Late`] and [`Work::Doomed`]; rolled back when they fail.
    Tried,
    /// By a task that was asked for by one that then failed.
    Strayed,
    Replied {
        key: String,
        ticket: u64,
    },
    Swept,
    Walked,
    Counted {
        tally: Tally,
        chests_now: u64,
    },
}

/// What was told who took the order back.
#[managed]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cancelled {
    pub(crate) was_waiting: bool,
    /// How much had come of it until then.
    pub(crate) effects: u64,
}

/// What sweeps and walks visit and surveys count. No coin is made or lost but with a chest.
#[managed]
pub(crate) struct Chest {
    /// Its place among all, in the order in which they were made.
    pub(crate) place: u64,
    pub(crate) coins: i64,
    /// The orders whose sweeps and walks were here, in turn.
    pub(crate) visited: Vec<u64>,
}

#[managed]
struct Register {
    chests: Vec<Ref<Chest>>,
    places: OrderedMap<u64, Ref<Chest>>,
}

#[message]
pub(crate) enum Request {
    /// Places all these orders, and as many chests.
    Place { orders: Vec<(u64, Work)>, chests: u64 },
    /// Takes orders back.
    Cancel { numbers: Vec<u64> },
}

/// What whoever is there is told when it is on disk.
#[message]
pub(crate) enum Event {
    /// So much has come of an order by now.
    Came { number: u64, effects: u64, is_tick: bool },
    /// A sweep or a walk was at the chest in this place.
    Visited { number: u64, place: u64 },
}

pub(crate) struct Works;

impl Game for Works {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "works";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let places = OrderedMap::new(ctx)?;
        ctx.bind(REGISTER, ctx.insert(Register { chests: Vec::new(), places })?)?;
        place_chests(ctx, CHESTS)
    }

    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        ctx.channel(GATE).join(session);
        Ok(())
    }

    fn received(&self, ctx: &Ctx, _: Session, request: Request) -> Result<()> {
        match request {
            Request::Place { orders, chests } => {
                if chests > 0 {
                    place_chests(ctx, chests)?;
                }
                orders.into_iter().try_for_each(|(number, work)| place(ctx, number, work))
            }
            Request::Cancel { numbers } => {
                numbers.into_iter().try_for_each(|number| cancel(ctx, number))
            }
        }
    }
}

fn place_chests(ctx: &Ctx, count: u64) -> Result<()> {
    let mut register = ctx.get_mut(ctx.lookup::<Register>(REGISTER)?)?;
    for _ in 0..count {
        let place = register.chests.len() as u64;
        let chest = ctx.insert(Chest { place, coins: COINS, visited: Vec::new() })?;
        register.chests.push(chest);
        register.places.insert(ctx, place, chest)?;
    }
    Ok(())
}

fn place(ctx: &Ctx, number: u64, work: Work) -> Result<()> {
    let handle = match work {
        Work::Strike { after_ms } => {
            ctx.schedule(Duration::from_millis(after_ms), Strike { number })?
        }
        Work::Chain { .. } => ctx.schedule(Duration::ZERO, Link { number, link: 0 })?,
        Work::Every { period_ms, missed, by_wall } => {
            let plan = Plan::every(Duration::from_millis(period_ms));
            let plan = plan.missed(MISSED[usize::from(missed)]);
            let plan = if by_wall { plan.by_wall_time() } else { plan };
            ctx.plan(plan, Tick { number })?
        }
        Work::Late => ctx.schedule(Duration::ZERO, Late { number })?,
        Work::Doomed { for_ever } => ctx.schedule(Duration::ZERO, Doomed { number, for_ever })?,
        Work::Errand => ctx.after_commit(Errand { number })?,
        Work::Sweep => ctx.sweep(Brush { number })?,
        Work::Walk => {
            let places = ctx.get(ctx.lookup::<Register>(REGISTER)?)?.places;
            ctx.walk(Tour { number, places })?
        }
        Work::Survey => ctx.survey(Census { number })?,
    };
    let (round, asked, chests) = (outside::round(), stamp(ctx), chests(ctx)?);
    let (effects, cancelled) = (Vec::new(), None);
    let order = Order { number, work, round, asked, chests, handle, effects, cancelled };
    ctx.bind(&name_of(number), ctx.insert(order)?)
}

fn cancel(ctx: &Ctx, number: u64) -> Result<()> {
    let order = find(ctx, number)?;
    let handle = ctx.get(order)?.handle;
    let was_waiting = ctx.cancel(handle)?;
    let mut order = ctx.get_mut(order)?;
    let effects = order.effects.len() as u64;
    order.cancelled = Some(Cancelled { was_waiting, effects });
    Ok(())
}

#[task]
struct Strike {
    number: u64,
}

impl Task for Strike {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        let (from, to) = {
            let register = ctx.get(ctx.lookup::<Register>(REGISTER)?)?;
            let chest = |place: u64| register.chests[(place % CHESTS) as usize];
            // From one end to the other, so that a survey that sees no one moment miscounts.
            (chest(self.number), chest(self.number + CHESTS / 2))
        };
        ctx.get_mut(from)?.coins -= 1;
        ctx.get_mut(to)?.coins += 1;
        note(ctx, self.number, What::Struck)
    }
}

#[task]
struct Link {
    number: u64,
    link: u64,
}

impl Task for Link {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        let Self { number, link } = *self;
        let order = find(ctx, number)?;
        let Work::Chain { links } = ctx.get(order)?.work else { bail!("{number} is no chain") };
        if link + 1 < links {
            // Every third at once, which is what `spawn` does.
            let pause = Duration::from_millis(link % 3);
            let next = ctx.schedule(pause, Self { number, link: link + 1 })?;
            ctx.get_mut(order)?.handle = next;
        }
        note(ctx, number, What::Linked { link })
    }
}

#[task]
struct Tick {
    number: u64,
}

impl Task for Tick {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        note(ctx, self.number, What::Ticked)
    }
}

#[task]
struct Late {
    number: u64,
}

impl Task for Late {
    const RETRY: Retry =
        Retry { tries: None, first: Duration::from_millis(1), longest: Duration::from_millis(2) };

    fn run(&self, ctx: &Ctx) -> Result<()> {
        let asked = ctx.get(find(ctx, self.number)?)?.asked;
        try_and(ctx, self.number, ctx.now().unix_ms < asked.world_ms + LATE_MS)
    }
}

#[task]
struct Doomed {
    number: u64,
    for_ever: bool,
}

impl Task for Doomed {
    const RETRY: Retry = Retry {
        tries: Some(DOOMED_TRIES),
        // So long that it is seldom over before the kill.
        first: Duration::from_millis(20),
        longest: Duration::from_millis(40),
    };

    fn run(&self, ctx: &Ctx) -> Result<()> {
        let round = ctx.get(find(ctx, self.number)?)?.round;
        try_and(ctx, self.number, self.for_ever || round == outside::round())
    }
}

/// Does something, and then fails, or not.
fn try_and(ctx: &Ctx, number: u64, fails: bool) -> Result<()> {
    note(ctx, number, What::Tried)?;
    if fails {
        ctx.spawn(Stray { number })?;
        assert!(number.is_multiple_of(2), "the mould has cracked");
        bail!("the fire has gone out");
    }
    Ok(())
}

/// Is never run: who asks for it fails.
#[task]
struct Stray {
    number: u64,
}

impl Task for Stray {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        note(ctx, self.number, What::Strayed)
    }
}

#[external]
struct Errand {
    number: u64,
}

/// The answer to an errand.
#[managed]
struct Reply {
    key: String,
    ticket: u64,
}

impl External for Errand {
    type Output = Reply;
    const RETRY: Retry =
        Retry { tries: None, first: Duration::from_millis(1), longest: Duration::from_millis(4) };

    async fn call(self, key: CallKey) -> Result<Reply> {
        let key = key.to_string();
        let ticket = outside::call(self.number, &key)?;
        // The outside world takes its time, and not always is it understood.
        tokio::time::sleep(Duration::from_millis(ticket % 7)).await;
        ensure!(!ticket.is_multiple_of(3), "the line is dead");
        Ok(Reply { key, ticket })
    }
    fn done(&self, ctx: &Ctx, reply: Reply) -> Result<()> {
        let Reply { key, ticket } = reply;
        note(ctx, self.number, What::Replied { key, ticket })
    }
}

#[sweep]
struct Brush {
    number: u64,
}

impl Sweep for Brush {
    type Object = Chest;

    fn visit(&self, ctx: &Ctx, chest: Ref<Chest>) -> Result<()> {
        visit(ctx, self.number, chest)
    }
    fn done(&self, ctx: &Ctx) -> Result<()> {
        note(ctx, self.number, What::Swept)
    }
}

#[walk]
struct Tour {
    number: u64,
    places: OrderedMap<u64, Ref<Chest>>,
}

impl Walk for Tour {
    type Collection = OrderedMap<u64, Ref<Chest>>;

    fn collection(&self) -> Self::Collection {
        self.places
    }
    fn visit(&self, ctx: &Ctx, (_, chest): (u64, Ref<Chest>)) -> Result<()> {
        visit(ctx, self.number, chest)
    }
    fn done(&self, ctx: &Ctx) -> Result<()> {
        note(ctx, self.number, What::Walked)
    }
}

/// Notes in a chest that a sweep or a walk was there.
fn visit(ctx: &Ctx, number: u64, chest: Ref<Chest>) -> Result<()> {
    let mut chest = ctx.get_mut(chest)?;
    chest.visited.push(number);
    let place = chest.place;
    if place.is_multiple_of(VISITED_TOLD_EVERY) {
        ctx.durable().channel(GATE).send(Event::Visited { number, place });
    }
    Ok(())
}

#[survey]
struct Census {
    number: u64,
}

/// What a survey has found.
#[managed]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) ticket: u64,
    pub(crate) chests: u64,
    pub(crate) coins: i64,
    /// Whether each chest was seen once.
    pub(crate) is_each_once: bool,
}

impl Survey for Census {
    type Found = Tally;

    fn look(&self, world: &World) -> Result<Tally> {
        let ticket = outside::call(self.number, outside::LOOK)?;
        let mut tally = Tally { ticket, chests: 0, coins: 0, is_each_once: true };
        let mut last = None;
        world.each::<Chest>(|chest, value| {
            tally.chests += 1;
            tally.coins += value.coins;
            tally.is_each_once &= last.replace(chest).is_none_or(|last| last < chest);
            if tally.chests == CHESTS / 2 {
                // As if there were a million of them.
                std::thread::sleep(Duration::from_millis(LOOK_MS));
            }
            Ok(())
        })?;
        Ok(tally)
    }
    fn done(&self, ctx: &Ctx, tally: Tally) -> Result<()> {
        let chests_now = chests(ctx)?;
        note(ctx, self.number, What::Counted { tally, chests_now })
    }
}

/// Notes what has come of an order, and says so when it is on disk.
fn note(ctx: &Ctx, number: u64, what: What) -> Result<()> {
    let is_tick = what == What::Ticked;
    let mut order = ctx.get_mut(find(ctx, number)?)?;
    order.effects.push(Effect { what, round: outside::round(), at: stamp(ctx) });
    let effects = order.effects.len() as u64;
    ctx.durable().channel(GATE).send(Event::Came { number, effects, is_tick });
    Ok(())
}

fn find(ctx: &Ctx, number: u64) -> Result<Ref<Order>> {
    ctx.lookup(&name_of(number))
}

fn name_of(number: u64) -> String {
    format!("order {number}")
}

fn chests(ctx: &Ctx) -> Result<u64> {
    Ok(ctx.get(ctx.lookup::<Register>(REGISTER)?)?.chests.len() as u64)
}

fn stamp(ctx: &Ctx) -> Stamp {
    Stamp { world_ms: ctx.now().unix_ms, wall_ms: ctx.wall_time().unix_ms }
}

/// How many chests there are at first, and how many coins are in a new one.
pub(crate) const CHESTS: u64 = 1500;
pub(crate) const COINS: i64 = 100;

/// How often [`Work::Doomed`] is tried.
pub(crate) const DOOMED_TRIES: u32 = 3;

/// For so long [`Work::Late`] fails.
const LATE_MS: u64 = 3;

/// Of so many chests one says that it was visited.
const VISITED_TOLD_EVERY: u64 = 100;

/// How long a survey pauses.
const LOOK_MS: u64 = 3;

/// Where whoever is there listens.
const GATE: &str = "gate";
const REGISTER: &str = "register";
