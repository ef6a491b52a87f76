//! What is learned from conflicts: at which objects tasks keep meeting. Such tasks are queued behind one
//! another instead of run against one another.
//!
//! Every object has a heat, shared with those of the same hash. A conflict there warms it; a task that then found
//! nobody in the queue cools it, so what was learned is forgotten. An attempt that touches a hot object first
//! takes the object's queue. It takes at most one, and holds nothing else while it waits for it (a job that runs
//! alone holds the gate, and so does not queue): that is why queues cannot deadlock. A queue is only ever a delay:
//! what is right does not depend on it.

use daystar_model::ObjectId;

use crate::sync::{AtomicU8, CachePadded, Mutex, MutexGuard, Ordering};

pub(crate) struct Heat {
    places: Vec<CachePadded<Place>>,
}

#[derive(Default)]
struct Place {
    heat: AtomicU8,
    queue: Mutex<()>,
}

/// A place in a hot object's queue, at its front.
pub(crate) struct Queued<'h> {
    _front: MutexGuard<'h, ()>,
}

/// Few enough to be cheap, many enough that two hot objects seldom share.
const PLACES: usize = 1024;

/// What a conflict adds, and from which heat on tasks queue: two conflicts not long after each other.
const CONFLICT: u8 = 16;
const HOT: u8 = 20;

impl Heat {
    pub(crate) fn new() -> Self {
        Self { places: (0..PLACES).map(|_| CachePadded::default()).collect() }
    }

    /// A conflict was met at `id`.
    pub(crate) fn warm(&self, id: ObjectId) {
        let heat = &self.place(id).heat;
        // A lost update is a little less learned.
        heat.store(heat.load(Ordering::Relaxed).saturating_add(CONFLICT), Ordering::Relaxed);
    }

    /// Queues for `id` if it is hot.
    pub(crate) fn queue(&self, id: ObjectId) -> Option<Queued<'_>> {
        let place = self.place(id);
        let heat = place.heat.load(Ordering::Relaxed);
        if heat < HOT {
            return None;
        }
        let front = place.queue.try_lock().inspect(|_| {
            place.heat.store(heat - 1, Ordering::Relaxed);
        });
        let front = front.unwrap_or_else(|| {
            // Somebody is there, so the queue is worth its while.
            place.heat.store(u8::MAX, Ordering::Relaxed);
            place.queue.lock()
        });
        Some(Queued { _front: front })
    }

    fn place(&self, id: ObjectId) -> &Place {
        let hash = id.to_raw().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        &self.places[hash as usize % PLACES]
    }
}
