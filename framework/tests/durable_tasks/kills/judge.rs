//! What must hold of a world after each kill: every order that there is waits, has taken effect or was taken back, one of these and
//! once; nothing that was on disk, or that anybody was told is, has gone; and the outside world agrees.

use std::collections::{BTreeMap, BTreeSet};

use daystar::Missed;
use daystar_model::managed::Object;

use crate::kills::outside::Call;
use crate::kills::remains::{Remains, Stage, Waiting};
use crate::kills::told::Told;
use crate::kills::works::{COINS, Cancelled, DOOMED_TRIES, Effect, MISSED, Order, What, Work};

/// Compares what each kill leaves with what the one before it has left.
#[derive(Default)]
pub(crate) struct Judge {
    pub(crate) before: Remains,
    killed_ms: u64,
    /// The latest time of the world's that anything was noted at.
    world_ms: u64,
    pub(crate) counts: Counts,
}

/// One server's life.
pub(crate) struct Life<'a> {
    pub(crate) round: u64,
    /// By the clock on the wall: it was started after the first, served at the second at the latest, and was dead at the third.
    pub(crate) launched_ms: u64,
    pub(crate) served_ms: u64,
    pub(crate) killed_ms: u64,
    pub(crate) told: &'a Told,
    /// All calls of the outside world, also of the servers before it.
    pub(crate) calls: &'a [Call],
}

/// What was seen: a test in which the kills strike when nothing is under way says nothing.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) kills: usize,
    pub(crate) orders: usize,
    pub(crate) effects: usize,
    /// How many kills have struck while something was under way, and by what it was.
    pub(crate) struck: usize,
    pub(crate) struck_in: BTreeMap<&'static str, usize>,
    /// Ticks that came while no server was there.
    pub(crate) missed: BTreeMap<&'static str, u64>,
    /// Calls that were made before.
    pub(crate) repeated: usize,
}

type Verdict = Result<(), String>;

fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Judge {
    /// Checks what a server has left that was killed.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(&mut self, now: Remains, life: &Life<'_>) -> Verdict {
        for (number, waiting) in &now.waiting {
            must(now.orders.contains_key(number), || {
                format!("nobody has asked for {waiting:?}, of order {number}")
            })?;
        }
        self.check_kept(&now)?;
        self.check_visits(&now)?;
        check_told(&now, life.told)?;
        for order in now.orders.values() {
            let checked = self.check_order(&now, order, life);
            checked.map_err(|wrong| {
                let (number, waiting) = (order.number, now.waiting(order.number));
                let before = self.before.orders.get(&number);
                let waited = self.before.waiting(number);
                format!("{wrong}: {order:?}; waiting: {waiting:?}; before: {before:?}; {waited:?}")
            })?;
        }
        self.check_calls(&now, life)?;
        check_coins(&now)?;
        self.count(&now, life);
        let new = now.orders.values().flat_map(|order| &order.effects);
        self.world_ms = new.map(|effect| effect.at.world_ms).fold(self.world_ms, u64::max);
        self.killed_ms = life.killed_ms;
        self.before = now;
        Ok(())
    }

    /// That nothing is gone or changed that was on disk before.
    fn check_kept(&self, now: &Remains) -> Verdict {
        for (number, before) in &self.before.orders {
            let kept = now.orders.get(number).is_some_and(|order| {
                order.effects.starts_with(&before.effects)
                    && (before.cancelled.is_none() || before.cancelled == order.cancelled)
            });
            must(kept, || {
                format!(
                    "taken back, although it was on disk: {before:?}, {:?}",
                    now.orders.get(number)
                )
            })?;
        }
        for (index, before) in &self.before.chests {
            let kept = now.chests.get(index);
            let kept = kept.is_some_and(|now| now.visited.starts_with(&before.visited));
            must(kept, || {
                format!("taken back, although it was on disk: a visit of chest {index}")
            })?;
        }
        Ok(())
    }

    /// That no chest was visited twice by a sweep or a walk, nor by one that was over.
    fn check_visits(&self, now: &Remains) -> Verdict {
        for (index, chest) in &now.chests {
            let known = self.before.chests.get(index).map_or(0, |before| before.visited.len());
            for (place, number) in chest.visited.iter().enumerate().skip(known) {
                let is_first = !chest.visited[..place].contains(number);
                must(is_first && !self.was_over(*number), || {
                    format!("twice: order {number} has visited chest {index} again, or in the end")
                })?;
            }
        }
        Ok(())
    }

    /// Whether nothing more was to come of an order that was on disk before.
    fn was_over(&self, number: u64) -> bool {
        let before = self.before.orders.get(&number);
        before.is_some_and(|order| is_complete(order) || order.cancelled.is_some())
    }

    fn check_order(&self, now: &Remains, order: &Order, life: &Life<'_>) -> Verdict {
        let waiting = now.waiting(order.number);
        let is_complete = is_complete(order);
        must(waiting.len() <= 1, || "twice: two tasks wait for one".to_owned())?;
        match &order.cancelled {
            Some(Cancelled { was_waiting, effects }) => {
                must(order.effects.len() as u64 == *effects, || {
                    "twice: it has taken effect after it was taken back".to_owned()
                })?;
                must(waiting.is_empty(), || "twice: it waits, and was taken back".to_owned())?;
                must(!was_waiting || !is_complete, || {
                    "twice: it waited when it was taken back, and had taken effect".to_owned()
                })?;
                must(*was_waiting || is_complete, || {
                    "lost: it did not wait when it was taken back, and had not taken effect"
                        .to_owned()
                })?;
            }
            None if is_complete => {
                must(waiting.is_empty(), || "twice: it waits, and has taken effect".to_owned())?;
            }
            None => must(waiting.len() == 1, || {
                "lost: it does not wait, and has not taken effect".to_owned()
            })?,
        }
        if let Some(task) = waiting.first() {
            must(task.kind == kind_of(order.work), || "a task of another kind waits".to_owned())?;
            must(order.to_json()["handle"] == task.id, || {
                "another task waits than its handle says".to_owned()
            })?;
        }
        let known = self.before.orders.get(&order.number).map_or(0, |before| before.effects.len());
        let new = &order.effects[known..];
        for effect in new {
            must(effect.round == life.round, || {
                "it took effect on a server that was dead by then".to_owned()
            })?;
            must(effect.at.world_ms >= self.world_ms, || {
                "the world's clock has gone back".to_owned()
            })?;
        }
        self.check_work(now, order, waiting.first(), new, life)
    }

    fn check_work(
        &self,
        now: &Remains,
        order: &Order,
        task: Option<&Waiting>,
        new: &[Effect],
        life: &Life<'_>,
    ) -> Verdict {
        let effects: Vec<&What> = order.effects.iter().map(|effect| &effect.what).collect();
        let unexpected = || "something else has come of it".to_owned();
        let has_failed = task.is_some_and(|task| task.tries > 0);
        match order.work {
            Work::Strike { after_ms } => {
                must(matches!(effects[..], [] | [What::Struck]), unexpected)?;
                let is_early = order
                    .effects
                    .first()
                    .is_some_and(|effect| effect.at.world_ms < order.asked.world_ms + after_ms);
                must(!is_early, || "too early".to_owned())?;
                must(!has_failed, || "it has failed".to_owned())
            }
            Work::Chain { .. } => {
                let is_chain = (0..).zip(&effects).all(
                    |(place, effect)| matches!(effect, What::Linked { link } if *link == place),
                );
                must(is_chain, || "the chain is not one".to_owned())?;
                let next = task.map_or(Some(effects.len() as u64), |task| task.link);
                must(next == Some(effects.len() as u64), || {
                    "another link waits than the next".to_owned()
                })?;
                must(!has_failed, || "it has failed".to_owned())
            }
            Work::Every { period_ms, missed, by_wall } => {
                must(effects.iter().all(|effect| **effect == What::Ticked), unexpected)?;
                must(!has_failed, || "it has failed".to_owned())?;
                let ticks = Ticks { order, period_ms, by_wall };
                self.check_ticks(&ticks, MISSED[usize::from(missed)], task, new, life)
            }
            Work::Late | Work::Doomed { .. } => {
                must(matches!(effects[..], [] | [What::Tried]), || {
                    "a failed try has left something".to_owned()
                })?;
                self.check_tries(order, task)
            }
            Work::Errand => must(matches!(effects[..], [] | [What::Replied { .. }]), unexpected),
            Work::Sweep => {
                must(matches!(effects[..], [] | [What::Swept]), unexpected)?;
                // Of one that was over, no visit is new.
                if self.was_over(order.number) { Ok(()) } else { check_sweep(now, order, task) }
            }
            Work::Walk => {
                must(matches!(effects[..], [] | [What::Walked]), unexpected)?;
                if self.was_over(order.number) { Ok(()) } else { check_walk(now, order, task) }
            }
            Work::Survey => match effects[..] {
                [] => Ok(()),
                [What::Counted { tally, chests_now }] => {
                    must(tally.is_each_once, || "it saw a chest twice".to_owned())?;
                    must((order.chests..=*chests_now).contains(&tally.chests), || {
                        "it saw another number of chests than there were".to_owned()
                    })?;
                    let is_one_moment = tally.coins == tally.chests as i64 * COINS;
                    must(is_one_moment, || "it saw no one moment of the world".to_owned())
                }
                _ => Err(unexpected()),
            },
        }
    }

    /// That tries are counted, and the last one is the last.
    fn check_tries(&self, order: &Order, task: Option<&Waiting>) -> Verdict {
        let tries_max = u64::from(DOOMED_TRIES);
        if let Some(before) = self.before.waiting(order.number).first() {
            must(!before.is_set_aside || order.effects.is_empty(), || {
                "it was set aside, and has taken effect".to_owned()
            })?;
            must(task.is_none_or(|task| task.tries >= before.tries), || {
                "tries that had failed are forgotten".to_owned()
            })?;
        }
        let Work::Doomed { for_ever } = order.work else {
            return must(task.is_none_or(|task| !task.is_set_aside), || {
                "it was set aside too soon".to_owned()
            });
        };
        must(task.is_none_or(|task| task.is_set_aside == (task.tries == tries_max)), || {
            "it was tried too often, or not often enough".to_owned()
        })?;
        let is_elsewhere = |effect: &Effect| !for_ever && effect.round != order.round;
        must(order.effects.iter().all(is_elsewhere), || {
            "a failed try has left something".to_owned()
        })
    }

    /// That ticks are in phase, none ran twice, and those that were missed are made up for as `missed` says.
    fn check_ticks(
        &self,
        ticks: &Ticks<'_>,
        missed: Missed,
        task: Option<&Waiting>,
        new: &[Effect],
        life: &Life<'_>,
    ) -> Verdict {
        let order = ticks.order;
        // Which tick was the newest at the time of each.
        let newest = |effects: &[Effect]| {
            let newest = effects.iter().map(|effect| ticks.newest(effect));
            newest.collect::<Option<Vec<u64>>>().ok_or("a tick came too early")
        };
        let (all, new) = (newest(&order.effects)?, newest(new)?);
        let waits_for = task.map(|task| ticks.number_of(task.due_ms).ok_or("it is off its phase"));
        let waits_for = waits_for.transpose()?;
        if missed == Missed::All {
            must((0..).zip(&all).all(|(tick, newest)| *newest >= tick), || {
                "a tick came too early".to_owned()
            })?;
            return must(waits_for.is_none_or(|tick| tick == all.len() as u64), || {
                "not each tick ran once".to_owned()
            });
        }
        must(all.windows(2).all(|pair| pair[0] < pair[1]), || "a tick ran twice".to_owned())?;
        let skips_on_the_wall = missed == Missed::Skip && ticks.by_wall;
        if skips_on_the_wall {
            let is_late = |tick: &u64| ticks.due_ms(*tick) < life.launched_ms;
            must(!new.iter().any(is_late), || {
                "a tick ran that is of a time at which nobody served".to_owned()
            })?;
        }
        let Some(waits_for) = waits_for else { return Ok(()) };
        let behind_last = all.last().map_or(0, |tick| tick + 1);
        if !skips_on_the_wall || !new.is_empty() {
            return must(waits_for == behind_last, || "not the next tick is the next".to_owned());
        }
        // None has run. If it was moved on all the same, then over what nobody served.
        let waited = self.before.waiting(order.number).first();
        let waited_for = waited.and_then(|task| ticks.number_of(task.due_ms)).unwrap_or_default();
        let is_over_missed = waits_for > waited_for
            && ticks.due_ms(waits_for - 1) < life.served_ms
            && waited.is_some();
        must(waits_for == waited_for || is_over_missed, || {
            "a tick was passed over that was not missed".to_owned()
        })
    }

    /// That the outside world was called for what was on disk only, each time with the same key, not any more when the answer
    /// was there; and that this is the answer that has arrived.
    fn check_calls(&self, now: &Remains, life: &Life<'_>) -> Verdict {
        let mut by_order: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
        for call in life.calls {
            by_order.entry(call.number).or_default().push(call);
        }
        let mut keys = BTreeSet::new();
        for (number, calls) in &by_order {
            let first = calls[0];
            let Some(order) = now.orders.get(number) else {
                return Err(format!("called for what is not on disk: {first:?}"));
            };
            let wrong = |what: &str| format!("{what}: {order:?}; {calls:?}");
            let keys_differ = calls.iter().any(|call| call.key != first.key);
            must(!keys_differ, || wrong("called with another key"))?;
            must(first.is_look() || keys.insert(&first.key), || {
                wrong("called with another's key")
            })?;
            let is_of_it = matches!(order.work, Work::Survey) == first.is_look();
            must(is_of_it, || wrong("called as what it is not"))?;
            if let Some(task) = now.waiting(*number).first() {
                let is_same = match &task.stage {
                    Stage::Call { key } => first.is_look() || *key == first.key,
                    Stage::Answered { ticket } => calls.iter().any(|call| call.ticket == *ticket),
                    Stage::Whole | Stage::Sweeping { .. } | Stage::Walking { .. } => false,
                };
                must(is_same, || wrong("what waits does not belong to its calls"))?;
            }
            let waited = self.before.waiting(*number).first().map(|task| &task.stage);
            let was_over = self.was_over(*number) || matches!(waited, Some(Stage::Answered { .. }));
            let is_late = was_over && calls.iter().any(|call| call.round() == life.round);
            must(!is_late, || wrong("called though it was answered, or taken back"))?;
        }
        for order in now.orders.values() {
            let calls = by_order.get(&order.number).map_or(&[][..], Vec::as_slice);
            self.check_answer(order, calls)?;
        }
        Ok(())
    }

    fn check_answer(&self, order: &Order, calls: &[&Call]) -> Verdict {
        let Some(effect) = order.effects.first() else { return Ok(()) };
        let (ticket, key) = match &effect.what {
            What::Replied { key, ticket } => (*ticket, Some(key)),
            What::Counted { tally, .. } => (tally.ticket, None),
            _ => return Ok(()),
        };
        let is_own = |call: &&Call| call.ticket == ticket && key.is_none_or(|key| *key == call.key);
        must(calls.iter().any(is_own), || {
            format!("the answer is not one of its calls': {order:?}; {calls:?}")
        })?;
        let waited = self.before.waiting(order.number).first().map(|task| &task.stage);
        must(
            !matches!(waited, Some(Stage::Answered { ticket: stored }) if *stored != ticket),
            || format!("another answer has arrived than the one on disk: {order:?}; {waited:?}"),
        )
    }

    fn count(&mut self, now: &Remains, life: &Life<'_>) {
        let counts = &mut self.counts;
        counts.kills += 1;
        counts.orders = now.orders.len();
        counts.effects = now.orders.values().map(|order| order.effects.len()).sum();
        let numbers: BTreeSet<u64> = life.calls.iter().map(|call| call.number).collect();
        counts.repeated = life.calls.len() - numbers.len();
        let under_way = now
            .orders
            .values()
            .filter_map(|order| under_way(order, now.waiting(order.number).first()?));
        let under_way: BTreeSet<&str> = under_way.collect();
        counts.struck += usize::from(!under_way.is_empty());
        for what in under_way {
            *counts.struck_in.entry(what).or_default() += 1;
        }
        for (number, order) in &self.before.orders {
            let Work::Every { period_ms, missed, by_wall: true } = order.work else { continue };
            if !self.before.waiting(*number).is_empty() {
                let ticks = Ticks { order, period_ms, by_wall: true };
                let until = |ms| ticks.newest_at(ms).map_or(0, |tick| tick + 1);
                let kind = ["skip", "one", "all"][usize::from(missed)];
                // Of the time in which there was certainly no server.
                let missed = until(life.launched_ms).saturating_sub(until(self.killed_ms));
                *counts.missed.entry(kind).or_default() += missed;
            }
        }
    }
}

