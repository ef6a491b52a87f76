//! What is found is what LMDB finds; and whatever the file holds, there is an answer.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;

use heed::byteorder::BigEndian;
use heed::types::{Bytes, Str, U64};
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, WithoutTls};
use proptest::collection::vec;
use proptest::prelude::*;
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
        let mut txn = self.env.write_txn().unwrap();
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
    Pages::of(env.try_clone_inner_file().unwrap(), page_bytes)
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

/// The branches that are kept are those of one moment: LMDB uses their pages again for others.
#[test]
fn trees_of_many_branches_are_walked_while_they_change() {
    let world = World::new();
    for round in 0..6 {
        let value = |key: u64| vec![(key + round) as u8; 1 + (key * 7 + round * 50) as usize % 300];
        let changes: Vec<_> =
            (0..30_000).map(|key| (key * 3 + round % 2, Some(value(key)))).collect();
        world.write(&changes);
        let txn = world.env.read_txn().unwrap();
        assert!(world.values.stat(&txn).unwrap().depth >= 3, "branches below branches");
        let tree = world.tree(&txn).unwrap();
        for key in (0..90_100).step_by(5).chain([u64::MAX]) {
            let found = world.pages.find(txn.id(), tree, key, ALL).unwrap();
            assert_eq!(found.as_deref(), world.values.get(&txn, &key).unwrap(), "{key}, {round}");
        }
    }
    assert!(!world.pages.upper.read().pages.is_empty(), "none was kept, so the test shows nothing");
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
    let pages = Pages::of(file.try_clone().unwrap(), page_bytes);
    let refused =
        || (0..600).step_by(17).filter(|key| pages.find(0, tree, *key, ALL).is_err()).count();
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
