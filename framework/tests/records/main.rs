//! Bytes that were not written as the record of this object are never taken for it, and none of them brings the
//! process down: neither bits that fell over, nor half a record, nor the record of another object, nor bytes with a
//! right checksum that no value of the type has.

mod kinds;
mod values;

use daystar::Managed;
use daystar_model::breaks::{self, Break};
use daystar_model::{CommitNumber, ObjectId, Record, RecordError};
use kinds::Chest;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

const ID: ObjectId = ObjectId::from_raw(17);

fn record_of(id: ObjectId, chest: &Chest) -> Vec<u8> {
    Record::encode(id, CommitNumber(5), chest).expect("a chest can be written")
}

/// The place where a record's payload begins.
const PAYLOAD: usize = 22 + "Chest".len();

/// `record` with the checksum that its bytes have now.
fn with_right_checksum(mut record: Vec<u8>) -> Vec<u8> {
    let sum = xxhash_rust::xxh3::xxh3_64_with_seed(&record[8..], ID.to_raw());
    record[..8].copy_from_slice(&sum.to_le_bytes());
    record
}

fn flip(record: &mut [u8], bits: &[Index]) {
    for bit in bits {
        let bit = bit.index(record.len() * 8);
        record[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Reads what has passed the checksum, and uses it in every way that a tool or the engine does.
fn use_if_it_is_a_value(bytes: &[u8]) -> Result<(), TestCaseError> {
    let record =
        Record::parse(ID, bytes).map_err(|cause| TestCaseError::fail(cause.to_string()))?;
    let Ok(object) = record.value() else { return Ok(()) };
    prop_assert!(object.bytes() > 0);
    let again = Record::encode(ID, record.commit, &*object).expect("what was read can be written");
    let again = Record::parse(ID, &again).and_then(|record| record.value());
    prop_assert_eq!(again.expect("and read again").to_json(), object.to_json());
    Ok(())
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_was(chest in values::chest(), id: u64) {
        let id = ObjectId::from_raw(id);
        let bytes = record_of(id, &chest);
        let record = Record::parse(id, &bytes).unwrap();
        prop_assert_eq!((record.type_name, record.version, record.commit), ("Chest", 2, CommitNumber(5)));
        let value = record.value().unwrap();
        prop_assert_eq!(value.as_any().downcast_ref::<Chest>(), Some(&chest));
    }

    #[test]
    fn flipped_bits_are_noticed(chest in values::chest(), bits in vec(any::<Index>(), 1..9)) {
        let whole = record_of(ID, &chest);
        let mut damaged = whole.clone();
        flip(&mut damaged, &bits);
        prop_assume!(damaged != whole);
        prop_assert!(matches!(Record::parse(ID, &damaged), Err(RecordError::Checksum)));
    }

    #[test]
    fn a_record_cut_short_or_grown_is_noticed(chest in values::chest(), at: Index, more in vec(any::<u8>(), 1..40)) {
        let whole = record_of(ID, &chest);
        let short = Record::parse(ID, &whole[..at.index(whole.len())]).map(|record| record.version);
        let is_noticed = matches!(short, Err(RecordError::Checksum | RecordError::Truncated { .. }));
        prop_assert!(is_noticed, "{:?}", short);
        let long = [&whole[..], &more].concat();
        prop_assert!(matches!(Record::parse(ID, &long), Err(RecordError::Checksum)));
    }

    #[test]
    fn the_record_of_another_object_is_not_taken(chest in values::chest(), id: u64) {
        prop_assume!(id != ID.to_raw());
        let other = record_of(ObjectId::from_raw(id), &chest);
        prop_assert!(matches!(Record::parse(ID, &other), Err(RecordError::Checksum)));
    }

    #[test]
    fn half_of_one_record_and_half_of_another_is_noticed(
        one in values::chest(), other in values::chest(), at: Index,
    ) {
        let (one, other) = (record_of(ID, &one), record_of(ID, &other));
        let at = at.index(one.len().min(other.len()));
        let spliced = [&one[..at], &other[at..]].concat();
        prop_assume!(spliced != one && spliced != other);
        prop_assert!(matches!(Record::parse(ID, &spliced), Err(RecordError::Checksum)));
    }

    #[test]
    fn any_bytes_are_no_record(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(Record::parse(ID, &bytes).is_err());
    }

    #[test]
    fn damage_under_a_right_checksum_brings_nothing_down(
        chest in values::chest(), bits in vec(any::<Index>(), 1..9), at: Index, version in 1_u32..4,
    ) {
        let mut record = record_of(ID, &chest);
        record[16..20].copy_from_slice(&version.to_le_bytes());
        use_if_it_is_a_value(&with_right_checksum(record.clone()))?;
        flip(&mut record[PAYLOAD..], &bits);
        use_if_it_is_a_value(&with_right_checksum(record.clone()))?;
        record.truncate(PAYLOAD + at.index(record.len() - PAYLOAD));
        use_if_it_is_a_value(&with_right_checksum(record))?;
    }

    #[test]
    fn any_payload_under_a_right_checksum_brings_nothing_down(
        payload in vec(any::<u8>(), 0..600), version in 1_u32..4,
    ) {
        let empty = Record { type_name: "Chest", version, commit: CommitNumber(5), payload: &payload };
        let _ = empty.value();
        let _ = Chest::decode(version, &payload);
    }

    #[test]
    fn any_header_under_a_right_checksum_is_a_record_or_an_error(bytes in vec(any::<u8>(), 22..60)) {
        let bytes = with_right_checksum(bytes);
        if let Ok(record) = Record::parse(ID, &bytes) {
            prop_assert!(record.value().is_err());
        }
    }
}

#[test]
fn a_checksum_that_is_ignored_would_be_noticed() {
    // Still a chest, and only the checksum knows better.
    let mut bytes = record_of(ID, &Chest::from(kinds::ChestV1::empty()));
    let last = bytes.len() - 1;
    let damaged = (PAYLOAD..=last).find_map(|at| {
        bytes[at] ^= 1;
        let is_taken = breaks::with(Break::ChecksumIgnored, || {
            Record::parse(ID, &bytes).and_then(|record| record.value()).is_ok()
        });
        let found = is_taken.then(|| bytes.clone());
        bytes[at] ^= 1;
        found
    });
    let damaged = damaged.expect("some damage looks like data");
    assert!(matches!(Record::parse(ID, &damaged), Err(RecordError::Checksum)));
}
