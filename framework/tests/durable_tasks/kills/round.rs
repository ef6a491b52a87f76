//! One round: a server is started on a world, asked for all sorts of work, killed, and what it has left is judged.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daystar::Missed;
use daystar_model::{Clock, SystemClock};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::sleep;

use crate::kills::judge::{Counts, FAR_MS, Judge, Life, is_complete};
use crate::kills::remains::Remains;
use crate::kills::told::{Step, Told, ask};
use crate::kills::victim::{CALLS, Orders, Victim, WORLD};
use crate::kills::works::{MISSED, Order, Request, Work};
use crate::kills::{outside, random_below};

/// A world whose servers are killed.
pub(crate) struct Ground {
    folder: TempDir,
    /// What of the servers is broken on purpose.
    broken: &'static str,
    judge: Judge,
    rounds: u64,
    orders: u64,
}

/// When a server is to be killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// When so many effects were told of, and somewhat later.
    Told(u64, Duration),
    /// When a sweep or a walk was told of that has begun.
    Visited,
    /// When the outside world has been called so often, or surveys have looked so often.
    Called { is_look: bool, times: usize },
    /// At a fail point of the store, of this name, when it is passed so often; or at so many calls (`call`) or looks (`look`).
    AtPoint(&'static str, u64),
    /// So long after it was launched, whether it serves by then or not. It is asked for nothing, and goes on with what there is.
    AtStart(Duration),
}

/// A server that was launched, and whoever speaks to it.
struct Running {
    victim: Victim,
    round: u64,
    launched_ms: u64,
    served_ms: Option<u64>,
    told: Arc<Mutex<Told>>,
    clients: JoinSet<()>,
}

