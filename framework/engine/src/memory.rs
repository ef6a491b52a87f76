//! Keeping to the memory budget: bringing what is wanted, and what a job does for it before it begins and after it has ended, when
//! it has nothing locked and has not begun to read.

use std::hint::black_box;

use daystar_model::{CommitNumber, ObjectId, StoreError};

use crate::budget::Limit;
use crate::cell::{Cell, Eviction, Found, footprint};
use crate::engine::Shared;
use crate::policy::{Told, Weighed};
use crate::reclaim::Pin;
use crate::seat::Seated;
use crate::sync::{IS_CHECKED, Ordering, pause};
#[cfg(feature = "breaks")]
use crate::table::Walk;

/// What became of proposals to take something out of memory.
#[derive(Default)]
struct Evicted {
    /// How many are out of memory.
    done: usize,
    /// How many the store does not have yet.
    early: usize,
    /// How many are in use in other ways.
    busy: usize,
}

/// How often at most a job tries to make room, and more often the more it told of.
const ROUNDS: usize = if IS_CHECKED { 2 } else { 64 };

/// How many milliseconds a job waits at most for a store that gets on, and for one that does not.
const WAITS: u32 = if IS_CHECKED { 2 } else { 1000 };
const WAITS_IN_VAIN: u32 = if IS_CHECKED { 1 } else { 100 };

impl Shared {
    /// How many bytes the world takes.
    pub(crate) fn bytes(&self) -> u64 {
        let policy = self.budget.limit().map_or(0, |limit| limit.policy.bytes());
        let values = self.seats.total(|tally| &tally.bytes);
        // Seats are asked one after the other, so what moved from one to another meanwhile may be missing.
        let values = if values.cast_signed() < 0 { 0 } else { values };
        values + self.table.bytes() + policy
    }

    /// As [`bytes`](Self::bytes), found out by looking into every cell. Right only while no job runs.
    #[cfg(feature = "breaks")]
    pub(crate) fn recount(&self) -> u64 {
        let seated = self.seats.take();
        let pin = self.epoch.pin(&self.seats, seated.seat, &seated.yard);
        let (mut walk, mut bytes) = (Walk::default(), 0);
        while let Some(cells) = self.table.walk(&mut walk, &pin) {
            bytes += cells.iter().map(|(_, cell)| cell.footprint(&pin) as u64).sum::<u64>();
        }
        bytes + self.table.bytes() + self.budget.limit().map_or(0, |limit| limit.policy.bytes())
    }

    /// Makes sure that the newest version of `id` is in `cell`, which is its own; how many bytes were brought for that. Whoever
    /// `is_alone` has closed the gate, and nothing is taken out of memory beside it.
    pub(crate) fn bring(
        &self,
        id: ObjectId,
        cell: &Cell,
        is_alone: bool,
        pin: &Pin<'_>,
    ) -> Result<usize, StoreError> {
        let passing = self.budget.is_limited() && !is_alone;
        let passing = passing.then(|| self.gate.pass(pin.seat()));
        let loaded = self.table.load(id, cell);
        drop(passing);
        Ok(loaded?.map_or(0, |loaded| self.budget.loaded(id, loaded, pin)))
    }

    /// Waits while so much is taken that more must not come.
    pub(crate) fn wait_for_memory(&self, seated: &Seated<'_>) {
        let bytes_max = self.budget.waiting_max(self.seats.count());
        self.epoch.wait_for_room(&self.seats, seated.seat, &seated.yard, bytes_max);
        if let Some(limit) = self.budget.limit()
            && limit.is_short.load(Ordering::Relaxed)
        {
            self.wait_for_store(limit, seated);
        }
    }

    /// Waits, as long as the store gets on, until what it has got makes room.
    #[cold]
    fn wait_for_store(&self, limit: &Limit, seated: &Seated<'_>) {
        let (mut stored, mut waits_in_vain) = (self.budget.last_stored(), 0);
        if limit.in_vain.load(Ordering::Relaxed) == stored.0 {
            return;
        }
        for _ in 0..WAITS {
            self.tidy(seated);
            self.make_room(limit, Vec::new(), Vec::new(), seated);
            if !limit.is_short.load(Ordering::Relaxed) {
                return;
            }
            pause();
            let now = self.budget.last_stored();
            waits_in_vain = if now == stored { waits_in_vain + 1 } else { 0 };
            stored = now;
            if waits_in_vain == WAITS_IN_VAIN {
                limit.in_vain.store(stored.0, Ordering::Relaxed);
                return;
            }
        }
    }

    /// After a job: tells the policy what was used, and makes room if there is too little.
    #[inline]
    pub(crate) fn keep_to_budget(&self, seated: &Seated<'_>) {
        let Some(limit) = self.budget.limit() else { return };
        let mut yard = seated.yard.borrow_mut();
        // Cells and names take memory too, also of objects that there are not.
        let bytes = seated.seat.tally.bytes.get().wrapping_add(self.table.bytes());
        let has_grown = yard.recent.has_grown(bytes, limit.step());
        let is_due = yard.recent.is_due() && self.budget.is_engaged();
        if has_grown || is_due || limit.can_go_on(self.budget.last_stored()) {
            drop(yard);
            self.tell(limit, seated);
        }
    }

