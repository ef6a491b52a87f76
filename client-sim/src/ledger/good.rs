//! What the ledger counts, and how it changes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Something that an account has so much of.
///
/// Everything is an amount: a thing with an identity is a good of which there is one, and so is the place where somebody
/// stands. Amounts can be added up in any order, which is what lets a ledger be kept for many clients that hear of their
/// doings at different times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Good {
    kind: Cow<'static, str>,
    which: Option<String>,
}

impl Good {
    /// A good of which only the amount counts, such as gold.
    pub const fn amount(kind: &'static str) -> Self {
        Self { kind: Cow::Borrowed(kind), which: None }
    }

    /// One thing: what it is, and which.
    pub fn thing(kind: impl Into<Cow<'static, str>>, which: impl fmt::Display) -> Self {
        Self { kind: kind.into(), which: Some(which.to_string()) }
    }

    /// What it is.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether it is one thing, not an amount.
    pub fn is_thing(&self) -> bool {
        self.which.is_some()
    }
}

impl fmt::Display for Good {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            None => f.write_str(&self.kind),
            Some(which) => write!(f, "{} {which}", self.kind),
        }
    }
}

/// How much an account has of each good; what it has none of is not listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings(BTreeMap<Good, i128>);

impl Holdings {
    /// With `by` more of the good, or less.
    #[must_use]
    pub fn with(mut self, good: Good, by: i128) -> Self {
        self.add(good, by);
        self
    }

    /// Adds so much, or takes it away.
    pub fn add(&mut self, good: Good, by: i128) {
        let amount = self.of(&good) + by;
        if amount == 0 {
            self.0.remove(&good);
        } else {
            self.0.insert(good, amount);
        }
    }

    /// Adds everything that `other` has.
    pub fn add_all(&mut self, other: &Self) {
        other.iter().for_each(|(good, by)| self.add(good.clone(), by));
    }

    /// How much there is of the good.
    pub fn of(&self, good: &Good) -> i128 {
        self.0.get(good).copied().unwrap_or(0)
    }

    /// Every good of which there is some, or less than none.
    pub fn iter(&self) -> impl Iterator<Item = (&Good, i128)> {
        self.0.iter().map(|(good, amount)| (good, *amount))
    }

    /// What must be added to `self` to come to `other`.
    pub fn until(&self, other: &Self) -> Self {
        let mut difference = other.clone();
        self.iter().for_each(|(good, amount)| difference.add(good.clone(), -amount));
        difference
    }
}

/// A part of what a request does, if it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(super) account: String,
    pub(super) what: What,
    pub(super) by: i128,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// This good.
    Known(Good),
    /// So many things of this kind; which ones, only the answer would have told.
    Some(Cow<'static, str>),
}

impl Change {
    /// The account has `by` more of the good, or less.
    pub fn of(account: &str, good: Good, by: i128) -> Self {
        Self { account: account.to_owned(), what: What::Known(good), by }
    }

    /// The account has `by` more things of this kind, or fewer, and only the answer tells which.
    pub fn some(account: &str, kind: impl Into<Cow<'static, str>>, by: i128) -> Self {
        Self { account: account.to_owned(), what: What::Some(kind.into()), by }
    }

    pub(super) fn kind(&self) -> &str {
        match &self.what {
            What::Known(good) => good.kind(),
            What::Some(kind) => kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLD: Good = Good::amount("gold");

    #[test]
    fn what_comes_to_nothing_is_not_listed() {
        let wood = Good::thing("Wood", "#7");
        let mut holdings = Holdings::default().with(GOLD, 5).with(wood.clone(), 1);
        holdings.add(GOLD, -5);
        assert_eq!(holdings, Holdings::default().with(wood.clone(), 1));
        let difference = holdings.until(&Holdings::default().with(GOLD, 3));
        assert_eq!(difference, Holdings::default().with(wood, -1).with(GOLD, 3));
    }

    #[test]
    fn goods_are_shown_as_people_call_them() {
        assert_eq!(GOLD.to_string(), "gold");
        assert_eq!(Good::thing("Wood", "#7").to_string(), "Wood #7");
    }
}
