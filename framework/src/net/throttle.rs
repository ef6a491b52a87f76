//! What one session may send in so much time: beyond it the client is not read from, and if it goes on, dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::net::limits::Limits;
use crate::net::pace::{Pace, Rate};

/// How fast each session of a server may be.
pub(super) struct MessageRate {
    rate: Rate,
    patience: Duration,
}

impl MessageRate {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let rate = Rate::new(limits.messages_per_second, limits.message_burst);
        Arc::new(Self { rate, patience: limits.message_patience })
    }
}

/// How fast one session is.
#[derive(Clone)]
pub(super) struct Throttle {
    rate: Arc<MessageRate>,
    pace: Pace,
    held_until: Option<Instant>,
    /// Since when it has not slowed down.
    fast_since: Option<Instant>,
    /// Until when it may be fast: it had been away.
    excused_until: Option<Instant>,
}

/// Whether the session is to be held before it is read from again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    No,
    Yes,
}

/// It did not slow down although it was held.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooFast;

impl Throttle {
    pub(super) fn new(rate: Arc<MessageRate>) -> Self {
        let pace = Pace::new(Instant::now());
        Self { rate, pace, held_until: None, fast_since: None, excused_until: None }
    }

    /// Waits until the session may be read from. Dropping the future loses nothing.
    pub(super) async fn hold(&mut self) {
        if let Some(until) = self.held_until {
            sleep_until(until).await;
            self.held_until = None;
        }
    }

    /// The client was away for `time`, and brings what it had to say meanwhile: for as long it may be held without that counting as not
    /// slowing down. What has counted before counts on: being away is no way to be forgiven.
    pub(super) fn was_away(&mut self, time: Duration) {
        self.was_away_at(time, Instant::now());
    }

    fn was_away_at(&mut self, time: Duration, now: Instant) {
        if let Some(since) = &mut self.fast_since {
            *since += time * 2;
        }
        let until = now + time;
        self.excused_until = Some(self.excused_until.map_or(until, |excused| excused.max(until)));
    }

    /// Counts a message.
    pub(super) fn count(&mut self) -> Result<Held, TooFast> {
        self.count_at(Instant::now())
    }

    fn count_at(&mut self, now: Instant) -> Result<Held, TooFast> {
        let wait = self.pace.count(&self.rate.rate, now);
        if wait.is_zero() {
            if self.pace.is_easy(&self.rate.rate, now) {
                self.fast_since = None;
            }
            return Ok(Held::No);
        }
        let from = self.excused_until.map_or(now, |until| until.max(now));
        let since = *self.fast_since.get_or_insert(from);
        if now.saturating_duration_since(since) > self.rate.patience {
            return Err(TooFast);
        }
        // Some at once are cheaper than each by a timer of its own.
        self.held_until = Some(now + wait.max(HOLD_MIN));
        Ok(Held::Yes)
    }
}

const HOLD_MIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        let limits = Limits {
            message_burst: 10,
            messages_per_second: 100.0,
            message_patience: Duration::from_secs(5),
            ..Limits::default()
        };
        Throttle::new(MessageRate::new(&limits))
    }

    /// Sends whenever it is read from, for `time`; how many came through.
    fn flood(throttle: &mut Throttle, now: &mut Instant, time: Duration) -> Result<u32, TooFast> {
        let end = *now + time;
        let mut count = 0;
        while *now < end {
            throttle.count_at(*now)?;
            count += 1;
            if let Some(until) = throttle.held_until.take() {
                *now = until;
            }
        }
        Ok(count)
    }

    #[test]
    fn who_was_away_may_bring_what_there_was_to_say_meanwhile() {
        let (mut throttle, mut now) = (throttle(), Instant::now());
        throttle.was_away_at(Duration::from_secs(10), now);
        let came = flood(&mut throttle, &mut now, Duration::from_secs(14)).expect("patience");
        assert!((1400..=1415).contains(&came), "no faster than others: {came}");
        assert_eq!(flood(&mut throttle, &mut now, Duration::from_secs(2)), Err(TooFast));
    }

    #[test]
    fn a_flood_is_not_forgiven_for_a_moment_away() {
        let (mut throttle, mut now) = (throttle(), Instant::now());
        flood(&mut throttle, &mut now, Duration::from_secs(4)).expect("patience");
        throttle.was_away_at(Duration::from_millis(1), now);
        assert_eq!(flood(&mut throttle, &mut now, Duration::from_secs(2)), Err(TooFast));
    }

    #[test]
    fn a_flood_comes_through_at_the_rate_and_ends_when_it_goes_on() {
        let (mut throttle, mut now) = (throttle(), Instant::now());
        let came = flood(&mut throttle, &mut now, Duration::from_secs(4)).expect("patience");
        assert!((400..=415).contains(&came), "{came}");
        assert_eq!(flood(&mut throttle, &mut now, Duration::from_secs(2)), Err(TooFast));
    }

    #[test]
    fn who_may_send_one_at_a_time_may_send_two_now_and_then() {
        let limits = Limits { message_burst: 1, messages_per_second: 10.0, ..Limits::default() };
        let (mut throttle, mut now) = (Throttle::new(MessageRate::new(&limits)), Instant::now());
        for _ in 0..100 {
            for _ in 0..2 {
                throttle.count_at(now).expect("patience");
            }
            now += limits.message_patience;
            throttle.count_at(now).expect("patience");
            now += limits.message_patience;
        }
    }

    #[test]
    fn who_pauses_may_go_on_for_ever() {
        let (mut throttle, mut now) = (throttle(), Instant::now());
        for _ in 0..10 {
            flood(&mut throttle, &mut now, Duration::from_secs(4)).expect("patience");
            now += Duration::from_secs(1);
        }
    }
}
