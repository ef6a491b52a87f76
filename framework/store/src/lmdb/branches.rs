//! The branches of LMDB's tree, kept so that a search need not read them anew.
//!
//! LMDB never writes to a page that is in its tree: a transaction that changes something below it puts another in its place. And it
//! writes to one that it has replaced only when nobody can look at it any more, which is not before the transaction after the
//! next. So what is known of a branch stays true for everybody who finds it in his tree, from the moment at which it was
//! read until the transaction after the one that replaces it. Who writes [says](Branches::expect) before each transaction which
//! ones that may be; a transaction that nobody has spoken of may have replaced any.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::FixedState;
use parking_lot::RwLock;

/// A page of the tree above the leaves: which page is for what lies between its keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// Where each child begins is so near the first's that it takes half the room: as nearly always, since objects are counted.
    Near(Children<u32>),
    /// Of several spaces, or of names, which are hashes.
    Spread(Children<u64>),
}

/// What lies below a branch. Where a child begins and its page stand side by side, since no cache has them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Children<F> {
    /// Where the second child begins; all before that is the first's.
    base: u64,
    /// How far behind that the last child begins.
    span: u64,
    /// How far behind `base` each child begins, and its page; the first has no such place.
    each: Box<[(F, u32)]>,
}

/// Numbers of pages.
pub(super) type Numbers = HashSet<u64, FixedState>;

/// What a transaction may replace.
#[derive(Debug)]
pub(super) enum Leaving {
    Some(Numbers),
    Any,
}

/// The branches that are known.
#[derive(Debug, Default)]
pub(super) struct Branches {
    state: RwLock<State>,
    /// How much is kept. Changed under the lock.
    bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// The last transaction of which it is known that what is kept is as it left it.
    moment: usize,
    /// What the transaction after that one may replace; `None` when nobody has spoken of it.
    leaving: Option<Leaving>,
    kept: HashMap<u64, Branch, FixedState>,
}

impl Branch {
    /// Of so many children, which page each is, and the keys where each but the first begins. `None` if one of those cannot be
    /// told, if the keys are not in order, or if a page is one of a file of terabytes.
    pub(super) fn new(
        count: usize,
        key: impl Fn(usize) -> Option<u64>,
        child: impl Fn(usize) -> Option<u64>,
    ) -> Option<Self> {
        let keys: Box<[u64]> = (1..count).map(key).collect::<Option<_>>()?;
        let page = |nth| u32::try_from(child(nth)?).ok();
        let pages: Box<[u32]> = (0..count).map(page).collect::<Option<_>>()?;
        if count == 0 || !keys.is_sorted() {
            return None;
        }
        let near = Children::of(&keys, &pages).map(Self::Near);
        near.or_else(|| Children::of(&keys, &pages).map(Self::Spread))
    }

    /// The page below where `key` is, if it is anywhere.
    pub(super) fn child(&self, key: u64) -> u64 {
        match self {
            Self::Near(children) => children.of_key(key),
            Self::Spread(children) => children.of_key(key),
        }
    }

    /// How many pages there are below.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Near(children) => children.each.len(),
            Self::Spread(children) => children.each.len(),
        }
    }

    /// All pages below.
    pub(super) fn children(&self) -> Vec<u64> {
        match self {
            Self::Near(children) => children.pages(),
            Self::Spread(children) => children.pages(),
        }
    }

    fn bytes(&self) -> usize {
        let children = match self {
            Self::Near(Children { each, .. }) => size_of_val(&**each),
            Self::Spread(Children { each, .. }) => size_of_val(&**each),
        };
        children + ENTRY_BYTES
    }
}

impl<F: Copy + Default + Into<u64> + TryFrom<u64>> Children<F> {
    /// `None` if a child begins too far behind the first.
    fn of(keys: &[u64], pages: &[u32]) -> Option<Self> {
        let base = keys.first().copied().unwrap_or_default();
        let far = keys.iter().map(|key| F::try_from(key - base).ok());
        let far = std::iter::once(Some(F::default())).chain(far);
        let each = far.zip(pages).map(|(far, page)| Some((far?, *page))).collect::<Option<_>>()?;
        Some(Self { base, span: keys.last().map_or(0, |last| last - base), each })
    }

    fn of_key(&self, key: u64) -> u64 {
        let place = key.checked_sub(self.base).map_or(0, |distance| self.place(distance));
        u64::from(self.each[place].1)
    }

