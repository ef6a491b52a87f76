//! What is counted while clients run, and how it is added up and handed to another process.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Latencies are kept in microseconds, up to this, with three significant digits.
const LATENCY_US_MAX: u64 = 120_000_000;
const LATENCY_DIGITS: u8 = 3;

/// How many different texts of errors, and of refusals, are kept; more are only counted.
const TEXTS_MAX: usize = 8;

/// Everything that is counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Round trips of answered calls, refused ones included, in microseconds.
    #[serde(with = "steps")]
    pub latency_us: Histogram<u64>,
    /// What clients have done, each of which is usually one call.
    pub acts: u64,
    /// Calls that the game's rules refused.
    pub refusals: u64,
    /// What must not happen: failed connects, lost connections, missing answers.
    pub errors: u64,
    /// Connects that failed on a network that was made bad, or on a server that is killed on purpose, and were tried again. There
    /// they must happen now and then.
    pub connect_retries: u64,
    /// Sessions begun again after one was lost.
    pub reconnects: u64,
    /// Sessions that went on over another connection, and lost nothing.
    pub resumed: u64,
    /// Events that the server sent by itself.
    pub events: u64,
    /// Bytes to the server, in UDP packets.
    pub bytes_up: u64,
    /// Bytes from the server.
    pub bytes_down: u64,
    /// Some of the errors' texts, and how often each came.
    pub error_texts: BTreeMap<String, u64>,
    /// Some of the refusals' texts, with `N` for every number, so that those that differ in a place or an amount
    /// only are one.
    pub refusal_texts: BTreeMap<String, u64>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            latency_us: no_latencies(),
            acts: 0,
            refusals: 0,
            errors: 0,
            connect_retries: 0,
            reconnects: 0,
            resumed: 0,
            events: 0,
            bytes_up: 0,
            bytes_down: 0,
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
        self.acts += other.acts;
        self.refusals += other.refusals;
        self.errors += other.errors;
        self.connect_retries += other.connect_retries;
        self.reconnects += other.reconnects;
        self.resumed += other.resumed;
        self.events += other.events;
        self.bytes_up += other.bytes_up;
        self.bytes_down += other.bytes_down;
        for (text, times) in &other.error_texts {
            note(&mut self.error_texts, text, *times);
        }
        for (text, times) in &other.refusal_texts {
            note(&mut self.refusal_texts, text, *times);
        }
    }

    /// Notes an error.
    pub(crate) fn error(&mut self, text: &str) {
        self.errors += 1;
        note(&mut self.error_texts, text, 1);
    }

    /// Begins at zero again.
    pub(crate) fn clear(&mut self) {
        // Each by its name, so that the compiler says when one is forgotten. A new histogram would cost a large allocation.
        let Self {
            latency_us,
            acts,
            refusals,
            errors,
            connect_retries,
            reconnects,
            resumed,
            events,
            bytes_up,
            bytes_down,
            error_texts,
            refusal_texts,
        } = self;
        latency_us.reset();
        let counted = [
            acts,
            refusals,
            errors,
            connect_retries,
            reconnects,
            resumed,
            events,
            bytes_up,
            bytes_down,
        ];
        counted.into_iter().for_each(|count| *count = 0);
        error_texts.clear();
        refusal_texts.clear();
    }
}

fn no_latencies() -> Histogram<u64> {
    // The bounds are constants, and the library refuses only senseless ones.
    Histogram::new_with_max(LATENCY_US_MAX, LATENCY_DIGITS)
        .unwrap_or_else(|error| unreachable!("constant bounds: {error}"))
}

/// Counts a text, unless too many others are counted.
pub(crate) fn note(texts: &mut BTreeMap<String, u64>, text: &str, times: u64) {
    if let Some(known) = texts.get_mut(text) {
        *known += times;
    } else if texts.len() < TEXTS_MAX {
        texts.insert(text.to_owned(), times);
    }
}

/// A histogram as the pairs of its steps that are not empty: the longest latency in it, and how often it was. What is read from them is
/// the same histogram.
mod steps {
    use hdrhistogram::Histogram;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::no_latencies;

    pub(super) fn serialize<S: Serializer>(
        histogram: &Histogram<u64>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let steps = histogram.iter_recorded();
        to.collect_seq(
            steps.map(|step| (step.value_iterated_to(), step.count_since_last_iteration())),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Histogram<u64>, D::Error> {
        let mut histogram = no_latencies();
        for (latency_us, times) in Vec::<(u64, u64)>::deserialize(from)? {
            histogram.saturating_record_n(latency_us, times);
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(latencies_us: impl Iterator<Item = u64>) -> Counts {
        let mut counts = Counts { acts: 3, refusals: 1, bytes_down: 7, ..Counts::default() };
        latencies_us.for_each(|us| counts.latency_us.saturating_record(us));
        counts.error("gone");
        counts
    }

    /// Latencies of every size, as another process would have met them.
    fn latencies(from: u64) -> impl Iterator<Item = u64> {
        (0..2000).map(move |step| from + step * step * 31)
    }

    #[test]
    fn two_parts_handed_over_and_added_are_the_whole() {
        let mut joined = Counts::default();
        for from in [3, 5000] {
            let text = serde_json::to_string(&counted(latencies(from))).expect("written");
            joined.add(&serde_json::from_str(&text).expect("read"));
        }
        let whole = counted(latencies(3).chain(latencies(5000)));
        assert_eq!(joined.latency_us, whole.latency_us);
        assert_eq!(joined.latency_max(), whole.latency_max());
        assert_eq!((joined.refusals, joined.errors, joined.bytes_down), (2, 2, 14));
        assert_eq!(joined.acts, 6);
        assert_eq!(joined.error_texts, BTreeMap::from([("gone".to_owned(), 2)]));
    }

    #[test]
    fn clearing_leaves_nothing() {
        let mut counts = counted(latencies(1));
        counts.clear();
        assert_eq!(format!("{counts:?}"), format!("{:?}", Counts::default()));
    }

    #[test]
    fn a_flood_of_different_texts_is_counted_but_not_kept() {
        let mut counts = Counts::default();
        (0..1000).for_each(|number| counts.error(&format!("error {number}")));
        assert_eq!((counts.errors, counts.error_texts.len()), (1000, TEXTS_MAX));
    }
}
