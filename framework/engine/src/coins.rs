//! Values of two types for the tests of cells. Both are of one size, and each says of itself what it is and which commit
//! made it: so a value that is taken for one of the other type, or for another commit's, is noticed.

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use daystar_model::{Change, CommitNumber, Managed, ObjectId, RecordError, Store, StoreError};
use daystar_model::{Object, TypeDescriptor, store};

use crate::breaks::Breaks;
use crate::cell::{Cell, Respect, Version};
use crate::reclaim::{Epoch, Pin, Yard};
use crate::seat::Seats;
use crate::snapshot::{CommitClock, Snapshots};
use crate::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) struct Gold([u64; 2]);

#[derive(Clone, Debug)]
pub(crate) struct Silver([u64; 2]);

const GOLD: u64 = 79;
const SILVER: u64 = 47;

macro_rules! managed {
    ($coin:ident, $name:literal) => {
        impl Managed for $coin {
            const TYPE_NAME: &'static str = $name;
            const VERSION: u32 = 1;
            fn encode(&self) -> Result<Vec<u8>, RecordError> {
                Ok(self.0.map(u64::to_le_bytes).concat())
            }
            fn decode(_: u32, payload: &[u8]) -> Result<Self, RecordError> {
                Err(RecordError::Truncated { length: payload.len() })
            }
            // Another one each time: a type has as many as the compiler sees fit.
            fn descriptor() -> &'static TypeDescriptor {
                static DESCRIPTORS: [TypeDescriptor; 1024] =
                    [const { TypeDescriptor::of::<$coin>() }; 1024];
                static ASKED: AtomicUsize = AtomicUsize::new(0);
                &DESCRIPTORS[ASKED.fetch_add(1, Ordering::Relaxed) % DESCRIPTORS.len()]
            }
        }
    };
}

managed!(Gold, "Gold");
managed!(Silver, "Silver");

impl Gold {
    /// Gold that commit `number` made.
    pub(crate) fn of(number: u64) -> Self {
        Self([GOLD, number])
    }
}

/// Gold that commit `number` made.
pub(crate) fn gold(number: u64) -> Change {
    Some(Arc::new(Gold::of(number)))
}

/// Silver that commit `number` made.
pub(crate) fn silver(number: u64) -> Change {
    Some(Arc::new(Silver([SILVER, number])))
}

/// That `version` is what its commit made: of one type throughout, and with that commit's number.
pub(crate) fn assert_whole(version: Version<'_>) {
    let value = version.value.expect("a coin");
    let (kind, inside) = match value.as_any().downcast_ref() {
        Some(Gold(inside)) => (GOLD, inside),
        None => (SILVER, &value.as_any().downcast_ref::<Silver>().expect("silver").0),
    };
    assert_eq!(*inside, [kind, version.number.0], "value and type or number are of two commits");
}

/// A loaded cell with gold of commit `number`.
pub(crate) fn cell(number: u64) -> Cell {
    let cell = Cell::unloaded();
    assert!(
        cell.load(ObjectId::from_raw(1), &Chest(gold(number), number), CommitNumber::ZERO).is_ok()
    );
    cell
}

/// What those who meet at a cell have in common.
pub(crate) struct Bank {
    pub(crate) clock: CommitClock,
    pub(crate) snapshots: Snapshots,
    pub(crate) seats: Seats,
    pub(crate) epoch: Epoch,
    /// Of two seats. The standard library's locks, which nobody waits for: to sit down is no step of a meeting.
    yards: [Mutex<RefCell<Yard>>; 2],
}

impl Bank {
    /// A bank whose last commit had this number.
    pub(crate) fn new(last: u64) -> Self {
        let seats = Seats::new();
        // Who looks at all seats looks only at those that have been taken.
        drop([seats.take(), seats.take()]);
        Self {
            clock: CommitClock::new(CommitNumber(last)),
            snapshots: Snapshots::new(),
            seats,
            epoch: Epoch::new(Breaks::default()),
            yards: Default::default(),
        }
    }

    /// Does `work` while pinned in this seat, which is nobody else's.
    pub(crate) fn visit<R>(&self, seat: usize, work: impl FnOnce(&Pin<'_>) -> R) -> R {
        let yard = self.yards[seat].try_lock().expect("a seat of one's own");
        work(&self.epoch.pin(&self.seats, self.seats.seat(seat), &yard))
    }

    /// What a commit does that changes `cells`: each gets what `coin` makes of the commit's number.
    pub(crate) fn commit(
        &self,
        cells: &[&Cell],
        pin: &Pin<'_>,
        coin: fn(u64) -> Change,
    ) -> CommitNumber {
        for cell in cells {
            assert!(cell.lock(Respect::None).is_ok());
        }
        let number = self.clock.tick();
        let readers = self.snapshots.readers();
        for cell in cells {
            cell.install(number, coin(number.0), &readers, pin);
        }
        number
    }
}

/// A store in which every object is the same coin, of this commit.
pub(crate) struct Chest(pub(crate) Change, pub(crate) u64);

impl Store for Chest {
    fn load(&self, _: ObjectId) -> Result<Option<(CommitNumber, Arc<dyn Object>)>, StoreError> {
        Ok(self.0.clone().map(|coin| (CommitNumber(self.1), coin)))
    }
    fn apply(&self, _: &store::Batch) -> Result<(), StoreError> {
        Ok(())
    }
    fn scan(&self, _: ObjectId, _: ObjectId, _: &mut store::Visit<'_>) -> Result<(), StoreError> {
        Ok(())
    }
    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(CommitNumber(self.1))
    }
    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(1)
    }
}
