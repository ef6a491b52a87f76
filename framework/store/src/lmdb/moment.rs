//! A world at one moment, to be read as a whole: also while another thread or another process writes to it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use daystar_model::ids::{CommitNumber, ObjectId, Space};
use daystar_model::managed::Object;
use daystar_model::record::RecordError;
use daystar_model::store::{Batch, Store, StoreError, Visit, VisitUntil};
use parking_lot::ReentrantMutex;

use super::damage::JournalDamage;
use super::environment::{Access, Opened, Reading};
use super::epoch::Place;
use super::folder::Folder;
use super::identity::{self, Identity};
use super::journal::{self, Gap, Journal, Replayed};
use super::lookers::Lookers;
use super::objects::{self, Objects, Reached};
use super::types::Listed;
use super::{EVERYTHING, Options, types};
use crate::head::Head;
use crate::stored::{decode, decode_of, read_only};

/// A world as it is on disk at one moment. It is not locked: a server may have it open, and go on.
///
/// It refuses to be written to. While it lives, the world's files cannot use again what newer commits have replaced.
pub struct Moment {
    // Locked by the thread that reads, and again by what that thread calls for each object.
    reading: ReentrantMutex<Merged>,
    damage: Option<JournalDamage>,
    types: Vec<Listed>,
    identity: Identity,
    options: Options,
    // Let go last, when nothing is mapped any more.
    _lookers: Option<Lookers>,
}

impl Moment {
    /// Opens the world in the folder `path` as it is now.
    ///
    /// # Errors
    /// As [`LmdbStore::open`](super::LmdbStore::open), but for a world that is in use by another process; and there must be
    /// one. In the process that has it open, ask the store: [`LmdbStore::moment`](super::LmdbStore::moment).
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        Self::open_before_damage(path, options)?.whole(JournalDamage::stays)
    }

    /// As [`open`](Self::open), but if the world's journal is damaged, the world as it was before that: [`damage`](Self::damage)
    /// tells. The commits behind are given up, all of them, so that what is seen was once true. But a checkpoint may have written
    /// some of them over it already ([`JournalDamage::is_overwritten`]): then some objects are newer than others or gone, which
    /// can be looked at and not be copied.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for damaged or missing epochs of the journal.
    pub fn open_before_damage(
        path: impl AsRef<Path>,
        options: Options,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref();
        Folder::look_at(path)?;
        let lookers = Lookers::join(path)?;
        Self::of_folder(path, options, Some(lookers))
    }

    /// The world in `path`, before the damage if there is some, whose files nobody exchanges while `lookers` lives or, without
    /// it, while the caller sees to that.
    pub(super) fn of_folder(
        path: &Path,
        options: Options,
        lookers: Option<Lookers>,
    ) -> Result<Self, StoreError> {
        let journal = Journal::open(path, &options, Access::Read)?;
        let objects = Objects::open(path, &options, Access::Read)?;
        identity::check(path, &journal, &objects)?;
        Self::of(&journal, &objects, &|| EVERYTHING, options, lookers)
    }

    /// The world as it is now, before the damage if there is some; of the journal, up to what `until` says when the objects have
    /// been looked at.
    pub(super) fn of(
        journal: &Journal,
        objects: &Objects,
        until: &dyn Fn() -> CommitNumber,
        mut options: Options,
        lookers: Option<Lookers>,
    ) -> Result<Self, StoreError> {
        let mut merged = Merged::new(journal, objects, until, Space::ALL[0].first(), LAST)?;
        // After the moment, so that it has every type that is in it.
        let types = journal.types()?;
        let identity = objects.environment().identity()?;
        let map_bytes = [&merged.objects.0, &merged.journal.0].map(|it| it.env.info().map_size);
        options.map_bytes_max = map_bytes.into_iter().fold(options.map_bytes_max, usize::max);
        let damage = merged.damage.take();
        let reading = ReentrantMutex::new(merged);
        Ok(Self { reading, damage, types, identity, options, _lookers: lookers })
    }

    /// Itself, unless the journal is damaged; `refusal` makes the error of that.
    pub(super) fn whole(
        self,
        refusal: impl FnOnce(&JournalDamage) -> StoreError,
    ) -> Result<Self, StoreError> {
        refuse(self.damage.as_ref(), refusal)?;
        Ok(self)
    }

    /// What is wrong with the journal, behind the world as it is seen here; `None` if it is whole, or was
    /// [opened](Self::open) as such.
    pub fn damage(&self) -> Option<&JournalDamage> {
        self.damage.as_ref()
    }

    /// About how many records there are, to tell how far a walk has come: exactly, if the journal is empty.
    ///
    /// # Errors
    /// The world could not be read.
    pub fn records(&self) -> Result<u64, StoreError> {
        self.reading.lock().records()
    }

    /// The types and versions that there are records of, in alphabetic order. There may be some of which the last object
    /// is gone.
    pub fn types(&self) -> impl Iterator<Item = (&str, u32)> {
        self.types.iter().filter_map(|listed| types::of_key(&listed.key))
    }

    /// Those of the [`types`](Self::types) that this program cannot read, and why: those because of which
    /// [`LmdbStore::open`](super::LmdbStore::open) refuses the world if there are still records of them. A record's bytes alone
    /// do not tell: after two numbers have changed places, they can be read, and say something else.
    pub fn unreadable_types(&self) -> impl Iterator<Item = (&str, u32, RecordError)> {
        self.types.iter().filter_map(|listed| types::unreadable_of(&listed.key, &listed.layout))
    }

    /// Calls `visit` with the bytes of every record from `first` to `last`, both included, in id order, until it says that it
    /// has seen enough. The bytes are as they lie on disk, damaged or not: see
    /// [`Record::parse`](daystar_model::record::Record::parse).
    ///
    /// # Errors
    /// The world could not be read.
    pub fn walk(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut dyn FnMut(ObjectId, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.reading.lock().walk(first, last, &mut |id, bytes| Ok(visit(id, bytes)))
    }

    /// Calls `visit` with the bytes of every record, in the order of the objects' [`key`](objects::key)s. An error of
    /// `visit` ends it.
    pub(super) fn each_record(&self, visit: &mut EachRecord<'_>) -> Result<(), StoreError> {
        let reading = self.reading.lock();
        let spaces = Space::ALL.iter().rev();
        spaces
            .map(|space| (space.first(), space.last()))
            .try_for_each(|(first, last)| reading.each(first, last, visit))
    }

    pub(super) fn head(&self) -> Head {
        self.reading.lock().head
    }

    pub(super) fn listed(&self) -> &[Listed] {
        &self.types
    }

    /// For a copy: it has room for all that this world has.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }
}

