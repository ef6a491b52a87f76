//! What a contest showed: one attack after another, with what honest clients met meanwhile.

use std::time::Duration;

use crate::duration;
use crate::hostile::attack::Attack;
use crate::hostile::toll::Reckoning;
use crate::outcome::Outcome;

/// What honest clients met during one attack, and in the calm before and behind it.
pub(super) struct Round {
    pub(super) attack: Attack,
    pub(super) before: Outcome,
    pub(super) during: Outcome,
    pub(super) behind: Outcome,
    /// Whether the attack went on for as long as the honest clients played.
    pub(super) has_lasted: bool,
    /// What the attackers say of it.
    pub(super) reckoning: Reckoning,
    /// The server's memory in bytes before, and the most it has had until its end; `None` where the system does not tell.
    pub(super) memory: Option<(u64, u64)>,
    /// Whether the server counts it, by each of [`Attack::notices`].
    pub(super) counted: Vec<Counted>,
}

/// What a server has counted of an attack.
pub(super) struct Counted {
    /// The counters' names.
    pub(super) counters: String,
    /// By how much they rose.
    pub(super) rise: f64,
    /// In words, if that is not enough.
    pub(super) missing: Option<String>,
}

/// How much slower the slowest hundredth of the honest requests may become.
pub(super) const SLOWER_MAX: f64 = 2.0;

/// How much memory one attack may cost the server. What comes nearest are a few hundred handshakes that are begun, and some dozens of
/// clients with as much waiting as may wait for each: half of this.
pub(super) const MEMORY_BYTES_MAX: u64 = 128 * 1024 * 1024;

impl Round {
    /// The calm's p99: the worse one, so that what the machine does besides does not pass for the attack's doing.
    fn calm_p99(&self) -> Duration {
        let [before, behind] =
            [&self.before, &self.behind].map(|outcome| outcome.counts.latency_at(0.99));
        before.max(behind)
    }

    fn slower(&self) -> f64 {
        let during = self.during.counts.latency_at(0.99).as_secs_f64();
        during / self.calm_p99().as_secs_f64().max(1e-6)
    }

    /// Several lines for people.
    pub(super) fn show(&self) -> String {
        let p99 = |outcome: &Outcome| duration::show(outcome.counts.latency_at(0.99));
        let mut lines = format!(
            "{}: p99 {} before, {} during, {} behind: {:.2} x; {} honest requests, {} errors\n",
            self.attack,
            p99(&self.before),
            p99(&self.during),
            p99(&self.behind),
            self.slower(),
            self.during.counts.requests(),
            self.during.counts.errors,
        );
        lines += &match self.memory {
            Some((before, most)) => {
                format!(
                    "  server memory: {} MiB before, at most {} MiB\n",
                    before >> 20,
                    most >> 20
                )
            }
            None => "  server memory: this system does not tell\n".to_owned(),
        };
        for Counted { counters, rise, .. } in &self.counted {
            lines += &format!("  {counters}: +{rise}\n");
        }
        self.reckoning
            .to_string()
            .lines()
            .for_each(|line| lines += &format!("  attackers: {line}\n"));
        for (text, times) in &self.during.counts.error_texts {
            lines += &format!("  honest error {times} times: {text}\n");
        }
        lines
    }

    /// Everything that is not as it must be, in words; what honest requests took only if that is to be judged.
    pub(super) fn failures(&self, p99_is_judged: bool) -> Vec<String> {
        let mut failures = Vec::new();
        let mut fail = |what: String| failures.push(format!("{}: {what}", self.attack));
        if p99_is_judged && self.slower() > SLOWER_MAX {
            fail(format!("honest p99 became {:.2} times what it was", self.slower()));
        }
        for outcome in [&self.before, &self.during, &self.behind] {
            outcome.failures(&Default::default()).into_iter().for_each(&mut fail);
            outcome.differences.iter().cloned().for_each(&mut fail);
        }
        match self.memory {
            Some((before, most)) if most > before + MEMORY_BYTES_MAX => {
                fail(format!("the server's memory grew by {} MiB", (most - before) >> 20));
            }
            None if cfg!(target_os = "linux") => {
                fail("the server's memory could not be read".to_owned());
            }
            _ => {}
        }
        if !self.has_lasted {
            fail("it was over before the honest clients were done".to_owned());
        }
        if self.reckoning.attempts == 0 {
            fail("the attackers did nothing".to_owned());
        }
        self.counted.iter().filter_map(|counted| counted.missing.clone()).for_each(&mut fail);
        for (at, times) in &self.reckoning.successes {
            fail(format!("the attackers got {times} times: {at}"));
        }
        failures
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn outcome(latency_ms: u64) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.counts.latency_us.saturating_record_n(latency_ms * 1000, 100);
        outcome
    }

    /// A flood that has done no harm.
    fn harmless() -> Round {
        let counted = Counted { counters: "floods".to_owned(), rise: 9.0, missing: None };
        Round {
            attack: Attack::Flood,
            before: outcome(4),
            during: outcome(9),
            behind: outcome(5),
            has_lasted: true,
            reckoning: Reckoning { attempts: 9, ..Reckoning::default() },
            memory: Some((80 * MIB, 90 * MIB)),
            counted: vec![counted],
        }
    }

    #[track_caller]
    fn assert_fails(round: &Round, words: &str) {
        let failures = round.failures(true);
        assert!(failures.len() == 1 && failures[0].contains(words), "{failures:?}");
        assert!(failures[0].starts_with("flood: "), "whose is it: {failures:?}");
    }

    #[test]
    fn what_is_harmless_is_no_failure() {
        assert_eq!(harmless().failures(true), Vec::<String>::new());
    }

    #[test]
    fn slow_answers_are_a_failure_where_they_are_judged() {
        let round = Round { during: outcome(11), ..harmless() };
        assert_fails(&round, "honest p99 became 2.");
        assert_eq!(round.failures(false), Vec::<String>::new());
        assert!(round.show().contains("2.20 x"), "it is shown anyway: {}", round.show());
    }

    #[test]
    fn whatever_else_is_not_as_it_must_be_is_a_failure() {
        let missing = Some("floods does not count it".to_owned());
        let counted = Counted { counters: "floods".to_owned(), rise: 0.0, missing };
        let missing = Round { counted: vec![counted], ..harmless() };
        assert_fails(&missing, "floods does not count it");
        let grown = Round { memory: Some((80 * MIB, 81 * MIB + MEMORY_BYTES_MAX)), ..harmless() };
        assert_fails(&grown, "memory grew by");
        let idle = Round { reckoning: Reckoning::default(), ..harmless() };
        assert_fails(&idle, "did nothing");
        assert_fails(&Round { has_lasted: false, ..harmless() }, "it was over before");
        let successes = BTreeMap::from([("a guess".to_owned(), 1)]);
        let robbed = Reckoning { successes, ..harmless().reckoning };
        assert_fails(&Round { reckoning: robbed, ..harmless() }, "got 1 times: a guess");
        let mut thrown_out = outcome(9);
        thrown_out.counts.error("gone");
        assert_fails(&Round { during: thrown_out, ..harmless() }, "1 errors");
    }
}
