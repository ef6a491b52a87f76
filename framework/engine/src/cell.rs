//! One object's cell: a lock word, the newest committed version, and older ones for those who look at the past.
//!
//! Invariants:
//! - Version numbers fall strictly from the newest to the oldest. Only the holder of the lock adds or cuts.
//! - A commit locks every cell that it will change *before* it takes its number, and unlocks it only after the
//!   new version stands. So whoever knows a commit number either sees that commit's version, or sees
//!   the lock and waits.
//! - The word's number is that of the newest version whenever the lock is free.
//! - `value` and `kind` belong together whenever the word is the same before and after both were read, and free.
//! - A loaded cell has a newest version; an object that never was has one without a value, of commit zero or, where cells
//!   were given up before, of a later one (`table.rs`).
//! - While the newest value is in the store only, [`AWAY`] stands in its place, and the word says of which commit it is
//!   as ever. Only the holder of the lock takes a value away, and only one that the store has (`cell/away.rs`).
//! - A cell that is gone (`cell/gone.rs`) stays locked for ever, under a number that no commit has: whoever still has it
//!   finds that what it read is not so any more, and looks in the table again.
//!
//! Reading writes nothing: it looks at the word, the value and the word again (a sequence lock), and refers to the
//! value without counting, for as long as the reader is pinned. One of the engine's three rooms for `unsafe`.
//!
//! A value that is taken away and brought back leaves the word as it was, so a reader may have looked in between and not
//! know it. What it can have found is the value before, the same value after, or [`AWAY`]; never null, which means that
//! there is no value. So it knows when it has found nothing to read.

use std::ptr::{null_mut, without_provenance_mut};

use daystar_model::{Change, CommitNumber, Object, TypeDescriptor};

use crate::reclaim::{Garbage, Pin};
use crate::snapshot::{Readers, Snapshots};
use crate::sync::{Arc, AtomicPtr, AtomicU64, Backoff, Ordering};

mod away;
mod gone;
#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests;

pub(crate) use away::{Eviction, Loaded};
pub(crate) use gone::Left;

pub(crate) struct Cell {
    /// The newest version's number, who has reserved the cell, and whether it is locked.
    word: AtomicU64,
    /// The newest version's value, as `Arc::into_raw` gave it, thin; null if there is none, [`AWAY`] if it is in the
    /// store only.
    value: AtomicPtr<()>,
    /// The type of what `value` points to.
    kind: AtomicPtr<TypeDescriptor>,
    /// Newest first. Nearly always there is none.
    older: AtomicPtr<Older>,
}

/// A version that someone who looks at the past may still want. Kept as `Arc::into_raw` gave it.
pub(crate) struct Older {
    number: CommitNumber,
    value: Change,
    next: AtomicPtr<Older>,
}

/// A committed value, or its absence, and the commit that made it so.
#[derive(Clone, Copy)]
pub(crate) struct Version<'p> {
    pub(crate) number: CommitNumber,
    pub(crate) value: Option<&'p dyn Object>,
}

/// What a snapshot meets in a cell.
pub(crate) enum Found<'p> {
    /// The newest version, and it is not after the snapshot.
    Newest(Version<'p>),
    /// The newest version is after the snapshot; this is the one the snapshot stands for, if it is still kept.
    Older(Option<Version<'p>>),
    /// The newest version, but its value has to be brought from the store first.
    Away,
    /// The cell is gone: the table has another by now, or none.
    Gone,
}

/// Why a cell could not be locked or reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotFree {
    /// Somebody who is to be respected has reserved it.
    Reserved(Reserver),
    /// It is gone: the table has another by now, or none.
    Gone,
}

/// Who has reserved a cell: the number of a seat plus one, so that zero is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reserver(u64);

impl Reserver {
    pub(crate) fn seat(seat: usize) -> Self {
        debug_assert!(
            (seat as u64) < RESERVED >> RESERVED_SHIFT,
            "more seats than the word can tell"
        );
        Self((seat as u64 + 1) << RESERVED_SHIFT)
    }

    pub(crate) fn to_seat(self) -> usize {
        ((self.0 >> RESERVED_SHIFT) - 1) as usize
    }
}

/// Whose reservations a lock respects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Respect {
    /// Everybody's.
    All,
    /// Everybody's but this one's, who is the caller.
    AllBut(Reserver),
    /// Nobody's: nobody else commits.
    None,
}

