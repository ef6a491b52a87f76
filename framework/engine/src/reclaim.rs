//! When memory that others may still be reading is given back, and how it is used again.
//!
//! Reclamation is by epochs (K. Fraser, "Practical lock-freedom", 2004, chapter 5): an attempt is pinned while it
//! looks at values without counting its references; a replaced value is given back when everyone who was pinned at
//! that time has moved on. It is our own, and not one from a library, for the sake of what comes after: what is given
//! back is the memory of the next private copy of the same type, and the sooner it comes, the likelier it is still in the
//! cache. A library's batches of hundreds come back cold: see `docs/design/0003-reading-without-counting.md`.
//!
//! Why nobody reads what was given back. Whoever pins reads the epoch, shows it, fences, and reads it again; the second
//! reading, `s`, is the stamp of all that the pinned attempt takes out of cells. Whoever moves the epoch on reads it,
//! fences, and looks at all pins. So while the attempt is pinned the epoch gets no further than `s + 1`: who
//! fenced before it had read no more than `s`, and who fenced after it sees it. Now let a reader have found
//! what the attempt took out. Nobody had moved the epoch on from `s + 1` before the reader's fence, since that
//! takes seeing the attempt unpinned or its seat pinned anew, and the reader would then have seen what it did. So who fenced
//! before the reader had read no more than `s + 1`, and who fences after it sees it: while it is pinned, the epoch gets
//! no further than `s + 2`. What is stamped `s` is given back at `s + 3`.

use std::any::{Any, TypeId};
use std::cell::RefCell;

use daystar_model::{CommitNumber, Managed, Object, ObjectId};

use crate::breaks::Breaks;
use crate::cell::{Loaded, Older, footprint};
use crate::recent::Recent;
use crate::seat::{Seat, Seats};
use crate::slot::OldCells;
use crate::sync::{Arc, AtomicU64, CachePadded, IS_CHECKED, Ordering, fence, pause};

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests;

/// The epoch that the engine is in.
pub(crate) struct Epoch {
    now: CachePadded<AtomicU64>,
    breaks: Breaks,
}

/// As long as this lives, nothing that was in a cell since it was made is given back.
pub(crate) struct Pin<'s> {
    seat: &'s Seat,
    yard: &'s RefCell<Yard>,
}

/// What a seat has of its own: what waits to be given back, and what is to be used again.
#[derive(Default)]
pub(crate) struct Yard {
    /// What was taken out of cells, by the last two bits of its stamp.
    bags: [Vec<Garbage>; 4],
    /// How much is in the bags, and how many bytes those are, of each bag.
    kept: usize,
    bytes: [usize; 4],
    /// The epoch when this seat was pinned last.
    now: u64,
    pins: u32,
    /// The last commit that this seat knows of: where its next attempt's snapshot starts. Not asking the clock saves
    /// a line that every commit writes, and costs nothing: an attempt that meets something newer asks then.
    last_seen: CommitNumber,
    pool: Pool,
    /// What its jobs have touched of late.
    pub(crate) recent: Recent,
}

/// What no cell holds any more, and someone may still be reading.
pub(crate) enum Garbage {
    Value(Arc<dyn Object>),
    Past(Arc<Older>),
    /// Cells that the table has no more.
    Cells(OldCells),
}

/// Shown by a seat where nobody is pinned.
pub(crate) const NOT_PINNED: u64 = 0;

/// After how many pins a seat tries to move the epoch on: often enough that what is given back is still in the
/// cache, seldom enough that looking at all seats does not count.
const PINS_PER_STEP: u32 = match () {
    () if cfg!(feature = "loom") => 2,
    () if IS_CHECKED => 1,
    () => 8,
};

impl Epoch {
    pub(crate) fn new(breaks: Breaks) -> Self {
        Self { now: CachePadded::new(AtomicU64::new(1)), breaks }
    }

