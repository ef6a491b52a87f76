//! The rules in force, and how many calls each has seen.

use std::ffi::CString;

use daystar_recorder::faults::{Call, Outcome, Rule, rules};

/// Decides what becomes of calls.
pub(crate) struct Faults {
    fixed: Vec<Counted>,
    switched: Vec<Counted>,
    /// The file that the switched rules are read from.
    switch: Option<CString>,
    /// What it said last.
    said: Vec<u8>,
}

struct Counted {
    rule: Rule,
    seen: u64,
}

impl Faults {
    /// The rules of the text `fixed`, and those that the file `switch` will have in it.
    pub(crate) fn new(fixed: &str, switch: Option<CString>) -> Self {
        Self { fixed: counted(fixed), switched: Vec::new(), switch, said: Vec::new() }
    }

    /// What becomes of a call that is all of `calls` at once; `None` when nothing is to happen to it.
    pub(crate) fn decide(&mut self, calls: &[Call], path: &str) -> Option<Outcome> {
        self.look();
        let mut decided = None;
        for counted in self.fixed.iter_mut().chain(&mut self.switched) {
            if calls.iter().any(|&call| counted.rule.is_about(call, path)) {
                if counted.rule.strikes(counted.seen) {
                    decided = decided.or(Some(counted.rule.outcome));
                }
                counted.seen += 1;
            }
        }
        decided
    }

    fn look(&mut self) {
        let Some(switch) = &self.switch else { return };
        let says = crate::system::contents(switch).unwrap_or_default();
        if says != self.said {
            self.switched = counted(&String::from_utf8_lossy(&says));
            self.said = says;
        }
    }
}

fn counted(text: &str) -> Vec<Counted> {
    match rules(text) {
        Ok(rules) => rules.into_iter().map(|rule| Counted { rule, seen: 0 }).collect(),
        // A test that believes in faults which are none would prove nothing.
        Err(error) => panic!("{error}"),
    }
}
