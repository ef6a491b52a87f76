//! References between objects.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use crate::ids::ObjectId;

/// The id of an object, with the type it is known to have.
///
/// Small and `Copy`; may be kept in objects and sent in messages. It does not keep its object alive: using a
/// reference to a removed object is a clear error. A reference that came from a client is just a number
/// until `ctx.get` has found an object of this type under it.
#[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct Ref<T> {
    raw: u64,
    to: PhantomData<fn() -> T>,
}

impl<T> Ref<T> {
    /// A reference to the object `id`, claimed to be a `T`.
    pub const fn from_id(id: ObjectId) -> Self {
        Self { raw: id.to_raw(), to: PhantomData }
    }

    /// Whose reference it is.
    pub const fn id(self) -> ObjectId {
        ObjectId::from_raw(self.raw)
    }
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Ref<T> {}
impl<T> PartialEq for Ref<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}
impl<T> Eq for Ref<T> {}
impl<T> PartialOrd for Ref<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Ref<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw.cmp(&other.raw)
    }
}
impl<T> Hash for Ref<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}
impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id(), f)
    }
}
impl<T> fmt::Display for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id(), f)
    }
}

// On the wire a reference is its id's number. Written by hand because a derive would demand that `T` itself
// can be sent.

impl<T> serde::Serialize for Ref<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.raw)
    }
}
impl<'de, T> serde::Deserialize<'de> for Ref<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <u64 as serde::Deserialize>::deserialize(deserializer)
            .map(|raw| Self::from_id(ObjectId::from_raw(raw)))
    }
}

// The stored form compares as the reference does, so that it can be a map's key. Written by hand because a derive would
// demand that `T` itself can be compared.

impl<T> PartialEq for ArchivedRef<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}
impl<T> Eq for ArchivedRef<T> {}
impl<T> PartialOrd for ArchivedRef<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for ArchivedRef<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw.cmp(&other.raw)
    }
}
impl<T> Hash for ArchivedRef<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}