impl Store for Moment {
    fn load(&self, id: ObjectId) -> Result<Option<(CommitNumber, Arc<dyn Object>)>, StoreError> {
        self.reading.lock().get(id)?.map(|bytes| decode(id, bytes)).transpose()
    }

    fn apply(&self, _: &Batch) -> Result<(), StoreError> {
        Err(read_only())
    }

    fn scan(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.reading.lock().each(first, last, &mut |id, bytes| {
            visit(id, decode(id, bytes));
            Ok(())
        })
    }

    fn scan_of(
        &self,
        type_name: &str,
        first: ObjectId,
        last: ObjectId,
        visit: &mut VisitUntil<'_>,
    ) -> Result<(), StoreError> {
        self.reading.lock().walk(first, last, &mut |id, bytes| {
            let found = decode_of(type_name, id, bytes);
            Ok(found.map_or(ControlFlow::Continue(()), |found| visit(id, found)))
        })
    }

    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(self.head().last)
    }

    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(self.head().next_index)
    }
}

/// What is called for every record; an error ends the walk.
pub(super) type EachRecord<'a> = dyn FnMut(ObjectId, &[u8]) -> Result<(), StoreError> + 'a;
type WalkRecord<'a> = dyn FnMut(ObjectId, &[u8]) -> Result<ControlFlow<()>, StoreError> + 'a;

