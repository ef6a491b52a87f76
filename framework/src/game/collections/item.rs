//! [`Item`]: what a collection may hold, and its way to bytes and back.

use daystar_model::ObjectId;
use daystar_model::codec::{self, Storable};
use daystar_model::layout::Layout;
use daystar_model::show::Show;

use crate::game::rules::Result;

/// What a collection may hold: whatever may be a field of a type with `#[managed]`. Implemented for all of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a collection",
    label = "this type cannot be stored",
    note = "if it is a type of your own, put `#[managed]` above its definition",
    note = "else take one of: numbers, `bool`, `char`, `String`, `Vec`, `Option`, `Box`, maps and sets, tuples, arrays, \
            `Duration`, `Timestamp`, `Session`, `Ref<T>`, other collections"
)]
pub trait Item: Storable + Layout + Show + 'static {}

impl<T: Storable + Layout + Show + 'static> Item for T {}

/// The most bytes that one entry may take, key and value together. What is larger is better an object of its own.
pub(super) const ENTRY_BYTES_MAX: usize = 64 << 10;

/// Why a collection could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CollectionError {
    /// The collection was made for other types, or for what these types were.
    #[error(
        "the collection {id} was made as `{stored}`, and this program takes it for `{present}`; declare the types as they \
         were, and move the entries to a new collection"
    )]
    Changed {
        /// The collection.
        id: ObjectId,
        /// What it was made as.
        stored: String,
        /// What it is taken for.
        present: String,
    },
    /// An entry is longer than a collection takes.
    #[error(
        "an entry of {bytes} bytes is too large for the collection {id}, which takes {limit}: make the value an object, \
         and keep a `Ref` to it"
    )]
    TooLarge {
        /// The collection.
        id: ObjectId,
        /// How long the entry is: key and value as they are stored.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A collection has more entries than one task should remove.
    #[error(
        "the collection {id} has {entries} entries, and a task removes no more than {limit} at once: call `clear_some` in \
         several tasks first"
    )]
    TooMany {
        /// The collection.
        id: ObjectId,
        /// How many it has.
        entries: u64,
        /// How many may be removed at once.
        limit: u64,
    },
    /// What is stored is no collection of these types.
    #[error("the collection {id} is damaged: {cause}; restore the data folder from a backup")]
    Damaged {
        /// The collection.
        id: ObjectId,
        /// What is wrong.
        cause: String,
    },
}

/// `value` as it is kept in an entry.
pub(super) fn encode<T: Item>(value: &T) -> Result<Vec<u8>> {
    encode_behind(&[], value)
}

/// `value` as it is kept in an entry, behind `front`.
pub(super) fn encode_behind<T: Item>(front: &[u8], value: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(MOST_BYTES);
    bytes.extend_from_slice(front);
    Ok(codec::encode_part(bytes, value)?)
}

/// More than most keys and values take.
const MOST_BYTES: usize = 48;

/// The value that is kept as `bytes`.
pub(super) fn decode<T: Item>(bytes: &[u8]) -> Result<T> {
    Ok(codec::decode_part(bytes)?)
}

/// That an entry of `bytes` is not longer than the collection `id` takes.
pub(super) fn check_length(id: ObjectId, bytes: usize) -> Result<()> {
    let limit = ENTRY_BYTES_MAX;
    if bytes > limit {
        return Err(CollectionError::TooLarge { id, bytes, limit }.into());
    }
    Ok(())
}