    /// Pins whoever sits in `seat`, whose yard this is.
    #[inline]
    pub(crate) fn pin<'s>(
        &self,
        seats: &Seats,
        seat: &'s Seat,
        yard: &'s RefCell<Yard>,
    ) -> Pin<'s> {
        let shown = self.now.load(Ordering::Acquire);
        // Whoever sees this pin sees what was done under the one before.
        seat.pinned.store(shown, Ordering::Release);
        fence(Ordering::SeqCst);
        let now = self.now.load(Ordering::Acquire);
        let mut own = yard.borrow_mut();
        if own.now != now {
            own.move_to(now);
        }
        own.pins += 1;
        if own.pins >= PINS_PER_STEP {
            own.pins = 0;
            self.step(seats, shown);
        }
        drop(own);
        Pin { seat, yard }
    }

    /// Moves the epoch on from `now`, which the caller has read before its fence, if everyone who is pinned is pinned
    /// there.
    fn step(&self, seats: &Seats, now: u64) {
        let is_behind = |seat: &Seat| {
            let pinned = seat.pinned.load(Ordering::Acquire);
            pinned != NOT_PINNED && pinned != now
        };
        let is_broken = cfg!(feature = "breaks") && self.breaks.no_grace;
        if is_broken || !seats.iter().any(is_behind) {
            let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
            let _ = self.now.compare_exchange(now, now + 1, success, failure);
        }
    }
}

impl Epoch {
    /// Waits while this seat keeps so much that more must not come, or more than `bytes_max`: as long as somebody is
    /// pinned, nothing is given back. Nothing may be held, so that whoever is pinned does not wait for the caller.
    pub(crate) fn wait_for_room(
        &self,
        seats: &Seats,
        seat: &Seat,
        yard: &RefCell<Yard>,
        bytes_max: usize,
    ) {
        let mut looks = 0;
        while yard.borrow().is_full(bytes_max) {
            // When nobody is pinned, a few steps of the epoch give it back.
            yard.borrow_mut().pins = PINS_PER_STEP;
            drop(self.pin(seats, seat, yard));
            looks += 1;
            if looks > STEPS_TO_GIVE_BACK {
                pause();
            }
        }
    }
}

/// How many replaced values a seat may keep: some hundred megabytes of small objects.
const KEPT_WAITING_MAX: usize = 1 << 20;

/// How many bytes those may have, if there is no memory budget.
pub(crate) const KEPT_WAITING_BYTES_MAX: usize = 256 << 20;

/// So many moves of the epoch give back whatever nobody can be reading.
const STEPS_TO_GIVE_BACK: u32 = 4;

impl Pin<'_> {
    /// Has `garbage`, which no cell holds any more, given back once nobody can be reading it.
    pub(crate) fn retire(&self, garbage: Garbage) {
        let bytes = garbage.bytes();
        // Cells are counted by the table.
        if !matches!(garbage, Garbage::Cells(_)) {
            self.seat.tally.bytes.less(bytes as u64);
        }
        let mut yard = self.yard.borrow_mut();
        let bag = (yard.now % 4) as usize;
        yard.kept += 1;
        yard.bytes[bag] += bytes;
        yard.bags[bag].push(garbage);
    }

    pub(crate) fn seat(&self) -> &Seat {
        self.seat
    }

    /// Counts what a cell has taken in.
    pub(crate) fn took(&self, bytes: usize) {
        self.seat.tally.bytes.more(bytes as u64);
    }

    /// Counts what a cell has been brought from the store.
    pub(crate) fn loaded(&self, loaded: Loaded) {
        self.took(loaded.bytes);
        self.seat.tally.loads.more(1);
        self.seat.tally.away.less(u64::from(loaded.is_back));
    }

    /// Has the memory budget told that `id` was used, however lately it has been told before.
    pub(crate) fn tell(&self, id: ObjectId) {
        self.yard.borrow_mut().recent.tell(id);
    }

    /// Has the memory budget told that `ids` were used, but for those of which it was told of late.
    pub(crate) fn touch(&self, ids: impl Iterator<Item = ObjectId>) {
        let recent = &mut self.yard.borrow_mut().recent;
        ids.for_each(|id| recent.touch(id));
    }

    /// A private copy of `original`, in used memory if there is some.
    pub(crate) fn copy<T: Managed>(&self, original: &T) -> Own {
        // Taken out first: the copying is the game's code.
        let used = self.yard.borrow_mut().pool.take(TypeId::of::<T>());
        if let Some(mut used) = used
            && let Some(value) = (used.value_mut() as &mut dyn Any).downcast_mut::<T>()
        {
            value.copy_from(original);
            return used;
        }
        Own::new(original.clone())
    }
}

