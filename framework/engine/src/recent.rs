//! What one seat's jobs have touched of late, collected so that the memory budget is told of many at once: asking a shared
//! policy at every access costs more than most accesses do (X. Ding, S. Jiang, X. Zhang, "BP-Wrapper", ICDE 2009).

use daystar_model::ObjectId;

use crate::sync::IS_CHECKED;

/// What a seat's jobs have touched since the memory budget was told last.
#[derive(Default)]
pub(crate) struct Recent {
    told: Vec<ObjectId>,
    /// Which objects are among those, as far as there is room: each has one place that it shares with others. Made when
    /// memory first gets short.
    filter: Vec<Option<ObjectId>>,
    /// Which of the uses are told.
    dice: u64,
    /// How many jobs there have been since.
    jobs: u32,
    /// The seat's tally of bytes when somebody looked last.
    bytes_seen: u64,
}

/// How many objects or jobs are worth telling of. What is hot is heard of again after so many jobs, and must be: a policy
/// takes for cold what it does not hear of.
const OBJECTS: usize = if IS_CHECKED { 1 } else { 64 };
const JOBS: u32 = if IS_CHECKED { 1 } else { 256 };

/// What part of the uses of what is in memory is told.
const ONE_IN: u64 = if IS_CHECKED { 1 } else { 4 };

const PLACES: usize = if IS_CHECKED { 2 } else { 256 };

impl Recent {
    /// Remembers `id`, if that is not known already: one time in [`ONE_IN`], for what is hot is used often, and being told
    /// of a use costs more than most uses do.
    pub(crate) fn touch(&mut self, id: ObjectId) {
        if self.is_picked() && self.note(id) {
            self.told.push(id);
        }
    }

    /// One time in [`ONE_IN`], by chance: were it by turns, jobs that use the same objects in the same order would tell of
    /// the same ones.
    fn is_picked(&mut self) -> bool {
        // D. Knuth's generator, MMIX; its upper bits are as good as this needs.
        self.dice =
            self.dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.dice >> 32).is_multiple_of(ONE_IN)
    }

    /// Remembers `id`, which has come into memory: that must not be missed.
    pub(crate) fn tell(&mut self, id: ObjectId) {
        self.note(id);
        self.told.push(id);
    }

    /// Whether the filter did not know `id`; it does now.
    fn note(&mut self, id: ObjectId) -> bool {
        if self.filter.is_empty() {
            self.filter = vec![None; PLACES];
        }
        let place = (id.to_raw().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % PLACES;
        self.filter[place].replace(id) != Some(id)
    }

    /// A job is over; whether there is enough to tell.
    pub(crate) fn is_due(&mut self) -> bool {
        self.jobs += 1;
        self.told.len() >= OBJECTS || self.jobs >= JOBS
    }

    /// Whether the seat's tally of bytes has grown by more than `step` since this was last the case.
    pub(crate) fn has_grown(&mut self, bytes: u64, step: u64) -> bool {
        // The tally of one seat may fall below zero.
        let grown = bytes.wrapping_sub(self.bytes_seen).cast_signed();
        if grown < 0 {
            self.bytes_seen = bytes;
        }
        let has_grown = grown > step.cast_signed();
        if has_grown {
            self.bytes_seen = bytes;
        }
        has_grown
    }

    /// What there is to tell, and begins anew.
    pub(crate) fn take(&mut self) -> Vec<ObjectId> {
        self.jobs = 0;
        self.filter.fill(None);
        std::mem::take(&mut self.told)
    }
}
