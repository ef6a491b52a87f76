//! Rules by which calls fail, or kill the process, on purpose.
//!
//! A rule is a line of five words: which files, which calls, from which of them on, how many of them, and
//! what happens instead:
//!
//! ```text
//! objects/data.mdb  sync           3  1  kill-before   the process dies before its fourth sync of this file
//! data.mdb          extend         0  *  ENOSPC        the disk is full
//! *                 write          0  *  EROFS         it is read-only, for files that are open already
//! ```
//!
//! Rules are given when the process starts, or in a file that is looked at before every call, so that a disk can
//! break and heal while the process runs. What is read through mapped memory cannot be made to fail this way.

use std::str::FromStr;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The end of the paths that are meant; `*` for all.
    pub files: String,
    /// Which calls.
    pub call: Call,
    /// How many of them go well first.
    pub first: u64,
    /// How many of them then do not; `None` for all.
    pub count: Option<u64>,
    /// What happens instead.
    pub outcome: Outcome,
}

/// What a program asks of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A read through a descriptor.
    Read,
    /// Any write.
    Write,
    /// A write beyond the file's end, which needs room.
    Extend,
    /// A write through a descriptor that syncs (`O_SYNC`, `O_DSYNC`). LMDB's meta pages are written so.
    WriteSynced,
    /// `fsync` or `fdatasync` of a file or a folder.
    Sync,
    /// Making, renaming, removing, resizing a file or folder, or opening one for writing.
    Name,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It fails with this error number.
    Error(i32),
    /// Half of the bytes are read, one at least. Of a write half of the bytes are written, in whole pages of 4096 bytes; none, and
    /// `ENOSPC`, where half of them is less.
    Short,
    /// The process is killed (`SIGKILL`) before the call.
    KillBefore,
    /// The process is killed after half of the bytes were written, in whole pages. Nothing else has a half: this is before it.
    KillInside,
    /// The process is killed after the call.
    KillAfter,
}

impl Rule {
    /// Whether this rule is about `call` of `path`.
    pub fn is_about(&self, call: Call, path: &str) -> bool {
        self.call == call && (self.files == "*" || path.ends_with(&self.files))
    }

    /// Whether it speaks about the one that is preceded by `before` such calls.
    pub fn strikes(&self, before: u64) -> bool {
        before >= self.first && self.count.is_none_or(|count| before - self.first < count)
    }

    /// The rule as a line.
    pub fn line(&self) -> String {
        let call = CALLS.iter().find(|(_, call)| *call == self.call).map_or("", |(name, _)| name);
        let count = self.count.map_or_else(|| "*".to_owned(), |count| count.to_string());
        let outcome = OUTCOMES.iter().find(|(_, outcome)| *outcome == self.outcome);
        let outcome = outcome.map_or("", |(name, _)| name);
        format!("{} {call} {} {count} {outcome}", self.files, self.first)
    }
}

/// A line that is not a rule.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a rule: it takes the words FILES CALL FIRST COUNT OUTCOME")]
pub struct NotARule(String);

impl FromStr for Rule {
    type Err = NotARule;

    fn from_str(line: &str) -> Result<Self, NotARule> {
        let refused = || NotARule(line.to_owned());
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[files, call, first, count, outcome] = words.as_slice() else {
            return Err(refused());
        };
        let count = match count {
            "*" => None,
            count => Some(count.parse().map_err(|_| refused())?),
        };
        Ok(Self {
            files: files.to_owned(),
            call: named(&CALLS, call).ok_or_else(refused)?,
            first: first.parse().map_err(|_| refused())?,
            count,
            outcome: named(&OUTCOMES, outcome).ok_or_else(refused)?,
        })
    }
}

/// The rules of `text`, one a line or with `;` between them.
///
/// # Errors
/// The first line that is not a rule.
pub fn rules(text: &str) -> Result<Vec<Rule>, NotARule> {
    let lines = text.split(['\n', ';']).filter(|line| !line.trim().is_empty());
    lines.map(str::parse).collect()
}

fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

const CALLS: [(&str, Call); 6] = [
    ("read", Call::Read),
    ("write", Call::Write),
    ("extend", Call::Extend),
    ("write-synced", Call::WriteSynced),
    ("sync", Call::Sync),
    ("name", Call::Name),
];

/// With Linux's numbers: this crate is of use on no other system.
const OUTCOMES: [(&str, Outcome); 8] = [
    ("EIO", Outcome::Error(5)),
    ("ENOSPC", Outcome::Error(28)),
    ("EROFS", Outcome::Error(30)),
    ("EDQUOT", Outcome::Error(122)),
    ("short", Outcome::Short),
    ("kill-before", Outcome::KillBefore),
    ("kill-inside", Outcome::KillInside),
    ("kill-after", Outcome::KillAfter),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_was_written() {
        for (_, call) in CALLS {
            for (_, outcome) in OUTCOMES {
                for count in [None, Some(3)] {
                    let rule =
                        Rule { files: "data.mdb".to_owned(), call, first: 2, count, outcome };
                    assert_eq!(rule.line().parse::<Rule>().unwrap(), rule);
                }
            }
        }
        assert_eq!(rules("* sync 0 * EIO;\n a name 1 2 EROFS\n").unwrap().len(), 2);
        for wrong in ["* sync 0 * EWHAT", "* reads 0 * EIO", "* sync x * EIO", "* sync 0 EIO"] {
            assert!(rules(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rule_strikes_from_the_first_on_and_as_often_as_it_says() {
        let rule: Rule = "objects/data.mdb sync 2 3 EIO".parse().unwrap();
        let struck: Vec<u64> = (0..8).filter(|&before| rule.strikes(before)).collect();
        assert_eq!(struck, [2, 3, 4]);
        assert!(rule.is_about(Call::Sync, "world/objects/data.mdb"));
        assert!(!rule.is_about(Call::Sync, "world/journal/data.mdb"));
        assert!(!rule.is_about(Call::Write, "world/objects/data.mdb"));
    }
}
