//! Which objects are cold: the memory budget's memory of what was used.
//!
//! The policy is CLOCK-Pro in the manner of S3-FIFO, from the crate `quick_cache`: what is used once passes through a
//! small queue and does not drive out what is used again and again (S. Jiang, F. Chen, X. Zhang, "CLOCK-Pro", USENIX ATC
//! 2005; J. Yang et al., "FIFO Queues are All You Need for Cache Eviction", SOSP 2023).
//!
//! It keeps ids and weights, no values, and decides nothing: what it lets go of is a proposal. Each part of it is behind a
//! lock of ours, and nothing else is touched while that is held. Memory that it does not know of is a *guest*, an entry of
//! that weight which never goes: so a part is full when memory is, whoever uses it.

use daystar_model::{ObjectId, Space};
use foldhash::fast::FixedState;
use quick_cache::unsync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use crate::sync::{AtomicU64, CachePadded, IS_CHECKED, Mutex, Ordering};

pub(crate) struct Policy {
    parts: Vec<CachePadded<Part>>,
    /// How much each part can hold.
    capacity: u64,
}

struct Part {
    entries: Mutex<Entries>,
    /// What the entries weigh, and what they take themselves.
    known: AtomicU64,
    bytes: AtomicU64,
}

type Entries = Cache<ObjectId, u64, ByWeight, FixedState, Proposals>;

/// Stands for the memory that a part does not know of: the last id of all, which no count gets to.
const GUEST: ObjectId = Space::Task.last();

/// An object, and how many bytes it takes.
pub(crate) type Weighed = (ObjectId, u64);

impl Policy {
    /// A policy for so many bytes of memory.
    pub(crate) fn new(memory: u64) -> Self {
        let count = (memory / BYTES_PER_PART).clamp(1, PARTS_MAX);
        let capacity = (memory / count).max(1);
        let parts = (0..count).map(|_| CachePadded::new(Part::new(capacity))).collect();
        Self { parts, capacity }
    }

    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Bytes of objects that it knows of.
    pub(crate) fn known(&self) -> u64 {
        self.parts.iter().map(|part| part.known.load(Ordering::Relaxed)).sum()
    }

    /// Bytes that it takes itself.
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes.load(Ordering::Relaxed)).sum()
    }

    /// Hears of these objects; those of no weight are gone. What is to go for them is added to `proposals`.
    pub(crate) fn tell(&self, mut told: Vec<Weighed>, why: Told, proposals: &mut Vec<Weighed>) {
        told.sort_unstable_by_key(|(id, _)| self.part_of(*id));
        for some in told.chunk_by(|(one, _), (other, _)| self.part_of(*one) == self.part_of(*other))
        {
            let Some((first, _)) = some.first() else { continue };
            self.visit(self.part_of(*first), |entries| {
                for &(id, weight) in some {
                    tell(entries, id, weight, why, proposals);
                }
            });
        }
    }

    /// Takes back what it let go of and what could not go, as something that has not been used. Should others have to
    /// go for that, they are added to `proposals`.
    pub(crate) fn take_back(&self, refused: &[Weighed], proposals: &mut Vec<Weighed>) {
        for &(id, weight) in refused {
            self.visit(self.part_of(id), |entries| {
                // Among those that are gone it would be remembered, and be taken for one that has come back.
                entries.remove(&id);
                // It is known again.
                if let Some(mut guest) = entries.peek_mut(&GUEST) {
                    *guest = guest.saturating_sub(weight);
                }
                entries.insert_with_lifecycle(id, weight, proposals);
            });
        }
    }

    /// Learns that its share of the memory that it does not know of is `unknown`, and adds to `proposals` what has to go
    /// from `part` for that, or the first of it.
    pub(crate) fn settle(&self, part: usize, unknown: u64, proposals: &mut Vec<Weighed>) {
        self.visit(part, |entries| {
            let guest = entries.peek(&GUEST).copied().unwrap_or_default();
            let known = entries.weight() - guest;
            let most = self.capacity.saturating_sub(known) + AT_ONCE;
            let guest = unknown.min(most);
            entries.insert_with_lifecycle(GUEST, guest, proposals);
        });
    }

    fn part_of(&self, id: ObjectId) -> usize {
        // Other bits than the part's own hash uses.
        (id.to_raw().wrapping_mul(0xd6e8_feb8_6659_fd93) >> 40) as usize % self.parts.len()
    }

    fn visit(&self, part: usize, work: impl FnOnce(&mut Entries)) {
        let part = &self.parts[part];
        let mut entries = part.entries.lock();
        work(&mut entries);
        let guest = entries.peek(&GUEST).copied().unwrap_or_default();
        part.known.store(entries.weight() - guest, Ordering::Relaxed);
        part.bytes.store(entries.memory_used().total() as u64, Ordering::Relaxed);
    }
}

impl Part {
    fn new(capacity: u64) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity((capacity / BYTES_PER_OBJECT) as usize)
            .weight_capacity(capacity)
            .hot_allocation(HOT_SHARE)
            .build();
        let mut entries = match options {
            Ok(options) => Cache::with_options(options, ByWeight, FixedState::default(), Proposals),
            // Not with the options above; and if so, one of the crate's own is as good.
            Err(_) => Cache::with(0, capacity, ByWeight, FixedState::default(), Proposals),
        };
        // First of all, so that it is among what was used again: it must leave the queue of what is new its room.
        entries.insert(GUEST, 1);
        Self { entries: Mutex::new(entries), known: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }
}

fn tell(entries: &mut Entries, id: ObjectId, weight: u64, why: Told, proposals: &mut Vec<Weighed>) {
    if weight == 0 {
        entries.remove(&id);
    } else if why == Told::Met && entries.contains_key(&id) {
        // It is known, and was not used: whatever is walked past would look hot otherwise.
    } else if let Some(mut known) = entries.get_mut(&id) {
        *known = weight;
    } else {
        entries.insert_with_lifecycle(id, weight, proposals);
    }
}

/// Why the policy hears of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A job has used it.
    Used,
    /// It was found in memory.
    Met,
}

struct ByWeight;

impl Weighter<ObjectId, u64> for ByWeight {
    fn weight(&self, _: &ObjectId, weight: &u64) -> u64 {
        *weight
    }
}

/// What is let go of is handed to whoever asked.
struct Proposals;

impl Lifecycle<ObjectId, u64> for Proposals {
    type RequestState = Vec<Weighed>;

    fn is_pinned(&self, id: &ObjectId, _: &u64) -> bool {
        *id == GUEST
    }

    fn on_evict(&self, proposals: &mut Vec<Weighed>, id: ObjectId, weight: u64) {
        if id != GUEST {
            proposals.push((id, weight));
        }
    }
}

/// Few parts are enough: each is visited for dozens of objects at once.
const PARTS_MAX: u64 = if IS_CHECKED { 1 } else { 16 };
const BYTES_PER_PART: u64 = 16 << 20;

/// A guess at the size of an object: it decides only how many that are gone are remembered.
const BYTES_PER_OBJECT: u64 = 1024;

/// How much of the memory is for what was used again. The rest is the queue of what is new.
const HOT_SHARE: f64 = 0.97;

/// How many bytes are proposed at once, at least, if there is more to go.
const AT_ONCE: u64 = if IS_CHECKED { 64 } else { 32 << 10 };

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests;
