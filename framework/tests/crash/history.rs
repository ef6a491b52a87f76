//! What the world must be: all receipts up to some number, without a hole, and everything else as they say.
//!
//! What is known of the world is carried from one crash to the next, so that damage would add up.

use std::collections::{BTreeSet, HashMap};
use std::ops::AddAssign;

use crate::game::{ACCOUNTS, Deed, KEPT, NAMES, OPENING_GOLD, TILES};
use crate::ledger::Entries;
use crate::remains::Remains;

/// A world as it was when it was last looked at.
pub(crate) struct History {
    last: u64,
    gold: [u64; ACCOUNTS],
    colour: u64,
    /// Those who have joined and not left.
    open: BTreeSet<String>,
    /// Those of them who were there before the last crash. They leave before anything else happens.
    cut_off: BTreeSet<String>,
    /// What is still to come.
    plans: BTreeSet<u64>,
    /// The receipts that are kept, the oldest first.
    deeds: Vec<(u64, Deed)>,
    so_far: Counts,
}

/// How much has been checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Things that clients were told, of which so many were durable, and so many were taken back by a crash.
    pub(crate) told: u64,
    pub(crate) durable: u64,
    pub(crate) taken_back: u64,
    /// Receipts, and those of them for sessions that left, and that were cut off by a crash; and for plans that came true.
    pub(crate) receipts: u64,
    pub(crate) left: u64,
    pub(crate) cut_off: u64,
    pub(crate) rang: u64,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            last: 0,
            gold: [OPENING_GOLD; ACCOUNTS],
            colour: 0,
            open: BTreeSet::new(),
            cut_off: BTreeSet::new(),
            plans: BTreeSet::new(),
            deeds: Vec::new(),
            so_far: Counts::default(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.so_far
    }

    /// Nobody is there, and nothing is to come.
    pub(crate) fn is_settled(&self) -> bool {
        self.open.is_empty() && self.plans.is_empty()
    }

    /// Checks what is left of a world that has ended, whose last clients were told `ledger`.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(&mut self, remains: &Remains, ledger: &Entries) -> Result<(), String> {
        if let Some(problem) = remains.problems.iter().chain(&ledger.problems).next() {
            return Err(problem.clone());
        }
        self.prefix(remains)?;
        self.cut_off = std::mem::take(&mut self.open);
        self.open.clone_from(&self.cut_off);
        let new = remains.receipts.range(self.last + 1..);
        let mut requests = HashMap::new();
        for (number, deed) in new {
            self.follow(*number, deed)?;
            if let Deed::Gave { request, .. }
            | Deed::Planned { request }
            | Deed::Painted { request } = deed
            {
                if ledger.asked.get(request) != Some(deed) {
                    return Err(format!("receipt {number} is for what nobody asked: {deed:?}"));
                }
                if let Some(other) = requests.insert(*request, *number) {
                    return Err(format!("receipts {other} and {number} are for one request"));
                }
            }
        }
        self.so_far.receipts += remains.last - self.last;
        self.last = remains.last;
        self.deeds = remains.receipts.iter().map(|(n, deed)| (*n, deed.clone())).collect();
        self.agrees(remains)?;
        self.told(remains, ledger)
    }

    /// The receipts end with the last number, none is missing, and those that were there are there as they were.
    fn prefix(&self, remains: &Remains) -> Result<(), String> {
        let last = remains.last;
        let oldest = last.saturating_sub(KEPT) + 1;
        if !remains.receipts.keys().copied().eq(oldest..=last) {
            let missing: Vec<_> =
                (oldest..=last).filter(|n| !remains.receipts.contains_key(n)).take(5).collect();
            let count = remains.receipts.len();
            return Err(format!(
                "no prefix: {count} receipts from {oldest} to {last}, missing {missing:?}"
            ));
        }
        if last < self.last {
            return Err(format!("{} was on disk, and now {last} is the last", self.last));
        }
        assert!(last - self.last <= KEPT, "more has happened than receipts are kept");
        let changed = self.deeds.iter().filter(|(number, _)| *number >= oldest);
        match changed.clone().find(|(number, deed)| remains.receipts.get(number) != Some(deed)) {
            Some((number, deed)) => Err(format!("receipt {number} was {deed:?}, and is another")),
            None => Ok(()),
        }
    }

    /// Does what the receipt `number` says.
    fn follow(&mut self, number: u64, deed: &Deed) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("receipt {number}, {deed:?}: {what}"));
        if !self.cut_off.is_empty() && !matches!(deed, Deed::Left { .. }) {
            return wrong("not all whom the crash has cut off had left");
        }
        match deed {
            Deed::Created if number != 1 => return wrong("the world was there already"),
            Deed::Created => {}
            Deed::Joined { session, name } => {
                if !name.starts_with("player ") || !self.open.insert(session.to_string()) {
                    return wrong("that session has joined before");
                }
            }
            Deed::Left { session } => {
                let session = session.to_string();
                if !self.open.remove(&session) {
                    return wrong("that session was not there");
                }
                self.so_far.left += 1;
                self.so_far.cut_off += u64::from(self.cut_off.remove(&session));
            }
            Deed::Gave { from, to, gold, .. } => {
                let (from, to) = (*from as usize, *to as usize);
                let Some(rest) = self.gold[from].checked_sub(*gold) else {
                    return wrong("there was not so much gold");
                };
                self.gold[from] = rest;
                self.gold[to] += gold;
            }
            Deed::Planned { .. } => {
                self.plans.insert(number);
            }
            Deed::Rang { plan } => {
                if !self.plans.remove(plan) {
                    return wrong("this was not to come, or had come");
                }
                self.so_far.rang += 1;
            }
            Deed::Painted { .. } => self.colour = number,
        }
        Ok(())
    }

    /// All the rest of the world is what the receipts make of it.
    fn agrees(&self, remains: &Remains) -> Result<(), String> {
        if self.last == 0 {
            let is_empty = remains.gold.is_empty() && remains.tiles.is_empty();
            let is_empty = is_empty && remains.sessions.is_empty() && remains.names == 0;
            return is_empty.then_some(()).ok_or_else(|| "half a world".to_owned());
        }
        let gold = remains.gold.iter().map(|(place, gold)| (*place as usize, *gold));
        if !gold.eq(self.gold.iter().copied().enumerate()) {
            return Err(format!("the gold is {:?} and should be {:?}", remains.gold, self.gold));
        }
        if !remains.tiles.iter().eq([(&self.colour, &TILES)]) {
            return Err(format!("{} is the colour, not {:?}", self.colour, remains.tiles));
        }
        if remains.sessions != self.open {
            return Err(format!("there are {:?}, and not {:?}", remains.sessions, self.open));
        }
        let plans = self.plans.len() as u64;
        if (remains.tasks, remains.plans) != (plans, plans) {
            let (tasks, counted) = (remains.tasks, remains.plans);
            return Err(format!("{tasks} tasks, {counted} counted, and {plans} are to come"));
        }
        let names = remains.receipts.len() as u64 + NAMES;
        if remains.names != names {
            return Err(format!("{} names instead of {names}", remains.names));
        }
        Ok(())
    }

    /// What was told to be durable is there; and what was told and is there is what was told.
    fn told(&mut self, remains: &Remains, ledger: &Entries) -> Result<(), String> {
        for told in &ledger.told {
            let is_there = told.number <= remains.last;
            if told.is_durable && !is_there {
                return Err(format!("lost: {told:?}, and {} is the last", remains.last));
            }
            if let (true, Some(request)) = (is_there, told.request)
                && remains.receipts.get(&told.number) != ledger.asked.get(&request)
            {
                return Err(format!("{told:?} has the receipt of another"));
            }
            self.so_far.told += 1;
            self.so_far.durable += u64::from(told.is_durable);
            self.so_far.taken_back += u64::from(!is_there);
        }
        let joined = remains.receipts.values().filter_map(|deed| match deed {
            Deed::Joined { session, .. } => Some(session.to_string()),
            _ => None,
        });
        let joined: BTreeSet<String> = joined.collect();
        for (session, is_durable) in &ledger.joined {
            if *is_durable && !joined.contains(session) {
                return Err(format!("lost: {session}, which was told that it had joined"));
            }
            self.so_far.told += 1;
            self.so_far.durable += u64::from(*is_durable);
            self.so_far.taken_back += u64::from(!joined.contains(session));
        }
        Ok(())
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.told += other.told;
        self.durable += other.durable;
        self.taken_back += other.taken_back;
        self.receipts += other.receipts;
        self.left += other.left;
        self.cut_off += other.cut_off;
        self.rang += other.rang;
    }
}
