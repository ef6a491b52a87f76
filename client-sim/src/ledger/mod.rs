//! What everybody in a run was told is done, kept in one place, and whether the world agrees.
//!
//! A client enters what it is about to ask for, and strikes the entry out or confirms it when it is answered. Entries that
//! were never answered, because the server was killed meanwhile, stay open; an audit finds out which of them happened. How, and
//! why one client's ledger would not do, is in `docs/design/0012-the-simulators-ledger.md`.

mod good;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::ledger::resolve::{Differences, Open, Unexplained, resolve};

pub use crate::ledger::good::{Change, Good, Holdings};

/// Everybody's accounts. Clones are the same ledger; one that is not kept takes all entries and knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Option<Arc<Mutex<Books>>>);

/// One client's page in a ledger.
#[derive(Clone, Debug, Default)]
pub struct Page {
    ledger: Ledger,
    name: String,
}

/// A request that was entered. It stays open until one of its methods is called, or an audit decides it.
#[must_use = "an entry that is dropped stays open"]
pub struct Entry {
    ledger: Ledger,
    number: u64,
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// How many accounts were compared.
    pub accounts: usize,
    /// How many requests were open.
    pub open: usize,
    /// How many of those were done.
    pub done: usize,
    /// In words, everything that nothing explains.
    pub differences: Vec<String>,
}

#[derive(Debug, Default)]
struct Books {
    /// What each account has, as far as it was told, whether it is opened or not.
    accounts: BTreeMap<String, Holdings>,
    /// Those for which that is all.
    opened: BTreeSet<String>,
    /// The server was killed, and nobody has looked yet what it still knows.
    awaits_audit: bool,
    open: BTreeMap<u64, Open>,
    entries: u64,
    /// In words, what is not as clients were told, besides what they have.
    differences: Vec<String>,
}

impl Ledger {
    /// One that is kept.
    pub fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    /// The page of the client of that name.
    pub fn page(&self, name: impl Into<String>) -> Page {
        Page { ledger: self.clone(), name: name.into() }
    }

    /// The server is about to be killed. What it says until the next audit tells nothing for sure.
    pub fn crashed(&self) {
        self.with(|books| books.awaits_audit = true);
    }

    /// Compares what was told with what the world says, which must not change meanwhile: `stated` has what each client has been
    /// told of its account. From then on that is what they have, and nothing is open. An account that is not among them is
    /// not looked at again before it is in the next audit.
    pub fn audit(&self, stated: BTreeMap<String, Holdings>) -> Audit {
        self.with(|books| books.audit(stated)).unwrap_or_default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Books) -> T) -> Option<T> {
        self.0.as_ref().map(|books| act(&mut books.lock()))
    }
}

impl Page {
    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client has joined for the first time, and this is what it has. Later it does nothing.
    pub fn open(&self, has: &Holdings) {
        self.ledger.with(|books| books.open_account(&self.name, has));
    }

    /// The client is about to ask for something that, if it is done, does this, to its own account and to others'.
    pub fn enter(&self, what: impl Into<String>, changes: Vec<Change>) -> Entry {
        let what = format!("{}: {}", self.name, what.into());
        let number = self.ledger.with(|books| books.enter(Open { what, changes }));
        Entry { ledger: self.ledger.clone(), number: number.unwrap_or(0) }
    }

    /// The client has found something that is not as it was told, besides what it has. The next audit says so.
    pub fn differs(&self, what: &str) {
        self.ledger.with(|books| books.differences.push(format!("{}: {what}", self.name)));
    }
}

impl Entry {
    /// It was done.
    pub fn done(self) {
        self.ledger.with(|books| books.confirm(self.number, None));
    }

    /// It was done, and this is what it did, as the answer says.
    pub fn done_as(self, changes: Vec<Change>) {
        self.ledger.with(|books| books.confirm(self.number, Some(changes)));
    }

    /// It was refused.
    pub fn refused(self) {
        self.ledger.with(|books| books.open.remove(&self.number));
    }
}

impl Books {
    fn open_account(&mut self, name: &str, has: &Holdings) {
        // What others have given since the client was told counts already; hence added, not set.
        if !self.awaits_audit && self.opened.insert(name.to_owned()) {
            self.accounts.entry(name.to_owned()).or_default().add_all(has);
        }
    }

    fn enter(&mut self, open: Open) -> u64 {
        self.entries += 1;
        self.open.insert(self.entries, open);
        self.entries
    }

    fn confirm(&mut self, number: u64, instead: Option<Vec<Change>>) {
        let Some(open) = self.open.remove(&number) else { return };
        for change in instead.unwrap_or(open.changes) {
            if let good::What::Known(good) = change.what {
                self.accounts.entry(change.account).or_default().add(good, change.by);
            }
        }
    }

