//! The types and versions that a world has records of, so that a start need not read all records to see whether the
//! program can read them. It is never too short: a type is entered with the epoch that first writes it. It may be too
//! long, when the last object of a type is gone.

use std::collections::HashSet;
use std::path::Path;

use daystar_model::ids::{ObjectId, Space};
use daystar_model::managed::TypeDescriptor;
use daystar_model::record::{Record, RecordError};
use daystar_model::store::{Batch, StoreError};

use super::World;
use super::journal::TYPE;
use super::moment::Merged;

/// The keys of the types that the journal's environment lists.
#[derive(Debug)]
pub(super) struct Types {
    known: HashSet<String>,
    /// The same, as far as this process has met them: looked up for every object that is written.
    met: HashSet<(&'static str, u32)>,
}

impl Types {
    pub(super) fn of(keys: Vec<String>) -> Self {
        Self { known: keys.into_iter().collect(), met: HashSet::new() }
    }

    /// The keys of the types in `batch` that are not listed yet.
    pub(super) fn new_in(&mut self, batch: &Batch) -> Result<Vec<String>, StoreError> {
        let mut new = Vec::new();
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
            if self.known.contains(&key) {
                self.met.insert(this);
            } else if !new.contains(&key) {
                new.push(key);
            }
        }
        Ok(new)
    }

    /// That `keys` are listed now.
    pub(super) fn add(&mut self, keys: Vec<String>) {
        self.known.extend(keys);
    }

    /// That the program can read all objects of the world.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if there are some that it cannot.
    pub(super) fn check(&self, path: &Path, world: &World) -> Result<(), StoreError> {
        if self.known.iter().all(|key| is_readable(key)) {
            return Ok(());
        }
        // Perhaps there are none any more. That takes reading all, so it is asked only now.
        let (first, last) = (Space::ALL[0].first(), ObjectId::from_raw(u64::MAX));
        let mut count = 0;
        let mut found = None;
        Merged::new(&world.journal, &world.objects, first, last)?.each(
            first,
            last,
            &mut |id, bytes| {
                // A damaged record is found out when it is loaded, and listed by `verify`.
                if let Ok(record) = Record::parse(id, bytes)
                    && let Err(cause) = TypeDescriptor::check(record.type_name, record.version)
                {
                    count += 1;
                    found.get_or_insert((id, cause));
                }
                Ok(())
            },
        )?;
        match found {
            None => {
                // So that the next start need not look again.
                let unreadable = |key: &&String| !is_readable(key);
                let keys: Vec<String> = self.known.iter().filter(unreadable).cloned().collect();
                world.journal.forget_types(&keys)
            }
            Some((id, cause)) => {
                Err(StoreError::Unreadable { path: path.to_owned(), count, id, cause })
            }
        }
    }
}

fn is_readable(key: &str) -> bool {
    of_key(key).is_some_and(|(name, version)| TypeDescriptor::check(name, version).is_ok())
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
