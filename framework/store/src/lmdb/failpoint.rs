//! Where a test may have the process die: before, inside and after everything that is written.
//!
//! `DAYSTAR_DIE_AT=inside-epoch:12` kills the process when it passes that point for the twelfth time.
//! `DAYSTAR_TELL_POINTS=FILE` has the name of every point that is passed written to a file. Without the feature `breaks`
//! nothing is looked at.

/// A point that the store passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// Nothing of the epoch is written.
    BeforeEpoch,
    /// It is in LMDB's transaction, and nothing is on disk.
    InsideEpoch,
    /// It is synced, and nobody has been told.
    AfterEpoch,
    /// Nothing of the checkpoint is written.
    BeforeCheckpoint,
    /// Some of the checkpoint's transactions are synced.
    InsideCheckpoint,
    /// The last one is, and with it the head.
    AfterCheckpoint,
    BeforeCut,
    /// A copy of the world is nearly written, and not yet a world.
    InsideCopy,
    /// The copy that is to give the world new files is whole.
    AfterCopy,
    /// One of the two files has been replaced, or the second.
    AfterReplacing,
    /// The epochs are taken out in LMDB's transaction, and nothing is on disk.
    InsideCut,
    AfterCut,
}

/// Passes `point`, or dies there.
#[cfg(not(feature = "breaks"))]
pub(super) fn pass(_: Point) {}

/// Passes `point`, or dies there.
#[cfg(feature = "breaks")]
pub(super) fn pass(point: Point) {
    use std::fs::{File, OpenOptions};
    use std::io::Write as _;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static TOLD: LazyLock<Option<File>> = LazyLock::new(|| {
        let path = std::env::var_os("DAYSTAR_TELL_POINTS")?;
        OpenOptions::new().append(true).create(true).open(path).ok()
    });
    if let Some(mut file) = TOLD.as_ref() {
        // Whoever reads it misses the point if it could not be written.
        let _ = file.write_all(format!("{}\n", point.name()).as_bytes());
    }

    static DIE_AT: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let wish = std::env::var("DAYSTAR_DIE_AT").ok()?;
        let (name, times) = wish.split_once(':').unwrap_or((&wish, "1"));
        Some((name.to_owned(), AtomicU64::new(times.parse().ok()?)))
    });
    if let Some((name, left)) = &*DIE_AT
        && name == point.name()
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        // As if by `kill -9`: nothing is tidied up, no buffer is written.
        std::process::abort();
    }
}

#[cfg(feature = "breaks")]
impl Point {
    fn name(self) -> &'static str {
        match self {
            Self::BeforeEpoch => "before-epoch",
            Self::InsideEpoch => "inside-epoch",
            Self::AfterEpoch => "after-epoch",
            Self::BeforeCheckpoint => "before-checkpoint",
            Self::InsideCheckpoint => "inside-checkpoint",
            Self::AfterCheckpoint => "after-checkpoint",
            Self::BeforeCut => "before-cut",
            Self::InsideCopy => "inside-copy",
            Self::AfterCopy => "after-copy",
            Self::AfterReplacing => "after-replacing",
            Self::InsideCut => "inside-cut",
            Self::AfterCut => "after-cut",
        }
    }
}
