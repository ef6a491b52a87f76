//! What is counted while clients run. Each crew counts for itself, and the reporter collects from all.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// Latencies are kept in microseconds, up to this, with three significant digits.
const LATENCY_US_MAX: u64 = 120_000_000;
const LATENCY_DIGITS: u8 = 3;

/// How many different texts of errors, and of refusals, are kept; more are only counted.
const TEXTS_MAX: usize = 8;

/// One crew's counts since they were last collected. The lock is the crew's own, and is held for
/// nanoseconds.
#[derive(Default)]
pub struct Tally {
    counts: Mutex<Counts>,
}

/// Everything that is counted.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Round trips of answered calls, refused ones included, in microseconds.
    pub latency_us: Histogram<u64>,
    /// Calls that the game's rules refused.
    pub refusals: u64,
    /// What must not happen: failed connects, lost connections, missing answers.
    pub errors: u64,
    /// Connects that failed on a network that was made bad, and were tried again. There they must happen now and then.
    pub connect_retries: u64,
    /// Connections made again after one was lost.
    pub reconnects: u64,
    /// Sessions that went on over another connection, and lost nothing.
    pub resumed: u64,
    /// Events that the server sent by itself.
    pub events: u64,
    /// Some of the errors' texts, and how often each came.
    pub error_texts: BTreeMap<String, u64>,
    /// Some of the refusals' texts, with `N` for every number, so that those that differ in a place or an amount
    /// only are one.
    pub refusal_texts: BTreeMap<String, u64>,
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

    /// Something went wrong.
    pub fn error(&self, text: &str) {
        let mut counts = self.counts.lock();
        counts.errors += 1;
        note(&mut counts.error_texts, text, 1);
    }

    /// Connecting failed on a network that was made bad.
    pub fn connect_failed(&self) {
        self.counts.lock().connect_retries += 1;
    }

    /// A lost connection was made again.
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

impl Default for Counts {
    fn default() -> Self {
        // The bounds are constants, and the library refuses only senseless ones.
        let latency_us = Histogram::new_with_max(LATENCY_US_MAX, LATENCY_DIGITS)
            .unwrap_or_else(|error| unreachable!("constant bounds: {error}"));
        Self {
            latency_us,
            refusals: 0,
            errors: 0,
            connect_retries: 0,
            reconnects: 0,
            resumed: 0,
            events: 0,
            error_texts: BTreeMap::new(),
            refusal_texts: BTreeMap::new(),
        }
    }
}

impl Counts {
    /// Calls that were answered, refusals included.
    pub fn requests(&self) -> u64 {
        self.latency_us.len()
    }

    /// The latency that this share of the calls did not exceed; zero if there were none.
    pub fn latency_at(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.latency_us.value_at_quantile(quantile))
    }

    /// The longest latency.
    pub fn latency_max(&self) -> Duration {
        Duration::from_micros(self.latency_us.max())
    }

    /// Adds what others counted.
    pub fn add(&mut self, other: &Self) {
        // Every histogram has the same bounds, so adding cannot fail.
        let added = self.latency_us.add(&other.latency_us);
        debug_assert!(added.is_ok());
        self.refusals += other.refusals;
        self.errors += other.errors;
        self.connect_retries += other.connect_retries;
        self.reconnects += other.reconnects;
        self.resumed += other.resumed;
        self.events += other.events;
        for (text, times) in &other.error_texts {
            note(&mut self.error_texts, text, *times);
        }
        for (text, times) in &other.refusal_texts {
            note(&mut self.refusal_texts, text, *times);
        }
    }

    fn clear(&mut self) {
        self.latency_us.reset();
        (self.refusals, self.errors, self.reconnects, self.events) = (0, 0, 0, 0);
        (self.connect_retries, self.resumed) = (0, 0);
        self.error_texts.clear();
        self.refusal_texts.clear();
    }
}

/// Counts a text, unless too many others are counted.
pub(crate) fn note(texts: &mut BTreeMap<String, u64>, text: &str, times: u64) {
    if let Some(known) = texts.get_mut(text) {
        *known += times;
    } else if texts.len() < TEXTS_MAX {
        texts.insert(text.to_owned(), times);
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
    fn a_flood_of_different_texts_is_counted_but_not_kept() {
        let tally = Tally::default();
        for number in 0..1000 {
            tally.error(&format!("error {number}"));
        }
        let mut total = Counts::default();
        tally.collect_into(&mut total);
        assert_eq!((total.errors, total.error_texts.len()), (1000, TEXTS_MAX));
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
