//! A stored value of an older version is read as the type that it was, and becomes the present one step by step.

use std::sync::Arc;

use daystar::prelude::*;
use daystar_model::{CommitNumber, Object, ObjectId, Record, RecordError, TypeDescriptor};

#[managed(name = "Player", version = 1, old)]
#[derive(Debug)]
struct PlayerV1 {
    name: String,
    gold: u32,
    pack: Vec<ItemV1>,
}

/// Versions need not follow one another: the third was never released.
#[managed(name = "Player", version = 2, old, from = PlayerV1)]
struct PlayerV2 {
    name: String,
    gold: u64,
    pack: Vec<ItemV1>,
}

#[managed(version = 4, from = PlayerV2)]
#[derive(Debug, PartialEq)]
struct Player {
    first_name: String,
    last_name: Option<String>,
    gold: u64,
    pack: Vec<Item>,
}

#[managed(name = "Item", version = 1, old)]
#[derive(Debug)]
enum ItemV1 {
    Apple,
    Sword(u8),
}

#[managed(version = 2, from = ItemV1)]
#[derive(Debug, PartialEq)]
enum Item {
    Sword { sharpness: u16 },
    Fruit(String),
}

impl From<PlayerV1> for PlayerV2 {
    fn from(before: PlayerV1) -> Self {
        assert!(before.gold != u32::MAX, "nobody has that much gold");
        Self { name: before.name, gold: before.gold.into(), pack: before.pack }
    }
}

impl TryFrom<PlayerV2> for Player {
    type Error = String;

    fn try_from(before: PlayerV2) -> Result<Self, String> {
        let mut names = before.name.split(' ').map(str::to_owned);
        let first_name = names.next().filter(|name| !name.is_empty()).ok_or("there is no name")?;
        let pack = before.pack.into_iter().map(Item::from).collect();
        Ok(Self { first_name, last_name: names.next(), gold: before.gold, pack })
    }
}

impl From<ItemV1> for Item {
    fn from(before: ItemV1) -> Self {
        match before {
            ItemV1::Apple => Self::Fruit("apple".to_owned()),
            ItemV1::Sword(sharpness) => Self::Sword { sharpness: sharpness.into() },
        }
    }
}

#[managed(name = "Ring", version = 1, old)]
struct RingV1 {
    times: u8,
}

#[task(version = 2, from = RingV1)]
struct Ring {
    times: u64,
    softly: bool,
}

impl From<RingV1> for Ring {
    fn from(before: RingV1) -> Self {
        Self { times: before.times.into(), softly: false }
    }
}

impl Task for Ring {
    fn run(&self, _: &Ctx) -> daystar::Result<()> {
        ensure!(self.times > 0 || self.softly, "nothing to ring");
        Ok(())
    }
}

use before::{stored_one, stored_two};

/// The program as it was, when these were the present versions.
mod before {
    use daystar_model::codec;

    use super::*;

    #[managed(name = "before.Player")]
    struct One {
        name: String,
        gold: u32,
        pack: Vec<Thing>,
    }

    #[managed(name = "before.Player.2")]
    struct Two {
        name: String,
        gold: u64,
        pack: Vec<Thing>,
    }

    #[managed(name = "before.Item")]
    enum Thing {
        Apple,
        Sword(u8),
    }

    fn pack() -> Vec<Thing> {
        vec![Thing::Apple, Thing::Sword(7)]
    }

    pub(super) fn stored_one(name: &str, gold: u32) -> Vec<u8> {
        codec::encode(&One { name: name.to_owned(), gold, pack: pack() }).expect("it is encoded")
    }

    pub(super) fn stored_two(name: &str, gold: u64) -> Vec<u8> {
        codec::encode(&Two { name: name.to_owned(), gold, pack: pack() }).expect("it is encoded")
    }
}

fn player(first_name: &str, last_name: Option<&str>, gold: u64) -> Player {
    let pack = vec![Item::Fruit("apple".to_owned()), Item::Sword { sharpness: 7 }];
    Player {
        first_name: first_name.to_owned(),
        last_name: last_name.map(str::to_owned),
        gold,
        pack,
    }
}

fn loaded(version: u32, payload: &[u8]) -> Result<Arc<dyn Object>, RecordError> {
    let record = Record { type_name: "Player", version, commit: CommitNumber(9), payload };
    record.value()
}

