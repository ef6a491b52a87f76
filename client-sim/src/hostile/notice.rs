//! How it shows in a server's metrics that it was attacked.

use crate::hostile::server::Metrics;
use crate::hostile::toll::Reckoning;

/// By how much counters of the server must rise while it is attacked in some way.
#[derive(Clone, Copy, Debug)]
pub struct Notice {
    /// The counters, of which the sum rises. With a label in braces it is the one that has it alone; without, all of that name.
    pub counters: &'static [&'static str],
    /// By how much.
    pub by: By,
    /// Whether it comes only when the attack has gone on for half a minute, more on a busy machine: too late for a short contest.
    pub is_late: bool,
}

/// A number that a server must have counted.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// As often as attempts ended in words that contain these, which they must have done at least once.
    Told(&'static str),
    /// Once for so many attempts, of which there must have been so many.
    AttemptsEach(u64),
    /// So often, where attackers do not know what becomes of their attempts.
    Times(u64),
}

impl Notice {
    pub(super) const fn new(counters: &'static [&'static str], by: By) -> Self {
        Self { counters, by, is_late: false }
    }

    pub(super) const fn late(self) -> Self {
        Self { is_late: true, ..self }
    }

    /// By how much the counters rose.
    pub(super) fn rise(&self, before: &Metrics, behind: &Metrics) -> f64 {
        let sum = |metrics: &Metrics| -> f64 {
            self.counters.iter().filter_map(|name| metrics.get(*name)).sum()
        };
        sum(behind) - sum(before)
    }

    /// Whether there is enough for [`missing`](Self::missing) to judge by.
    pub(super) fn is_due(&self, rise: f64, reckoning: &Reckoning) -> bool {
        match self.by {
            By::Told(words) => reckoning.told(words) > 0,
            By::AttemptsEach(attempts) => reckoning.attempts >= attempts,
            By::Times(times) => rise >= times as f64,
        }
    }

    /// What is missing, in words, if the counters rose by `rise` while the attackers came to `reckoning`.
    pub(super) fn missing(&self, rise: f64, reckoning: &Reckoning) -> Option<String> {
        let (wanted, since) = match self.by {
            By::Told(words) => {
                let told = reckoning.told(words);
                (told, format!("the attackers were told {told} times: {words}"))
            }
            By::AttemptsEach(attempts) => {
                let tried = reckoning.attempts;
                (tried / attempts, format!("it was tried {tried} times; one of {attempts} counts"))
            }
            By::Times(times) => (times, "such an attack brings about no less".to_owned()),
        };
        let counters = self.counters.join(" + ");
        if wanted == 0 {
            return Some(format!(
                "whether {counters} counts it is not known (it rose by {rise}): {since}"
            ));
        }
        (rise < wanted as f64).then(|| {
            format!("{counters} does not count it: it rose by {rise} instead of {wanted}: {since}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::toll::Toll;

    const TOO_LONG: &str = "daystar_net_closed_total{reason=\"too_long\"}";

    fn missing(by: By, rise: f64) -> Option<String> {
        let toll = Toll::default();
        toll.tried(100);
        (0..3).for_each(|_| toll.ended("that is too long"));
        Notice::new(&[TOO_LONG], by).missing(rise, &toll.reckoning())
    }

    #[test]
    fn what_is_counted_in_full_is_not_missing() {
        for (by, rise) in
            [(By::Told("too long"), 3.0), (By::AttemptsEach(2), 50.0), (By::Times(7), 7.0)]
        {
            assert_eq!(missing(by, rise), None);
        }
    }

    #[test]
    fn what_is_counted_in_part_or_was_never_seen_is_said() {
        let lines = [
            (By::Told("too long"), 2.0, "rose by 2 instead of 3: the attackers were told 3 times"),
            (By::AttemptsEach(2), 49.0, "rose by 49 instead of 50: it was tried 100 times"),
            (By::Times(7), 6.0, "rose by 6 instead of 7"),
            (By::Told("too short"), 9.0, "is not known (it rose by 9): the attackers were told 0"),
            (By::AttemptsEach(101), 9.0, "is not known (it rose by 9)"),
        ];
        for (by, rise, words) in lines {
            let said = missing(by, rise).expect("something is missing");
            assert!(said.contains(words) && said.contains(TOO_LONG), "{said}");
        }
    }

    #[test]
    fn an_attack_is_to_go_on_until_it_can_be_judged() {
        let mut reckoning = Reckoning::default();
        let is_due =
            |by, rise, reckoning: &Reckoning| Notice::new(&[TOO_LONG], by).is_due(rise, reckoning);
        for by in [By::Told("too long"), By::AttemptsEach(2), By::Times(7)] {
            assert!(!is_due(by, 6.0, &reckoning), "{by:?}");
        }
        reckoning.ends.insert("that is too long".to_owned(), 1);
        reckoning.attempts = 2;
        for by in [By::Told("too long"), By::AttemptsEach(2)] {
            assert!(is_due(by, 0.0, &reckoning), "what is not counted is found later: {by:?}");
        }
        assert!(is_due(By::Times(7), 7.0, &reckoning));
    }

    #[test]
    fn counters_are_added_up_and_what_others_count_is_left_out() {
        let metrics = |a: f64, b: f64| -> Metrics {
            [("a", a), ("b", b), ("other", 100.0 * a)].map(|(name, n)| (name.to_owned(), n)).into()
        };
        let notice = Notice::new(&["a", "b", "not yet there"], By::Times(1));
        assert_eq!(notice.rise(&metrics(1.0, 2.0), &metrics(2.0, 7.0)), 6.0);
    }
}
