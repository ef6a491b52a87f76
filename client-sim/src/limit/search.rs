//! Where to look next for the greatest number that still passes.

/// A search for the greatest number of clients that passes: twice as many each time until some do not, then halfway between
/// what passed and what did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Search {
    passed: u32,
    failed: Option<u32>,
    first: u32,
    max: u32,
}

impl Search {
    /// Begins with `first`, and goes up to `max`.
    pub(super) fn new(first: u32, max: u32) -> Self {
        Self { passed: 0, failed: None, first: first.clamp(1, max.max(1)), max }
    }

    /// What is to be tried now; `None` when it is known well enough.
    pub(super) fn next(&self) -> Option<u32> {
        let Some(failed) = self.failed else {
            return match self.passed {
                0 => Some(self.first),
                passed if passed >= self.max => None,
                passed => Some(passed.saturating_mul(2).min(self.max)),
            };
        };
        let between = failed - self.passed;
        (between > (self.passed / PRECISION).max(1)).then(|| self.passed + between / 2)
    }

    /// What was tried passed, or did not.
    pub(super) fn tried(&mut self, clients: u32, has_passed: bool) {
        if has_passed {
            self.passed = self.passed.max(clients);
        } else {
            self.failed = Some(self.failed.map_or(clients, |failed| failed.min(clients)));
        }
    }

    /// The greatest number that passed; zero if none did.
    pub(super) fn found(&self) -> u32 {
        self.passed
    }

    /// Whether more than that might pass.
    pub(super) fn is_at_its_end(&self) -> bool {
        self.failed.is_none() && self.passed >= self.max
    }
}

/// The limit is known well enough when it is known to a part of so many.
const PRECISION: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a machine that carries `limit` clients, and gives what was tried and found.
    fn search(limit: u32, first: u32, max: u32) -> (Vec<u32>, u32) {
        let (mut search, mut tried) = (Search::new(first, max), Vec::new());
        while let Some(clients) = search.next() {
            assert!(tried.len() < 50 && !tried.contains(&clients), "{tried:?}, and {clients}");
            search.tried(clients, clients <= limit);
            tried.push(clients);
        }
        (tried, search.found())
    }

    #[test]
    fn it_doubles_and_then_halves_what_is_between() {
        let (tried, found) = search(5000, 500, 100_000);
        assert_eq!(tried[..5], [500, 1000, 2000, 4000, 8000]);
        assert_eq!(tried[5..7], [6000, 5000]);
        assert!((4760..=5000).contains(&found), "{found}");
    }

    #[test]
    fn every_limit_is_found_to_a_twentieth() {
        for limit in (1..3000).chain([9_999, 54_321]) {
            let (tried, found) = search(limit, 500, 60_000);
            assert!(
                found <= limit && found + (found / PRECISION).max(1) >= limit,
                "{limit}: {tried:?}"
            );
        }
    }

    #[test]
    fn a_machine_that_carries_nobody_or_everybody_is_no_riddle() {
        assert_eq!(search(0, 500, 10_000).1, 0);
        let (tried, found) = search(u32::MAX, 500, 3000);
        assert_eq!((tried, found), (vec![500, 1000, 2000, 3000], 3000));
        assert_eq!(search(u32::MAX, 500, 100), (vec![100], 100));
    }

    #[test]
    fn the_end_of_the_search_is_not_taken_for_the_machines() {
        let mut search = Search::new(10, 10);
        assert!(!search.is_at_its_end());
        search.tried(10, true);
        assert!(search.is_at_its_end());
    }
}
