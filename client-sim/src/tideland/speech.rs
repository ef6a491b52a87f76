//! What is said, numbered by its speaker: whether everyone hears it in order, nothing twice, and of their own words all.
//!
//! A player hears itself. So its numbers tell both ways at once: whether the server does what a session asked in the order in
//! which it was sent, and whether the session is told what happened in the order in which it happened.

use std::collections::HashMap;

/// What one player has said, and what it has heard.
#[derive(Clone, Debug, Default)]
pub struct Speech {
    said: u64,
    heard: u64,
    others: HashMap<String, u64>,
    wrong: Vec<String>,
}

/// More that is wrong is not kept in words.
const WRONG_MAX: usize = 10;

impl Speech {
    /// `text` with the next number behind it.
    pub fn say(&mut self, text: &str) -> String {
        self.said += 1;
        format!("{text}, {}", self.said)
    }

    /// What was said last was refused: nobody hears it, and its number is the next one's.
    pub fn refused(&mut self) {
        self.said = self.said.saturating_sub(1);
    }

    /// Takes note of what the player `me` heard `who` say. A text without a number is none of ours.
    pub fn heard(&mut self, me: &str, who: &str, text: &str) {
        let Some(number) = text.rsplit_once(", ").and_then(|(_, number)| number.parse().ok())
        else {
            return;
        };
        if who == me {
            if number != self.heard + 1 {
                self.wrong(format!("heard itself say {number} behind {}", self.heard));
            }
            self.heard = number;
            return;
        }
        // Who walked away meanwhile has said something unheard, so others' numbers have gaps.
        let last = self.others.get(who).copied();
        if let Some(last) = last.filter(|last| number <= *last) {
            self.wrong(format!("heard {who} say {number} behind {last}"));
        }
        self.others.insert(who.to_owned(), number);
    }

    /// A new session has begun. What the one before had asked for last was done or not, and is not heard any more.
    pub fn begin_session(&mut self) {
        self.heard = self.said;
    }

    /// In words, everything that went wrong, once everything that was said must have been heard.
    pub fn differences(&self) -> Vec<String> {
        let mut differences = self.wrong.clone();
        if self.heard != self.said {
            differences.push(format!("said {}, and heard itself up to {}", self.said, self.heard));
        }
        differences
    }

    fn wrong(&mut self, what: String) {
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `ann` finds wrong when she says three things and hears those numbers.
    fn ann_hears(numbers: &[u64]) -> Vec<String> {
        let mut speech = Speech::default();
        assert_eq!([(); 3].map(|()| speech.say("hm")), ["hm, 1", "hm, 2", "hm, 3"]);
        for number in numbers {
            speech.heard("ann", "ann", &format!("hm, {number}"));
        }
        speech.differences()
    }

    #[test]
    fn own_words_must_all_come_once_and_in_order() {
        assert_eq!(ann_hears(&[1, 2, 3]), Vec::<String>::new());
        for wrong in [&[1, 2][..], &[1, 3], &[1, 2, 2, 3], &[2, 1, 3], &[1, 2, 3, 3], &[]] {
            assert!(!ann_hears(wrong).is_empty(), "{wrong:?}");
        }
    }

    #[test]
    fn others_words_may_be_missed_but_never_come_twice_or_late() {
        let hears = |numbers: &[u64]| {
            let mut speech = Speech::default();
            for number in numbers {
                speech.heard("ann", "bob", &format!("fine weather, no?, {number}"));
            }
            speech.heard("ann", "eve", "no number");
            speech.differences().len()
        };
        assert_eq!([&[4, 5, 9][..], &[4, 4], &[5, 4]].map(hears), [0, 1, 1]);
    }

    #[test]
    fn what_was_refused_is_heard_by_nobody_and_leaves_no_gap() {
        let mut speech = Speech::default();
        speech.say("hoarse");
        speech.refused();
        assert_eq!(speech.differences(), Vec::<String>::new());
        let text = speech.say("heard");
        speech.heard("ann", "ann", &text);
        assert_eq!(speech.differences(), Vec::<String>::new());
    }

    #[test]
    fn a_new_session_need_not_hear_what_the_last_one_said() {
        let mut speech = Speech::default();
        speech.say("lost");
        speech.begin_session();
        assert_eq!(speech.differences(), Vec::<String>::new());
        let text = speech.say("heard");
        speech.heard("ann", "ann", &text);
        assert_eq!(speech.differences(), Vec::<String>::new());
        speech.heard("ann", "ann", "lost, 1");
        assert_eq!(speech.differences().len(), 2, "it comes too late, and the count is off");
    }
}
