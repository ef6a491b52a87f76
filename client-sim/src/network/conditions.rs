//! What a network does to packets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How bad a network is; [`Conditions::default`] is one that does nothing to a packet. Both directions fare alike, each with
/// chances of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// How long every packet is on its way.
    pub delay: Duration,
    /// Up to so much longer, by chance. Packets still come in the order in which they were sent: one that is late holds up those
    /// behind it.
    pub jitter: Duration,
    /// The share of the packets that are lost, from 0 to 1.
    pub loss: f64,
    /// The share of those that come twice, from 0 to 1.
    pub duplicate: f64,
    /// The share of those that keep to no order, from 0 to 1: they neither wait for those before nor hold up those behind.
    pub reorder: f64,
    /// How many bytes pass in a second in each direction; packets beyond it wait, and are lost when they would wait for
    /// longer than [`QUEUE_TIME_MAX`].
    pub bytes_per_s: Option<u64>,
    /// When nothing passes at all.
    pub partition: Option<Partition>,
}

/// A network that is cut from time to time, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// From one cut's beginning to the next one's, and from the network's beginning to the first.
    pub every: Duration,
    /// How long each lasts.
    pub lasting: Duration,
}

/// How long a packet may wait for its turn on a line of limited rate.
pub const QUEUE_TIME_MAX: Duration = Duration::from_millis(300);

impl Conditions {
    /// Whether nothing passes, so long after the network began.
    pub fn is_cut(&self, now: Duration) -> bool {
        self.partition.is_some_and(|cut| {
            let period_us = cut.every.as_micros().max(1);
            now >= cut.every && now.as_micros() % period_us < cut.lasting.as_micros()
        })
    }

    /// How much longer than on a perfect network an answer may take, when nothing had to be sent again.
    pub fn slowness(&self) -> Duration {
        let cut = self.partition.map_or(Duration::ZERO, |cut| cut.lasting);
        let queue = self.bytes_per_s.map_or(Duration::ZERO, |_| QUEUE_TIME_MAX);
        2 * (self.delay + self.jitter + queue) + cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_begin_after_the_first_period_and_come_again() {
        let partition =
            Partition { every: Duration::from_secs(60), lasting: Duration::from_secs(5) };
        let cut = Conditions { partition: Some(partition), ..Conditions::default() };
        let is_cut = |seconds| cut.is_cut(Duration::from_secs_f64(seconds));
        assert_eq!([0.0, 4.0, 59.9, 65.0, 119.9].map(is_cut), [false; 5]);
        assert_eq!([60.0, 64.9, 120.0, 124.0].map(is_cut), [true; 4]);
        assert!(!Conditions::default().is_cut(Duration::from_secs(60)));
    }
}