    fn audit(&mut self, stated: BTreeMap<String, Holdings>) -> Audit {
        let mut differences = Differences::new();
        let mut accounts = 0;
        for (name, has) in stated.iter().filter(|(name, _)| self.opened.contains(*name)) {
            let told = self.accounts.get(name).cloned().unwrap_or_default();
            for (good, by) in told.until(has).iter() {
                differences.insert((name.clone(), good.clone()), by);
            }
            accounts += 1;
        }
        let is_looked_at = |change: &Change| {
            stated.contains_key(&change.account) && self.opened.contains(&change.account)
        };
        let mut open: Vec<Open> = std::mem::take(&mut self.open).into_values().collect();
        for request in &mut open {
            request.changes.retain(is_looked_at);
        }
        open.retain(|request| !request.changes.is_empty());

        let found = std::mem::take(&mut self.differences);
        let resolution = resolve(&differences, &open);
        let audit = Audit {
            accounts,
            open: open.len(),
            done: resolution.done,
            differences: resolution
                .unexplained
                .iter()
                .flat_map(|unexplained| self.in_words(unexplained, &stated, &open))
                .chain(found)
                .collect(),
        };
        self.opened = stated.keys().cloned().collect();
        self.accounts = stated;
        self.awaits_audit = false;
        audit
    }

    fn in_words(
        &self,
        unexplained: &Unexplained,
        stated: &BTreeMap<String, Holdings>,
        open: &[Open],
    ) -> Vec<String> {
        let amount = |of: &BTreeMap<String, Holdings>, account: &str, good: &Good| {
            of.get(account).map_or(0, |holdings| holdings.of(good))
        };
        let mut words: Vec<String> = unexplained
            .differences
            .iter()
            .map(|((account, good), by)| match (good.is_thing(), *by > 0) {
                (true, true) => format!("{account}: has {good}, and was not told"),
                (true, false) => format!("{account}: was told of {good}, and does not have it"),
                (false, _) => {
                    let told = amount(&self.accounts, account, good);
                    let has = amount(stated, account, good);
                    format!("{account}: was told of {told} {good}, has {has}")
                }
            })
            .collect();
        if let Some(last) = words.last_mut() {
            *last += &in_vain(unexplained, open);
        }
        words
    }
}

/// The requests that were open and do not explain a difference.
fn in_vain(unexplained: &Unexplained, open: &[Open]) -> String {
    let count = unexplained.open.len();
    if unexplained.is_tangled {
        return format!(" ({count} requests are open there, too many to tell)");
    }
    let named = unexplained.open.iter().take(OPEN_SHOWN_MAX);
    let named: Vec<&str> = named.map(|index| open[*index].what.as_str()).collect();
    match count {
        0 => String::new(),
        _ => format!(" (not because of what was under way: {})", named.join("; ")),
    }
}

