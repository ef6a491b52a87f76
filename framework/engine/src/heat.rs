//! What is learned from conflicts: at which objects tasks keep meeting. Such tasks are queued behind one
//! another instead of run against one another.
//!
//! Every object has a heat, shared with those of the same hash. A conflict there warms it; a task that then found
//! nobody in the queue cools it, so what was learned is forgotten. An attempt that touches a hot object first
//! takes the object's queue. It takes at most one, and holds nothing that others wait for while it waits for it (a job that runs
//! alone holds the gate, and one that has reserved cells holds those, and so neither queues): that is why queues
//! cannot deadlock. A queue is only ever a delay: what is right does not depend on it.

use std::time::Duration;

use daystar_model::ObjectId;

use crate::sync::{
    AtomicU8, CachePadded, IS_CHECKED, Mutex, MutexGuard, Ordering, spin_loop, yield_now,
};

pub(crate) struct Heat {
    /// Side by side: every read of an object looks here, and seldom does anybody write.
    heats: Vec<AtomicU8>,
    queues: Vec<CachePadded<Mutex<()>>>,
}

/// A place in a hot object's queue, at its front.
pub(crate) struct Queued<'h> {
    _front: MutexGuard<'h, ()>,
}

/// Few enough to be cheap, many enough that two hot objects seldom share.
const PLACES: usize = if IS_CHECKED { 4 } else { 1024 };

/// What a conflict adds, and from which heat on tasks queue: two conflicts not long after each other.
const CONFLICT: u8 = 16;
const HOT: u8 = 20;

impl Heat {
    pub(crate) fn new() -> Self {
        Self {
            heats: (0..PLACES).map(|_| AtomicU8::new(0)).collect(),
            queues: (0..PLACES).map(|_| CachePadded::default()).collect(),
        }
    }

    /// A conflict was met at `id`.
    pub(crate) fn warm(&self, id: ObjectId) {
        let heat = &self.heats[place(id)];
        // A lost update is a little less learned.
        heat.store(heat.load(Ordering::Relaxed).saturating_add(CONFLICT), Ordering::Relaxed);
    }

    /// Whether tasks queue for `id`.
    pub(crate) fn is_hot(&self, id: ObjectId) -> bool {
        self.heats[place(id)].load(Ordering::Relaxed) >= HOT
    }

    /// Queues for `id`, which was hot just now; not for longer than is sensible.
    pub(crate) fn queue(&self, id: ObjectId) -> Option<Queued<'_>> {
        let place = place(id);
        let (heat, queue) = (&self.heats[place], &self.queues[place]);
        let front = queue.try_lock().inspect(|_| {
            let now = heat.load(Ordering::Relaxed);
            heat.store(now.saturating_sub(1), Ordering::Relaxed);
        });
        let front = front.or_else(|| {
            // Somebody is there, so the queue is worth its while.
            heat.store(u8::MAX, Ordering::Relaxed);
            wait(queue)
        });
        front.map(|front| Queued { _front: front })
    }
}

/// Waits for the front of a queue, and leaves those who are at work there in peace: an object that goes to and fro
/// between two cores at every task costs more than a task. So who waits looks seldom, and at first does not step in
/// between two tasks of the same thread, but only when that thread has turned to something else; who has waited for
/// long steps in wherever it can, and at last lies down, which `parking_lot` then serves in turn. Whoever is at the front
/// may be long at it: then it is better to go on, and meet.
fn wait(queue: &Mutex<()>) -> Option<MutexGuard<'_, ()>> {
    for round in 0..ROUNDS {
        pause(LOOK);
        let mut is_busy = queue.is_locked();
        if !is_busy && round < PATIENT_ROUNDS {
            is_busy = (0..GAP).any(|_| {
                spin_loop();
                queue.is_locked()
            });
        }
        if is_busy {
            yield_now();
        } else if let Some(front) = queue.try_lock() {
            return Some(front);
        }
    }
    queue.try_lock_for(PATIENCE)
}

fn pause(spins: u32) {
    (0..spins).for_each(|_| spin_loop());
}

/// How long from look to look, and how long a thread that goes on is seen to pause between two tasks. A spin is some 12
/// ns where this was measured, a small task 200.
const LOOK: u32 = if IS_CHECKED { 0 } else { 800 };
const GAP: u32 = if IS_CHECKED { 0 } else { 32 };

/// How long to lie down.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often to look, and how often of those to be considerate: some hundred microseconds.
const ROUNDS: u32 = if IS_CHECKED { 2 } else { 24 };
const PATIENT_ROUNDS: u32 = if IS_CHECKED { 1 } else { 12 };

fn place(id: ObjectId) -> usize {
    (id.to_raw().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % PLACES
}
