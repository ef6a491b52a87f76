//! Which of the requests that nobody heard of again have been done: a choice that explains what the world says, if there is one.

use std::collections::BTreeMap;

use crate::ledger::good::{Change, Good, What};

/// A request whose outcome nobody was told.
#[derive(Clone, Debug)]
pub(super) struct Open {
    /// In words.
    pub(super) what: String,
    /// What it does, if it is done: all of it, or nothing.
    pub(super) changes: Vec<Change>,
}

/// By how much the world differs from what was told, account by account and good by good.
pub(super) type Differences = BTreeMap<(String, Good), i128>;

/// What was found out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Resolution {
    /// How many of the open requests were done.
    pub(super) done: usize,
    /// What no choice explains.
    pub(super) unexplained: Vec<Unexplained>,
}

/// Differences that belong together, and that no choice explains.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Unexplained {
    pub(super) differences: Differences,
    /// The requests that could have had to do with it, by index.
    pub(super) open: Vec<usize>,
    /// There were so many choices that not all could be tried.
    pub(super) is_tangled: bool,
}

/// Finds for each open request whether it was done, so that together they make up the differences.
///
/// Requests that change the same kind of good of the same account must be chosen together. All others are looked at by
/// themselves, so it matters little how many there are altogether.
pub(super) fn resolve(differences: &Differences, open: &[Open]) -> Resolution {
    let mut groups = groups(differences, open);
    let mut resolution = Resolution::default();
    while let Some((_, first)) = groups.pop_first() {
        let component = Component::taken_out(first, &mut groups, open);
        let mut search =
            Search { component: &component, open, choices: BTreeMap::new(), tries_left: TRIES_MAX };
        if search.run() {
            resolution.done += search.choices.values().filter(|is_done| **is_done).count();
            continue;
        }
        let is_tangled = search.tries_left == 0;
        let differing = component.groups.iter().flat_map(Group::differing);
        resolution.unexplained.push(Unexplained {
            differences: differing.collect(),
            open: component.open,
            is_tangled,
        });
    }
    resolution
}

/// How often a request is chosen or not in one component before it counts as tangled. Where requests form no ring, each is
/// chosen at most twice.
const TRIES_MAX: u32 = 100_000;

type Groups = BTreeMap<(String, String), Group>;

/// One kind of good in one account: what must come out right together.
#[derive(Default)]
struct Group {
    account: String,
    kind: String,
    differences: BTreeMap<Good, i128>,
    /// The requests that change it.
    open: Vec<usize>,
}

fn groups(differences: &Differences, open: &[Open]) -> Groups {
    fn group<'g>(groups: &'g mut Groups, account: &str, kind: &str) -> &'g mut Group {
        let key = (account.to_owned(), kind.to_owned());
        groups.entry(key).or_insert_with(|| Group {
            account: account.to_owned(),
            kind: kind.to_owned(),
            ..Group::default()
        })
    }
    let mut groups = Groups::new();
    for ((account, good), by) in differences.iter().filter(|(_, by)| **by != 0) {
        group(&mut groups, account, good.kind()).differences.insert(good.clone(), *by);
    }
    for (index, request) in open.iter().enumerate() {
        for change in &request.changes {
            let group = group(&mut groups, &change.account, change.kind());
            // It may change several goods of the kind: one place for another.
            if group.open.last() != Some(&index) {
                group.open.push(index);
            }
        }
    }
    groups
}

impl Group {
    fn differing(&self) -> impl Iterator<Item = ((String, Good), i128)> {
        let differing = self.differences.iter();
        differing.map(|(good, by)| ((self.account.clone(), good.clone()), *by))
    }

    /// Whether the requests that were chosen make up the differences, once all that change this group are decided.
    fn is_explained(&self, open: &[Open], choices: &BTreeMap<usize, bool>) -> bool {
        let mut left = self.differences.clone();
        let (mut made, mut gone) = (0, 0);
        let done = self.open.iter().filter(|index| choices.get(*index) == Some(&true));
        for change in done.flat_map(|index| &open[*index].changes) {
            if change.account != self.account || change.kind() != self.kind {
                continue;
            }
            match &change.what {
                What::Known(good) => *left.entry(good.clone()).or_default() -= change.by,
                What::Some(_) if change.by > 0 => made += change.by,
                What::Some(_) => gone -= change.by,
            }
        }
        for by in left.into_values() {
            if by > 0 {
                made -= by;
            } else {
                gone += by;
            }
        }
        made == 0 && gone == 0
    }
}

