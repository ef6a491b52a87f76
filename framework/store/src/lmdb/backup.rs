//! A copy of a whole world: the backup of a running one, its restoration, and the copy without holes.

use std::path::Path;

use daystar_model::ids::ObjectId;
use daystar_model::record::Record;
use daystar_model::store::StoreError;

use super::folder::{Claim, Folder};
use super::identity::Identity;
use super::journal::Journal;
use super::moment::Moment;
use super::objects::Objects;
use super::{Options, datafile, failure, folder, objects};

/// What a copy has come to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Copied {
    /// How many objects were copied.
    pub objects: u64,
    /// How many bytes of records.
    pub bytes: u64,
    /// What is wrong with records that were copied as they are: damage that was there before. The first hundred.
    pub damaged: Vec<StoreError>,
}

/// Told how many objects have been copied, and about how many there are.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

impl Moment {
    /// Writes this world into the folder `path`, which must be empty or new, as a world of its own.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] when something is there already; [`StoreError::Io`] when the system refuses: what
    /// has been written by then is no world, and `path` can be used again.
    pub fn copy_to(
        &self,
        path: impl AsRef<Path>,
        progress: &mut Progress<'_>,
    ) -> Result<Copied, StoreError> {
        self.copy_as(Identity::new()?, path.as_ref(), progress)
    }

    /// As [`copy_to`](Self::copy_to), as the world that `identity` says.
    fn copy_as(
        &self,
        identity: Identity,
        path: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<Copied, StoreError> {
        let options = Options::default();
        match Folder::claim(path)? {
            Claim::World(_) => Err(StoreError::Foreign {
                path: path.to_owned(),
                found: "a Daystar world already, which is not overwritten".to_owned(),
            }),
            Claim::New(unfinished) => {
                let journal = Journal::create(path, identity, &options)?;
                journal.begin(self.head().last, self.types())?;
                let objects = Objects::create(path, identity, &options)?;
                let copied = self.copy_records(&objects, progress)?;
                unfinished.finish()?;
                Ok(copied)
            }
        }
    }

    /// Writes the records, in id order, and the head with the last of them.
    fn copy_records(
        &self,
        objects: &Objects,
        progress: &mut Progress<'_>,
    ) -> Result<Copied, StoreError> {
        let total = self.records()?;
        let mut copied = Copied::default();
        let mut chunk: Vec<(ObjectId, Vec<u8>)> = Vec::new();
        let mut bytes = 0;
        self.each_record(&mut |id, record| {
            if let Err(cause) = Record::parse(id, record)
                && copied.damaged.len() < DAMAGED_MAX
            {
                copied.damaged.push(StoreError::Record { id, cause });
            }
            copied.objects += 1;
            copied.bytes += record.len() as u64;
            bytes += record.len();
            chunk.push((id, record.to_vec()));
            if bytes >= CHUNK_BYTES {
                objects.append(COPY, &chunk, None)?;
                chunk.clear();
                bytes = 0;
                progress(copied.objects, total.max(copied.objects));
            }
            Ok(())
        })?;
        objects.append(COPY, &chunk, Some(self.head()))?;
        progress(copied.objects, copied.objects);
        Ok(copied)
    }
}

/// Rewrites the objects of the world in `path` without the holes that removed and moved objects have left, and returns
/// how many bytes their file had before and has now. What changed lately stays in the journal as well, and
/// does no harm there.
///
/// A crash in the middle leaves the world as it was.
///
/// # Errors
/// As [`LmdbStore::open`](super::LmdbStore::open); there must be room for the copy.
pub fn compact(
    path: impl AsRef<Path>,
    progress: &mut Progress<'_>,
) -> Result<(u64, u64), StoreError> {
    let path = path.as_ref();
    Folder::look_at(path)?;
    let Claim::World(_folder) = Folder::claim(path)? else {
        return Err(StoreError::Foreign { path: path.to_owned(), found: "no world".to_owned() });
    };
    let failed = |error| failure::io(COMPACT, path, &error);
    let beside = path.join(BESIDE);
    match std::fs::remove_dir_all(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let size = |path: &Path| std::fs::metadata(path).map(|status| status.len()).map_err(failed);
    let old = path.join(objects::KIND.folder).join(datafile::NAME);
    let new = beside.join(objects::KIND.folder).join(datafile::NAME);
    let before = size(&old)?;
    let moment = Moment::open(path, Options::default())?;
    // Of the same identity, because its objects are to go on with the journal that is here.
    let copied = moment.copy_as(moment.identity(), &beside, progress)?;
    drop(moment);
    if let Some(damaged) = copied.damaged.into_iter().next() {
        return Err(damaged);
    }
    let after = size(&new)?;
    // One renaming, which a crash leaves done or not done.
    std::fs::rename(&new, &old).map_err(failed)?;
    folder::sync_folder(&path.join(objects::KIND.folder)).map_err(failed)?;
    std::fs::remove_dir_all(&beside).map_err(failed)?;
    Ok((before, after))
}

const COPY: &str = "copy the world";
const COMPACT: &str = "compact the world";
/// Where the copy is made, within the world's folder: a rename must not cross file systems.
const BESIDE: &str = "compacting";
const CHUNK_BYTES: usize = 8 << 20;
const DAMAGED_MAX: usize = 100;
