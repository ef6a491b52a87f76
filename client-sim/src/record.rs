//! What was counted so far in a run: in all, and second by second.

use std::time::Duration;

use crate::counts::Counts;
use crate::figures::Figures;
use crate::outcome::Second;
use crate::troupe::Gathered;

/// What was counted so far. A second keeps its figures and no histogram, so that an hour takes little memory.
pub(crate) struct Record {
    /// Of each class, in the plan's order.
    pub(crate) classes: Vec<Counts>,
    /// How many clients have ever been in.
    pub(crate) connected: u32,
    pub(crate) seconds: Vec<Second>,
}

impl Record {
    /// Of a run with so many classes.
    pub(crate) fn new(classes: usize) -> Self {
        Self { classes: vec![Counts::default(); classes], connected: 0, seconds: Vec::new() }
    }

    /// Takes in what was counted while nobody was meant to play.
    pub(crate) fn add(&mut self, gathered: &Gathered) {
        self.connected = gathered.connected;
        for (total, class) in self.classes.iter_mut().zip(&gathered.classes) {
            total.add(&class.counts);
        }
    }

    /// Takes in what was counted in one second of play.
    pub(crate) fn add_second(&mut self, at: Duration, lasted: Duration, gathered: &Gathered) {
        self.add(gathered);
        let mut all = Counts::default();
        gathered.classes.iter().for_each(|class| all.add(&class.counts));
        let present = gathered.classes.iter().map(|class| class.present).sum();
        let classes = gathered.classes.iter();
        self.seconds.push(Second {
            at,
            lasted,
            all: Figures::of(&all, lasted, present),
            classes: classes
                .map(|class| Figures::of(&class.counts, lasted, class.present))
                .collect(),
        });
    }

    /// The first error's text, if there was any.
    pub(crate) fn some_error(&self) -> Option<&String> {
        self.classes.iter().find_map(|counts| counts.error_texts.keys().next())
    }

    /// Everything that was counted, of all classes together.
    pub(crate) fn all(&self) -> Counts {
        let mut all = Counts::default();
        self.classes.iter().for_each(|counts| all.add(counts));
        all
    }

    /// How many calls were refused, errors met, and sessions begun again.
    pub(crate) fn troubles(&self) -> (u64, u64, u64) {
        self.classes.iter().fold((0, 0, 0), |(refusals, errors, reconnects), counts| {
            (refusals + counts.refusals, errors + counts.errors, reconnects + counts.reconnects)
        })
    }
}