/// How many requests are named that do not explain a difference.
const OPEN_SHOWN_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    const GOLD: Good = Good::amount("gold");

    fn wood(which: u32) -> Good {
        Good::thing("Wood", which)
    }

    fn gold(amount: i128) -> Holdings {
        Holdings::default().with(GOLD, amount)
    }

    fn gift(from: &Page, to: &str, good: &Good, by: i128) -> Entry {
        let changes =
            vec![Change::of(from.name(), good.clone(), -by), Change::of(to, good.clone(), by)];
        from.enter(format!("gives {by} {good} to {to}"), changes)
    }

    fn stated<const N: usize>(list: [(&str, Holdings); N]) -> BTreeMap<String, Holdings> {
        list.map(|(name, holdings)| (name.to_owned(), holdings)).into()
    }

    /// Ann with 100 gold and two pieces of wood, bob with 100 gold.
    fn two() -> (Ledger, Page, Page) {
        let ledger = Ledger::kept();
        let (ann, bob) = (ledger.page("ann"), ledger.page("bob"));
        ann.open(&gold(100).with(wood(1), 1).with(wood(2), 1));
        bob.open(&gold(100));
        (ledger, ann, bob)
    }

    #[test]
    fn what_was_told_is_what_there_must_be() {
        let (ledger, ann, bob) = two();
        gift(&ann, "bob", &GOLD, 7).done();
        gift(&ann, "bob", &wood(1), 1).done();
        gift(&bob, "ann", &GOLD, 999).refused();
        let world =
            stated([("ann", gold(93).with(wood(2), 1)), ("bob", gold(107).with(wood(1), 1))]);
        let audit = ledger.audit(world.clone());
        assert_eq!(audit, Audit { accounts: 2, ..Audit::default() });
        assert_eq!(ledger.audit(world), audit, "an audit changes nothing");
    }

    #[test]
    fn a_thing_may_be_confirmed_behind_what_was_done_with_it_later() {
        let (ledger, ann, bob) = two();
        let first = gift(&ann, "bob", &wood(1), 1);
        gift(&bob, "ann", &wood(1), 1).done();
        first.done();
        let world =
            stated([("ann", gold(100).with(wood(1), 1).with(wood(2), 1)), ("bob", gold(100))]);
        assert_eq!(ledger.audit(world).differences, Vec::<String>::new());
    }

    #[test]
    fn a_gift_cut_off_by_a_crash_is_where_it_was_or_where_it_should_go() {
        for is_done in [false, true] {
            let (ledger, ann, _bob) = two();
            drop(gift(&ann, "bob", &GOLD, 7));
            ledger.crashed();
            let given = if is_done { 7 } else { 0 };
            let has = gold(100 - given).with(wood(1), 1).with(wood(2), 1);
            let world = stated([("ann", has), ("bob", gold(100 + given))]);
            let audit = ledger.audit(world.clone());
            let expected =
                Audit { accounts: 2, open: 1, done: usize::from(is_done), ..Audit::default() };
            assert_eq!(audit, expected);
            assert_eq!(ledger.audit(world).open, 0, "it is decided");
        }
    }

    #[test]
    fn a_lost_item_and_doubled_gold_are_found_and_named() {
        let (ledger, ann, _bob) = two();
        drop(gift(&ann, "bob", &GOLD, 7));
        ledger.crashed();
        let world = stated([("ann", gold(100).with(wood(1), 1)), ("bob", gold(107))]);
        let differences = ledger.audit(world).differences;
        assert_eq!(differences.len(), 2, "{differences:?}");
        for expected in [
            "ann: was told of Wood 2, and does not have it",
            "bob: was told of 100 gold, has 107 (not because of what was under way: ann: gives 7 gold to bob)",
        ] {
            assert!(
                differences.iter().any(|found| found == expected),
                "{expected}: {differences:?}"
            );
        }
    }

    #[test]
    fn what_was_confirmed_must_have_outlived_a_crash() {
        let (ledger, ann, _bob) = two();
        gift(&ann, "bob", &wood(1), 1).done();
        ledger.crashed();
        let taken_back =
            stated([("ann", gold(100).with(wood(1), 1).with(wood(2), 1)), ("bob", gold(100))]);
        assert_eq!(ledger.audit(taken_back).differences.len(), 2);
    }

    #[test]
    fn something_made_is_known_by_its_kind_when_the_answer_was_lost() {
        let (ledger, ann, _bob) = two();
        let chop = |page: &Page| page.enter("chops", vec![Change::some("ann", "Wood", 1)]);
        chop(&ann).done_as(vec![Change::of("ann", wood(3), 1)]);
        chop(&ann).done_as(Vec::new());
        drop(chop(&ann));
        let mut has = gold(100).with(wood(4), 1);
        (1..=3).for_each(|which| has.add(wood(which), 1));
        let audit = ledger.audit(stated([("ann", has), ("bob", gold(100))]));
        assert_eq!((audit.done, audit.differences.as_slice()), (1, [].as_slice()));
    }

    #[test]
    fn others_accounts_and_those_that_were_not_seen_before_a_crash_are_not_judged() {
        let (ledger, ann, _bob) = two();
        gift(&ann, "a stranger", &GOLD, 10).done();
        drop(gift(&ann, "another stranger", &GOLD, 10));
        ledger.crashed();
        let late = ledger.page("late");
        late.open(&gold(55));
        let has = gold(80).with(wood(1), 1).with(wood(2), 1);
        let world = stated([("ann", has), ("bob", gold(100)), ("late", gold(60))]);
        let audit = ledger.audit(world);
        assert_eq!((audit.accounts, audit.done, audit.differences.len()), (2, 1, 0), "{audit:?}");
        let gone = ledger.audit(stated([("late", gold(59))])).differences;
        assert_eq!(gone, ["late: was told of 60 gold, has 59"], "known since the last audit");
    }

    #[test]
    fn gifts_before_the_account_was_opened_count() {
        let ledger = Ledger::kept();
        let (ann, bob) = (ledger.page("ann"), ledger.page("bob"));
        ann.open(&gold(100));
        gift(&ann, "bob", &GOLD, 5).done();
        bob.open(&gold(100));
        bob.open(&gold(105));
        let audit = ledger.audit(stated([("ann", gold(95)), ("bob", gold(105))]));
        assert_eq!(audit.differences, Vec::<String>::new());
    }

    #[test]
    fn a_ledger_that_is_not_kept_knows_nothing() {
        let ledger = Ledger::default();
        let ann = ledger.page("ann");
        ann.open(&gold(100));
        gift(&ann, "bob", &GOLD, 5).done();
        assert_eq!(ledger.audit(stated([("ann", gold(1))])), Audit::default());
    }
}
