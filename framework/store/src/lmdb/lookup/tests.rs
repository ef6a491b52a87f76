//! What is found is what LMDB finds; and whatever the file holds, there is an answer.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use heed::byteorder::BigEndian;
use heed::types::{Bytes, Str, U64};
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, WithoutTls};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tempfile::TempDir;

use super::*;

type Values = Database<'static, U64<BigEndian>, Bytes>;

struct World {
    folder: TempDir,
    env: Env<WithoutTls>,
    trees: Database<'static, Str, Bytes>,
    values: Values,
    pages: Pages,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = EnvOpenOptions::new().read_txn_without_tls();
        settings.map_size(1 << 30).max_dbs(1);
        // SAFETY: the folder is new and this test's own.
        #[allow(unsafe_code)]
        let env = unsafe { settings.open(folder.path()) }.unwrap();
        let txn = env.write_txn().unwrap();
        let [trees, values]: [Database<'static, Bytes, Bytes>; 2] = env
            .create_databases_and_commit(txn, |databases, txn| {
                let trees = databases.create_database(txn, None)?;
                let values = databases.create_database(txn, Some(VALUES))?;
                heed::Result::Ok(CommitOrAbort::<_, ()>::Commit([trees, values]))
            })
            .unwrap()
            .unwrap_commit();
        let (trees, values) = (trees.remap_types(), values.remap_types());
        let pages = pages(&env);
        Self { folder, env, trees, values, pages }
    }

    fn write(&self, changes: &[(u64, Option<Vec<u8>>)]) {
        self.write_expecting(changes, |pages, next, tree| {
            let kinds = changes.iter().map(|(key, value)| (*key, Change::to(value.as_ref())));
            pages.expect(next, tree, kinds);
        });
    }

    fn write_expecting(
        &self,
        changes: &[(u64, Option<Vec<u8>>)],
        expect: impl FnOnce(&Pages, usize, Option<Tree>),
    ) {
        let mut txn = self.env.write_txn().unwrap();
        let tree = Tree::of(self.trees.get(&txn, VALUES).unwrap().unwrap());
        expect(&self.pages, txn.id(), tree);
        for (key, value) in changes {
            match value {
                Some(value) => self.values.put(&mut txn, key, value).unwrap(),
                None => drop(self.values.delete(&mut txn, key).unwrap()),
            }
        }
        txn.commit().unwrap();
    }

    fn tree(&self, txn: &heed::RoTxn<'_, WithoutTls>) -> Option<Tree> {
        Tree::of(self.trees.get(txn, VALUES).unwrap().unwrap())
    }

    fn find(&self, key: u64) -> Option<Vec<u8>> {
        let txn = self.env.read_txn().unwrap();
        let found = self.pages.find(txn.id(), self.tree(&txn)?, key, ALL).unwrap();
        found.map(|found| found.to_vec())
    }
}

/// What has read nothing yet.
fn pages(env: &Env<WithoutTls>) -> Pages {
    let page_bytes = env.unnamed_database_stat().page_size as usize;
    Pages::of(env.try_clone_inner_file().unwrap(), page_bytes, || Err(io::ErrorKind::Other.into()))
}

/// Of every kind: with pages of their own, sharing a leaf with few or with many, and empty.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![0..40_usize, 900..1200_usize, 1900..2200_usize, 4000..20_000_usize];
    (any::<u8>(), length).prop_map(|(byte, length)| vec![byte; length])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_is_found_is_what_was_written(
        batches in vec(vec((0..400_u64, proptest::option::weighted(0.8, value())), 1..120), 1..8),
        spread in prop_oneof![Just(1_u64), Just(0x0123_4567_89ab)],
        part in (0..3000_usize, 0..3000_usize),
    ) {
        let world = World::new();
        let mut model = BTreeMap::new();
        for batch in &batches {
            let batch: Vec<_> = batch.iter().map(|(key, value)| (key * spread, value.clone())).collect();
            world.write(&batch);
            model.extend(batch);
            for key in 0..=400 {
                prop_assert_eq!(&world.find(key * spread), model.get(&(key * spread)).unwrap_or(&None));
                prop_assert!(spread == 1 || world.find(key * spread + 1).is_none());
            }
        }
        let txn = world.env.read_txn().unwrap();
        for (key, value) in model.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            let (first, last) = (part.0.min(value.len()), part.1.min(value.len()).max(part.0.min(value.len())));
            let wanted = part.0..part.1.max(part.0);
            let found = world.pages.find(txn.id(), world.tree(&txn).unwrap(), *key, wanted).unwrap();
            prop_assert_eq!(found.as_deref(), value.get(first..last));
        }
    }
}

