//! What a world is in the middle of, by the points that its process said it passed (`src/lmdb/failpoint.rs`): so that a test
//! can tell whether the power was cut there.

use daystar_recorder::disk::Disk;
use daystar_recorder::log::Entry;

/// Something that a cut of the power may interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// An epoch is being written to the journal.
    Epoch,
    /// The first transaction of a checkpoint is being written to the objects.
    FirstChunk,
    /// One behind it is: the objects are a mixture already.
    LaterChunk,
    /// The objects are written, and the journal has them still.
    Uncut,
    /// Epochs are being cut off the journal.
    Cut,
    /// Some have been, and there are more.
    LaterCut,
}

impl Phase {
    pub(crate) const ALL: [Self; 6] =
        [Self::Epoch, Self::FirstChunk, Self::LaterChunk, Self::Uncut, Self::Cut, Self::LaterCut];

    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }
}

/// What the process is doing, as far as it has said.
#[derive(Debug, Default)]
pub(crate) struct Phases {
    is_in_epoch: bool,
    /// The checkpoint's thread.
    beside: Option<Phase>,
    is_cut_in_part: bool,
}

impl Phases {
    pub(crate) fn follow(&mut self, entry: &Entry) {
        let Entry::Marked { text } = entry else { return };
        match text.trim() {
            "inside-epoch" => self.is_in_epoch = true,
            "before-epoch" | "after-epoch" => self.is_in_epoch = false,
            "before-checkpoint" => self.beside = Some(Phase::FirstChunk),
            "inside-checkpoint" => self.beside = Some(Phase::LaterChunk),
            "after-checkpoint" => {
                (self.beside, self.is_cut_in_part) = (Some(Phase::Uncut), false);
            }
            "inside-cut" => {
                let phase = if self.is_cut_in_part { Phase::LaterCut } else { Phase::Cut };
                self.beside = Some(phase);
            }
            "after-cut" => (self.beside, self.is_cut_in_part) = (None, true),
            _ => {}
        }
    }

    /// What the power interrupts if it goes now: what has left something on `disk` that is not safe.
    pub(crate) fn interrupted(&self, disk: &Disk) -> impl Iterator<Item = Phase> {
        let is_dirty = |file| disk.undecided_in(file) > 0;
        let epoch = (self.is_in_epoch && is_dirty(JOURNAL)).then_some(Phase::Epoch);
        let beside = self.beside.filter(|phase| match phase {
            Phase::FirstChunk | Phase::LaterChunk => is_dirty(OBJECTS),
            Phase::Uncut => true,
            Phase::Epoch | Phase::Cut | Phase::LaterCut => is_dirty(JOURNAL),
        });
        epoch.into_iter().chain(beside)
    }
}

pub(crate) const JOURNAL: &str = "journal/data.mdb";
pub(crate) const OBJECTS: &str = "objects/data.mdb";