/// The ticks of a periodic task, by the clock that it goes by.
struct Ticks<'a> {
    order: &'a Order,
    period_ms: u64,
    by_wall: bool,
}

impl Ticks<'_> {
    fn due_ms(&self, tick: u64) -> u64 {
        let asked = self.order.asked;
        let asked_ms = if self.by_wall { asked.wall_ms } else { asked.world_ms };
        asked_ms + (tick + 1) * self.period_ms
    }

    /// The newest tick whose time had come; `None` before the first.
    fn newest_at(&self, ms: u64) -> Option<u64> {
        Some(ms.checked_sub(self.due_ms(0))? / self.period_ms)
    }

    /// The same, at the time of a run.
    fn newest(&self, run: &Effect) -> Option<u64> {
        self.newest_at(if self.by_wall { run.at.wall_ms } else { run.at.world_ms })
    }

    /// The tick that is due at this very time.
    fn number_of(&self, due_ms: u64) -> Option<u64> {
        self.newest_at(due_ms).filter(|tick| self.due_ms(*tick) == due_ms)
    }
}

/// Whether all has come of an order that is to come.
pub(crate) fn is_complete(order: &Order) -> bool {
    match order.work {
        Work::Chain { links } => order.effects.len() as u64 == links,
        Work::Every { .. } => false,
        _ => !order.effects.is_empty(),
    }
}