const LOCKED: u64 = 1;
const RESERVED_SHIFT: u32 = 1;
const RESERVED: u64 = 0x7f << RESERVED_SHIFT;
const NUMBER_SHIFT: u32 = 8;

/// The number of a cell whose object has not been looked for. No commit gets this far: at a million a second,
/// 2^56 are two thousand years.
const UNLOADED: u64 = u64::MAX >> NUMBER_SHIFT;

/// The word of a cell that is gone. It counts as locked, so that whatever looks for a free one passes it by.
const GONE: u64 = (UNLOADED - 1) << NUMBER_SHIFT | LOCKED;

/// Stands for a value that is in the store only. No value is there: a value's address is that of a word at least.
const AWAY: *mut () = without_provenance_mut(1);

/// What an `Arc` costs beside its value: two counts.
const SHARE_BYTES: usize = 2 * size_of::<usize>();

/// Bytes of memory that `value` takes while a cell has it: with what allocators add, which have sizes an eighth apart at the
/// most and are never quite full.
pub(crate) fn footprint(value: &dyn Object) -> usize {
    let bytes = value.bytes() + SHARE_BYTES;
    bytes + bytes / 8
}

impl Older {
    /// Bytes of memory that a version takes while it is kept.
    pub(crate) fn footprint(&self) -> usize {
        size_of::<Self>() + SHARE_BYTES + self.value.as_deref().map_or(0, footprint)
    }
}

impl Cell {
    /// A cell whose object has not been looked for in the store.
    pub(crate) fn unloaded() -> Self {
        Self {
            word: AtomicU64::new(UNLOADED << NUMBER_SHIFT),
            value: AtomicPtr::new(null_mut()),
            kind: AtomicPtr::new(null_mut()),
            older: AtomicPtr::new(null_mut()),
        }
    }

    /// Whether nobody has looked for the object in the store, or is looking just now.
    #[inline]
    pub(crate) fn is_unloaded(&self) -> bool {
        self.word.load(Ordering::Acquire) >> NUMBER_SHIFT == UNLOADED
    }

    /// Settles, for an id that is known not to be in the store, that there is nothing, of commit `number`; `false` if the
    /// cell was settled already.
    pub(crate) fn make_absent(&self, number: CommitNumber) -> bool {
        let is_locked = self.lock_if(Self::is_unloaded);
        if is_locked {
            self.word.store(number.0 << NUMBER_SHIFT, Ordering::Release);
        }
        is_locked
    }

    /// Locks the cell, after whoever holds it now, for as long as it `is_wanted`.
    fn lock_if(&self, is_wanted: impl Fn(&Self) -> bool) -> bool {
        let mut backoff = Backoff::default();
        loop {
            // Before it is asked: a word of a time when the cell was wanted is not there any more when it is not, so a cell that nobody
            // wants to have locked is not, not even for a moment.
            let word = self.word.load(Ordering::Acquire);
            if !is_wanted(self) {
                return false;
            }
            if word & LOCKED == 0 && self.take(word) {
                if is_wanted(self) {
                    return true;
                }
                self.unlock();
                return false;
            }
            backoff.wait();
        }
    }

