//! An epoch's bytes: what a contiguous run of commits changed, as the journal keeps it.
//!
//! ```text
//! offset  size  what
//!      0     8  checksum: xxh3 of everything behind this field, seeded with the last commit's number
//!      8     8  the last commit of the epoch before
//!     16     8  next index
//!     24     4  how many objects changed, n
//!     28  16·n  for each, in id order: id (8), where its record begins (4), the record's length (4); a length of
//!               2^32 - 1 says that the object was removed
//!      …     …  the records
//! ```
//! Numbers are little-endian. The last commit's number is the epoch's key.

use std::ops::Range;

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::record::Record;
use daystar_model::store::{Batch, StoreError};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::damage::{Remaining, Remains};
use crate::batch::in_id_order;
use crate::head::Head;

/// Where the newest record of an object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The last commit of the epoch.
    pub(super) epoch: CommitNumber,
    at: u32,
    length: u32,
}

/// A batch as it is written to the journal.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) places: Vec<(ObjectId, Place)>,
}

/// An epoch that has been read and checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch<'a> {
    pub(super) head: Head,
    /// The last commit of the epoch before.
    pub(super) previous: CommitNumber,
    table: &'a [u8],
}

impl Place {
    /// The record, in the bytes of its epoch: `Some(None)` if the object was removed, `None` if the bytes have no such
    /// place.
    pub(super) fn of<'a>(&self, epoch: &'a [u8]) -> Option<Option<&'a [u8]>> {
        if self.length == REMOVED {
            return Some(None);
        }
        let at = self.at as usize;
        epoch.get(at..at.checked_add(self.length as usize)?).map(Some)
    }

    /// Of a record of this length, wherever.
    #[cfg(test)]
    pub(super) fn of_length(length: u32) -> Self {
        Self { epoch: CommitNumber::ZERO, at: 0, length }
    }

    /// Where in the bytes of its epoch the record lies; `None` if the object was removed.
    pub(super) fn range(&self) -> Option<Range<usize>> {
        let (at, length) = (self.at as usize, self.length as usize);
        (self.length != REMOVED).then(|| at..at.saturating_add(length))
    }

    /// How many bytes the record has.
    pub(super) fn bytes(&self) -> usize {
        if self.length == REMOVED { 0 } else { self.length as usize }
    }
}

/// The bytes of `batch`, which comes after `previous`.
pub(super) fn write(batch: &Batch, previous: CommitNumber) -> Result<Written, StoreError> {
    let order = in_id_order(batch)?;
    let records = HEADER + ENTRY * order.len();
    let mut bytes = Vec::with_capacity(records + RECORD_GUESS * order.len());
    bytes.resize(records, 0);
    let mut places = Vec::with_capacity(order.len());
    for (nth, at) in order.into_iter().enumerate() {
        let (id, commit, change) = &batch.changes[at];
        let start = bytes.len();
        let length = match change.as_deref() {
            None => REMOVED,
            Some(value) => {
                Record::encode_into(&mut bytes, *id, *commit, value)
                    .map_err(|cause| StoreError::Record { id: *id, cause })?;
                u32::try_from(bytes.len() - start).unwrap_or(REMOVED)
            }
        };
        let start = u32::try_from(start).ok().filter(|_| change.is_none() || length != REMOVED);
        let at = start.ok_or_else(|| StoreError::Io {
            what: "apply a batch",
            cause: "it has more than four gigabytes; write smaller batches".to_owned(),
        })?;
        let entry = &mut bytes[HEADER + ENTRY * nth..][..ENTRY];
        entry[..8].copy_from_slice(&id.to_raw().to_le_bytes());
        entry[8..12].copy_from_slice(&at.to_le_bytes());
        entry[12..].copy_from_slice(&length.to_le_bytes());
        places.push((*id, Place { epoch: batch.last, at, length }));
    }
    bytes[8..16].copy_from_slice(&previous.0.to_le_bytes());
    bytes[16..24].copy_from_slice(&batch.next_index.to_le_bytes());
    bytes[24..28].copy_from_slice(&(places.len() as u32).to_le_bytes());
    let sum = checksum(batch.last, &bytes[8..]);
    bytes[..8].copy_from_slice(&sum.to_le_bytes());
    Ok(Written { bytes, places })
}

