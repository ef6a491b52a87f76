//! One direction of one client's line: which packets pass, when, and how often. No sockets, no clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use rand_pcg::Pcg32;
use serde::{Deserialize, Serialize};

use crate::network::conditions::{Conditions, QUEUE_TIME_MAX};

/// What is on its way in one direction.
///
/// What becomes of the n-th packet, cuts and queues aside, is decided by the seed alone, whenever it comes.
#[derive(Debug)]
pub struct Lane {
    rng: Pcg32,
    on_the_way: BinaryHeap<Reverse<Packet>>,
    taken_in: u64,
    /// When the last of those that keep the order arrives; no other may before.
    in_order_until: Duration,
    /// When the line has sent all that was taken in.
    busy_until: Duration,
    traffic: Traffic,
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Taken in.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Lost because the network was cut.
    pub cut: u64,
    /// Lost because too many waited.
    pub overflowed: u64,
    /// Those that come twice.
    pub duplicated: u64,
    /// Those that keep to no order.
    pub strayed: u64,
}

/// By when it arrives, then by when it was taken in.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due: Duration,
    number: u64,
    bytes: Bytes,
}

/// More are not on their way at once; at a thousand a second it takes ten seconds of delay to get there.
const PACKETS_MAX: usize = 10_000;

impl Lane {
    /// An empty one with random numbers of its own.
    pub fn new(rng: Pcg32) -> Self {
        Self {
            rng,
            on_the_way: BinaryHeap::new(),
            taken_in: 0,
            in_order_until: Duration::ZERO,
            busy_until: Duration::ZERO,
            traffic: Traffic::default(),
        }
    }

    /// Takes in a packet that is sent now; times count from the network's beginning.
    pub fn handle_packet(&mut self, conditions: &Conditions, now: Duration, packet: Bytes) {
        // All are drawn for every packet, so that one's fate does not change the next one's.
        let [is_lost, is_double, strays] =
            [conditions.loss, conditions.duplicate, conditions.reorder]
                .map(|share| self.rng.random::<f64>() < share);
        let jitters = [(); 2].map(|()| conditions.jitter.mul_f64(self.rng.random()));

        self.traffic.packets += 1;
        self.traffic.bytes += packet.len() as u64;
        let sent = match self.time_to_send(conditions, now, packet.len()) {
            _ if conditions.is_cut(now) => return self.traffic.cut += 1,
            _ if is_lost => return self.traffic.lost += 1,
            Some(sent) if self.on_the_way.len() < PACKETS_MAX => sent,
            _ => return self.traffic.overflowed += 1,
        };
        let mut due = sent + conditions.delay + jitters[0];
        if strays {
            self.traffic.strayed += 1;
        } else {
            due = due.max(self.in_order_until);
            self.in_order_until = due;
        }
        if is_double {
            self.traffic.duplicated += 1;
            self.add(due.max(sent + conditions.delay + jitters[1]), packet.clone());
        }
        self.add(due, packet);
    }

    /// The next packet that has arrived by now.
    pub fn poll_packet(&mut self, now: Duration) -> Option<Bytes> {
        if self.poll_due()? > now {
            return None;
        }
        self.on_the_way.pop().map(|Reverse(packet)| packet.bytes)
    }

    /// When the next packet arrives, if one is on its way.
    pub fn poll_due(&self) -> Option<Duration> {
        self.on_the_way.peek().map(|Reverse(packet)| packet.due)
    }

    /// What became of the packets since this was asked last.
    pub fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }

    /// When the packet's last bit has left, or `None` if the line has no room for it.
    fn time_to_send(
        &mut self,
        conditions: &Conditions,
        now: Duration,
        bytes: usize,
    ) -> Option<Duration> {
        let Some(bytes_per_s) = conditions.bytes_per_s else { return Some(now) };
        let sent = self.busy_until.max(now)
            + Duration::from_secs_f64(bytes as f64 / bytes_per_s.max(1) as f64);
        if sent - now > QUEUE_TIME_MAX {
            return None;
        }
        self.busy_until = sent;
        Some(sent)
    }

    fn add(&mut self, due: Duration, bytes: Bytes) {
        self.taken_in += 1;
        self.on_the_way.push(Reverse(Packet { due, number: self.taken_in, bytes }));
    }
}

impl Traffic {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        let Self { packets, bytes, lost, cut, overflowed, duplicated, strayed } = other;
        self.packets += packets;
        self.bytes += bytes;
        self.lost += lost;
        self.cut += cut;
        self.overflowed += overflowed;
        self.duplicated += duplicated;
        self.strayed += strayed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::conditions::Partition;