/// The type of what waits for an order.
fn kind_of(work: Work) -> &'static str {
    match work {
        Work::Strike { .. } => "Strike",
        Work::Chain { .. } => "Link",
        Work::Every { .. } => "Tick",
        Work::Late => "Late",
        Work::Doomed { .. } => "Doomed",
        Work::Errand => "Errand",
        Work::Sweep => "Brush",
        Work::Walk => "Tour",
        Work::Survey => "Census",
    }
}

/// What is under way with an order whose `task` waits: more than that its time has not come.
fn under_way(order: &Order, task: &Waiting) -> Option<&'static str> {
    match (order.work, &task.stage) {
        (Work::Strike { after_ms }, _) if after_ms < FAR_MS => Some("strikes"),
        (Work::Chain { .. }, _) if !order.effects.is_empty() => Some("chains"),
        (Work::Late | Work::Doomed { .. }, _) if !task.is_set_aside && task.tries > 0 => {
            Some("retries")
        }
        (Work::Errand, Stage::Call { .. }) => Some("calls"),
        (Work::Errand | Work::Survey, Stage::Answered { .. }) => Some("answers"),
        (Work::Survey, _) => Some("surveys"),
        (Work::Sweep, Stage::Sweeping { next: Some(1..) }) => Some("sweeps"),
        (Work::Walk, Stage::Walking { after: Some(_) }) => Some("walks"),
        _ => None,
    }
}

