//! Stored bytes turned into a value, with errors that name the object.

use std::sync::Arc;

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::managed::Object;
use daystar_model::record::Record;
use daystar_model::store::{StoreError, Stored};

/// What the record `bytes`, found under `id`, holds: checked first, then decoded.
pub(crate) fn decode(
    id: ObjectId,
    bytes: &[u8],
) -> Result<(CommitNumber, Arc<dyn Object>), StoreError> {
    Record::parse(id, bytes)
        .and_then(|record| Ok((record.commit, record.value()?)))
        .map_err(|cause| StoreError::Record { id, cause })
}

/// As [`decode`], but `None` for a whole record of a type with another name: only its checksum has been looked at.
pub(crate) fn decode_of(
    type_name: &str,
    id: ObjectId,
    bytes: &[u8],
) -> Option<Result<Stored, StoreError>> {
    match Record::parse(id, bytes) {
        Ok(record) if record.type_name != type_name => None,
        _ => Some(decode(id, bytes)),
    }
}

/// As [`decode`], whatever the checksum says: a deliberate break.
pub(crate) fn decode_unchecked(
    id: ObjectId,
    bytes: &[u8],
) -> Result<(CommitNumber, Arc<dyn Object>), StoreError> {
    let mut bytes = bytes.to_vec();
    if let Some((sum, behind)) = bytes.split_first_chunk_mut::<8>() {
        *sum = xxhash_rust::xxh3::xxh3_64_with_seed(behind, id.to_raw()).to_le_bytes();
    }
    decode(id, &bytes)
}

/// That a world which is open to be read only is not written to.
pub(crate) fn read_only() -> StoreError {
    StoreError::Io { what: "apply a batch", cause: "the world is open to be read only".to_owned() }
}
