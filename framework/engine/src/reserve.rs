//! Cells reserved for one job, so that nobody else can change them while it runs; and which kinds of job need that.

use daystar_model::ObjectId;

use crate::cell::{NotFree, Reserver};
use crate::engine::Shared;
use crate::seat::Seated;
use crate::sync::{AtomicU8, Backoff, IS_CHECKED, MutexGuard, Ordering};

/// What one job has reserved. Whoever wants some of it waits at the seat's turnstile until this is dropped.
///
/// It has no cells, since it lives longer than a pin; but what is reserved is not given up, so the table leads to the same
/// ones in the end.
pub(crate) struct Reservation<'e> {
    shared: &'e Shared,
    seated: &'e Seated<'e>,
    reserved: Vec<ObjectId>,
    /// Closed last.
    turnstile: Option<MutexGuard<'e, ()>>,
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
        seated: &'e Seated<'e>,
        own: Reserver,
        footprint: &[ObjectId],
    ) -> Self {
        // It is dropped, and lets go of what it has, should the store panic.
        let reserved = Vec::with_capacity(footprint.len());
        let mut reservation = Self { shared, seated, reserved, turnstile: None };
        let mut backoff = Backoff::default();
        let mut next = 0;
        while next < footprint.len() {
            match reserve(shared, seated, own, &footprint[next..], &mut reservation.reserved) {
                (all, None) => next += all,
                (some, Some(NotFree::Reserved(other))) => {
                    next += some;
                    drop(shared.seats.seat(other.to_seat()).turnstile.lock());
                    // The other may be waiting for something itself, and its turnstile open until it has all.
                    backoff.wait();
                }
                (some, Some(NotFree::Gone)) => next += some,
            }
        }
        reservation.turnstile = Some(seated.seat.turnstile.lock());
        reservation
    }
}

/// Reserves the cells of `ids`, one after the other, until one is not free, and adds those that are to `reserved`. How many
/// ids were done with, and why not the next. No reservation is waited for while pinned.
fn reserve(
    shared: &Shared,
    seated: &Seated<'_>,
    own: Reserver,
    ids: &[ObjectId],
    reserved: &mut Vec<ObjectId>,
) -> (usize, Option<NotFree>) {
    let pin = shared.epoch.pin(&shared.seats, seated.seat, &seated.yard);
    for (done, id) in ids.iter().enumerate() {
        let cell = match shared.table.peek(*id, &pin) {
            Some(cell) => cell,
            None if shared.is_unallocated(*id) => continue,
            // The job found nothing there, and the cell was given up since. What is reserved stays, also what is not there.
            None => {
                let cell = shared.table.place(*id, &pin);
                // If the store fails, the job is told when it looks.
                if shared.bring(*id, cell, false, &pin).is_err() {
                    continue;
                }
                cell
            }
        };
        if let Err(why) = cell.reserve(own) {
            return (done, Some(why));
        }
        reserved.push(*id);
    }
    (ids.len(), None)
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let Self { shared, seated, reserved, .. } = self;
        let pin = shared.epoch.pin(&shared.seats, seated.seat, &seated.yard);
        let cells = reserved.iter().filter_map(|id| shared.table.peek(*id, &pin));
        cells.for_each(|cell| cell.release());
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