    #[cold]
    fn tell(&self, limit: &Limit, seated: &Seated<'_>) {
        if !limit.engage(self.bytes()) {
            return;
        }
        let used = seated.yard.borrow_mut().recent.take();
        let used = self.weigh(used, seated);
        let met = self.weigh(self.walk_on(limit, seated), seated);
        if self.bytes() > limit.bytes {
            // Who looked at the past may have left more of it than they could clear away, and what has a past cannot go.
            self.tidy(seated);
        }
        self.make_room(limit, used, met, seated);
    }

    /// Some of what was in memory before the policy was told anything.
    fn walk_on(&self, limit: &Limit, seated: &Seated<'_>) -> Vec<ObjectId> {
        let pin = self.epoch.pin(&self.seats, seated.seat, &seated.yard);
        let Some(mut walk) = limit.walk.try_lock() else { return Vec::new() };
        let Some(cells) = walk.as_mut().and_then(|walk| self.table.walk(walk, &pin)) else {
            *walk = None;
            return Vec::new();
        };
        let here = cells.into_iter().filter(|(_, cell)| !cell.is_unloaded() && !cell.is_away());
        here.map(|(id, _)| id).collect()
    }

    /// How many bytes each of these takes now.
    fn weigh(&self, ids: impl IntoIterator<Item = ObjectId>, seated: &Seated<'_>) -> Vec<Weighed> {
        let pin = self.epoch.pin(&self.seats, seated.seat, &seated.yard);
        let weigh = |id| {
            let cell = self.table.peek(id, &pin);
            let weight = match cell.map(|cell| cell.read(CommitNumber(u64::MAX), &pin)) {
                Some(Found::Newest(version)) => version.value.map_or(0, footprint),
                Some(Found::Older(_) | Found::Away | Found::Gone) | None => 0,
            };
            (id, weight as u64)
        };
        ids.into_iter().map(weigh).collect()
    }

    /// Tells the policy what was `used`, and what was only met, and takes out of memory what it lets go of, until there is
    /// room or nothing more can go.
    fn make_room(&self, limit: &Limit, used: Vec<Weighed>, met: Vec<Weighed>, seated: &Seated<'_>) {
        let (policy, parts) = (&limit.policy, limit.policy.parts());
        let (rounds, stored) = (ROUNDS + used.len() + met.len(), self.budget.last_stored());
        let mut proposals = Vec::new();
        policy.tell(used, Told::Used, &mut proposals);
        policy.tell(met, Told::Met, &mut proposals);
        let (mut in_vain, mut early, mut busy) = (0, 0, 0);
        for _ in 0..rounds {
            let bytes = self.bytes();
            let unknown = bytes.saturating_sub(policy.known()) / parts as u64;
            let part = limit.turn.fetch_add(1, Ordering::Relaxed) as usize % parts;
            policy.settle(part, unknown, &mut proposals);
            let evicted = self.evict(limit, &mut proposals, seated);
            early += evicted.early;
            busy += evicted.busy;
            in_vain = if evicted.done == 0 { in_vain + 1 } else { 0 };
            if in_vain >= parts || self.bytes() <= limit.bytes {
                break;
            }
        }
        let bytes = self.bytes();
        limit.made_room(bytes > limit.bytes, stored);
        // It is worth waiting only for objects that would make up for what is too much.
        let can_help = early > busy && policy.known() >= bytes.saturating_sub(limit.bytes);
        limit.is_short.store(bytes > limit.too_much() && can_help, Ordering::Relaxed);
        if !proposals.is_empty() || (bytes > limit.bytes && in_vain >= parts && early == 0) {
            // Nothing more can go of what the policy knows. Something may have come into memory while nobody saw it.
            limit.walk_again();
        }
    }

    /// Takes out of memory what can go of `proposals`; the policy takes back the rest.
    fn evict(&self, limit: &Limit, proposals: &mut Vec<Weighed>, seated: &Seated<'_>) -> Evicted {
        let mut evicted = Evicted::default();
        if proposals.is_empty() {
            return evicted;
        }
        let (breaks, stored) = (self.breaks(), self.budget.last_stored());
        // Cold as they are, their cells and values are in no cache. Looked at one after the other without a lock in between, many of
        // them come in the time of one.
        black_box(self.weigh(proposals.iter().map(|(id, _)| *id), seated));
        let refused: Vec<Weighed> = {
            // To whoever is alone, a cell that is locked for this would look like one that is being changed.
            let _passing = (!breaks.evicts_beside_alone).then(|| self.gate.pass(seated.seat));
            let pin = self.epoch.pin(&self.seats, seated.seat, &seated.yard);
            let stays = |(id, _): &Weighed| {
                let cell = self.table.peek(*id, &pin);
                let became =
                    cell.map_or(Eviction::Nothing, |cell| cell.evict(stored, breaks, &pin));
                evicted.done += usize::from(became == Eviction::Done);
                evicted.early += usize::from(became == Eviction::Early);
                evicted.busy += usize::from(became == Eviction::Busy);
                matches!(became, Eviction::Early | Eviction::Busy)
            };
            proposals.drain(..).filter(stays).collect()
        };
        let tally = &seated.seat.tally;
        tally.evictions.more(evicted.done as u64);
        tally.away.more(evicted.done as u64);
        limit.policy.take_back(&refused, proposals);
        evicted
    }
}
