//! Cells reserved for one job, so that nobody else can change them while it runs; and which kinds of job need that.

use daystar_model::ObjectId;

use crate::cell::{Cell, Reserver};
use crate::engine::Shared;
use crate::seat::Seat;
use crate::sync::{AtomicU8, Backoff, IS_CHECKED, MutexGuard, Ordering};

/// What one job has reserved. Whoever wants some of it waits at the seat's turnstile until this is dropped.
pub(crate) struct Reservation<'e> {
    cells: Vec<&'e Cell>,
    _turnstile: MutexGuard<'e, ()>,
}

impl<'e> Reservation<'e> {
    /// Reserves the objects of `footprint`, which are in id order: so two reservations that want the same cannot
    /// wait for each other.
    ///
    /// Nor at turnstiles, since whoever has closed one waits for nobody: it is closed last. If it were closed while
    /// others are waited for, who waits for a reservation that is over already could find the turnstile closed by the
    /// next job in that seat, which waits for what the first has reserved.
    pub(crate) fn make(
        shared: &'e Shared,
        seat: &'e Seat,
        own: Reserver,
        footprint: &[ObjectId],
    ) -> Self {
        let cells = footprint.iter().filter_map(|id| shared.table.peek(*id));
        let cells = cells.inspect(|cell| reserve(shared, cell, own)).collect();
        Self { cells, _turnstile: seat.turnstile.lock() }
    }
}

/// Reserves `cell`, after whoever has reserved it now.
fn reserve(shared: &Shared, cell: &Cell, own: Reserver) {
    let mut backoff = Backoff::default();
    while let Err(other) = cell.reserve(own) {
        drop(shared.seats.seat(other.to_seat()).turnstile.lock());
        // The other may be waiting for something itself, and its turnstile open until it has all.
        backoff.wait();
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.cells.iter().for_each(|cell| cell.release());
    }
}

/// Which kinds of job have been seen to be long: those start higher when they meet a conflict. A kind that is seen to
/// be short again is forgotten.
pub(crate) struct Long(Vec<AtomicU8>);

const PLACES: usize = if IS_CHECKED { 4 } else { 256 };

/// What seeing a long job adds, and from how much on its kind counts as long.
const SEEN: u8 = 4;
const LONG: u8 = 8;

impl Long {
    pub(crate) fn new() -> Self {
        Self((0..PLACES).map(|_| AtomicU8::new(0)).collect())
    }

    pub(crate) fn is_long(&self, kind: &str) -> bool {
        self.place(kind).load(Ordering::Relaxed) >= LONG
    }

    /// A job of this kind has met a conflict, and was long, or was not.
    pub(crate) fn learn(&self, kind: &str, is_long: bool) {
        let place = self.place(kind);
        let seen = place.load(Ordering::Relaxed);
        // A lost update is a little less learned.
        let seen = if is_long { seen.saturating_add(SEEN) } else { seen.saturating_sub(1) };
        place.store(seen, Ordering::Relaxed);
    }

    /// Kinds are named by literals, so the address tells them apart well enough for what is only a guess.
    fn place(&self, kind: &str) -> &AtomicU8 {
        &self.0[(kind.as_ptr() as usize >> 3) % PLACES]
    }
}
