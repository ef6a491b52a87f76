//! Any bytes as a stored record, and as the payload of a managed type: an error or a value that can be used in every
//! way, never a panic.

#![no_main]

use daystar_model::{CommitNumber, ObjectId, Record};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/records/kinds.rs"]
mod kinds;

fuzz_target!(|bytes: &[u8]| {
    let id = ObjectId::from_raw(17);
    if let Ok(record) = Record::parse(id, bytes) {
        let _ = record.value();
    }
    let Some((version, payload)) = bytes.split_first() else { return };
    // As if the checksum were right, which no fuzzer hits: the present version, the old one, and one unknown.
    let (version, commit) = (u32::from(version % 3) + 1, CommitNumber(1));
    let record = Record { type_name: "Chest", version, commit, payload };
    let Ok(object) = record.value() else { return };
    assert!(object.bytes() > 0);
    let again = Record::encode(id, commit, &*object).expect("what was read can be written");
    let again = Record::parse(id, &again).and_then(|record| record.value());
    assert_eq!(again.expect("and read again").to_json(), object.to_json());
});