/// That all is there that anybody was told is on disk, and that what was asked for together is there together.
fn check_told(now: &Remains, told: &Told) -> Verdict {
    must(told.problems.is_empty(), || format!("refused: {:?}", told.problems))?;
    let is_there = |number: &u64| now.orders.contains_key(number);
    if let Some(lost) = told.placed.iter().find(|number| !is_there(number)) {
        return Err(format!("lost: order {lost}, of which was told that it is on disk"));
    }
    let is_cancelled =
        |number: &u64| now.orders.get(number).is_some_and(|order| order.cancelled.is_some());
    if let Some(lost) = told.cancelled.iter().find(|number| !is_cancelled(number)) {
        return Err(format!("lost: that order {lost} was taken back, as was told"));
    }
    for (number, effects) in &told.came {
        let found = now.orders.get(number).map_or(0, |order| order.effects.len() as u64);
        must(found >= *effects, || {
            format!(
                "lost: of order {number}, {effects} effects were told of, and {found} are there"
            )
        })?;
    }
    for (number, place) in &told.visited {
        let mut chests = now.chests.values();
        let is_kept = chests.any(|chest| chest.place == *place && chest.visited.contains(number));
        must(is_kept, || format!("lost: that order {number} was at chest {place}, as was told"))?;
    }
    let mut is_at_end = false;
    for together in &told.asked {
        let there = together.iter().filter(|number| is_there(number)).count();
        must(there == 0 || there == together.len(), || {
            format!("torn: {there} of {together:?}, which were asked for in one task")
        })?;
        must(there == 0 || !is_at_end, || {
            format!(
                "a hole: {together:?} is there, and what the same client asked for before is not"
            )
        })?;
        is_at_end |= there == 0 && !together.is_empty();
    }
    Ok(())
}