impl Ground {
    pub(crate) fn new(broken: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, broken, judge: Judge::default(), rounds: 0, orders: 0 }
    }

    /// Runs a server until it is killed, and judges what it has left.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) async fn round(&mut self, when: When) -> Result<(), String> {
        let die_at = match when {
            When::AtPoint(point, times) => format!("{point}:{times}"),
            _ => String::new(),
        };
        let mut running = self.launch(&die_at);
        if let When::AtStart(after) = when {
            sleep(after).await;
            return self.end(running).await;
        }
        let (steps, round, calls) = (self.steps(), running.round, self.calls());
        running.serve(steps);
        running
            .wait(|told| {
                // Nothing more comes: as good a time as any.
                let is_quiet = told.quiet_since.is_some_and(|since| since.elapsed() > QUIET);
                is_quiet || when.has_come(told, round, &calls)
            })
            .await?;
        if let When::Told(_, later) = when {
            sleep(later).await;
        }
        self.end(running).await
    }

    /// Starts the world again, lets come what is still to come, and takes back what never ends. After that nothing is left to be
    /// done, and everything that was asked for was done once.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) async fn settle(mut self) -> Result<Counts, String> {
        let mut running = self.launch("");
        running.serve(Vec::new());
        let (world, round) = (self.world(), running.round);
        let mut open = String::new();
        let settled = running.wait(|told| {
            let is_quiet = told.quiet_since.is_some_and(|since| since.elapsed() > QUIET);
            if is_quiet {
                open = first_open(&world, round);
            }
            is_quiet && open.is_empty()
        });
        settled.await.map_err(|wrong| format!("{wrong}; {open}"))?;
        self.end(running).await?;

        let endless = self.live(|work| matches!(work, Work::Every { .. } | FAR));
        let cancel = |numbers: &[u64]| Request::Cancel { numbers: numbers.to_vec() };
        let steps = endless.chunks(CANCELLED_AT_ONCE).map(cancel);
        let steps = steps.map(|request| Step { request, is_durable: true }).collect();
        let mut running = self.launch("");
        running.serve(steps);
        running.wait(|told| told.quiet_since.is_some()).await?;
        self.end(running).await?;

        // So whatever was asked for is complete, or was taken back: the judge knows no third way not to wait.
        let mut left = self.judge.before.waiting.values().flatten();
        match left.find(|task| !task.is_set_aside || task.kind != "Doomed") {
            Some(task) => Err(format!("this waits though nothing is to be done: {task:?}")),
            None => Ok(self.judge.counts),
        }
    }

    fn world(&self) -> PathBuf {
        self.folder.path().join(WORLD)
    }

    fn calls(&self) -> PathBuf {
        self.folder.path().join(CALLS)
    }

    fn launch(&mut self, die_at: &str) -> Running {
        let round = self.rounds;
        self.rounds += 1;
        let launched_ms = wall_ms();
        let victim =
            Victim::launch(self.folder.path(), Orders { round, broken: self.broken, die_at });
        let (told, clients) = (Arc::default(), JoinSet::new());
        Running { victim, round, launched_ms, served_ms: None, told, clients }
    }

    /// Kills a server, and judges what it has left.
    async fn end(&mut self, running: Running) -> Result<(), String> {
        let Running { victim, round, launched_ms, served_ms, told, mut clients } = running;
        block_in_place(|| victim.kill(self.folder.path()))?;
        let killed_ms = wall_ms();
        // They would notice by themselves, but only when the connection has been silent for long enough.
        clients.shutdown().await;
        let now = Remains::read(&self.world())?;
        let (told, calls) = (told.lock(), outside::read(&self.calls()));
        let served_ms = served_ms.unwrap_or(killed_ms);
        let life = Life { round, launched_ms, served_ms, killed_ms, told: &told, calls: &calls };
        self.judge.check(now, &life)
    }

    /// What a server is asked for: some of everything, again and again, and now and then that something is taken back.
    fn steps(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut last: Vec<(u64, Work)> = Vec::new();
        let ticking = self.live(|work| matches!(work, Work::Every { .. }));
        let begun = ticking.first().map(|number| self.judge.before.orders[number].round);
        let is_time_to_tick = begun.is_none_or(|begun| self.rounds > begun + TICKING_ROUNDS);
        if is_time_to_tick {
            // Before others are asked for, or there would be more and more of them on servers that are killed in between.
            let request = Request::Cancel { numbers: ticking };
            steps.push(Step { request, is_durable: true });
        }
        // Servers live so shortly that there would be more and more of what takes long.
        let is_long = |work| matches!(work, Work::Sweep | Work::Walk | Work::Survey);
        let mut long = self.live(is_long).len();
        for part in 0..PARTS {
            let mut works = some_works(part);
            works.retain(|work| {
                long += usize::from(is_long(*work));
                !is_long(*work) || long <= LONG_MAX
            });
            if part == 0 && is_time_to_tick {
                works.extend(ticks());
            }
            let orders: Vec<_> = works.into_iter().map(|work| (self.next_order(), work)).collect();
            // With the surveys: one that looks too early misses it.
            let chests = u64::from(part.is_multiple_of(2));
            let request = Request::Place { orders: orders.clone(), chests };
            steps.push(Step { request, is_durable: part % 3 != 2 });

            // Of what was asked for a moment ago: what never comes, and one of those that may be coming right now.
            let (mut numbers, mut coming) = (Vec::new(), Vec::new());
            for (number, work) in std::mem::replace(&mut last, orders) {
                match work {
                    FAR => numbers.push(number),
                    Work::Every { .. } => {}
                    _ => coming.push(number),
                }
            }
            if !coming.is_empty() {
                numbers.push(coming[random_below(coming.len() as u64) as usize]);
            }
            if !numbers.is_empty() {
                let request = Request::Cancel { numbers };
                steps.push(Step { request, is_durable: part.is_multiple_of(2) });
            }
        }
        steps
    }

    /// Those orders on disk that wait and that `is_meant`.
    fn live(&self, is_meant: impl Fn(Work) -> bool) -> Vec<u64> {
        let before = &self.judge.before;
        let meant = before
            .orders
            .values()
            .filter(|order| is_meant(order.work) && !before.waiting(order.number).is_empty());
        meant.map(|order| order.number).collect()
    }

    fn next_order(&mut self) -> u64 {
        self.orders += 1;
        self.orders
    }
}

impl When {
    /// Whether it is time, by what the server of this `round` has told and, in the file `calls`, called.
    fn has_come(self, told: &Told, round: u64, calls: &Path) -> bool {
        match self {
            Self::Told(effects, _) => told.effects >= effects,
            Self::Visited => !told.visited.is_empty(),
            Self::Called { is_look, times } => {
                let calls = outside::read(calls).into_iter();
                calls.filter(|call| call.round() == round && call.is_look() == is_look).count()
                    >= times
            }
            Self::AtPoint(..) | Self::AtStart(_) => false,
        }
    }
}

