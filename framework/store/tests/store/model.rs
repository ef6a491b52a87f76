//! Random batches, on both stores, against a plain map: whatever is put in, removed, put in again, however often the
//! store is closed and opened in between, and wherever checkpoints and cuts fall, the map and the store say the same.

use std::collections::BTreeMap;
use std::path::PathBuf;

use daystar_model::ids::{CommitNumber, ObjectId, Space};
use daystar_model::store::{Batch, Store};
use daystar_store::{LmdbStore, MemoryStore, Options};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::*;

/// What may be done to a store.
#[derive(Clone, Debug)]
enum Step {
    /// A batch: what becomes of each object (by its slot), over how many commits, and how many new ids.
    Apply {
        changes: BTreeMap<u64, Option<Thing>>,
        commits: u64,
        new_ids: u64,
    },
    /// A batch that the store has already.
    ApplyAgain,
    Reopen,
    Checkpoint,
    /// Wherever the checkpoint that is under way has come to, the store is closed, and opened with other options.
    ReopenAs(Pace),
    Load {
        slot: u64,
    },
    Scan {
        first: u64,
        last: u64,
    },
}

/// How often checkpoints come.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// Only when they are asked for.
    Never,
    /// One after the other, beside the batches.
    Always,
    /// One after each batch, which the next one waits for.
    InStep,
}

impl Pace {
    fn options(self) -> Options {
        let all = Options::default();
        match self {
            Self::Never => all,
            Self::Always => Options { checkpoint_bytes: 1, ..all },
            Self::InStep => Options { checkpoint_bytes: 1, journal_bytes_max: 1, ..all },
        }
    }
}

trait Subject {
    fn store(&self) -> &dyn Store;
    fn reopen(&mut self, pace: Option<Pace>);
    fn checkpoint(&self);
}

impl Subject for MemoryStore {
    fn store(&self) -> &dyn Store {
        self
    }
    fn reopen(&mut self, _: Option<Pace>) {} // it has nowhere to come back from
    fn checkpoint(&self) {}
}

struct OnDisk {
    open: Option<LmdbStore>,
    path: PathBuf,
    pace: Pace,
    _folder: tempfile::TempDir,
}

impl OnDisk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world");
        Self { open: Some(open(&path)), path, pace: Pace::Never, _folder: folder }
    }
}

impl Subject for OnDisk {
    fn store(&self) -> &dyn Store {
        self.open.as_ref().unwrap()
    }
    fn reopen(&mut self, pace: Option<Pace>) {
        self.pace = pace.unwrap_or(self.pace);
        self.open = None;
        self.open = Some(LmdbStore::open(&self.path, self.pace.options()).unwrap());
    }
    fn checkpoint(&self) {
        self.open.as_ref().unwrap().checkpoint().unwrap();
        assert_eq!(self.store().status().journal_bytes, 0);
    }
}

/// Slots are few, so that steps meet at the same objects; they lie in every space.
fn id_of(slot: u64) -> ObjectId {
    ObjectId::new(Space::ALL[(slot % 4) as usize], slot / 4)
}

fn play(mut subject: impl Subject, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut map: BTreeMap<ObjectId, (u64, Thing)> = BTreeMap::new();
    let (mut last, mut next_index) = (0, 1);
    for step in steps {
        let store = subject.store();
        match step {
            Step::Apply { changes, commits, new_ids } => {
                let base = last;
                last += commits;
                next_index += new_ids;
                let mut batch = Batch { changes: vec![], last: CommitNumber(last), next_index };
                // Backwards, because nobody promised a store that a batch is sorted.
                for (slot, change) in changes.iter().rev() {
                    let commit = base + 1 + slot % commits;
                    let value = change.clone().map(|t| put(t).unwrap());
                    batch.changes.push((id_of(*slot), CommitNumber(commit), value));
                    match change {
                        Some(thing) => map.insert(id_of(*slot), (commit, thing.clone())),
                        None => map.remove(&id_of(*slot)),
                    };
                }
                store.apply(&batch).unwrap();
            }
            Step::ApplyAgain => {
                let stale = Batch { changes: vec![], last: CommitNumber(last), next_index: 9 };
                prop_assert!(store.apply(&stale).is_err());
            }
            Step::Reopen => subject.reopen(None),
            Step::ReopenAs(pace) => subject.reopen(Some(*pace)),
            Step::Checkpoint => subject.checkpoint(),
            Step::Load { slot } => {
                let (id, expected) = (id_of(*slot), map.get(&id_of(*slot)));
                prop_assert_eq!(load(store, id), expected.cloned());
                if let Some((number, _)) = expected {
                    prop_assert_eq!(reload(store, id, *number), expected.cloned());
                }
            }
            Step::Scan { first, last } => {
                let (first, last) = (id_of(*first), id_of(*last));
                let expected: Vec<_> = map
                    .iter()
                    .filter(|(id, _)| first <= **id && **id <= last)
                    .map(|(id, (commit, thing))| (*id, *commit, thing.clone()))
                    .collect();
                prop_assert_eq!(scan(store, first, last), expected);
            }
        }
    }
    subject.reopen(None);
    let everything: Vec<_> = map.into_iter().map(|(id, (n, thing))| (id, n, thing)).collect();
    prop_assert_eq!(scan_all(subject.store()), everything);
    prop_assert_eq!(subject.store().last_commit().unwrap(), CommitNumber(last));
    prop_assert_eq!(subject.store().next_index().unwrap(), next_index);
    Ok(())
}

const SLOTS: u64 = 400;

fn things() -> impl Strategy<Value = Thing> {
    // Small ones share a page; large ones have pages of their own in LMDB's file.
    let length = select(vec![0_usize, 3, 90, 900, 1900, 2100, 5000, 40_000]);
    (any::<u64>(), length, vec(any::<u32>(), 0..8)).prop_map(|(number, length, list)| Thing {
        number,
        text: "t".repeat(length),
        list,
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let changes = btree_map(0..SLOTS, prop::option::weighted(0.6, things()), 0..60);
    prop_oneof![
        6 => (changes, 1..5_u64, 0..3_u64).prop_map(|(changes, commits, new_ids)| Step::Apply {
            changes, commits, new_ids
        }),
        // Nearly everything removed at once: how LMDB's trees shrink, and its file gets holes.
        1 => (0..SLOTS).prop_map(|keep| Step::Apply {
            changes: (0..SLOTS).filter(|slot| slot % 50 != keep % 50).map(|slot| (slot, None)).collect(),
            commits: 1,
            new_ids: 0,
        }),
        1 => Just(Step::ApplyAgain),
        1 => Just(Step::Reopen),
        1 => Just(Step::Checkpoint),
        2 => select(vec![Pace::Never, Pace::Always, Pace::InStep]).prop_map(Step::ReopenAs),
        2 => (0..SLOTS).prop_map(|slot| Step::Load { slot }),
        2 => (0..SLOTS, 0..SLOTS).prop_map(|(first, last)| Step::Scan { first, last }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_is_a_map(steps in vec(steps(), 1..25)) {
        play(MemoryStore::new(), &steps)?;
    }

    #[test]
    fn disk_is_a_map(steps in vec(steps(), 1..25)) {
        play(OnDisk::new(), &steps)?;
    }
}