impl<'a> Epoch<'a> {
    /// The epoch that ends with `last`; `None` for bytes that [`write`] did not write for it.
    pub(super) fn parse(last: CommitNumber, bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>()?;
        if checksum(last, &bytes[8..]).to_le_bytes() != header[..8] {
            return None;
        }
        let count = u32_at(header, 24) as usize;
        let table = bytes[HEADER..].get(..ENTRY.checked_mul(count)?)?;
        let epoch = Self {
            head: Head { last, next_index: u64_at(header, 16) },
            previous: CommitNumber(u64_at(header, 8)),
            table,
        };
        epoch.places().all(|(_, place)| place.of(bytes).is_some()).then_some(epoch)
    }

    /// Each changed object, in id order, and where its record lies.
    pub(super) fn places(&self) -> impl Iterator<Item = (ObjectId, Place)> + use<'a> {
        places(self.head.last, self.table)
    }
}

/// What such a table says of the epoch that ends with `epoch`.
fn places(epoch: CommitNumber, table: &[u8]) -> impl Iterator<Item = (ObjectId, Place)> {
    table.chunks_exact(ENTRY).map(move |entry| {
        let place = Place { epoch, at: u32_at(entry, 8), length: u32_at(entry, 12) };
        (ObjectId::from_raw(u64_at(entry, 0)), place)
    })
}

/// What can still be told of the epoch that ends with `last`, of whose `bytes` some are not what was written.
pub(super) fn remains(last: CommitNumber, bytes: &[u8]) -> Remains {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Remains::default() };
    let length = (u32_at(header, 24) as usize).checked_mul(ENTRY);
    let all = &bytes[HEADER..];
    let (table, is_counted) = match length.and_then(|length| all.get(..length)) {
        Some(table) => (table, true),
        // As many as there is room for: most of that is no table.
        None => (all, false),
    };
    let is_complete = is_counted && is_in_order(table, bytes);
    let mut objects = Vec::new();
    // An entry that is wrong may speak of bytes that others speak of, too. All are looked at even if one of them speaks of
    // everything; if many do, it would take a time that nobody expects.
    let mut bytes_left = bytes.len().saturating_mul(2);
    for (id, place) in places(last, table) {
        let Some(record) = place.of(bytes) else { continue };
        let Some(left) = bytes_left.checked_sub(place.bytes()) else { continue };
        bytes_left = left;
        let (type_name, is_damaged) = match record.map(|bytes| (Record::parse(id, bytes), bytes)) {
            None => (None, false),
            Some((Ok(record), _)) => (Some(record.type_name), false),
            Some((Err(_), bytes)) => (Record::claimed_type(bytes), true),
        };
        // A record's own checksum vouches for its id; for everything else only the table does.
        if is_complete || (record.is_some() && !is_damaged) {
            objects.push(Remaining { id, type_name: type_name.map(str::to_owned), is_damaged });
        }
    }
    Remains { objects, is_complete }
}

/// Whether the ids of this table rise, and the records follow one another from behind it to the end of `bytes`: as [`write`] makes
/// them.
fn is_in_order(table: &[u8], bytes: &[u8]) -> bool {
    let (mut before, mut end) = (None, HEADER + table.len());
    for (id, place) in places(CommitNumber::ZERO, table) {
        let is_behind = before.replace(id).is_none_or(|before| before < id);
        if !is_behind || place.at as usize != end {
            return false;
        }
        end += place.bytes();
    }
    end == bytes.len()
}

fn checksum(last: CommitNumber, behind: &[u8]) -> u64 {
    xxh3_64_with_seed(behind, last.0)
}

