//! What is wrong with a journal that is damaged, told to whoever has to decide what becomes of the world.
//!
//! An epoch has one checksum for all that it says. If that does not match, nothing of it is used, nor anything behind it: what
//! survives is the world as it was after the epoch before. What the damaged one still shows is told all the same, so
//! that it is known what is lost.

use std::fmt;
use std::path::PathBuf;

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::store::StoreError;

use super::journal::READ;

/// How a world's journal is damaged, and what is left before that.
///
/// What was being written when the power went is no damage: an epoch is in the journal whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalDamage {
    /// The journal's folder.
    pub path: PathBuf,
    /// The last commit before the damage: the world can be read as it was then.
    pub last_whole: CommitNumber,
    /// The last commit that the journal has.
    pub ends: CommitNumber,
    /// How many epochs lie behind `last_whole`, damaged or not. They cannot be used.
    pub epochs: u64,
    /// What is wrong, in the order of the commits; one at least.
    pub flaws: Vec<JournalFlaw>,
    /// The world as it was at `last_whole` is not there any more: a checkpoint has begun to write among the objects what came
    /// later, or nobody can tell whether one has.
    pub is_overwritten: bool,
}

/// One thing that is wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalFlaw {
    /// The bytes of an epoch are not those that were written.
    Epoch {
        /// The last commit of the epoch before, as far as there is one.
        after: CommitNumber,
        /// The last commit of this one.
        last: CommitNumber,
        /// What can still be told of the objects that it changed.
        remains: Remains,
    },
    /// Epochs that should be there are not.
    Missing {
        /// The last commit before them.
        after: CommitNumber,
        /// The last commit of them, as what follows says.
        last: CommitNumber,
    },
}

/// What a damaged epoch still shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remains {
    /// The objects that it changed, as far as that can be told.
    pub objects: Vec<Remaining>,
    /// Its list of objects makes sense as a whole. If not, only those are told whose records are what was written.
    pub is_complete: bool,
}

/// An object that a damaged epoch changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remaining {
    /// Which object.
    pub id: ObjectId,
    /// The name of its type, if there is a record, and that still shows one.
    pub type_name: Option<String>,
    /// Its record is damaged, and not only what is around it.
    pub is_damaged: bool,
}

impl JournalDamage {
    /// That a world is refused, in which this stays as it is.
    pub(super) fn stays(&self) -> StoreError {
        StoreError::Damaged { what: READ, cause: self.to_string() }
    }

    /// That the world cannot be read as a whole by the process that has it open, and had the journal when it was whole. A checkpoint
    /// goes by what that process knows of the journal, so this passes.
    pub(super) fn passes(&self) -> StoreError {
        let flaw = self.flaws.first().map(JournalFlaw::to_string).unwrap_or_default();
        StoreError::Io {
            what: READ,
            cause: format!(
                "{flaw} ({}); it can be read again after the next checkpoint, which takes over all that is whole: do not stop \
                 the server before that, and run `verify` then",
                self.path.display()
            ),
        }
    }
}

impl fmt::Display for JournalDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, last_whole, ends, epochs, flaws, is_overwritten } = self;
        if let Some(flaw) = flaws.first() {
            write!(f, "{flaw}; ")?;
        }
        let (lost, path) = (Commits(*last_whole, *ends), path.display());
        let word = if *epochs == 1 { "epoch" } else { "epochs" };
        write!(f, "so {lost} ({epochs} {word} in {path}) cannot be used: restore a backup")?;
        match *last_whole {
            _ if *is_overwritten => write!(
                f,
                "; there is no way back to {last_whole} without one, because a checkpoint may have written some of what came \
                 later over it"
            )?,
            CommitNumber::ZERO => f.write_str("; nothing is left before that")?,
            _ => write!(
                f,
                ", or go back to {last_whole}: `backup --before-damage` copies the world as it was then, and `restore` makes \
                 a world of that"
            )?,
        }
        f.write_str(
            "; if a server has the world open, leave it running until its next checkpoint, which takes over all that is whole",
        )
    }
}

impl fmt::Display for JournalFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch { after, last, remains } => {
                write!(f, "the journal's epoch of {} is damaged; {remains}", Commits(*after, *last))
            }
            Self::Missing { after, last } => {
                write!(f, "the journal has no {}, and goes on behind", Commits(*after, *last))
            }
        }
    }
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objects, is_complete } = self;
        if objects.is_empty() {
            return f.write_str("which objects it changed cannot be read");
        }
        f.write_str("as far as can be read, it changed ")?;
        for (nth, object) in objects.iter().take(SHOWN).enumerate() {
            write!(f, "{}{object}", if nth == 0 { "" } else { ", " })?;
        }
        match objects.len().saturating_sub(SHOWN) {
            0 => {}
            more => write!(f, " and {more} more")?,
        }
        f.write_str(if *is_complete { "" } else { ", and others that cannot be told" })
    }
}

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, type_name, is_damaged } = self;
        write!(f, "{id}")?;
        match (type_name, is_damaged) {
            (None, false) => Ok(()),
            (None, true) => f.write_str(" (damaged)"),
            (Some(name), false) => write!(f, " (`{name}`)"),
            (Some(name), true) => write!(f, " (by its bytes a `{name}`, damaged)"),
        }
    }
}

/// The commits behind the first one, up to the second.
struct Commits(CommitNumber, CommitNumber);

impl fmt::Display for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(after, last) = self;
        match last.0.saturating_sub(after.0) {
            // They contradict each other; who is right is not known.
            0 => write!(f, "commits up to {}", last.0),
            1 => write!(f, "{last}"),
            _ => write!(f, "commits {} to {}", after.next().0, last.0),
        }
    }
}

/// So many objects are named in a line.
const SHOWN: usize = 10;
