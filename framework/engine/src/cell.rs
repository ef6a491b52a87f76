//! One object's cell: a lock word, and the object's committed versions, newest first.
//!
//! Invariants:
//! - Version numbers fall strictly from the newest to the oldest. Only the holder of the lock adds or cuts.
//! - A commit locks every cell that it will change *before* it takes its number, and unlocks it only after the
//!   new version stands. So whoever knows a commit number either sees that commit's version, or sees
//!   the lock and waits.
//! - The word's number is that of the newest version whenever the lock is free.
//! - A loaded cell has a newest version; an object that never was has one without a value, of commit zero.

use std::collections::VecDeque;

use daystar_model::{Change, CommitNumber, ObjectId, Store, StoreError};

use crate::sync::{AtomicU64, Backoff, Mutex, Ordering};

pub(crate) struct Cell {
    /// The newest version's number, shifted left by one; the lowest bit is the lock.
    word: AtomicU64,
    /// Held for a few instructions only: to copy a version out, or to put one in.
    versions: Mutex<Versions>,
}

/// The newest version lies in the cell itself, so that reading it touches no other memory but the value's.
struct Versions {
    newest: Version,
    /// Newest first, for read-only jobs. Nearly always there is none.
    #[expect(clippy::box_collection, reason = "cells are many, and this is nearly always absent")]
    older: Option<Box<VecDeque<Version>>>,
}

/// A committed value, or its absence, and the commit that made it so.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) number: CommitNumber,
    pub(crate) value: Change,
}

/// What a snapshot meets in a cell.
pub(crate) enum Found {
    /// The newest version, and it is not after the snapshot.
    Newest(Version),
    /// The newest version is after the snapshot; this is the one the snapshot stands for, if it is still kept.
    Older(Option<Version>),
}

const LOCKED: u64 = 1;

/// The word of a cell whose object has not been looked for. No commit gets this far: 2^63 is centuries away.
const UNLOADED: u64 = !LOCKED;

/// What there was before the first commit.
const ABSENT: Version = Version { number: CommitNumber::ZERO, value: None };

impl Cell {
    /// A cell whose object has not been looked for in the store.
    pub(crate) fn unloaded() -> Self {
        let versions = Versions { newest: ABSENT, older: None };
        Self { word: AtomicU64::new(UNLOADED), versions: Mutex::new(versions) }
    }

    /// Whether nobody has looked for the object in the store, or is looking just now.
    pub(crate) fn is_unloaded(&self) -> bool {
        self.word.load(Ordering::Acquire) & !LOCKED == UNLOADED
    }

    /// Settles, for an id that is known not to be in the store, that there is nothing; `false` if the cell was
    /// settled already.
    pub(crate) fn make_absent(&self) -> bool {
        let mut backoff = Backoff::default();
        while self.is_unloaded() {
            let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
            if self.word.compare_exchange(UNLOADED, 0, success, failure).is_ok() {
                return true;
            }
            backoff.wait();
        }
        false
    }

    /// Makes sure that the stored version is here; `false` if it was already. Loading happens under the cell's
    /// lock, so that two first touches load once and neither can overwrite a later commit.
    pub(crate) fn load(&self, id: ObjectId, store: &dyn Store) -> Result<bool, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let word = self.word.load(Ordering::Acquire);
            if word & !LOCKED != UNLOADED {
                return Ok(false);
            }
            if word == UNLOADED && self.take(word) {
                break;
            }
            backoff.wait();
        }
        // Unlocks also when the store fails or panics: then as unloaded as before.
        let mut unlock = Unlock { cell: self, word: UNLOADED };
        let stored = store.load(id)?;
        let newest =
            stored.map_or(ABSENT, |(number, value)| Version { number, value: Some(value) });
        unlock.word = newest.number.0 << 1;
        self.versions.lock().newest = newest;
        Ok(true)
    }

    /// The version that `snapshot` stands for, after any installation that the snapshot may include. The
    /// cell must be loaded.
    pub(crate) fn read(&self, snapshot: CommitNumber) -> Found {
        let mut backoff = Backoff::default();
        // A free lock shows the version that was installed under it.
        while self.word.load(Ordering::Acquire) & LOCKED != 0 {
            backoff.wait();
        }
        let versions = self.versions.lock();
        if versions.newest.number <= snapshot {
            return Found::Newest(versions.newest.clone());
        }
        let mut older = versions.older.iter().flat_map(|older| older.iter());
        Found::Older(older.find(|version| version.number <= snapshot).cloned())
    }

    /// Whether version `seen` is still the newest and nobody else is about to change it; `is_own` says
    /// that the caller holds the lock.
    pub(crate) fn is_still(&self, seen: CommitNumber, is_own: bool) -> bool {
        self.word.load(Ordering::Acquire) == seen.0 << 1 | u64::from(is_own)
    }

    /// Locks the cell, after whoever holds it now.
    ///
    /// Deadlock-free as long as every commit locks its cells in id order.
    pub(crate) fn lock(&self) {
        let mut backoff = Backoff::default();
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 && self.take(word) {
                return;
            }
            backoff.wait();
        }
    }

    /// Puts `value` on top, cuts off what no snapshot from `horizon` on can want, and unlocks. The caller
    /// holds the lock.
    pub(crate) fn install(&self, number: CommitNumber, value: Change, horizon: CommitNumber) {
        debug_assert!(
            self.word.load(Ordering::Relaxed) & LOCKED != 0,
            "installed without the lock"
        );
        // Values are dropped when nothing is held any more: they are the game's, and may be large.
        let dropped = self.versions.lock().install(Version { number, value }, horizon);
        self.word.store(number.0 << 1, Ordering::Release);
        drop(dropped);
    }

    /// Unlocks the cell, unchanged. The caller holds the lock.
    pub(crate) fn unlock(&self) {
        self.word.fetch_and(!LOCKED, Ordering::Release);
    }

    fn take(&self, word: u64) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.word.compare_exchange_weak(word, word | LOCKED, success, failure).is_ok()
    }
}

impl Versions {
    fn install(&mut self, new: Version, horizon: CommitNumber) -> Dropped {
        let is_wanted = new.number > horizon;
        let old = std::mem::replace(&mut self.newest, new);
        if !is_wanted {
            return Dropped { _newest: Some(old), _older: self.older.take() };
        }
        let older = self.older.get_or_insert_default();
        // The one that the horizon stands for is the last that is wanted. It is looked for only when the
        // oldest kept is not it, so a long scan does not make each commit walk all that it keeps.
        if older.back().is_some_and(|oldest| oldest.number < horizon)
            && let Some(last) = older.iter().position(|version| version.number <= horizon)
        {
            older.truncate(last + 1);
        }
        older.push_front(old);
        Dropped { _newest: None, _older: None }
    }
}

/// Versions that nobody wants.
struct Dropped {
    _newest: Option<Version>,
    #[expect(clippy::box_collection, reason = "as in `Versions`")]
    _older: Option<Box<VecDeque<Version>>>,
}

/// Gives a cell's word back, whatever happens.
struct Unlock<'c> {
    cell: &'c Cell,
    word: u64,
}

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        self.cell.word.store(self.word, Ordering::Release);
    }
}
