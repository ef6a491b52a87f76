//! A stored record: the bytes that an object is on disk.
//!
//! ```text
//! offset  size  what
//!      0     8  checksum: xxh3 of everything behind this field, seeded with the object's id
//!      8     8  commit number of the version
//!     16     4  schema version
//!     20     2  length of the type name, n
//!     22     n  type name, UTF-8
//!   22+n     …  payload: the value as its type writes it (rkyv)
//! ```
//! Numbers are little-endian. The id is part of the checksum, so that a record that a fault has put under
//! another object's key is not taken for it.

use std::sync::Arc;

use rkyv::util::AlignedVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::breaks::{self, Break};
use crate::ids::{CommitNumber, ObjectId};
use crate::managed::{Object, TypeDescriptor};

/// One object as it is stored: its decoded header and its payload's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The type's stored name.
    pub type_name: &'a str,
    /// The schema version that wrote the payload.
    pub version: u32,
    /// The commit that the payload is the outcome of.
    pub commit: CommitNumber,
    /// The value as its type writes it.
    pub payload: &'a [u8],
}

/// Why a value could not be written as a record, or a record could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Shorter than its header says.
    #[error("the record is cut off after {length} bytes; restore the data folder from a backup")]
    Truncated {
        /// What there is.
        length: usize,
    },
    /// The bytes are not those that were written.
    #[error(
        "the record's checksum does not match: its bytes were damaged; restore the data folder from a backup"
    )]
    Checksum,
    /// A type that this program does not have.
    #[error(
        "a stored object is of type `{name}`, which this program does not have; run the program that wrote it, or add `#[managed(name = \"{name}\")]` to the type that it was"
    )]
    UnknownType {
        /// The stored name.
        name: String,
    },
    /// A schema version that this program cannot read.
    #[error("a stored object is a `{name}` of version {stored}, and this program {}", what_it_reads(*.stored, *.known))]
    UnknownVersion {
        /// The type.
        name: &'static str,
        /// What the record says.
        stored: u32,
        /// What the program writes.
        known: u32,
    },
    /// The type is not what it was when values of this version were stored.
    #[error(
        "`{name}` has changed without a new version: stored objects of version {version} are `{stored}`, and this program takes them for `{present}`; give the changed type a higher version, and declare what is stored with `#[managed(name = \"{name}\", version = {version}, old)]`"
    )]
    Changed {
        /// The type.
        name: &'static str,
        /// The version that is stored.
        version: u32,
        /// The layout with which it was stored.
        stored: String,
        /// The layout that the program has for this version.
        present: String,
    },
    /// The value is of an older version, and the conversion to the next one refused it.
    #[error(
        "a stored `{name}` of version {stored} could not be upgraded to version {known}: {cause}; change the conversion so that it accepts this value, or run the program that wrote it"
    )]
    Upgrade {
        /// The type.
        name: &'static str,
        /// The version that was to be upgraded.
        stored: u32,
        /// The version that was to come out.
        known: u32,
        /// What the conversion said.
        cause: String,
    },
    /// The payload is not a value of the type, although the checksum matches.
    #[error(
        "the record's payload is not a valid `{name}`: {cause}; was the type changed without a new version?"
    )]
    Invalid {
        /// The type.
        name: &'static str,
        /// What bytecheck found.
        cause: String,
    },
    /// The value could not be written.
    #[error("a `{name}` could not be encoded: {cause}")]
    Encode {
        /// The type.
        name: &'static str,
        /// What the encoder said.
        cause: String,
    },
}

impl RecordError {
    /// The stored name of the type that the object is of; `None` if the record is too damaged to tell.
    pub fn type_name(&self) -> Option<&str> {
        match self {
            Self::UnknownType { name } => Some(name),
            Self::UnknownVersion { name, .. }
            | Self::Changed { name, .. }
            | Self::Upgrade { name, .. }
            | Self::Invalid { name, .. }
            | Self::Encode { name, .. } => Some(name),
            _ => None,
        }
    }
}

/// What is to be done about a record of version `stored` when the program writes version `known`.
fn what_it_reads(stored: u32, known: u32) -> String {
    if stored > known {
        return format!(
            "reads no version after {known}: was this world written by a newer program? run that one"
        );
    }
    format!(
        "writes version {known} and has no upgrade from version {stored}: declare the type as it was with `#[managed(name = .., version = {stored}, old)]`, and add `from = ..` to the version after it"
    )
}