/// That a sweep was where it says that it was, and nowhere else, and everywhere once.
fn check_sweep(now: &Remains, order: &Order, task: Option<&Waiting>) -> Verdict {
    // Up to which index it has come.
    let until = match task.map(|task| &task.stage) {
        Some(Stage::Sweeping { next }) => Some(next.unwrap_or_default()),
        Some(_) => return Err("it is no sweep".to_owned()),
        None if is_complete(order) => Some(u64::MAX),
        None => None,
    };
    let Some(until) = until else { return Ok(()) };
    for (index, chest) in &now.chests {
        let is_visited = chest.visited.contains(&order.number);
        must(!is_visited || *index < until, || {
            format!("the sweep has visited chest {index}, where it has not come yet")
        })?;
        // Those that were made meanwhile may be left out.
        must(is_visited || *index >= until || chest.place >= order.chests, || {
            format!("lost: the sweep is past chest {index}, and has not visited it")
        })?;
    }
    Ok(())
}

/// That a walk was where it says that it was, and nowhere else: at the chests that there were when it was asked for, by their places.
fn check_walk(now: &Remains, order: &Order, task: Option<&Waiting>) -> Verdict {
    let until = match task.map(|task| &task.stage) {
        Some(Stage::Walking { after }) => Some(after.map_or(0, |after| after + 1)),
        Some(_) => return Err("it is no walk".to_owned()),
        None if is_complete(order) => Some(order.chests),
        None => None,
    };
    let Some(until) = until else { return Ok(()) };
    for chest in now.chests.values() {
        let (place, is_visited) = (chest.place, chest.visited.contains(&order.number));
        must(!is_visited || place < until, || {
            format!("the walk has visited the chest in place {place}, where it has not come yet")
        })?;
        must(is_visited || place >= until, || {
            format!("lost: the walk is past the chest in place {place}, and has not visited it")
        })?;
    }
    Ok(())
}

fn check_coins(now: &Remains) -> Verdict {
    let coins: i64 = now.chests.values().map(|chest| chest.coins).sum();
    must(coins == now.chests.len() as i64 * COINS, || {
        format!("{coins} coins in {} chests", now.chests.len())
    })
}

/// Who is put off for so long waits in order to be taken back.
pub(crate) const FAR_MS: u64 = 3_600_000;
