//! How far a run is, for whoever must act with it, as one does who kills the server while clients play.

use tokio::sync::watch;

use crate::crash::intermission::Intermission;
use crate::ledger::Ledger;
use crate::marks::Marks;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The clients connect, and wait for one another.
    Connecting,
    /// They play.
    Playing,
    /// They compare what they were told with what the server says, and leave.
    Over,
}

/// What a run shares with those outside. Clones are the same stage; each run needs its own.
#[derive(Clone, Debug)]
pub struct Stage {
    phase: watch::Sender<Phase>,
    marks: Marks,
    intermission: Intermission,
    ledger: Ledger,
}

impl Stage {
    /// One with a ledger of what the clients are told.
    pub fn with_ledger(ledger: Ledger) -> Self {
        Self { ledger, ..Self::default() }
    }

    /// How far the run is, to be looked at or waited for.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// What the report is to show besides.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What interrupts the run.
    pub fn intermission(&self) -> &Intermission {
        &self.intermission
    }

    /// What the clients were told is done; not kept, unless somebody wants it.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Ends the play before its time: the clients go on to what they do at the end of a run. For runs that nobody interrupts.
    pub fn end(&self) {
        self.intermission.drop_curtain();
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Connecting),
            marks: Marks::default(),
            intermission: Intermission::default(),
            ledger: Ledger::default(),
        }
    }
}