    /// One packet a millisecond, numbered; gives when each arrived, in order of arrival.
    fn pass(conditions: &Conditions, seed: u64, packets: u32) -> (Vec<(Duration, u32)>, Traffic) {
        let mut lane = Lane::new(Pcg32::new(seed, 0));
        let mut arrived = Vec::new();
        for number in 0..packets + 10_000 {
            let now = Duration::from_millis(number.into());
            if number < packets {
                lane.handle_packet(conditions, now, Bytes::copy_from_slice(&number.to_le_bytes()));
            }
            while let Some(packet) = lane.poll_packet(now) {
                let number = u32::from_le_bytes(packet[..].try_into().expect("four bytes"));
                arrived.push((now, number));
            }
        }
        assert_eq!(lane.poll_due(), None, "all have arrived");
        (arrived, lane.take_traffic())
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// How many of `arrived` came behind a later one.
    fn overtaken(arrived: &[(Duration, u32)]) -> usize {
        arrived.windows(2).filter(|pair| pair[0].1 > pair[1].1).count()
    }

    #[test]
    fn a_network_without_faults_changes_nothing() {
        let (arrived, traffic) = pass(&Conditions::default(), 1, 1000);
        let sent: Vec<_> = (0..1000).map(|number| (ms(number.into()), number)).collect();
        assert_eq!(arrived, sent);
        assert_eq!(traffic, Traffic { packets: 1000, bytes: 4000, ..Traffic::default() });
    }

    #[test]
    fn delay_and_jitter_keep_the_order() {
        let conditions = Conditions { delay: ms(50), jitter: ms(100), ..Conditions::default() };
        let (arrived, _) = pass(&conditions, 1, 1000);
        assert_eq!(arrived.len(), 1000);
        assert_eq!(overtaken(&arrived), 0);
        let waits: Vec<_> = arrived.iter().map(|(at, number)| *at - ms((*number).into())).collect();
        assert!(waits.iter().all(|wait| (ms(50)..=ms(151)).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait < ms(120)), "not all wait for the slowest");
        assert!(waits.iter().any(|wait| *wait > ms(140)));
    }

    #[test]
    fn shares_are_kept() {
        let conditions = Conditions {
            jitter: ms(20),
            loss: 0.05,
            duplicate: 0.1,
            reorder: 0.2,
            ..Conditions::default()
        };
        let (arrived, traffic) = pass(&conditions, 3, 100_000);
        assert!((4_500..5_500).contains(&traffic.lost), "{traffic:?}");
        assert!((9_000..10_000).contains(&traffic.duplicated), "of those not lost: {traffic:?}");
        assert!((18_000..20_000).contains(&traffic.strayed), "of those not lost: {traffic:?}");
        assert_eq!(arrived.len() as u64, 100_000 - traffic.lost + traffic.duplicated);
        assert!(overtaken(&arrived) > 10_000);
    }

    #[test]
    fn the_same_seed_does_the_same() {
        let conditions = Conditions {
            jitter: ms(20),
            loss: 0.3,
            duplicate: 0.1,
            reorder: 0.2,
            ..Conditions::default()
        };
        assert_eq!(pass(&conditions, 4, 1000), pass(&conditions, 4, 1000));
        assert_ne!(pass(&conditions, 4, 1000), pass(&conditions, 5, 1000));
    }

    #[test]
    fn a_line_of_limited_rate_delays_and_then_drops() {
        // Two of three bytes that come pass, besides those that fill the queue.
        let conditions = Conditions { bytes_per_s: Some(2667), ..Conditions::default() };
        let (arrived, traffic) = pass(&conditions, 1, 10_000);
        assert!((3_000..3_300).contains(&traffic.overflowed), "{traffic:?}");
        let (last, number) = arrived[arrived.len() - 1];
        let waited = last - ms(number.into());
        assert!(waited <= QUEUE_TIME_MAX + ms(1) && waited > ms(290), "{waited:?}");
    }

    #[test]
    fn nothing_passes_a_cut() {
        let partition = Some(Partition { every: ms(300), lasting: ms(100) });
        let (arrived, traffic) = pass(&Conditions { partition, ..Conditions::default() }, 1, 1000);
        assert_eq!(traffic.cut, 300);
        assert!(arrived.iter().all(|(_, number)| *number < 300 || number % 300 >= 100));
        assert_eq!(arrived.len(), 700);
    }
}