// The callers know that the bytes are there.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |number| u32::from_le_bytes(*number))
}

const HEADER: usize = 28;
const ENTRY: usize = 16;
const REMOVED: u32 = u32::MAX;
/// How long records mostly are: what is guessed too small costs a copy.
const RECORD_GUESS: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn with_right_checksum(mut behind: Vec<u8>) -> Vec<u8> {
        let sum = checksum(CommitNumber(7), &behind);
        behind.splice(..0, sum.to_le_bytes());
        behind
    }

    proptest! {
        /// Anything may stand behind a checksum that is right. What is taken for an epoch has all that it speaks of.
        #[test]
        fn nonsense_is_no_danger(
            bytes in vec(any::<u8>(), 0..300),
            count in 0..8_u32,
            entries in vec((any::<u64>(), 0..400_u32, prop_oneof![0..400_u32, Just(REMOVED)]), 0..8),
        ) {
            prop_assert!(Epoch::parse(CommitNumber(7), &bytes).is_none());
            // Nothing vouches for any of it.
            prop_assert!(remains(CommitNumber(7), &bytes).objects.iter().all(|object| object.is_damaged
                || object.type_name.is_none()));
            let raw = with_right_checksum(bytes.clone());
            let mut shaped = [&raw[8..], &[0; 16]].concat()[..16].to_vec();
            shaped.extend(count.to_le_bytes());
            for (id, at, length) in entries {
                shaped.extend(id.to_le_bytes());
                shaped.extend(at.to_le_bytes());
                shaped.extend(length.to_le_bytes());
            }
            shaped.extend(bytes);
            for bytes in [raw, with_right_checksum(shaped)] {
                remains(CommitNumber(7), &bytes);
                if let Some(epoch) = Epoch::parse(CommitNumber(7), &bytes) {
                    prop_assert!(epoch.places().all(|(_, place)| place.of(&bytes).is_some()));
                }
            }
        }
    }

    fn epoch() -> Vec<u8> {
        let batch = Batch {
            changes: (1..4).map(|n| (ObjectId::from_raw(n), CommitNumber(7), None)).collect(),
            last: CommitNumber(7),
            next_index: 5,
        };
        write(&batch, CommitNumber(3)).expect("an epoch").bytes
    }

    #[test]
    fn an_epoch_survives_and_a_damaged_one_is_noticed() {
        let good = epoch();
        let read = Epoch::parse(CommitNumber(7), &good).expect("what was written");
        assert_eq!(read.previous, CommitNumber(3));
        assert_eq!(read.head, Head { last: CommitNumber(7), next_index: 5 });
        let ids: Vec<u64> = read.places().map(|(id, _)| id.to_raw()).collect();
        assert_eq!(ids, [1, 2, 3]);
        assert!(read.places().all(|(_, place)| place.of(&good) == Some(None)));
        assert!(Epoch::parse(CommitNumber(8), &good).is_none(), "under another number");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Epoch::parse(CommitNumber(7), &bad).is_none(), "bit {bit}");
        }
        for length in 0..good.len() {
            assert!(Epoch::parse(CommitNumber(7), &good[..length]).is_none(), "cut to {length}");
        }
    }

    /// A checksum tells that the bytes are what somebody wrote, not that they make sense.
    #[test]
    fn places_beyond_the_end_are_noticed_whatever_the_checksum() {
        for (at, value) in [(24, 4_u32), (24, u32::MAX), (HEADER + 8, 90), (HEADER + 12, 90)] {
            let mut bad = epoch();
            bad[HEADER + 12..][..4].copy_from_slice(&1_u32.to_le_bytes());
            bad[at..][..4].copy_from_slice(&value.to_le_bytes());
            let sum = checksum(CommitNumber(7), &bad[8..]);
            bad[..8].copy_from_slice(&sum.to_le_bytes());
            assert!(Epoch::parse(CommitNumber(7), &bad).is_none(), "{value} at {at}");
        }
    }
}
