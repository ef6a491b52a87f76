//! What one crew counts until it is collected.

use std::time::Duration;

use parking_lot::Mutex;

use crate::counts::{Counts, note};

/// One crew's counts since they were last collected. The lock is the crew's own, and is held for
/// nanoseconds.
#[derive(Default)]
pub struct Tally {
    counts: Mutex<Counts>,
}

impl Tally {
    /// A call was answered, or refused for that reason.
    pub fn answered(&self, after: Duration, refused: Option<&str>) {
        let mut counts = self.counts.lock();
        counts.latency_us.saturating_record(u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
        if let Some(reason) = refused {
            counts.refusals += 1;
            note(&mut counts.refusal_texts, &without_numbers(reason), 1);
        }
    }

    /// A client has done something.
    pub fn acted(&self) {
        self.counts.lock().acts += 1;
    }

    /// Something went wrong.
    pub fn error(&self, text: &str) {
        self.counts.lock().error(text);
    }

    /// Connecting failed where it must be expected to.
    pub fn connect_failed(&self) {
        self.counts.lock().connect_retries += 1;
    }

    /// A session was begun again after one was lost.
    pub fn reconnected(&self) {
        self.counts.lock().reconnects += 1;
    }

    /// A session went on over another connection.
    pub fn resumed(&self) {
        self.counts.lock().resumed += 1;
    }

    /// An event came.
    pub fn event(&self) {
        self.counts.lock().events += 1;
    }

    /// Moves what was counted over to `total`, and begins at zero again.
    pub fn collect_into(&self, total: &mut Counts) {
        let mut counts = self.counts.lock();
        total.add(&counts);
        counts.clear();
    }
}

/// `text` with `N` for every number.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut without = String::with_capacity(text.len());
    for character in text.chars() {
        if !character.is_ascii_digit() {
            without.push(character);
        } else if !without.ends_with('N') {
            without.push('N');
        }
    }
    without
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn collecting_moves_everything_once() {
        let tally = Tally::default();
        tally.answered(Duration::from_millis(2), None);
        tally.answered(Duration::from_millis(50), Some("too poor"));
        tally.error("gone");
        tally.connect_failed();
        tally.reconnected();
        tally.resumed();
        tally.event();
        let mut total = Counts::default();
        tally.collect_into(&mut total);
        tally.collect_into(&mut total);
        assert_eq!(
            (total.requests(), total.refusals, total.errors, total.reconnects, total.events),
            (2, 1, 1, 1, 1)
        );
        assert_eq!((total.connect_retries, total.resumed), (1, 1));
        assert_eq!(total.error_texts, BTreeMap::from([("gone".to_owned(), 1)]));
        assert_eq!(total.latency_at(0.5).as_millis(), 2);
        assert_eq!(total.latency_max().as_millis(), 50);
    }

    #[test]
    fn refusals_that_differ_in_numbers_only_are_one() {
        let tally = Tally::default();
        tally.answered(Duration::ZERO, Some("you have only 17 gold"));
        tally.answered(Duration::ZERO, Some("you have only 3 gold"));
        let mut total = Counts::default();
        tally.collect_into(&mut total);
        assert_eq!(total.refusal_texts, BTreeMap::from([("you have only N gold".to_owned(), 2)]));
    }

    #[test]
    fn a_latency_beyond_the_scale_counts_as_the_longest() {
        let tally = Tally::default();
        tally.answered(Duration::from_secs(100_000), None);
        let mut total = Counts::default();
        tally.collect_into(&mut total);
        assert!(total.latency_max() >= Duration::from_secs(119));
    }
}
