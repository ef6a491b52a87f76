//! Deliberate breaks: each takes away one thing that a promise rests on, and a test must be seen to catch it. Without
//! the feature `breaks` nothing can be switched, and the compiler removes the questions.

/// What is broken on purpose.
#[cfg_attr(not(feature = "breaks"), expect(unreachable_pub, reason = "only tests may see it"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaks {
    /// Commit without checking what was read.
    pub no_validation: bool,
    /// Check what was read before locking what is written.
    pub validation_before_locking: bool,
    /// Lock the last object of the write set only while it is installed.
    pub lock_skipped: bool,
    /// Take the snapshot after the first read instead of before it.
    pub snapshot_after_first_read: bool,
    /// Install under a number that was guessed before anything was locked, instead of the one that is taken.
    pub install_before_number: bool,
    /// Move the snapshot up without checking what was read.
    pub unchecked_extension: bool,
    /// Do not check that what was not there is still not there.
    pub phantom_not_validated: bool,
    /// Do not check what was only looked at.
    pub looks_not_validated: bool,
    /// Hand on the messages of a job before it is known whether it commits.
    pub effects_early: bool,
    /// Give a replaced value's memory to the next copy without looking whether someone may be reading it.
    pub no_grace: bool,
    /// Take objects out of memory that the store does not have yet.
    pub evicts_early: bool,
    /// Take objects out of memory that somebody has locked.
    pub evicts_locked: bool,
    /// Take objects out of memory while a job runs alone.
    pub evicts_beside_alone: bool,
    /// Take an object that is not in memory for unchanged.
    pub away_is_unchanged: bool,
    /// Give up the cells of what was removed before the store knows that it was.
    pub gone_early: bool,
    /// Do not mark cells that were given up, so that whoever still has them takes them for the objects'.
    pub gone_unmarked: bool,
    /// Forget of which commit that was what the cells given up said.
    pub gone_of_no_commit: bool,
}