#[test]
fn every_older_version_becomes_the_present_one() {
    let one = Player::decode(1, &stored_one("Ann Lee", 5)).unwrap();
    assert_eq!(one, player("Ann", Some("Lee"), 5));
    let two = Player::decode(2, &stored_two("Bo", u64::MAX)).unwrap();
    assert_eq!(two, player("Bo", None, u64::MAX));
    let four = Player::decode(4, &Managed::encode(&two).unwrap()).unwrap();
    assert_eq!(four, two);
}

#[test]
fn what_is_loaded_is_of_the_present_type_and_is_written_in_the_present_version() {
    let object = loaded(1, &stored_one("Ann", 5)).unwrap();
    assert!(object.as_any().is::<Player>());
    let id = ObjectId::from_raw(3);
    let bytes = Record::encode(id, CommitNumber(10), &*object).unwrap();
    let record = Record::parse(id, &bytes).unwrap();
    assert_eq!((record.type_name, record.version), ("Player", 4));
    let again = record.value().unwrap();
    assert_eq!(again.as_any().downcast_ref(), Some(&player("Ann", None, 5)));
}

#[test]
fn a_conversion_that_refuses_or_panics_names_the_versions_and_the_cause() {
    let refused = loaded(1, &stored_one("", 5)).unwrap_err();
    assert!(matches!(refused, RecordError::Upgrade { name: "Player", stored: 2, known: 4, .. }));
    assert!(refused.to_string().contains("there is no name"), "{refused}");
    let panicked = loaded(1, &stored_one("Midas", u32::MAX)).unwrap_err();
    assert!(matches!(panicked, RecordError::Upgrade { stored: 1, known: 2, .. }));
    assert!(panicked.to_string().contains("nobody has that much gold"), "{panicked}");
}

#[test]
fn a_task_that_waited_for_its_time_is_upgraded_too() {
    // The form of version 1 is that of any type with the same field.
    #[managed(name = "before.Ring")]
    struct Before {
        times: u8,
    }
    let ring = Ring::decode(1, &Managed::encode(&Before { times: 3 }).unwrap()).unwrap();
    assert_eq!((ring.times, ring.softly), (3, false));
}

#[test]
fn an_old_value_that_is_damaged_is_refused_as_such() {
    let bytes = stored_one("Ann", 5);
    let damaged = loaded(1, &bytes[..bytes.len() - 4]).unwrap_err();
    assert!(matches!(damaged, RecordError::Invalid { name: "Player", .. }), "{damaged}");
}

#[test]
fn a_type_that_was_changed_without_a_new_version_is_noticed() {
    let (one, present) = (Player::layout(1).unwrap(), Player::layout(4).unwrap());
    // What was stored by the program before, in which the types had other names but the same stored ones.
    let stored = "Player { name: String, gold: u32, pack: Vec<Item> }; Item Apple | Sword(u8)";
    assert_eq!(one, stored);
    assert_eq!(Player::layout(3), None);
    for (version, layout) in [(1, stored), (4, &present)] {
        TypeDescriptor::check_layout("Player", version, layout).unwrap();
    }
    // Two fields changed places; a part changed.
    let moved = "Player { gold: u32, name: String, pack: Vec<Item> }; Item Apple | Sword(u8)";
    let part = "Player { name: String, gold: u32, pack: Vec<Item> }; Item Apple | Sword(u16)";
    for layout in [moved, part] {
        let changed = TypeDescriptor::check_layout("Player", 1, layout).unwrap_err();
        assert!(matches!(changed, RecordError::Changed { name: "Player", version: 1, .. }));
        let told = changed.to_string();
        assert!(told.contains(layout) && told.contains(stored), "{told}");
    }
    let newer = TypeDescriptor::check_layout("Player", 5, &present).unwrap_err();
    assert!(matches!(newer, RecordError::UnknownVersion { .. }));
}

#[test]
fn a_program_knows_which_versions_it_reads() {
    for version in [1, 2, 4] {
        TypeDescriptor::check("Player", version).unwrap();
    }
    let told = |name, version| TypeDescriptor::check(name, version).unwrap_err().to_string();
    let newer = told("Player", 5);
    assert!(newer.contains("of version 5") && newer.contains("newer program"), "{newer}");
    let gap = told("Player", 3);
    assert!(gap.contains("version = 3, old") && gap.contains("`from = ..`"), "{gap}");
    let unknown = told("Dragon", 1);
    assert!(unknown.contains("`Dragon`") && unknown.contains("does not have"), "{unknown}");
    assert!(matches!(
        loaded(3, &[]).unwrap_err(),
        RecordError::UnknownVersion { stored: 3, known: 4, .. }
    ));
    assert_eq!(TypeDescriptor::claimed_twice(), None);
}
