//! One object's cell: who is about to change it, and its committed versions, newest first.
//!
//! Invariants:
//! - Version numbers fall strictly from the newest to the oldest.
//! - A commit marks every cell that it will change *before* it takes its number, and unmarks it only after
//!   the new version stands. So whoever knows a commit number either sees that commit's version, or sees
//!   the mark and waits.
//! - A loaded cell has at least one version; an object that never was has one without a value, of commit zero.

use daystar_model::{Change, CommitNumber, ObjectId, Store, StoreError};

use crate::sync::{Backoff, Mutex};

pub(crate) struct Cell {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The commit that is installing here.
    holder: Option<Token>,
    /// Empty until the object has been looked for in the store.
    versions: Vec<Version>,
}

/// Names one commit in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) u64);

/// A committed value, or its absence, and the commit that made it so.
#[derive(Clone, Debug)]
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

impl Cell {
    /// A cell whose object has not been looked for in the store.
    pub(crate) fn unloaded() -> Self {
        Self { state: Mutex::new(State::default()) }
    }

    /// A cell of a new id: known not to be in the store.
    pub(crate) fn fresh() -> Self {
        Self { state: Mutex::new(State { holder: None, versions: vec![ABSENT] }) }
    }

    /// Makes sure that the stored version is here. Loading happens inside the cell's own lock, so that two
    /// first touches load once and neither can overwrite a later commit.
    pub(crate) fn load(&self, id: ObjectId, store: &dyn Store) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.versions.is_empty() {
            let stored = store.load(id)?;
            state.versions.push(
                stored.map_or(ABSENT, |(number, value)| Version { number, value: Some(value) }),
            );
        }
        Ok(())
    }

    /// The version that `snapshot` stands for, after any installation that the snapshot may include.
    pub(crate) fn read(&self, snapshot: CommitNumber) -> Found {
        let mut backoff = Backoff::default();
        loop {
            let state = self.state.lock();
            if state.holder.is_none() {
                let newest = state.newest();
                if newest.number <= snapshot {
                    return Found::Newest(newest);
                }
                return Found::Older(state.at(snapshot));
            }
            drop(state);
            backoff.wait();
        }
    }

    /// Whether version `seen` is still the newest, and nobody but `own` is about to change it.
    pub(crate) fn is_still(&self, seen: CommitNumber, own: Option<Token>) -> bool {
        let state = self.state.lock();
        (state.holder.is_none() || state.holder == own) && state.newest_number() == seen
    }

    /// Marks the cell as being installed by `token`, after whoever is installing now.
    ///
    /// Deadlock-free as long as every commit locks its cells in id order.
    pub(crate) fn lock(&self, token: Token) {
        let mut backoff = Backoff::default();
        loop {
            let mut state = self.state.lock();
            if state.holder.is_none() {
                state.holder = Some(token);
                return;
            }
            drop(state);
            backoff.wait();
        }
    }

    /// Puts `value` on top and unmarks the cell. Returns the versions that no snapshot from `horizon` on can
    /// want, to be dropped by the caller outside of any lock.
    pub(crate) fn install(
        &self,
        number: CommitNumber,
        value: Change,
        horizon: CommitNumber,
    ) -> Vec<Version> {
        let mut state = self.state.lock();
        debug_assert!(state.newest_number() < number, "versions must rise");
        state.versions.insert(0, Version { number, value });
        state.holder = None;
        let wanted = state.versions.iter().position(|v| v.number <= horizon);
        let kept = wanted.map_or(state.versions.len(), |oldest| oldest + 1);
        state.versions.split_off(kept)
    }

    /// Unmarks the cell, unchanged.
    pub(crate) fn unlock(&self, token: Token) {
        let mut state = self.state.lock();
        if state.holder == Some(token) {
            state.holder = None;
        }
    }
}

impl State {
    fn newest_number(&self) -> CommitNumber {
        self.versions.first().map_or(CommitNumber::ZERO, |v| v.number)
    }

    fn newest(&self) -> Version {
        self.versions.first().cloned().unwrap_or(ABSENT)
    }

    /// The version that `snapshot` stands for; `None` when it is kept no longer.
    fn at(&self, snapshot: CommitNumber) -> Option<Version> {
        self.versions.iter().find(|v| v.number <= snapshot).cloned()
    }
}

/// What there was before the first commit.
const ABSENT: Version = Version { number: CommitNumber::ZERO, value: None };