    /// The last child that does not begin further behind `base` than that. It is guessed first, as if all were equally far apart,
    /// which they nearly are: halving would look in half a dozen places that no cache has (W. W. Peterson, "Addressing for
    /// Random-Access Storage", IBM Journal of Research and Development 1957).
    fn place(&self, distance: u64) -> usize {
        let last = self.each.len() - 1;
        if distance >= self.span {
            return last;
        }
        let is_behind = |place: usize| self.each[place].0.into() > distance;
        let share = distance as f64 / self.span as f64;
        let guess = 1 + ((share * (last - 1) as f64) as usize).min(last - 2);
        // Away from the guess in growing steps, until it is between two: the first two places are not behind, the last is.
        let (mut low, mut high) = (guess, guess);
        let mut step = 1;
        while is_behind(low) {
            (low, step) = (low.saturating_sub(step).max(1), step * 2);
        }
        while !is_behind(high) {
            (high, step) = ((high + step).min(last), step * 2);
        }
        let between = &self.each[low..high];
        low + between.partition_point(|(far, _)| (*far).into() <= distance) - 1
    }

    fn pages(&self) -> Vec<u64> {
        self.each.iter().map(|(_, page)| u64::from(*page)).collect()
    }
}

impl Branches {
    /// Goes down from `number` towards `key`, by `levels` at the most, as far as the branches are known; where to, and how many levels
    /// are left. For a reader that sees the tree as the transaction `moment` has left it.
    pub(super) fn descend(
        &self,
        moment: usize,
        mut number: u64,
        mut levels: u16,
        key: u64,
    ) -> (u64, u16) {
        // Nobody waits here: the checkpoints' thread lets all others go first, also while it has the lock.
        if let Some(state) = self.state.try_read()
            && state.knows(moment)
        {
            while levels > 0
                && let Some(branch) = state.kept.get(&number)
            {
                (number, levels) = (branch.child(key), levels - 1);
            }
        }
        (number, levels)
    }

    /// Whether one more, of a page of so many bytes, may be kept: for those who would have to make it first.
    pub(super) fn has_room(&self, page_bytes: usize) -> bool {
        self.bytes.load(Ordering::Relaxed) + page_bytes <= BYTES_MAX
    }

    /// Keeps `branch`, which a reader of `moment` has read from the page `number` of its tree.
    pub(super) fn keep(&self, moment: usize, number: u64, branch: Branch) {
        let Some(mut state) = self.state.try_write() else { return };
        if !state.knows(moment) {
            self.forget_all(&mut state);
            (state.moment, state.leaving) = (moment, None);
        }
        if moment < state.moment {
            // It may have been replaced long ago.
            return;
        }
        let bytes = self.bytes.load(Ordering::Relaxed) + branch.bytes();
        if bytes <= BYTES_MAX {
            let before = state.kept.insert(number, branch).map_or(0, |before| before.bytes());
            self.bytes.store(bytes - before, Ordering::Relaxed);
        }
    }

    /// Learns what the transaction `next` may replace, before it writes anything. If it is not committed, another of that number may
    /// be.
    pub(super) fn expect(&self, next: usize, leaving: Leaving) {
        let mut state = self.state.write();
        let before = next.saturating_sub(1);
        // Else the transaction that was spoken of last was not committed, and nothing has gone.
        if before != state.moment {
            match state.leaving.take().filter(|_| before == state.moment + 1) {
                Some(Leaving::Some(numbers)) => self.forget(&mut state, &numbers),
                Some(Leaving::Any) | None => self.forget_all(&mut state),
            }
        }
        (state.moment, state.leaving) = (before, Some(leaving));
    }

