//! What may be set about a store on disk.

use std::fmt;
use std::time::Duration;

use crate::breaks::Breaks;

/// What may be set about a store on disk.
#[derive(Clone, Debug)]
pub struct Options {
    /// The largest size that each of the world's two files may grow to, in bytes, rounded up to whole pages. It costs
    /// address space, not memory or disk. A world that has grown larger still opens.
    pub map_bytes_max: usize,
    /// How many loads and scans may be under way at the same moment, in all processes that have the world open. The first of them
    /// says so for all.
    pub readers_max: u32,
    /// A checkpoint is made when the journal is this long, in bytes. Longer journals mean less writing, because what
    /// changes again is written once, and a longer start after a crash. It is spread over the time in which the journal
    /// grows by half of this, so the journal is half as long again at the most, unless the disk cannot keep up.
    pub checkpoint_bytes: u64,
    /// A checkpoint is made when the oldest epoch in the journal is this old, however short the journal is. It is spread over
    /// half of this, so that tasks hardly notice it.
    pub checkpoint_time: Duration,
    /// The journal grows no longer than this, in bytes, at least one: beyond it, batches wait for the checkpoint, and are
    /// refused if none can be made.
    pub journal_bytes_max: u64,
    /// How much of the world's files may count as this process's resident memory, in bytes. It is the system's cache all
    /// the same. Loads map nothing; checkpoints do, and a small limit costs them a microsecond now and then.
    pub mapped_bytes_max: u64,
    /// What is broken on purpose.
    #[cfg(feature = "breaks")]
    pub breaks: Breaks,
    /// In what steps checkpoints are made.
    #[cfg(feature = "breaks")]
    pub pace: Pace,
}

/// By what names one of the [`Options`] is set: those by which errors tell of it, and of which command lines are made, so that no error
/// names what there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// On a command line, behind two dashes.
    pub option: &'static str,
    /// In the environment.
    pub variable: &'static str,
    /// In a program: the field of [`Options`], which are `StoreOptions` there.
    pub field: &'static str,
}

impl Setting {
    /// Of [`Options::map_bytes_max`].
    pub const FILE_SIZE: Self =
        Self { option: "file-size", variable: "DAYSTAR_FILE_SIZE", field: "map_bytes_max" };
    /// Of [`Options::readers_max`].
    pub const READERS: Self =
        Self { option: "readers", variable: "DAYSTAR_READERS", field: "readers_max" };
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, variable, field } = self;
        write!(f, "`--{option}` (or `{variable}`, or in a program `StoreOptions::{field}`)")
    }
}

/// In what steps a checkpoint is made. Small steps and short waits let a test see what lies between them.
#[cfg_attr(not(feature = "breaks"), expect(unreachable_pub, reason = "only tests may change it"))]
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many objects are written in one transaction at the most, which LMDB keeps in memory until it is synced: in the
    /// worst case a page for each. Usually there are fewer, see `pacing.rs`.
    pub objects_max: usize,
    /// How many epochs are cut off in one transaction, for which the next epoch has to wait.
    pub epochs_max: usize,
    /// How long to wait after a failure.
    pub retry_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { objects_max: 4096, epochs_max: 256, retry_after: Duration::from_millis(500) }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            map_bytes_max: 256 << 30,
            readers_max: 4096,
            checkpoint_bytes: 64 << 20,
            checkpoint_time: Duration::from_secs(60),
            journal_bytes_max: 1 << 30,
            mapped_bytes_max: 32 << 20,
            #[cfg(feature = "breaks")]
            breaks: Breaks::default(),
            #[cfg(feature = "breaks")]
            pace: Pace::default(),
        }
    }
}

impl Options {
    /// What is broken on purpose; nothing, but in tests.
    pub(super) fn breaks(&self) -> Breaks {
        #[cfg(feature = "breaks")]
        return self.breaks;
        #[cfg(not(feature = "breaks"))]
        Breaks::default()
    }

    /// In what steps checkpoints are made; as ever, but in tests.
    pub(super) fn pace(&self) -> Pace {
        #[cfg(feature = "breaks")]
        return self.pace;
        #[cfg(not(feature = "breaks"))]
        Pace::default()
    }
}
