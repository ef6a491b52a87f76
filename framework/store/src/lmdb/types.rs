//! The types and versions that a world has records of, so that a start need not read all records to see whether the
//! program can read them. It is never too short: a type is entered with the epoch that first writes it. It may be too
//! long, when the last object of a type is gone.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use daystar_model::ids::{ObjectId, Space};
use daystar_model::managed::TypeDescriptor;
use daystar_model::record::{Record, RecordError};
use daystar_model::store::{Batch, StoreError};

use super::damage::JournalDamage;
use super::journal::TYPE;
use super::moment::Merged;
use super::{EVERYTHING, World};

/// A type and version of which there are records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its name and version, as they stand in the journal's environment.
    pub(super) key: String,
    /// What its values are made of; empty if nobody can tell.
    pub(super) layout: String,
}

/// The types that the journal's environment lists.
#[derive(Debug)]
pub(super) struct Types {
    /// Layouts by keys.
    known: HashMap<String, String>,
    /// The same, as far as this process has met them: looked up for every object that is written.
    met: HashSet<(&'static str, u32)>,
}

impl Types {
    pub(super) fn of(listed: Vec<Listed>) -> Self {
        let known = listed.into_iter().map(|Listed { key, layout }| (key, layout)).collect();
        Self { known, met: HashSet::new() }
    }

    /// The types in `batch` that are not listed yet.
    pub(super) fn new_in(&mut self, batch: &Batch) -> Result<Vec<Listed>, StoreError> {
        let mut new: Vec<Listed> = Vec::new();
        let mut last = None;
        for (id, _, change) in &batch.changes {
            let Some(descriptor) = change.as_deref().map(|value| value.descriptor()) else {
                continue;
            };
            let this = (descriptor.name, descriptor.version);
            if last.replace(this) == Some(this) || self.met.contains(&this) {
                continue;
            }
            let key = key(this.0, this.1);
            if key.len() > KEY_BYTES_MAX {
                let cause = format!("its type's name is longer than {NAME_BYTES_MAX} bytes");
                let cause = RecordError::Encode { name: this.0, cause };
                return Err(StoreError::Record { id: *id, cause });
            }
            if self.known.contains_key(&key) {
                self.met.insert(this);
            } else if new.iter().all(|listed| listed.key != key) {
                let layout = (descriptor.layout)(descriptor.version).unwrap_or_default();
                new.push(Listed { key, layout });
            }
        }
        Ok(new)
    }

    /// That these are listed now.
    pub(super) fn add(&mut self, listed: Vec<Listed>) {
        self.known.extend(listed.into_iter().map(|Listed { key, layout }| (key, layout)));
    }

    /// That the program can read all objects of the world.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if there are some that it cannot.
    pub(super) fn check(&mut self, path: &Path, world: &World) -> Result<(), StoreError> {
        let mut unreadable: HashMap<String, RecordError> = HashMap::new();
        for (key, layout) in &self.known {
            if let Some((_, _, cause)) = unreadable_of(key, layout) {
                unreadable.insert(key.clone(), cause);
            }
        }
        if unreadable.is_empty() {
            return Ok(());
        }
        // Perhaps there are none any more. That takes reading all, so it is asked only now.
        let (first, last) = (Space::ALL[0].first(), ObjectId::from_raw(u64::MAX));
        let mut count = 0;
        let mut found = None;
        let mut visit = |id, bytes: &[u8]| {
            // A damaged record is found out when it is loaded, and listed by `verify`.
            if let Ok(record) = Record::parse(id, bytes) {
                let key = key(record.type_name, record.version);
                if unreadable.contains_key(&key) {
                    count += 1;
                    found.get_or_insert((id, key));
                }
            }
            Ok(())
        };
        let merged = Merged::new(&world.journal, &world.objects, &|| EVERYTHING, first, last)?
            .whole(JournalDamage::stays)?;
        merged.each(first, last, &mut visit)?;
        if let Some((id, key)) = found
            && let Some(cause) = unreadable.remove(&key)
        {
            return Err(StoreError::Unreadable { path: path.to_owned(), count, id, cause });
        }
        // So that the next start need not look again.
        let keys: Vec<String> = unreadable.into_keys().collect();
        world.journal.forget_types(&keys)?;
        keys.iter().for_each(|key| {
            self.known.remove(key);
        });
        Ok(())
    }
}

/// The type and the version that `key` lists, and why this program cannot read what was stored with this layout; `None` if it
/// can. A start and a [`Moment`](super::Moment) both ask here: what one refuses, the other must find.
pub(super) fn unreadable_of<'a>(key: &'a str, layout: &str) -> Option<(&'a str, u32, RecordError)> {
    let (name, version) = of_key(key)?;
    Some((name, version, check(name, version, layout).err()?))
}

fn check(name: &str, version: u32, layout: &str) -> Result<(), RecordError> {
    if layout.is_empty() {
        return TypeDescriptor::check(name, version);
    }
    TypeDescriptor::check_layout(name, version, layout)
}

/// The type and the version that `key` lists.
pub(super) fn of_key(key: &str) -> Option<(&str, u32)> {
    let (name, version) = key.strip_prefix(TYPE)?.rsplit_once('@')?;
    Some((name, version.parse().ok()?))
}

fn key(name: &str, version: u32) -> String {
    format!("{TYPE}{name}@{version}")
}

/// LMDB's own limit.
const KEY_BYTES_MAX: usize = 511;
const NAME_BYTES_MAX: usize = KEY_BYTES_MAX - TYPE.len() - "@4294967295".len();
