//! How much memory the world may take, and what is known of how much it takes.
//!
//! While there is room, nobody is told anything. Only when three quarters of the budget are taken does the policy begin to
//! hear of what is used; what is in memory already it is told step by step, by a walk over all cells.

use daystar_model::{CommitNumber, ObjectId};

use crate::cell::{Cell, Loaded};
use crate::policy::Policy;
use crate::reclaim::{KEPT_WAITING_BYTES_MAX, Pin};
use crate::sync::{AtomicBool, AtomicU64, IS_CHECKED, Mutex, Ordering};
use crate::table::Walk;

pub(crate) struct Budget {
    limit: Option<Limit>,
    /// The last commit that the store is known to have.
    stored: AtomicU64,
}

/// A limit, and what is needed to keep to it.
pub(crate) struct Limit {
    /// How many bytes of memory may be taken.
    pub(crate) bytes: u64,
    pub(crate) policy: Policy,
    /// Whether so much is taken that the policy is told of what is used.
    is_engaged: AtomicBool,
    /// How far the walk has come that tells the policy of what was there before it was told anything; `None` when it is
    /// through.
    pub(crate) walk: Mutex<Option<Walk>>,
    /// Which part of the policy looks next whether it has to let go of something.
    pub(crate) turn: AtomicU64,
    /// Up to where the store had come when too much was left after all that could go had gone; [`NEVER`] if there was
    /// not.
    over_at: AtomicU64,
    /// Whether far too much is taken, and the store has to catch up first.
    pub(crate) is_short: AtomicBool,
    /// Up to where the store had come when somebody last waited for it in vain.
    pub(crate) in_vain: AtomicU64,
}

impl Budget {
    /// A budget of so many bytes, if there is one, over a store that has every commit up to `stored`.
    pub(crate) fn new(memory: Option<u64>, stored: CommitNumber) -> Self {
        Self { limit: memory.map(Limit::new), stored: AtomicU64::new(stored.0) }
    }

    pub(crate) fn limit(&self) -> Option<&Limit> {
        self.limit.as_ref()
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether the policy is told of what is used.
    #[inline]
    pub(crate) fn is_engaged(&self) -> bool {
        self.limit.as_ref().is_some_and(|limit| limit.is_engaged.load(Ordering::Relaxed))
    }

    /// Learns that the store has every commit up to `until`.
    pub(crate) fn stored(&self, until: CommitNumber) {
        self.stored.fetch_max(until.0, Ordering::AcqRel);
    }

    /// The last commit that the store is known to have.
    pub(crate) fn last_stored(&self) -> CommitNumber {
        CommitNumber(self.stored.load(Ordering::Acquire))
    }

    /// How many bytes of objects one attempt may have loaded: until it ends, they cannot be given back.
    pub(crate) fn loaded_max(&self) -> usize {
        self.part_for(LOADED_PART).unwrap_or(usize::MAX)
    }

    /// How many bytes each of so many seats may keep that are in no cell any more and not given back yet.
    pub(crate) fn waiting_max(&self, seats: usize) -> usize {
        let all = self.part_for(WAITING_PART).unwrap_or(usize::MAX);
        (all / seats.max(1)).clamp(PART_LEAST, KEPT_WAITING_BYTES_MAX)
    }

    fn part_for(&self, part: u64) -> Option<usize> {
        let limit = self.limit.as_ref()?;
        Some(usize::try_from(limit.bytes / part).unwrap_or(usize::MAX).max(PART_LEAST))
    }

    /// Learns what was loaded; how many bytes.
    pub(crate) fn loaded(&self, id: ObjectId, loaded: Loaded, pin: &Pin<'_>) -> usize {
        pin.loaded(loaded);
        if self.is_engaged() {
            pin.tell(id);
        }
        loaded.bytes
    }

    /// Learns that `cell`, which is locked, is about to get a new value.
    #[inline]
    pub(crate) fn installs(&self, id: ObjectId, cell: &Cell, pin: &Pin<'_>) {
        if self.is_engaged() && cell.is_absent() {
            pin.tell(id);
        }
    }
}

impl Limit {
    fn new(bytes: u64) -> Self {
        Self {
            bytes,
            policy: Policy::new(bytes),
            is_engaged: AtomicBool::new(false),
            walk: Mutex::new(None),
            turn: AtomicU64::new(0),
            over_at: AtomicU64::new(NEVER),
            is_short: AtomicBool::new(false),
            in_vain: AtomicU64::new(NEVER),
        }
    }

    /// How much a seat's tally may grow before somebody looks what all seats come to.
    pub(crate) fn step(&self) -> u64 {
        self.bytes / STEP_PART
    }

    /// Has the policy told from now on, if so much is taken; whether it is.
    pub(crate) fn engage(&self, bytes: u64) -> bool {
        if !self.is_engaged.load(Ordering::Relaxed) {
            if bytes <= self.bytes / 4 * 3 {
                return false;
            }
            // First the flag: what comes into memory while the walk is under way is told of by who brought it.
            self.is_engaged.store(true, Ordering::SeqCst);
            self.walk_again();
        }
        true
    }

    /// Has the policy told of all that is in memory, from the beginning, if that is not being done already.
    pub(crate) fn walk_again(&self) {
        self.walk.lock().get_or_insert_default();
    }

    /// Learns that nothing more could go of what the store has up to `stored`; and whether too much is left.
    pub(crate) fn made_room(&self, is_over: bool, stored: CommitNumber) {
        self.over_at.store(if is_over { stored.0 } else { NEVER }, Ordering::Relaxed);
    }

    /// Whether too much is taken, and more can go than when somebody last tried.
    pub(crate) fn can_go_on(&self, stored: CommitNumber) -> bool {
        let over_at = self.over_at.load(Ordering::Relaxed);
        over_at != NEVER && over_at != stored.0
    }

    /// More than this is far too much.
    pub(crate) fn too_much(&self) -> u64 {
        self.bytes / 8 * 9
    }
}

/// What part of the budget one attempt may have loaded, what part may wait to be given back, and after what part somebody
/// looks.
const LOADED_PART: u64 = 8;
const WAITING_PART: u64 = 8;
const STEP_PART: u64 = if IS_CHECKED { u64::MAX } else { 1024 };

/// However small the budget is, jobs must be able to run.
const PART_LEAST: usize = 1 << 20;

const NEVER: u64 = u64::MAX;