const HEADER: usize = 22;

impl<'a> Record<'a> {
    /// The bytes of `value` as the object `id`, as of `commit`.
    ///
    /// # Errors
    /// [`RecordError::Encode`] when the value's own encoder fails.
    pub fn encode(
        id: ObjectId,
        commit: CommitNumber,
        value: &dyn Object,
    ) -> Result<Vec<u8>, RecordError> {
        let mut bytes = Vec::new();
        Self::encode_into(&mut bytes, id, commit, value)?;
        Ok(bytes)
    }

    /// Appends to `bytes` what [`encode`](Self::encode) returns.
    ///
    /// # Errors
    /// As `encode`; `bytes` then holds what it held before.
    pub fn encode_into(
        bytes: &mut Vec<u8>,
        id: ObjectId,
        commit: CommitNumber,
        value: &dyn Object,
    ) -> Result<(), RecordError> {
        let descriptor = value.descriptor();
        let payload = value.encode()?;
        let name = descriptor.name.as_bytes();
        let name_length = u16::try_from(name.len()).map_err(|_| RecordError::Encode {
            name: descriptor.name,
            cause: "the type's name is longer than 65,535 bytes".to_owned(),
        })?;
        let start = bytes.len();
        bytes.reserve(HEADER + name.len() + payload.len());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&commit.0.to_le_bytes());
        bytes.extend_from_slice(&descriptor.version.to_le_bytes());
        bytes.extend_from_slice(&name_length.to_le_bytes());
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&payload);
        let sum = checksum(id, &bytes[start + 8..]);
        bytes[start..start + 8].copy_from_slice(&sum.to_le_bytes());
        Ok(())
    }

    /// What `bytes`, found under `id`, say. The payload is not yet looked into.
    ///
    /// # Errors
    /// [`RecordError::Truncated`] or [`RecordError::Checksum`] for bytes that are not a record of this id.
    pub fn parse(id: ObjectId, bytes: &'a [u8]) -> Result<Self, RecordError> {
        let truncated = || RecordError::Truncated { length: bytes.len() };
        let header = bytes.first_chunk::<HEADER>().ok_or_else(truncated)?;
        let is_whole = checksum(id, &bytes[8..]).to_le_bytes() == header[..8];
        if !is_whole && !breaks::is_on(Break::ChecksumIgnored) {
            return Err(RecordError::Checksum);
        }
        let name_length = usize::from(u16::from_le_bytes([header[20], header[21]]));
        let (name, payload) =
            bytes[HEADER..].split_at_checked(name_length).ok_or_else(truncated)?;
        let number = |from: usize| {
            header[from..].first_chunk::<8>().map(|n| u64::from_le_bytes(*n)).unwrap_or_default()
        };
        Ok(Self {
            type_name: std::str::from_utf8(name).map_err(|_| RecordError::Checksum)?,
            version: u32::from_le_bytes([header[16], header[17], header[18], header[19]]),
            commit: CommitNumber(number(8)),
            payload,
        })
    }

    /// The type's stored name, as the bytes of a damaged record still show it: only to be told, nothing vouches for it. `None` if
    /// they show none.
    pub fn claimed_type(bytes: &'a [u8]) -> Option<&'a str> {
        let length = usize::from(u16::from_le_bytes(*bytes.get(20..)?.first_chunk()?));
        let name = std::str::from_utf8(bytes.get(HEADER..)?.get(..length)?).ok()?;
        let is_shown = !name.is_empty() && !name.contains(char::is_control);
        is_shown.then_some(name)
    }

    /// The value, of whichever type the record says.
    ///
    /// # Errors
    /// A type or version that this program does not have, or a payload that does not pass its checks.
    pub fn value(&self) -> Result<Arc<dyn Object>, RecordError> {
        let descriptor = TypeDescriptor::find(self.type_name)
            .ok_or_else(|| RecordError::UnknownType { name: self.type_name.to_owned() })?;
        (descriptor.decode)(self.version, self.payload)
    }
}

fn checksum(id: ObjectId, behind: &[u8]) -> u64 {
    xxh3_64_with_seed(behind, id.to_raw())
}

/// `payload` where rkyv may read it in place: a store's bytes lie at any address.
#[doc(hidden)]
pub fn aligned(payload: &[u8]) -> AlignedVec<16> {
    let mut bytes = AlignedVec::with_capacity(payload.len());
    bytes.extend_from_slice(payload);
    bytes
}