impl Pin<'_> {
    /// The last commit that this seat knows of.
    pub(crate) fn last_seen(&self) -> CommitNumber {
        self.yard.borrow().last_seen
    }

    /// Remembers that this commit has been made.
    pub(crate) fn has_seen(&self, number: CommitNumber) {
        self.yard.borrow_mut().last_seen = number;
    }
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.seat.pinned.store(NOT_PINNED, Ordering::Release);
    }
}

impl Garbage {
    fn bytes(&self) -> usize {
        match self {
            Self::Value(value) => footprint(&**value),
            Self::Past(past) => past.footprint(),
            Self::Cells(cells) => cells.bytes(),
        }
    }
}

impl Yard {
    fn is_full(&self, bytes_max: usize) -> bool {
        self.kept >= KEPT_WAITING_MAX || self.bytes.iter().sum::<usize>() >= bytes_max
    }

    /// Gives back what nobody can be reading at the epoch `now`.
    #[cold]
    fn move_to(&mut self, now: u64) {
        let first = self.now.max(now.saturating_sub(4)) + 1;
        for epoch in first..=now {
            // What was stamped three epochs before; the bag is the next that will be filled.
            let bag = &mut self.bags[((epoch + 1) % 4) as usize];
            self.kept -= bag.len();
            self.bytes[((epoch + 1) % 4) as usize] = 0;
            for garbage in bag.drain(..) {
                match garbage {
                    Garbage::Value(value) => self.pool.keep(value),
                    Garbage::Past(past) => drop(past),
                    Garbage::Cells(cells) => drop(cells),
                }
            }
            bag.shrink_to(KEPT_MAX);
        }
        self.now = now;
    }
}

/// A value that nobody else has a share of: an attempt's private copy. It is an `Arc` already, so that the commit need
/// not move it.
pub(crate) struct Own(Arc<dyn Object>);

impl Own {
    /// A new value.
    pub(crate) fn new<T: Managed>(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// `value`, if nobody else has a share of it.
    fn claim(value: Arc<dyn Object>) -> Option<Self> {
        // Nobody makes weak references to values, and who has the only share is the only one who could make another.
        if Arc::strong_count(&value) != 1 || Arc::weak_count(&value) != 0 {
            return None;
        }
        // After whatever others did with their shares before they let go of them.
        fence(Ordering::Acquire);
        Some(Self(value))
    }

    pub(crate) fn value(&self) -> &dyn Object {
        &*self.0
    }

    pub(crate) fn value_mut(&mut self) -> &mut dyn Object {
        // SAFETY: an `Own` is made only of a new `Arc` and of one that was checked to be the only share, it never hands
        // out its `Arc` but for good, and it is borrowed mutably: so nobody else can be reading. (`Arc::get_mut` would
        // check that again, at the price of two locked instructions for each `get_mut` of a game.)
        unsafe { &mut *Arc::as_ptr(&self.0).cast_mut() }
    }

    /// The value, to be shared from now on.
    pub(crate) fn share(self) -> Arc<dyn Object> {
        self.0
    }
}

/// Used values, by type. Programs have few types that change often, so a list is searched faster than a map.
#[derive(Default)]
struct Pool {
    shelves: Vec<Shelf>,
}

struct Shelf {
    kind: TypeId,
    values: Vec<Own>,
}

impl Pool {
    fn take(&mut self, kind: TypeId) -> Option<Own> {
        self.shelf(kind)?.values.pop()
    }

    /// Keeps `value` for the next copy of its type, unless someone else has a share of it still, or there is enough.
    fn keep(&mut self, value: Arc<dyn Object>) {
        let Some(value) = Own::claim(value) else { return };
        if value.value().bytes() > KEPT_BYTES_MAX {
            return;
        }
        let kind = (value.value() as &dyn Any).type_id();
        if let Some(shelf) = self.shelf(kind) {
            if shelf.values.len() < KEPT_MAX {
                shelf.values.push(value);
            }
        } else if self.shelves.len() < SHELVES_MAX {
            self.shelves.push(Shelf { kind, values: vec![value] });
        }
    }

    fn shelf(&mut self, kind: TypeId) -> Option<&mut Shelf> {
        // Not by the descriptor's address: the compiler makes one for each part that a program is compiled in, and what is
        // kept under one would not be found under another.
        self.shelves.iter_mut().find(|shelf| shelf.kind == kind)
    }
}

/// What a seat keeps at most: of one type, of how many types, of what size.
const KEPT_MAX: usize = 64;
const SHELVES_MAX: usize = 64;
const KEPT_BYTES_MAX: usize = 4096;
