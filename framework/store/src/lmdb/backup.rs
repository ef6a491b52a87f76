//! A copy of a whole world: the backup of a running one, its restoration, and the copy without holes.

use std::path::Path;

use daystar_model::ids::ObjectId;
use daystar_model::record::Record;
use daystar_model::store::StoreError;
use xxhash_rust::xxh3::Xxh3;

use super::failpoint::{Point, pass};
use super::folder::Folder;
use super::identity::Identity;
use super::journal::Journal;
use super::moment::Moment;
use super::objects::{Mark, Objects, Put};

/// What a copy has come to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Copied {
    /// How many objects were copied.
    pub objects: u64,
    /// How many bytes of records.
    pub bytes: u64,
    /// How many records were damaged before they were copied; they were copied as they are.
    pub damaged: u64,
    /// What is wrong with the first hundred of them.
    pub damages: Vec<StoreError>,
}

/// What is being done about a copy. Both steps go through all objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is written.
    Copying,
    /// It is read again, and compared with what was to be written.
    Comparing,
}

/// Told which step a copy is at, with how many objects that has been done, and about how many there are.
pub type Progress<'a> = dyn FnMut(Step, u64, u64) + 'a;

/// That [`Moment::copy_to`] could write into the folder `path`, which is left alone and need not exist.
///
/// # Errors
/// [`StoreError::Occupied`] or [`StoreError::Foreign`] when there is something in it.
pub fn check_free(path: impl AsRef<Path>) -> Result<(), StoreError> {
    let path = path.as_ref();
    Folder::is_outside(path)?;
    Folder::is_free(path)
}

/// What is done with damaged records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// They are copied as they are, and counted.
    Copy,
    /// The first one ends it.
    Refuse,
}

impl Moment {
    /// Writes this world into the folder `path`, which must be empty or new, as a world of its own. It is read again and
    /// compared before it counts as one.
    ///
    /// A process that dies in the middle leaves a folder that is no world, and that another copy can be made into.
    ///
    /// # Errors
    /// [`StoreError::Occupied`] or [`StoreError::Foreign`] when something is there already; [`StoreError::Io`] when the
    /// system refuses: what has been written by then is removed. [`StoreError::Damaged`] for a moment before a damage of which
    /// something was [written over](super::JournalDamage::is_overwritten).
    pub fn copy_to(
        &self,
        path: impl AsRef<Path>,
        progress: &mut Progress<'_>,
    ) -> Result<Copied, StoreError> {
        Folder::is_outside(path.as_ref())?;
        self.copy(Identity::new()?, path.as_ref(), Damage::Copy, progress)
    }

    /// As [`copy_to`](Self::copy_to), as the world that `identity` says.
    pub(super) fn copy(
        &self,
        identity: Identity,
        path: &Path,
        damage: Damage,
        progress: &mut Progress<'_>,
    ) -> Result<Copied, StoreError> {
        // A world that never was is not made one.
        if let Some(damage) = self.damage().filter(|damage| damage.is_overwritten) {
            return Err(damage.stays());
        }
        let unfinished = Folder::claim_for_copy(path)?;
        let copied = self
            .copy_files(identity, path, damage, progress)
            .and_then(|copied| unfinished.finish().map(|()| copied));
        if copied.is_err() {
            unfinished.abandon();
        }
        copied
    }

    /// Writes the two environments, and leaves them closed.
    fn copy_files(
        &self,
        identity: Identity,
        path: &Path,
        damage: Damage,
        progress: &mut Progress<'_>,
    ) -> Result<Copied, StoreError> {
        let journal = Journal::create(path, identity, self.options())?;
        journal.begin(self.head().last, self.listed())?;
        let objects = Objects::create(path, identity, self.options())?;
        let (copied, written) = self.copy_records(&objects, damage, progress)?;
        let (mut read, mut compared, total) = (Digest::default(), 0_u64, copied.objects);
        progress(Step::Comparing, 0, total);
        objects.each(COMPARE, &mut |id, record| {
            read.add(id, record);
            compared += 1;
            if compared.is_multiple_of(TELL_EVERY) {
                progress(Step::Comparing, compared, total.max(compared));
            }
        })?;
        progress(Step::Comparing, compared, compared);
        if read.end() != written.end() {
            return Err(StoreError::Io {
                what: COMPARE,
                cause: format!(
                    "what was read from {} is not what was written there; look for disk errors in the system log, \
                     and copy to another disk",
                    path.display()
                ),
            });
        }
        Ok(copied)
    }

    /// Writes the records, in the keys' order, and the head with the last of them.
    fn copy_records(
        &self,
        objects: &Objects,
        damage: Damage,
        progress: &mut Progress<'_>,
    ) -> Result<(Copied, Digest), StoreError> {
        let total = self.records()?;
        let (mut copied, mut written) = (Copied::default(), Digest::default());
        let mut chunk: Vec<(ObjectId, Vec<u8>)> = Vec::new();
        let mut bytes = 0;
        self.each_record(&mut |id, record| {
            if let Err(cause) = Record::parse(id, record) {
                copied.add_damage(StoreError::Record { id, cause }, damage)?;
            }
            copied.objects += 1;
            copied.bytes += record.len() as u64;
            written.add(id, record);
            bytes += record.len();
            chunk.push((id, record.to_vec()));
            if bytes >= CHUNK_BYTES || chunk.len() >= CHUNK_COUNT {
                objects.write(COPY, &puts(&chunk), None)?;
                chunk.clear();
                bytes = 0;
                progress(Step::Copying, copied.objects, total.max(copied.objects));
            }
            Ok(())
        })?;
        pass(Point::InsideCopy);
        objects.write(COPY, &puts(&chunk), Some(Mark::Done(self.head())))?;
        progress(Step::Copying, copied.objects, copied.objects);
        Ok((copied, written))
    }
}

fn puts(records: &[(ObjectId, Vec<u8>)]) -> Vec<Put<'_>> {
    records.iter().map(|(id, record)| (*id, Some(&record[..]))).collect()
}

impl Copied {
    fn add_damage(&mut self, cause: StoreError, damage: Damage) -> Result<(), StoreError> {
        if damage == Damage::Refuse {
            return Err(cause);
        }
        self.damaged += 1;
        if self.damages.len() < DAMAGES_MAX {
            self.damages.push(cause);
        }
        Ok(())
    }
}

/// Tells one run of records from another.
#[derive(Default)]
struct Digest(Xxh3);

impl Digest {
    fn add(&mut self, id: ObjectId, record: &[u8]) {
        self.0.update(&id.to_raw().to_le_bytes());
        self.0.update(&(record.len() as u64).to_le_bytes());
        self.0.update(record);
    }

    fn end(&self) -> u128 {
        self.0.digest128()
    }
}

const COPY: &str = "copy the world";
const COMPARE: &str = "compare the copy of the world";
const CHUNK_BYTES: usize = 8 << 20;
const CHUNK_COUNT: usize = 65_536;
/// Often enough for objects of any size, and rarely enough to cost nothing beside reading them.
const TELL_EVERY: u64 = 1000;
const DAMAGES_MAX: usize = 100;