    /// The newest version, unless it is after `snapshot`, somebody is about to change it, or its value is in the store
    /// only. The cell must be loaded.
    #[inline]
    pub(crate) fn glance<'p>(
        &self,
        snapshot: CommitNumber,
        pin: &'p Pin<'_>,
    ) -> Option<Version<'p>> {
        let word = self.word.load(Ordering::Acquire);
        let number = CommitNumber(word >> NUMBER_SHIFT);
        if word & LOCKED != 0 || number > snapshot {
            return None;
        }
        let value = self.value.load(Ordering::Acquire);
        let kind = self.kind.load(Ordering::Acquire);
        // Without this second look, value and type could be of two different installations.
        if (self.word.load(Ordering::Relaxed) ^ word) & !RESERVED != 0 {
            return None;
        }
        if value == AWAY {
            return None;
        }
        // SAFETY: the word was the same and free before and after, so `value` and `kind` are of one version, which may
        // have been away and have come back in between; and `value` was in the cell while the pin was held, so it is
        // given back only after that.
        Some(Version { number, value: unsafe { refer(value, kind, pin) } })
    }

    /// The version that `snapshot` stands for, after any installation that the snapshot may include. The
    /// cell must be loaded.
    pub(crate) fn read<'p>(&self, snapshot: CommitNumber, pin: &'p Pin<'_>) -> Found<'p> {
        let mut backoff = Backoff::default();
        loop {
            if let Some(version) = self.glance(snapshot, pin) {
                return Found::Newest(version);
            }
            let word = self.word.load(Ordering::Acquire);
            if word == GONE {
                return Found::Gone;
            }
            let older = self.older.load(Ordering::Acquire);
            let is_same = (self.word.load(Ordering::Relaxed) ^ word) & !RESERVED == 0;
            let is_after = word >> NUMBER_SHIFT > snapshot.0;
            if word & LOCKED == 0 && !is_after && self.is_away() {
                return Found::Away;
            }
            if word & LOCKED == 0 && is_same && is_after {
                // SAFETY: `older` was linked while `pin` was held, so it is given back only after that.
                return Found::Older(unsafe { find_older(older, snapshot, pin) });
            }
            backoff.wait();
        }
    }

    /// The newest version, for the holder of the lock, who is the only one that could change it; its value must not be
    /// away.
    pub(crate) fn newest<'p>(&self, pin: &'p Pin<'_>) -> Version<'p> {
        let number = CommitNumber(self.word.load(Ordering::Relaxed) >> NUMBER_SHIFT);
        let (value, kind) = (self.value.load(Ordering::Acquire), self.kind.load(Ordering::Acquire));
        // SAFETY: nobody but the caller installs here, so `value` and `kind` belong together; and `value` is in the
        // cell while `pin` is held, so it is given back only after that.
        Version { number, value: unsafe { refer(value, kind, pin) } }
    }

    /// Whether version `seen` is still the newest and nobody else is about to change it; `is_own` says
    /// that the caller holds the lock.
    pub(crate) fn is_still(&self, seen: CommitNumber, is_own: bool) -> bool {
        // A reservation is no change: who made it has not run yet.
        let word = self.word.load(Ordering::Acquire) & !RESERVED;
        word == seen.0 << NUMBER_SHIFT | u64::from(is_own)
    }

    /// Whether there is nothing, and was nothing at the moment `at` since the last change; `is_own` says that the caller
    /// holds the lock.
    pub(crate) fn is_nothing(&self, at: CommitNumber, is_own: bool) -> bool {
        let word = self.word.load(Ordering::Acquire);
        let is_free = word & LOCKED == u64::from(is_own) && word >> NUMBER_SHIFT <= at.0;
        // Without the second look, the value could be another installation's.
        is_free
            && self.value.load(Ordering::Acquire).is_null()
            && (self.word.load(Ordering::Relaxed) ^ word) & !RESERVED == 0
    }

    /// Locks the cell, after whoever holds it now, and tells whether somebody did; refused while it is reserved by
    /// someone who is to be respected, and for ever when it is gone.
    ///
    /// Deadlock-free as long as every commit locks its cells in id order, and lets go of all when it is refused.
    pub(crate) fn lock(&self, respect: Respect) -> Result<bool, NotFree> {
        let mut backoff = Backoff::default();
        let mut has_waited = false;
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word == GONE {
                return Err(NotFree::Gone);
            }
            let reserver = Reserver(word & RESERVED);
            let is_free = reserver.0 == 0 || respect == Respect::None;
            if !is_free && respect != Respect::AllBut(reserver) {
                return Err(NotFree::Reserved(reserver));
            }
            if word & LOCKED == 0 && self.take(word) {
                return Ok(has_waited);
            }
            has_waited = true;
            backoff.wait();
        }
    }

    /// Reserves the cell, so that nobody else can change it until [`release`](Self::release), and it is not gone before
    /// that; refused while it is reserved by another. Others may read it meanwhile.
    pub(crate) fn reserve(&self, own: Reserver) -> Result<(), NotFree> {
        let mut backoff = Backoff::default();
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word == GONE {
                return Err(NotFree::Gone);
            }
            if word & RESERVED != 0 {
                return Err(NotFree::Reserved(Reserver(word & RESERVED)));
            }
            let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
            if word & LOCKED == 0
                && self.word.compare_exchange_weak(word, word | own.0, success, failure).is_ok()
            {
                return Ok(());
            }
            backoff.wait();
        }
    }

    /// Ends the caller's reservation.
    pub(crate) fn release(&self) {
        self.word.fetch_and(!RESERVED, Ordering::Release);
    }

    /// Puts `value` on top, cuts off what none of `readers` can want, and unlocks. The caller holds the lock, and the
    /// value before is not away: someone who looks at the past may still want it. Whether the cell has a past now, and had none
    /// under the lock: whoever tidies may have found none in between, and not come again.
    pub(crate) fn install(
        &self,
        number: CommitNumber,
        value: Change,
        readers: &Readers,
        pin: &Pin<'_>,
    ) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        debug_assert!(word & LOCKED != 0, "installed without the lock");
        debug_assert!(!self.is_away(), "a value was taken out of memory while locked");
        let old_number = CommitNumber(word >> NUMBER_SHIFT);
        pin.took(value.as_deref().map_or(0, footprint));
        let old = self.swap(value);
        self.cut(old_number, readers, pin);
        let (had_none, keeps) = (!self.has_past(), readers.want(old_number, number));
        if keeps {
            pin.took(self.keep(old_number, old));
        } else if let Some(old) = old {
            pin.retire(Garbage::Value(old));
        }
        // Only now, so that whoever sees the new number finds the old version where it belongs.
        let new = number.0 << NUMBER_SHIFT;
        if word & RESERVED == 0 {
            // Nobody reserves a locked cell, so the word is still the same.
            self.word.store(new, Ordering::Release);
        } else {
            // Whoever has reserved it may be letting go of it just now.
            let renewed = |word| Some(new | word & RESERVED);
            let _ = self.word.fetch_update(Ordering::Release, Ordering::Relaxed, renewed);
        }
        keeps && had_none
    }

    /// Cuts off the older versions that nobody can want, unless the cell is in use just now; whether any are left.
    pub(crate) fn tidy(&self, snapshots: &Snapshots, pin: &Pin<'_>) -> bool {
        if !self.has_past() {
            return false;
        }
        let word = self.word.load(Ordering::Relaxed);
        // Whoever has reserved it may be looking whether it is locked, and can wait for nobody.
        if word & (LOCKED | RESERVED) != 0 || !self.take(word) {
            return true;
        }
        // Asked under the lock: who registers after that has a snapshot that is not before the newest version, and
        // wants nothing older. One who registered in between would have been overlooked.
        let readers = snapshots.readers();
        self.cut(CommitNumber(word >> NUMBER_SHIFT), &readers, pin);
        let is_left = self.has_past();
        self.unlock();
        is_left
    }

    /// Whether older versions are kept here.
    pub(crate) fn has_past(&self) -> bool {
        !self.older.load(Ordering::Relaxed).is_null()
    }

    /// Unlocks the cell, unchanged. The caller holds the lock.
    pub(crate) fn unlock(&self) {
        self.word.fetch_and(!LOCKED, Ordering::Release);
    }

    /// Bytes of memory that the cell's versions take.
    #[cfg(feature = "breaks")]
    pub(crate) fn footprint(&self, pin: &Pin<'_>) -> usize {
        let mut bytes = self.newest(pin).value.map_or(0, footprint);
        let mut older = self.older.load(Ordering::Acquire);
        // SAFETY: what is linked here while `pin` is held is given back only after that.
        while let Some(version) = unsafe { older.as_ref() } {
            bytes += version.footprint();
            older = version.next.load(Ordering::Acquire);
        }
        bytes
    }

    fn take(&self, word: u64) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.word.compare_exchange_weak(word, word | LOCKED, success, failure).is_ok()
    }

    /// Puts [`AWAY`] in place of the newest value, if there is one here. The caller holds the lock.
    fn take_away(&self) -> Change {
        let (old, kind) = (self.value.load(Ordering::Relaxed), self.kind.load(Ordering::Relaxed));
        if !is_here(old) {
            return None;
        }
        self.value.store(AWAY, Ordering::Release);
        // SAFETY: `old` came from `Arc::into_raw` with this type, and as it is in the cell no more, this is its one
        // way back.
        unsafe { own(old, kind) }
    }

    /// Puts `value` in place of the newest. The caller holds the lock.
    fn swap(&self, value: Change) -> Change {
        let (old, old_kind) =
            (self.value.load(Ordering::Relaxed), self.kind.load(Ordering::Relaxed));
        if let Some(value) = value {
            let kind: *const TypeDescriptor = value.descriptor();
            self.kind.store(kind.cast_mut(), Ordering::Release);
            let value = Arc::into_raw(value).cast::<()>().cast_mut();
            self.value.store(value, Ordering::Release);
        } else {
            self.value.store(null_mut(), Ordering::Release);
        }
        // SAFETY: `old` came from `Arc::into_raw` with this type, and as it is in the cell no more, this is its one
        // way back.
        unsafe { own(old, old_kind) }
    }

    /// Puts a version in front of the older ones, and tells how many bytes that takes beside the value. The caller
    /// holds the lock.
    fn keep(&self, number: CommitNumber, value: Change) -> usize {
        let next = AtomicPtr::new(self.older.load(Ordering::Relaxed));
        let node = Arc::into_raw(Arc::new(Older { number, value, next }));
        self.older.store(node.cast_mut(), Ordering::Release);
        size_of::<Older>() + SHARE_BYTES
    }

    /// Cuts out the older versions that none of `readers` can want; `newer` is the number of the version before
    /// the first of them. The caller holds the lock.
    fn cut(&self, newer: CommitNumber, readers: &Readers, pin: &Pin<'_>) {
        let (mut link, mut newer) = (&self.older, newer);
        loop {
            let node = link.load(Ordering::Relaxed);
            // SAFETY: what is linked here is unlinked by the holder of the lock alone, and given back only after
            // `pin` has ended.
            let Some(version) = (unsafe { node.as_ref() }) else { return };
            if readers.want(version.number, newer) {
                link = &version.next;
            } else {
                // A reader that stands on the node can still go on from it.
                link.store(version.next.load(Ordering::Relaxed), Ordering::Release);
                // SAFETY: the node came from `Arc::into_raw`, and as it is linked no more, this is its one way back.
                pin.retire(Garbage::Past(unsafe { Arc::from_raw(node) }));
            }
            newer = version.number;
        }
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let (value, kind) = (self.value.load(Ordering::Relaxed), self.kind.load(Ordering::Relaxed));
        // SAFETY: nobody else has the cell, and this is the value's one way back.
        drop(unsafe { own(value, kind) });
        let mut older = self.older.load(Ordering::Relaxed);
        while !older.is_null() {
            // SAFETY: nobody else has the cell, so nobody else has what hangs on it, and this is its one way back.
            let node = unsafe { Arc::from_raw(older) };
            older = node.next.load(Ordering::Relaxed);
        }
    }
}