/// The objects and, over them, what the journal adds.
pub(super) struct Merged {
    objects: (Opened, Reading),
    journal: (Opened, Reading),
    /// What the journal has between the two ids that were asked for.
    recent: BTreeMap<ObjectId, Place>,
    pub(super) head: Head,
    /// What is wrong with the journal behind `head`.
    damage: Option<JournalDamage>,
}

/// The objects at one moment. If a checkpoint is under way, some of them are newer than their head says.
struct Below {
    reading: (Opened, Reading),
    reached: Reached,
}

impl Below {
    fn now(objects: &Objects) -> Result<Self, StoreError> {
        let reading = objects.environment().begin(objects::LOAD)?;
        let reached = objects.reached(&reading.0, &reading.1)?;
        Ok(Self { reading, reached })
    }
}

impl Merged {
    /// The world as it is now, before the damage if there is some, as far as it lies from `first` to `last`. Nothing behind
    /// `until` is looked for in the journal: an epoch may be there that could not be synced, and that nobody has been told of. It is
    /// asked when the objects have been looked at: a checkpoint may have brought among them what was not safe yet a moment before,
    /// and not all of it.
    pub(super) fn new(
        journal: &Journal,
        objects: &Objects,
        until: &dyn Fn() -> CommitNumber,
        first: ObjectId,
        last: ObjectId,
    ) -> Result<Self, StoreError> {
        let mut tries_left = TRIES;
        loop {
            // In this order: what is not among these objects is in any later journal, unless a later checkpoint has had it
            // cut off. That shows as a gap, and then the objects are looked at anew.
            let objects = Below::now(objects)?;
            match Self::over(objects, journal, until(), first, last)? {
                Ok(moment) => return Ok(moment),
                Err(gap) if tries_left == 0 => return Err(journal.gap(gap)),
                Err(_) => tries_left -= 1,
            }
        }
    }

    /// What `journal` has now, over these `objects`; or what is missing in between.
    fn over(
        objects: Below,
        journal: &Journal,
        until: CommitNumber,
        first: ObjectId,
        last: ObjectId,
    ) -> Result<Result<Self, Gap>, StoreError> {
        let (opened, txn) = journal.environment().begin(journal::READ)?;
        let mut recent = BTreeMap::new();
        let replayed = journal.replay(&opened, &txn, objects.reached, until, &mut |epoch, _| {
            recent.extend(epoch.places().filter(|(id, _)| (first..=last).contains(id)));
        })?;
        let (head, damage) = match replayed {
            Replayed::Whole(head) => (head, None),
            Replayed::Damaged(head, damage) => (head, Some(damage)),
            Replayed::Gap(gap) => return Ok(Err(gap)),
        };
        let journal = (opened, txn);
        Ok(Ok(Self { objects: objects.reading, journal, recent, head, damage }))
    }

    /// Itself, unless the journal is damaged; `refusal` makes the error of that.
    pub(super) fn whole(
        self,
        refusal: impl FnOnce(&JournalDamage) -> StoreError,
    ) -> Result<Self, StoreError> {
        refuse(self.damage.as_ref(), refusal)?;
        Ok(self)
    }

    fn records(&self) -> Result<u64, StoreError> {
        let (opened, txn) = &self.objects;
        let count = opened.main.len(txn);
        let count = count.map_err(|error| failed(opened, objects::LOAD, error))?;
        // In a young world all are in the journal; in an old one it mostly changes what there is.
        Ok(count.max(self.recent.len() as u64))
    }

    fn get(&self, id: ObjectId) -> Result<Option<&[u8]>, StoreError> {
        if let Some(place) = self.recent.get(&id) {
            return self.in_journal(id, *place);
        }
        let (opened, txn) = &self.objects;
        let found = opened.main.get(txn, &objects::key(id));
        found.map_err(|error| failed(opened, objects::LOAD, error))
    }

    /// Calls `visit` with every record from `first` to `last`, both included, in id order; they must lie within what this
    /// was made for. An error of `visit` ends it.
    pub(super) fn each(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut EachRecord<'_>,
    ) -> Result<(), StoreError> {
        self.walk(first, last, &mut |id, bytes| visit(id, bytes).map(ControlFlow::Continue))
    }