/// Groups that requests tie together, and those requests.
struct Component {
    groups: Vec<Group>,
    open: Vec<usize>,
}

impl Component {
    /// Takes everything out of `groups` that is tied to `first`.
    fn taken_out(first: Group, groups: &mut Groups, open: &[Open]) -> Self {
        let mut component = Self { groups: vec![first], open: Vec::new() };
        let mut looked_at = 0;
        while let Some(group) = component.groups.get(looked_at) {
            looked_at += 1;
            for index in group.open.clone() {
                if component.open.contains(&index) {
                    continue;
                }
                component.open.push(index);
                let ties = open[index].changes.iter();
                let keys = ties.map(|change| (change.account.clone(), change.kind().to_owned()));
                component.groups.extend(keys.filter_map(|key| groups.remove(&key)));
            }
        }
        component
    }
}

/// Tries choices until one explains everything.
struct Search<'a> {
    component: &'a Component,
    open: &'a [Open],
    choices: BTreeMap<usize, bool>,
    tries_left: u32,
}

impl Search<'_> {
    fn run(&mut self) -> bool {
        // What no request changes must not differ.
        let untouched = self.component.groups.iter().filter(|group| group.open.is_empty());
        if !untouched.clone().all(|group| group.is_explained(self.open, &self.choices)) {
            return false;
        }
        self.choose()
    }

    /// Decides the request that is the last undecided one of some group, or is among the fewest: whether it was done shows at
    /// once, or soon.
    fn choose(&mut self) -> bool {
        let groups = &self.component.groups;
        let undecided = |group: &Group| {
            group.open.iter().filter(|index| !self.choices.contains_key(*index)).count()
        };
        let fewest =
            groups.iter().filter(|group| undecided(group) > 0).min_by_key(|group| undecided(group));
        let Some(next) = fewest.and_then(|group| {
            group.open.iter().copied().find(|index| !self.choices.contains_key(index))
        }) else {
            return true;
        };
        for is_done in [true, false] {
            if self.tries_left == 0 {
                break;
            }
            self.tries_left -= 1;
            self.choices.insert(next, is_done);
            if self.fits(next) && self.choose() {
                return true;
            }
        }
        self.choices.remove(&next);
        false
    }

    /// Whether every group that is decided with this request comes out right.
    fn fits(&self, decided: usize) -> bool {
        let touched = self.component.groups.iter().filter(|group| group.open.contains(&decided));
        touched
            .filter(|group| group.open.iter().all(|index| self.choices.contains_key(index)))
            .all(|group| group.is_explained(self.open, &self.choices))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLD: Good = Good::amount("gold");

    fn wood(which: u32) -> Good {
        Good::thing("Wood", which)
    }

    fn gift(from: &str, to: &str, good: &Good, by: i128) -> Open {
        let changes = vec![Change::of(from, good.clone(), -by), Change::of(to, good.clone(), by)];
        Open { what: format!("{from} gives {by} {good} to {to}"), changes }
    }

    fn differences<const N: usize>(list: [(&str, Good, i128); N]) -> Differences {
        list.map(|(account, good, by)| ((account.to_owned(), good), by)).into()
    }

    fn done(differences: &Differences, open: &[Open]) -> usize {
        let resolution = resolve(differences, open);
        assert_eq!(resolution.unexplained, [], "{open:?}");
        resolution.done
    }

    #[test]
    fn nothing_open_and_nothing_different_is_fine() {
        assert_eq!(resolve(&Differences::new(), &[]), Resolution::default());
    }

    #[test]
    fn a_gift_was_given_as_a_whole_or_not_at_all() {
        let open = [gift("ann", "bob", &GOLD, 7)];
        assert_eq!(done(&Differences::new(), &open), 0);
        assert_eq!(done(&differences([("ann", GOLD, -7), ("bob", GOLD, 7)]), &open), 1);
        let doubled = resolve(&differences([("bob", GOLD, 7)]), &open);
        assert_eq!(doubled.unexplained.len(), 1);
        assert_eq!(doubled.unexplained[0].open, [0]);
        let lost = resolve(&differences([("ann", GOLD, -7)]), &open);
        assert_eq!(lost.unexplained[0].differences, differences([("ann", GOLD, -7)]));
    }

    #[test]
    fn a_lost_thing_is_found_although_other_requests_are_open() {
        let open = [gift("ann", "bob", &wood(1), 1), gift("cid", "dan", &wood(2), 1)];
        let gone = differences([("ann", wood(1), -1), ("cid", wood(2), -1), ("dan", wood(2), 1)]);
        let resolution = resolve(&gone, &open);
        assert_eq!(resolution.done, 1, "cid's gift explains itself");
        assert_eq!(resolution.unexplained[0].differences, differences([("ann", wood(1), -1)]));
    }

    #[test]
    fn what_no_open_request_touches_must_not_differ() {
        let resolution = resolve(&differences([("ann", GOLD, 1)]), &[gift("bob", "cid", &GOLD, 1)]);
        assert_eq!(resolution.unexplained.len(), 1);
        assert_eq!(resolution.unexplained[0].open, Vec::<usize>::new());
    }

    #[test]
    fn a_ring_of_gifts_is_resolved() {
        let open = [
            gift("ann", "bob", &GOLD, 5),
            gift("bob", "cid", &GOLD, 3),
            gift("cid", "ann", &GOLD, 4),
        ];
        for chosen in 0..8_u32 {
            let mut expected = Differences::new();
            for (index, request) in open.iter().enumerate() {
                if chosen >> index & 1 == 0 {
                    continue;
                }
                for change in &request.changes {
                    *expected.entry((change.account.clone(), GOLD)).or_default() += change.by;
                }
            }
            assert_eq!(done(&expected, &open), chosen.count_ones() as usize, "{chosen:b}");
        }
    }

    #[test]
    fn many_gifts_to_one_are_told_apart_by_their_givers() {
        let names: Vec<String> = (0..300).map(|number| format!("giver {number}")).collect();
        let open: Vec<Open> = names.iter().map(|name| gift(name, "bob", &GOLD, 2)).collect();
        let mut expected = Differences::new();
        for name in names.iter().step_by(3) {
            expected.insert((name.clone(), GOLD), -2);
        }
        expected.insert(("bob".to_owned(), GOLD), 200);
        assert_eq!(done(&expected, &open), 100);
        expected.insert(("bob".to_owned(), GOLD), 202);
        assert_eq!(resolve(&expected, &open).unexplained.len(), 1);
    }

    #[test]
    fn a_thing_that_was_made_may_be_any_of_its_kind_but_only_one() {
        let open = [Open { what: String::new(), changes: vec![Change::some("ann", "Wood", 1)] }];
        assert_eq!(done(&Differences::new(), &open), 0);
        assert_eq!(done(&differences([("ann", wood(9), 1)]), &open), 1);
        let two = differences([("ann", wood(8), 1), ("ann", wood(9), 1)]);
        assert_eq!(resolve(&two, &open).unexplained.len(), 1);
        let another = differences([("ann", Good::thing("Ore", 9), 1)]);
        assert_eq!(resolve(&another, &open).unexplained.len(), 1);
    }

    #[test]
    fn what_is_used_up_and_what_comes_of_it_belong_together() {
        let changes = vec![Change::some("ann", "Wood", -2), Change::some("ann", "Plank", 1)];
        let open = [Open { what: String::new(), changes }];
        let plank = || Good::thing("Plank", 3);
        let made = differences([("ann", wood(1), -1), ("ann", wood(2), -1), ("ann", plank(), 1)]);
        assert_eq!(done(&made, &open), 1);
        let for_nothing = differences([("ann", wood(1), -1), ("ann", plank(), 1)]);
        assert_eq!(resolve(&for_nothing, &open).unexplained.len(), 1);
    }

    #[test]
    fn a_step_changes_one_place_for_another() {
        let place = |x: u32| Good::thing("place", x);
        let changes = vec![Change::of("ann", place(1), -1), Change::of("ann", place(2), 1)];
        let open = [Open { what: String::new(), changes }];
        assert_eq!(done(&differences([("ann", place(1), -1), ("ann", place(2), 1)]), &open), 1);
        let elsewhere = differences([("ann", place(1), -1), ("ann", place(3), 1)]);
        assert_eq!(resolve(&elsewhere, &open).unexplained.len(), 1);
    }
}
