//! The story of a world: what each batch changes, and what the world is after it. It depends on a seed alone, so that
//! whoever looks at a world later knows what ought to be in it.
//!
//! Some objects are changed by every batch, all of them, so that a torn batch shows. Others come, stay for a while and are
//! removed; some of these are large.

use std::collections::BTreeMap;
use std::sync::Arc;

use daystar_model::ids::{CommitNumber, ObjectId, Space};
use daystar_model::managed::{Managed, Registration, TypeDescriptor};
use daystar_model::record::RecordError;
use daystar_model::store::{Batch, Store, StoreError, Stored};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// An object of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thing {
    number: u64,
    text: String,
}

/// All objects after a batch, each with the commit that gave it.
pub(crate) type World = BTreeMap<ObjectId, (CommitNumber, Thing)>;

/// The story that a seed tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story(pub(crate) u64);

impl Story {
    /// Batch `n`, from 1 on. It is one commit.
    pub(crate) fn batch(self, n: u64) -> Batch {
        batch_of(n, self.changes(n))
    }

    /// The world after batch `n`, from the world after the batch before.
    pub(crate) fn go_on(self, world: &mut World, n: u64) {
        for (id, thing) in self.changes(n) {
            match thing {
                Some(thing) => world.insert(id, (CommitNumber(n), thing)),
                None => world.remove(&id),
            };
        }
    }

    /// The world after batch `n`.
    pub(crate) fn world(self, n: u64) -> World {
        let mut world = World::new();
        (1..=n).for_each(|n| self.go_on(&mut world, n));
        world
    }

    fn changes(self, n: u64) -> Vec<(ObjectId, Option<Thing>)> {
        let mut rng = Pcg64Mcg::seed_from_u64(self.0 << 32 | n);
        let mut thing = |id: ObjectId, length_max: usize| {
            (id, Some(Thing::new(self.0, n, id, rng.random_range(0..=length_max))))
        };
        let mut changes: Vec<_> =
            (0..MARKED).map(|index| thing(object(index), MARKED_BYTES_MAX)).collect();
        let is_large = n.is_multiple_of(4);
        let length_max = if is_large { LARGE_BYTES_MAX } else { SMALL_BYTES_MAX };
        changes.push(thing(object(FIRST_GUEST + n), length_max));
        if n > STAY {
            changes.push((object(FIRST_GUEST + n - STAY), None));
        }
        changes
    }
}

/// A world of many small objects and a few large ones, with next to no history: damage to its file hits something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd;

impl Crowd {
    /// Batch 1 makes everything, and batch 2 changes some of it.
    pub(crate) fn batch(self, n: u64) -> Batch {
        batch_of(n, self.changes(n))
    }

    /// The world after batch `n`.
    pub(crate) fn world(self, n: u64) -> World {
        let changes = (1..=n).flat_map(|n| self.changes(n).into_iter().map(move |it| (n, it)));
        let things = changes.filter_map(|(n, (id, thing))| Some((id, (CommitNumber(n), thing?))));
        things.collect()
    }

    fn changes(self, n: u64) -> Vec<(ObjectId, Option<Thing>)> {
        let mut rng = Pcg64Mcg::seed_from_u64(n);
        let changed = (0..CROWD).step_by(if n == 1 { 1 } else { 60 });
        let thing = |index: u64| {
            let is_large = index % 200 == 7;
            let length_max = if is_large { LARGE_BYTES_MAX / 4 } else { SMALL_BYTES_MAX };
            let length = rng.random_range(length_max / 4..=length_max);
            (object(index), Some(Thing::new(0, n, object(index), length)))
        };
        changed.map(thing).collect()
    }
}

impl Thing {
    fn new(story: u64, n: u64, id: ObjectId, length: usize) -> Self {
        let line = format!("batch {n} of story {story} to {id}. ");
        Self { number: n, text: line.chars().cycle().take(length).collect() }
    }
}

fn batch_of(n: u64, changes: Vec<(ObjectId, Option<Thing>)>) -> Batch {
    let commit = CommitNumber(n);
    let changes = changes.into_iter();
    Batch {
        changes: changes
            .map(|(id, thing)| (id, commit, thing.map(|thing| Arc::new(thing) as _)))
            .collect(),
        last: commit,
        next_index: next_index_after(n),
    }
}

/// [`Store::next_index`] after batch `n`.
pub(crate) fn next_index_after(n: u64) -> u64 {
    if n == 0 { 1 } else { FIRST_GUEST + n + 1 }
}

/// Everything that is in `store`.
pub(crate) fn contents(store: &dyn Store) -> Result<World, StoreError> {
    let mut world = World::new();
    let mut failed = None;
    store.scan(Space::Object.first(), Space::Task.last(), &mut |id, found| match found {
        Ok(stored) => drop(world.insert(id, thing_of(stored))),
        Err(error) => failed = Some(error),
    })?;
    failed.map_or(Ok(world), Err)
}

/// What is stored, as the world has it.
pub(crate) fn thing_of((commit, value): Stored) -> (CommitNumber, Thing) {
    (commit, (*value).as_any().downcast_ref::<Thing>().expect("not a Thing").clone())
}

/// The object with this index.
fn object(index: u64) -> ObjectId {
    ObjectId::new(Space::Object, index)
}

impl Managed for Thing {
    const TYPE_NAME: &'static str = "Thing";
    const VERSION: u32 = 1;

    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        Ok([self.number.to_le_bytes().as_slice(), self.text.as_bytes()].concat())
    }

    fn decode(_: u32, payload: &[u8]) -> Result<Self, RecordError> {
        let invalid = |cause: &str| RecordError::Invalid { name: "Thing", cause: cause.to_owned() };
        let (number, text) = payload.split_first_chunk().ok_or_else(|| invalid("too short"))?;
        let text = String::from_utf8(text.to_vec()).map_err(|_| invalid("not text"))?;
        Ok(Self { number: u64::from_le_bytes(*number), text })
    }

    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<Thing>();
        &DESCRIPTOR
    }
}

daystar_model::private::inventory::submit! { Registration(<Thing as Managed>::descriptor) }

/// How many objects every batch changes.
const MARKED: u64 = 8;
const FIRST_GUEST: u64 = 1000;
/// How many objects a crowd is.
const CROWD: u64 = 1200;
/// For how many batches a guest stays.
const STAY: u64 = 12;
/// From several objects on a page to one on several.
const MARKED_BYTES_MAX: usize = 3000;
const SMALL_BYTES_MAX: usize = 300;
const LARGE_BYTES_MAX: usize = 60_000;