/// A world of many branches.
fn grown() -> World {
    let world = World::new();
    let puts: Vec<_> = (0..40_000).map(|key| (key * 3, Some(vec![key as u8; 200]))).collect();
    world.write(&puts);
    let txn = world.env.read_txn().unwrap();
    assert!(world.values.stat(&txn).unwrap().depth >= 3, "branches below branches");
    drop(txn);
    world
}

/// Some changes of neighbours, as a part of a checkpoint has them, in the keys' order.
fn part(rng: &mut Pcg64Mcg) -> Vec<(u64, Option<Vec<u8>>)> {
    // Now and then most of many go, so that branches get short.
    let (count, removed) = if rng.random_range(0..5) == 0 {
        (rng.random_range(1..9_000), 9)
    } else {
        (rng.random_range(1..300), 1)
    };
    let (first, step) = (rng.random_range(0..120_000), rng.random_range(1..4));
    let keys = (0..count).map(|nth| first + nth * step);
    let mut change = |key| {
        let is_put = rng.random_range(0..10) >= removed;
        let value = || vec![rng.random::<u8>(); rng.random_range(0..600)];
        (key, is_put.then(value))
    };
    keys.map(&mut change).collect()
}

/// Changes `world` part by part; how many searches found something else than LMDB.
fn wrong(world: &World, parts: usize, write: impl Fn(&[(u64, Option<Vec<u8>>)])) -> usize {
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let mut wrong = 0;
    for _ in 0..parts {
        let part = part(&mut rng);
        write(&part);
        let txn = world.env.read_txn().unwrap();
        let tree = world.tree(&txn).unwrap();
        let some = (0..300).map(|_| rng.random_range(0..125_000));
        for key in part.iter().map(|(key, _)| *key).chain(some) {
            let found = world.pages.find(txn.id(), tree, key, ALL);
            let wanted = world.values.get(&txn, &key).unwrap();
            wrong += usize::from(!found.is_ok_and(|found| found.as_deref() == wanted));
        }
    }
    wrong
}

#[test]
fn branches_are_kept_while_the_tree_changes() {
    let world = grown();
    assert_eq!(wrong(&world, 150, |part| world.write(part)), 0);
    assert!(world.pages.branches.len() > 20, "few were kept, so the test shows little");
}

/// In every world that is played there are objects, sessions, tasks and names, and a branch above all of them.
#[test]
fn branches_are_kept_whose_keys_are_of_several_spaces() {
    let world = World::new();
    let keys = || (0..4).flat_map(|space| (0..9_000).map(move |index| (space << 62) | (index * 3)));
    world.write(&keys().map(|key| (key, Some(vec![7; 200]))).collect::<Vec<_>>());
    let finds_all = || keys().step_by(7).all(|key| world.find(key).is_some());
    assert!(finds_all());
    let kept = world.pages.branches.len();
    assert!(kept >= 4, "few were kept, so the test shows little");
    // What is far from a change stays.
    world.write(&[(3, Some(vec![8; 200]))]);
    world.write(&[(3 << 62, Some(vec![8; 200]))]);
    assert!(world.pages.branches.len() > kept / 2, "all were forgotten");
    assert!(finds_all());
}

#[test]
fn a_branch_that_is_kept_too_long_is_caught() {
    let world = grown();
    let break_it = |part: &[_]| {
        world.write_expecting(part, |pages, next, _| {
            pages.branches.expect(next, Leaving::Some(Numbers::default()));
        });
    };
    assert!(wrong(&world, 150, break_it) > 0);
}

/// The numbers of all branches of a tree.
fn branches_of(pages: &Pages, tree: Tree) -> Numbers {
    let mut bytes = vec![0; pages.page_bytes];
    let (mut found, mut level) = (Numbers::default(), vec![tree.root]);
    for _ in 1..tree.depth {
        found.extend(&level);
        let below = level.iter().flat_map(|number| {
            let branch =
                pages.branch(&pages.files[0], *number, &mut bytes).unwrap().to_branch().unwrap();
            branch.children()
        });
        level = below.collect();
    }
    found
}

