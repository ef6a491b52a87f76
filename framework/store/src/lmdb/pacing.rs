//! How quickly a checkpoint goes on. It is spread over time, in small parts, so that the tasks and epochs beside it hardly
//! notice it; and it hurries when it is needed.
//!
//! A part is one synced transaction. While it is on its way to the disk, an epoch's own few pages wait behind it, and while the
//! kernel prepares it, a task may wait for a core: so small parts keep the waits short, and pauses make them rare. All that is
//! written is to be written within half of the time after which the next checkpoint begins, at the latest, and while the journal
//! grows by half of the length at which it does: so one always ends before the next one is due.

use std::time::{Duration, Instant};

use super::Options;
use super::epoch::Place;

/// When the parts of a checkpoint are due.
#[derive(Debug)]
pub(super) struct Schedule {
    start: Instant,
    time: Duration,
    start_bytes: u64,
    growth_bytes: u64,
}

/// What the next part of a checkpoint waits for: whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: Instant,
    /// How long the journal is then.
    pub(super) journal_bytes: u64,
}

impl Schedule {
    /// Of a checkpoint that begins at `start`, when the journal has `journal_bytes` bytes.
    pub(super) fn new(options: &Options, start: Instant, journal_bytes: u64) -> Self {
        let room_bytes = options.journal_bytes_max.saturating_sub(journal_bytes);
        let growth_bytes = options.checkpoint_bytes.min(room_bytes) / 2;
        Self { start, time: options.checkpoint_time / 2, start_bytes: journal_bytes, growth_bytes }
    }

    /// When to go on, `done` of `all` objects being written.
    pub(super) fn due(&self, done: usize, all: usize) -> Due {
        let share = done as f64 / all.max(1) as f64;
        // A time that nobody will live to see is as good as any other.
        let time = Duration::try_from_secs_f64(self.time.as_secs_f64() * share);
        let at = time.ok().and_then(|time| self.start.checked_add(time));
        let at = at.unwrap_or_else(|| self.start + LONG);
        let growth_bytes = (self.growth_bytes as f64 * share) as u64;
        Due { at, journal_bytes: self.start_bytes.saturating_add(growth_bytes) }
    }
}

/// How it stands with a checkpoint when its next part is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It had to wait for the part to be due.
    Early,
    /// The part was due already.
    Late,
    /// Somebody waits for the checkpoint.
    Urgent,
}

/// How much goes into one part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pages: usize,
    /// How many of the changed objects share a page, on average.
    objects_per_page: usize,
    objects_max: usize,
}

impl Part {
    /// Of a checkpoint that writes `changed` objects into `leaf_pages` pages, at most `objects_max` at a time.
    pub(super) fn new(changed: usize, leaf_pages: usize, objects_max: usize) -> Self {
        let objects_per_page = (changed / leaf_pages.max(1)).max(1);
        Self { pages: 0, objects_per_page, objects_max }
    }

    /// How many of `places` go into the next one. Larger ones take less time altogether.
    pub(super) fn length<T>(&mut self, standing: Standing, places: &[(T, Place)]) -> usize {
        self.pages = match standing {
            Standing::Early => GENTLE_PAGES,
            Standing::Late => (self.pages * 2).clamp(GENTLE_PAGES, HURRIED_PAGES),
            Standing::Urgent => HURRIED_PAGES,
        };
        let objects_max = (self.pages * self.objects_per_page).min(self.objects_max);
        let bytes_max = self.pages * PAGE_BYTES;
        let mut bytes = 0;
        let is_within = |(_, place): &&(T, Place)| {
            let is_within = bytes < bytes_max;
            bytes += place.bytes();
            is_within
        };
        places.iter().take(objects_max).take_while(is_within).count()
    }
}

/// A quarter of a megabyte: some disks need half a millisecond for it, and the pages that every transaction writes beside
/// those of the objects, a handful, are few against it.
const GENTLE_PAGES: usize = 64;
/// 8 MB: a disk writes no quicker if it is given more at once.
const HURRIED_PAGES: usize = 2048;
/// LMDB's, where the system's are not larger.
const PAGE_BYTES: usize = 4096;
const LONG: Duration = Duration::from_secs(1 << 32);

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn options() -> Options {
        let checkpoint_time = Duration::from_secs(60);
        let (checkpoint_bytes, journal_bytes_max) = (64 * MB, 1024 * MB);
        Options { checkpoint_bytes, checkpoint_time, journal_bytes_max, ..Options::default() }
    }

    #[test]
    fn a_checkpoint_takes_half_of_what_lies_between_two() {
        let start = Instant::now();
        let schedule = Schedule::new(&options(), start, 64 * MB);
        let due = |seconds, bytes| Due {
            at: start + Duration::from_secs(seconds),
            journal_bytes: 64 * MB + bytes,
        };
        assert_eq!(schedule.due(0, 1000), due(0, 0));
        assert_eq!(schedule.due(500, 1000), due(15, 16 * MB));
        assert_eq!(schedule.due(1000, 1000), due(30, 32 * MB));
        assert_eq!(schedule.due(0, 0), due(0, 0));
    }

    #[test]
    fn the_fuller_the_journal_the_less_it_may_grow_meanwhile() {
        let growth = |journal_bytes| {
            let schedule = Schedule::new(&options(), Instant::now(), journal_bytes);
            schedule.due(1, 1).journal_bytes - journal_bytes
        };
        assert_eq!(growth(MB), 32 * MB);
        assert_eq!(growth(1000 * MB), 12 * MB);
        assert_eq!(growth(1024 * MB), 0);
        assert_eq!(growth(2000 * MB), 0);
    }

    #[test]
    fn no_setting_is_too_large() {
        let forever = Options {
            checkpoint_bytes: u64::MAX,
            checkpoint_time: Duration::MAX,
            journal_bytes_max: u64::MAX,
            ..Options::default()
        };
        let start = Instant::now();
        let due = Schedule::new(&forever, start, MB).due(1, 1);
        assert!(due.at > start + Duration::from_secs(1 << 31));
        assert!(due.journal_bytes > 1 << 60);
    }

    #[test]
    fn parts_grow_while_they_are_late_and_are_small_again_when_they_are_not() {
        let places = vec![((), Place::of_length(100)); 10_000];
        let mut part = Part::new(1000, 1000, usize::MAX);
        let mut length = |standing| part.length(standing, &places);
        let [early, late, urgent] = [Standing::Early, Standing::Late, Standing::Urgent];
        // The first is due at once.
        assert_eq!([late, late, late, early, late].map(&mut length), [64, 128, 256, 64, 128]);
        assert_eq!([late; 6].map(&mut length)[5], 2048);
        assert_eq!([early, urgent, early].map(&mut length), [64, 2048, 64]);
    }

    #[test]
    fn a_part_is_limited_by_pages_by_bytes_and_by_what_is_set() {
        let length = |changed, leaf_pages, objects_max, bytes| {
            let places = vec![((), Place::of_length(bytes)); 10_000];
            Part::new(changed, leaf_pages, objects_max).length(Standing::Early, &places)
        };
        assert_eq!(length(100, 1000, 4096, 10), 64, "a page for each");
        assert_eq!(length(10_000, 1000, 4096, 10), 640, "ten share a page");
        assert_eq!(length(10_000, 0, 4096, 10), 4096, "new ones, at the end");
        assert_eq!(length(10_000, 1, 1 << 20, 4096), 64, "large ones");
        assert_eq!(length(10_000, 1, 1 << 20, 1 << 20), 1, "it is never empty");
        assert_eq!(length(100, 1000, 3, 10), 3);
    }
}