    /// As [`each`](Self::each), until `visit` says that it has seen enough.
    fn walk(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut WalkRecord<'_>,
    ) -> Result<(), StoreError> {
        for space in Space::ALL {
            let (first, last) = (first.max(space.first()), last.min(space.last()));
            if first <= last && self.walk_space(first, last, visit)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// As [`walk`](Self::walk), within one space.
    fn walk_space(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut WalkRecord<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let (opened, txn) = &self.objects;
        let failed = |error| failed(opened, "read all objects", error);
        let range = objects::key(first)..=objects::key(last);
        let mut recent = self.recent.range(first..=last).peekable();
        for entry in opened.main.range(txn, &range).map_err(failed)? {
            let (raw, bytes) = entry.map_err(failed)?;
            let id = objects::id(raw);
            let mut is_replaced = false;
            while let Some((newer, place)) = recent.next_if(|(newer, _)| **newer <= id) {
                is_replaced |= *newer == id;
                if let Some(bytes) = self.in_journal(*newer, *place)?
                    && visit(*newer, bytes)?.is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if !is_replaced && visit(id, bytes)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        for (id, place) in recent {
            if let Some(bytes) = self.in_journal(*id, *place)?
                && visit(*id, bytes)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn in_journal(&self, id: ObjectId, place: Place) -> Result<Option<&[u8]>, StoreError> {
        let (opened, txn) = &self.journal;
        let epoch = opened.main.get(txn, &place.epoch.0);
        let epoch = epoch.map_err(|error| failed(opened, journal::READ, error))?;
        let record = epoch.and_then(|epoch| place.of(epoch));
        record.ok_or_else(|| journal::lost(id, place.epoch))
    }
}

fn refuse(
    damage: Option<&JournalDamage>,
    refusal: impl FnOnce(&JournalDamage) -> StoreError,
) -> Result<(), StoreError> {
    damage.map_or(Ok(()), |damage| Err(refusal(damage)))
}

fn failed(opened: &Opened, what: &'static str, error: heed::Error) -> StoreError {
    super::failure::lmdb(what, opened.env.path(), error)
}

/// A checkpoint takes a thousand times as long as a look: that two meet is rare, and many in a row is a fault.
const TRIES: u32 = 100;
const LAST: ObjectId = ObjectId::from_raw(u64::MAX);

#[cfg(test)]
mod tests {
    use daystar_model::ids::CommitNumber;

    use super::*;

    /// Whoever looks at the objects in the middle of a checkpoint, is then held up, and looks at the journal when the
    /// checkpoint has cut it, has some objects of before and some of behind. That must not pass for a moment, although an
    /// empty journal contradicts nobody.
    #[test]
    fn a_checkpoint_between_the_two_looks_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (options, identity) = (Options::default(), Identity::new().expect("an identity"));
        for kind in [journal::KIND, objects::KIND] {
            std::fs::create_dir(folder.path().join(kind.folder)).expect("a folder");
        }
        let journal = Journal::create(folder.path(), identity, &options).expect("a journal");
        let objects = Objects::create(folder.path(), identity, &options).expect("objects");
        let batch = Batch { changes: vec![], last: CommitNumber(1), next_index: 1 };
        let epoch = super::super::epoch::write(&batch, CommitNumber::ZERO).expect("an epoch");
        journal.append(batch.last, &epoch.bytes, &[], false).expect("room");

        let before = Below::now(&objects).expect("objects");
        let look = || Merged::over(Below::now(&objects)?, &journal, EVERYTHING, LAST, LAST);
        assert!(look().expect("a world").is_ok());
        let head = Head { last: batch.last, next_index: 1 };
        objects.write("write", &[], Some(objects::Mark::Done(head))).expect("room");
        assert!(look().expect("a world").is_ok());
        journal.cut(batch.last, 1).expect("a cut");
        let late = Merged::over(before, &journal, EVERYTHING, LAST, LAST).expect("a world");
        assert!(late.is_err(), "objects of before, and no journal");
        assert_eq!(look().expect("a world").ok().map(|moment| moment.head), Some(head));
    }
}