/// The removal of everything under a branch but the first.
fn all_but_one(world: &World, rng: &mut Pcg64Mcg) -> Vec<(u64, Option<Vec<u8>>)> {
    let txn = world.env.read_txn().unwrap();
    let tree = world.tree(&txn).unwrap();
    let pages = &world.pages;
    let mut bytes = vec![0; pages.page_bytes];
    let mut above = |key| {
        let mut number = tree.root;
        for _ in 2..tree.depth {
            number = pages.branch(&pages.files[0], number, &mut bytes).unwrap().child(key).unwrap();
        }
        number
    };
    let keys: Vec<u64> = world.values.iter(&txn).unwrap().map(|entry| entry.unwrap().0).collect();
    let branch = above(keys[rng.random_range(0..keys.len())]);
    keys.into_iter().filter(|key| above(*key) == branch).skip(1).map(|key| (key, None)).collect()
}

/// Which a wrong search would show only once LMDB has used one of them again for a branch.
#[test]
fn all_that_a_transaction_replaces_is_expected() {
    let world = grown();
    let (mut rng, mut beside) = (Pcg64Mcg::seed_from_u64(11), 0);
    for round in 0..60 {
        let part = if round % 6 == 0 { all_but_one(&world, &mut rng) } else { part(&mut rng) };
        let mut expected = None;
        world.write_expecting(&part, |pages, _, tree| {
            let tree = tree.unwrap();
            let told = |changes: &mut dyn Iterator<Item = (u64, Change)>| match pages
                .leaving(tree, changes)
            {
                Ok(Leaving::Some(numbers)) => numbers,
                other => panic!("it cannot be told: {other:?}"),
            };
            let leaving =
                told(&mut part.iter().map(|(key, value)| (*key, Change::to(value.as_ref()))));
            let paths = told(&mut part.iter().map(|(key, _)| (*key, Change::Put)));
            expected = Some((branches_of(pages, tree), leaving, paths));
        });
        let (before, leaving, paths) = expected.unwrap();
        let txn = world.env.read_txn().unwrap();
        let after =
            world.tree(&txn).map_or_else(Numbers::default, |tree| branches_of(&world.pages, tree));
        let replaced: Numbers = before.difference(&after).copied().collect();
        assert!(replaced.is_subset(&leaving), "{replaced:?} were replaced, {leaving:?} expected");
        beside += replaced.difference(&paths).count();
    }
    assert!(beside > 0, "none beside the paths was replaced, so the test shows little");
}

/// Where branches lie below branches below branches, one that loses nearly all takes from below the one beside it.
#[test]
fn what_is_replaced_below_another_branch_is_expected() {
    let world = World::new();
    if world.pages.page_bytes != 4096 {
        // As many levels would take a world of gigabytes.
        return;
    }
    let mut keys: Vec<u64> = (0..52_000).collect();
    keys.shuffle(&mut Pcg64Mcg::seed_from_u64(3));
    world.write(&keys.iter().map(|key| (*key, Some(vec![7; 1_900]))).collect::<Vec<_>>());
    let txn = world.env.read_txn().unwrap();
    let tree = world.tree(&txn).unwrap();
    assert_eq!(tree.depth, 4, "the test is about trees of four levels");
    let pages = &world.pages;
    let mut bytes = vec![0; pages.page_bytes];
    let root = pages.branch(&pages.files[0], tree.root, &mut bytes).unwrap().to_branch().unwrap();
    let last = root.child(*keys.iter().max().unwrap());
    drop(txn);
    keys.sort_unstable();
    let mut below: Vec<u64> = keys.into_iter().filter(|key| root.child(*key) == last).collect();
    below.truncate(below.len() - 1);
    let part: Vec<_> = below.into_iter().map(|key| (key, None)).collect();
    let mut expected = None;
    world.write_expecting(&part, |pages, next, tree| {
        let tree = tree.unwrap();
        let changes = || part.iter().map(|(key, _)| (*key, Change::Remove));
        expected = Some((branches_of(pages, tree), pages.leaving(tree, changes()).unwrap()));
        pages.expect(next, Some(tree), changes());
    });
    let txn = world.env.read_txn().unwrap();
    let after = branches_of(&world.pages, world.tree(&txn).unwrap());
    let (before, leaving) = expected.unwrap();
    let replaced: Numbers = before.difference(&after).copied().collect();
    match leaving {
        Leaving::Any => {}
        Leaving::Some(leaving) => {
            let missed = replaced.difference(&leaving).count();
            assert_eq!(missed, 0, "of {} branches that were replaced", replaced.len());
        }
    }
}

