//! What a value refers to, collected for tools that ask which objects hold which.

use crate::ids::ObjectId;

/// The references in some values, as they are met.
#[derive(Debug, Default)]
pub struct References {
    found: Vec<Reference>,
    /// How the entries are read of which the values are parts.
    entries: Option<Entries>,
    unreadable: u64,
}

/// One reference to an object.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// The object.
    pub object: ObjectId,
    /// If it is a part of a collection: how the entries in it are read, which it does not know by itself.
    pub entries: Option<Entries>,
}

/// Collects what an entry of a collection refers to, given the bytes of its key and its value; whether it could be read.
pub type Entries = fn(key: &[u8], value: &[u8], found: &mut References) -> bool;

impl References {
    /// None so far, of an object that is a part of a collection with these entries, if it is one.
    pub fn of(entries: Option<Entries>) -> Self {
        Self { entries, ..Self::default() }
    }

    /// Met: a reference to `object`. In a part of a collection it may be one to the next part.
    pub fn object(&mut self, object: ObjectId) {
        self.found.push(Reference { object, entries: self.entries });
    }

    /// Met: the handle of a collection that begins with `part`, and whose entries are read so.
    pub fn collection(&mut self, part: ObjectId, entries: Entries) {
        self.found.push(Reference { object: part, entries: Some(entries) });
    }

    /// Met: an entry of the collection.
    pub fn entry(&mut self, key: &[u8], value: &[u8]) {
        // Nobody who holds the collection is known: then what is in it cannot be either.
        let Some(entries) = self.entries.take() else { return };
        if !entries(key, value, self) {
            self.unreadable += 1;
        }
        self.entries = Some(entries);
    }

    /// Met: something that may have references, and cannot be read.
    pub fn unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// All that were met, and how often something could not be read.
    pub fn into_found(self) -> (Vec<Reference>, u64) {
        (self.found, self.unreadable)
    }
}