impl Running {
    /// Waits until the server lets clients in, and has one ask for `steps`; none, if it dies before.
    fn serve(&mut self, steps: Vec<Step>) {
        let Some(server) = block_in_place(|| self.victim.address()) else { return };
        self.served_ms = Some(wall_ms());
        let told = Arc::clone(&self.told);
        self.clients.spawn(async move { ask(server, steps, &told).await });
    }

    /// Waits until it `is_time`, or the server dies by itself.
    async fn wait(&mut self, mut is_time: impl FnMut(&Told) -> bool) -> Result<(), String> {
        let began = Instant::now();
        while !self.victim.has_died() && !is_time(&self.told.lock()) {
            sleep(Duration::from_millis(1)).await;
            if began.elapsed() > PATIENCE {
                return Err("lost: what is waited for does not come".to_owned());
            }
        }
        Ok(())
    }
}

/// What is open, or why that is not known: one of it. Empty if nothing is.
fn first_open(world: &Path, round: u64) -> String {
    let now = match Remains::read(world) {
        Ok(now) => now,
        Err(cause) => return cause,
    };
    let open = now.orders.values().find(|order| is_open(&now, order, round));
    open.map(|order| format!("{order:?} {:?}", now.waiting(order.number))).unwrap_or_default()
}

/// Whether something is to come of an order on the server of this `round`, of which nobody knows when it ends.
fn is_open(now: &Remains, order: &Order, round: u64) -> bool {
    let is_set_aside = now.waiting(order.number).first().is_some_and(|task| task.is_set_aside);
    match order.work {
        _ if order.cancelled.is_some() => false,
        FAR => false,
        Work::Every { .. } => order.effects.iter().all(|effect| effect.round != round),
        Work::Doomed { .. } => !is_set_aside && !is_complete(order),
        _ => !is_complete(order),
    }
}

fn some_works(part: u64) -> Vec<Work> {
    let strikes = (0..STRIKES).map(|number| Work::Strike { after_ms: part + number * 20 });
    let mut works: Vec<_> = strikes.collect();
    works.extend([FAR, Work::Chain { links: LINKS }, Work::Late]);
    works.extend([Work::Doomed { for_ever: true }, Work::Doomed { for_ever: false }]);
    works.extend([Work::Errand; ERRANDS]);
    if part.is_multiple_of(2) {
        works.push(Work::Survey);
    }
    if part % 4 == 1 {
        works.extend([Work::Walk, Work::Sweep]);
    }
    works
}

/// Periodic tasks of every sort: some tick many times between two kills, and of some others a tick falls now and then into the
/// time between two servers, which is then the newest when the next one starts.
fn ticks() -> impl Iterator<Item = Work> {
    let (often, seldom) = (20, 300);
    // A crash moves the world's clock on by seconds. Where each tick of those is made up for, there must not be many.
    let sorts = [(true, often), (true, seldom), (false, often), (false, seldom)];
    let sorts =
        sorts.into_iter().flat_map(|sort| (0_u8..).zip(MISSED).map(move |missed| (sort, missed)));
    let few = sorts.filter(move |((by_wall, period_ms), (_, missed))| {
        *by_wall || (*period_ms == seldom) == (*missed == Missed::All)
    });
    few.map(|((by_wall, period_ms), (missed, _))| Work::Every { period_ms, missed, by_wall })
}

fn wall_ms() -> u64 {
    SystemClock.now().unix_ms
}

/// Is there to be taken back.
const FAR: Work = Work::Strike { after_ms: FAR_MS };

/// In how many parts a server is asked for everything; of what comes oftener, how much there is in each.
const PARTS: u64 = 8;
const STRIKES: u64 = 4;
const ERRANDS: usize = 3;
const LINKS: u64 = 12;

/// How many effects come of that, at least, if nobody kills the server.
pub(crate) const EFFECTS: u64 = PARTS * (STRIKES + LINKS);

/// No more sweeps, walks and surveys than that are asked for while others wait.
const LONG_MAX: usize = 10;

/// Through so many kills a periodic task is kept.
const TICKING_ROUNDS: u64 = 3;

/// A task may touch only so many objects.
const CANCELLED_AT_ONCE: usize = 100;

/// When all was asked for and nothing has come for so long, nothing is waited for any more.
const QUIET: Duration = Duration::from_millis(100);

/// How long something may take that must come, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(120);
