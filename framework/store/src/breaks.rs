//! Deliberate breaks: each takes away one thing that P5 rests on, and a test must be seen to catch it. Without the
//! feature `breaks` nothing can be switched, and the compiler removes the questions.

/// What is broken on purpose.
#[cfg_attr(not(feature = "breaks"), expect(unreachable_pub, reason = "only tests may see it"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaks {
    /// Say that an epoch is safe without having synced it.
    pub no_sync: bool,
    /// Cut the journal before the objects that it speaks of are written.
    pub cut_before_checkpoint: bool,
    /// Write an epoch in two transactions.
    pub epoch_not_prefix: bool,
    /// Replace the journal before the objects when a world is compacted.
    pub journal_first: bool,
    /// Read before LMDB has found out what the last writer did.
    pub unsettled: bool,
    /// Build on meta pages that may not be on the disk.
    pub unaffirmed: bool,
    /// Load from a moment that has passed.
    pub stale_looks: bool,
    /// Look among the objects for what is still in the journal.
    pub reloads_early: bool,
    /// Believe a record whatever its checksum says.
    pub checksum_ignored: bool,
}