#[test]
fn transactions_that_nobody_spoke_of_do_no_harm() {
    let world = grown();
    let even = AtomicUsize::new(0);
    let write = |part: &[_]| match even.fetch_add(1, Ordering::Relaxed) % 3 {
        0 => world.write(part),
        _ => world.write_expecting(part, |_, _, _| ()),
    };
    assert_eq!(wrong(&world, 60, write), 0);
}

/// Readers keep what they read at moments that are over.
#[test]
fn whoever_reads_meanwhile_finds_what_lmdb_finds() {
    let world = grown();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = |seed| {
            let (world, is_over) = (&world, &is_over);
            move || {
                let mut rng = Pcg64Mcg::seed_from_u64(seed);
                while !is_over.load(Ordering::Relaxed) {
                    let txn = world.env.clone().static_read_txn().unwrap();
                    let tree = world.tree(&txn).unwrap();
                    for _ in 0..rng.random_range(1..200) {
                        let key = rng.random_range(0..125_000);
                        let found = world.pages.find(txn.id(), tree, key, ALL).unwrap();
                        let wanted = world.values.get(&txn, &key).unwrap();
                        assert_eq!(found.as_deref(), wanted, "{key}");
                    }
                }
            }
        };
        let readers = [1, 2].map(|seed| scope.spawn(reader(seed)));
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        for _ in 0..150 {
            world.write(&part(&mut rng));
        }
        is_over.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

/// While a transaction lasts, its pages stay as they are. Afterwards LMDB uses them again: that the test sees it then is
/// what shows that it would see it before.
#[test]
fn the_pages_of_a_moment_stay_only_while_its_transaction_lasts() {
    let world = World::new();
    let all = |byte: u8| (0..500).map(|key| (key, Some(vec![byte; 700]))).collect::<Vec<_>>();
    let is_still = |tree, byte: u8| {
        let pages = pages(&world.env);
        let found = |key| pages.find(0, tree, key, ALL);
        (0..500).all(|key| matches!(found(key), Ok(Some(found)) if *found == [byte; 700]))
    };
    world.write(&all(1));
    let txn = world.env.clone().static_read_txn().unwrap();
    let tree = world.tree(&txn).unwrap();
    (2..8).for_each(|byte| world.write(&all(byte)));
    assert!(is_still(tree, 1), "a page of the moment was written to");
    drop(txn);
    (8..14).for_each(|byte| world.write(&all(byte)));
    assert!(!is_still(tree, 1), "no page was used again, so the test shows nothing");
}

#[test]
fn whatever_the_file_holds_there_is_an_answer() {
    let world = World::new();
    let length = |key: u64| if key.is_multiple_of(9) { 6000 } else { 300 };
    let changes: Vec<_> = (0..600).map(|key| (key, Some(vec![7; length(key)]))).collect();
    world.write(&changes);
    let txn = world.env.read_txn().unwrap();
    let tree = world.tree(&txn).unwrap();
    drop(txn);
    let page_bytes = world.pages.page_bytes;
    let whole = fs::read(world.folder.path().join("data.mdb")).unwrap();
    let copy = world.folder.path().join("copy");
    fs::write(&copy, &whole).unwrap();
    let file = File::options().read(true).write(true).open(&copy).unwrap();
    let refused = || {
        // One that has read nothing yet, and keeps nothing from when the file was another.
        let pages = Pages::of(file.try_clone().unwrap(), page_bytes, || file.try_clone());
        (0..600).step_by(17).filter(|key| pages.find(0, tree, *key, ALL).is_err()).count()
    };
    assert_eq!(refused(), 0);
    let mut noticed = 0;
    // Headers and what stands behind them, of every page; with bytes that make numbers small, large and other.
    for at in (2 * page_bytes..whole.len()).filter(|at| at % page_bytes < 32).step_by(3) {
        for byte in [0, 0xff, whole[at] ^ 1] {
            file.write_all_at(&[byte], at as u64).unwrap();
            noticed += refused();
        }
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    assert!(noticed > 0, "no damage was noticed");
    assert_eq!(refused(), 0);
    file.set_len(whole.len() as u64 / 2).unwrap();
    assert!(refused() > 0, "half a file is not all of it");
}

const VALUES: &str = "values";