/// The version that `snapshot` stands for among those linked from `node`.
///
/// # Safety
/// `node` is null, or was linked in a cell while `pin` was held.
unsafe fn find_older<'p>(
    mut node: *mut Older,
    snapshot: CommitNumber,
    _pin: &'p Pin<'_>,
) -> Option<Version<'p>> {
    loop {
        // SAFETY: by this function's contract it is given back only after the pin has ended, and so is what is linked
        // from it; and a node is not changed once it is linked, but for its link.
        let version: &'p Older = unsafe { node.as_ref() }?;
        if version.number <= snapshot {
            return Some(Version { number: version.number, value: version.value.as_deref() });
        }
        node = version.next.load(Ordering::Acquire);
    }
}

/// The value behind a cell's two pointers, for as long as `_pin` is held.
///
/// # Safety
/// `value` is null or [`AWAY`], or came from `Arc::into_raw` of a value whose descriptor is `kind`, and is not given
/// back before `_pin` has ended.
#[inline]
unsafe fn refer<'p>(
    value: *mut (),
    kind: *mut TypeDescriptor,
    _pin: &'p Pin<'_>,
) -> Option<&'p dyn Object> {
    if !is_here(value) {
        return None;
    }
    // SAFETY: descriptors are statics, and `value` is one of that type, by this function's contract.
    unsafe { Some(&*((*kind).erase)(value)) }
}

/// The share in a value that a cell's two pointers stand for.
///
/// # Safety
/// `value` is null or [`AWAY`], or came from `Arc::into_raw` of a value whose descriptor is `kind` and has not been
/// taken back.
unsafe fn own(value: *mut (), kind: *mut TypeDescriptor) -> Change {
    if !is_here(value) {
        return None;
    }
    // SAFETY: descriptors are statics; and the share is taken back once, by this function's contract.
    unsafe { Some(Arc::from_raw(((*kind).erase)(value))) }
}

/// Whether `value` is one, and not what stands for none or for one that is away.
fn is_here(value: *mut ()) -> bool {
    value.addr() > AWAY.addr()
}