    fn forget(&self, state: &mut State, numbers: &Numbers) {
        let gone = numbers.iter().filter_map(|number| state.kept.remove(number));
        let bytes: usize = gone.map(|branch| branch.bytes()).sum();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn forget_all(&self, state: &mut State) {
        state.kept.clear();
        self.bytes.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Branches {
    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.state.read().kept.len()
    }
}

impl State {
    /// Whether what is kept holds for trees as of this moment.
    fn knows(&self, moment: usize) -> bool {
        moment <= self.moment + usize::from(self.leaving.is_some())
    }
}

/// What a branch takes beside its keys and pages.
const ENTRY_BYTES: usize = 96;
/// Enough for the lowest branches of fifteen million objects of a kilobyte, which are two kilobytes for 600 of those.
const BYTES_MAX: usize = 48 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(pages: std::ops::Range<u64>) -> Branch {
        let keys: Vec<u64> = (1..pages.end - pages.start).map(|nth| 1000 + 10 * nth).collect();
        of(&keys, &pages.collect::<Vec<_>>()).expect("in order")
    }

    fn of(keys: &[u64], children: &[u64]) -> Option<Branch> {
        let key = |nth: usize| keys.get(nth - 1).copied();
        Branch::new(children.len(), key, |nth| children.get(nth).copied())
    }

    fn some(numbers: &[u64]) -> Leaving {
        Leaving::Some(numbers.iter().copied().collect())
    }

    #[test]
    fn a_child_is_found_between_the_keys() {
        let branch = branch(7..11);
        let found = |key| branch.child(key);
        assert_eq!([0, 1009, 1010, 1019, 1020, 1029, 1030].map(found), [7, 7, 8, 8, 9, 9, 10]);
        assert_eq!(found(u64::MAX), 10);
        assert_eq!(branch.children(), [7, 8, 9, 10]);
        assert_eq!(of(&[], &[3]).expect("one child").child(5), 3);
    }

    #[test]
    fn a_child_is_found_wherever_the_keys_lie() {
        let evenly = (0..200).map(|nth| 3 * nth).collect::<Vec<u64>>();
        let doubling = (0..63).map(|nth| 1 << nth).collect();
        let late = (0..100).map(|nth| nth * nth * nth).collect();
        let early =
            (0..100).map(|nth| 1_000_000 - (100 - nth) * (100 - nth) * (100 - nth)).collect();
        let twice = vec![5, 5, 5, 8, 8, 1_000];
        for keys in [evenly, doubling, late, early, twice, vec![], vec![4], vec![4, 4], vec![4, 9]]
        {
            let pages: Vec<u64> = (0..=keys.len() as u64).collect();
            let branch = of(&keys, &pages).expect("in order");
            let around = |key: u64| [key.saturating_sub(1), key, key + 1, key + 2];
            for key in keys.iter().flat_map(|key| around(*key)).chain([0, u64::MAX]) {
                let wanted = keys.partition_point(|other| *other <= key) as u64;
                assert_eq!(branch.child(key), wanted, "{key} in {keys:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_held_is_not() {
        assert_eq!(of(&[5, 4], &[1, 2, 3]), None);
        assert_eq!(of(&[], &[]), None);
        assert_eq!(of(&[5], &[1, 2, 3]), None);
        assert_eq!(of(&[5], &[1, 1 << 33]), None);
    }

    #[test]
    fn keys_may_be_of_several_spaces() {
        let branch = of(&[5, 1 << 33, 3 << 62], &[1, 2, 3, 4]).expect("in order");
        let found = |key| branch.child(key);
        let keys = [4, 5, (1 << 33) - 1, 1 << 33, (3 << 62) - 1, 3 << 62, u64::MAX];
        assert_eq!(keys.map(found), [1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(branch.children(), [1, 2, 3, 4]);
    }

    #[test]
    fn what_a_transaction_has_replaced_is_forgotten_before_the_next() {
        let branches = Branches::default();
        let finds = |moment, number| branches.descend(moment, number, 1, 0).1 == 0;
        branches.expect(5, some(&[]));
        branches.keep(4, 1, branch(10..12));
        branches.keep(4, 2, branch(20..22));
        assert!([1, 2].iter().all(|number| finds(4, *number) && finds(5, *number)));
        assert!(!finds(6, 1), "nobody has spoken of that transaction");
        branches.expect(6, some(&[1]));
        assert!(finds(5, 1), "it is there until then");
        branches.expect(6, some(&[1]));
        assert!(finds(5, 1), "the one before was not committed");
        branches.expect(7, some(&[]));
        assert!(!finds(5, 1) && !finds(6, 1) && finds(5, 2) && finds(6, 2));
        branches.keep(5, 1, branch(10..12));
        assert!(!finds(5, 1), "a reader of a tree from before must not bring it back");
        branches.keep(7, 1, branch(30..32));
        assert_eq!(branches.descend(7, 1, 1, 0), (30, 0), "another may be there afterwards");
    }

    #[test]
    fn nothing_is_left_after_a_transaction_that_nobody_spoke_of() {
        let branches = Branches::default();
        branches.keep(4, 1, branch(10..12));
        assert_eq!(branches.descend(4, 1, 1, 0), (10, 0));
        assert_eq!(branches.descend(5, 1, 1, 0), (1, 1));
        branches.keep(5, 2, branch(20..22));
        assert_eq!(branches.descend(5, 1, 1, 0), (1, 1));
        branches.expect(8, some(&[]));
        assert_eq!(branches.descend(7, 2, 1, 0), (2, 1));
        branches.keep(7, 2, branch(20..22));
        branches.expect(8, Leaving::Any);
        assert_eq!(branches.descend(7, 2, 1, 0), (20, 0));
        branches.expect(9, some(&[]));
        assert_eq!(branches.descend(8, 2, 1, 0), (2, 1), "it may have been replaced");
    }

    #[test]
    fn there_is_a_limit() {
        let branches = Branches::default();
        let branch = || branch(0..1000);
        let count = (BYTES_MAX / branch().bytes()) as u64;
        (0..count + 10).for_each(|number| branches.keep(1, number, branch()));
        assert_eq!(branches.state.read().kept.len() as u64, count);
        assert!(!branches.has_room(branch().bytes()));
        // What makes room makes room.
        branches.expect(2, some(&(0..count).collect::<Vec<_>>()));
        branches.expect(3, some(&[]));
        assert_eq!(branches.bytes.load(Ordering::Relaxed), 0);
        assert!(branches.has_room(branch().bytes()));
    }
}
