//! The disk has not kept what was written: everything that is damaged is listed, and none of it is passed off as good.

use std::fs;
use std::path::Path;

use crate::program::{Serving, island_with, run, text};

const NAMES: [&str; 5] = ["anna", "bert", "cleo", "dora", "emil"];

/// A world of which every player's record has a flipped byte.
fn island_with_damaged_players(data: &Path) {
    island_with(&NAMES, data);
    // So that all is among the objects, and only once.
    run(&["compact", "--data", text(data)]).done();
    let file = data.join("objects/data.mdb");
    let mut bytes = fs::read(&file).expect("the objects");
    // How a record says its version, the length of its type's name, and the name.
    let header = b"\x01\0\0\0\x06\0Player";
    let places: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(header)).collect();
    assert_eq!(places.len(), NAMES.len());
    places.into_iter().for_each(|at| bytes[at + header.len()] ^= 0x10);
    fs::write(&file, bytes).expect("the objects");
}

#[test]
fn every_damaged_object_is_listed_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("island");
    island_with_damaged_players(&data);
    let verify = ["verify", "--data", text(&data)];
    let said = run(&verify);
    assert!(!said.is_ok);
    for name in NAMES {
        let called = format!(", called `player {name}`: ");
        let found: Vec<_> = said.out.lines().filter(|line| line.contains(&called)).collect();
        let [line] = &found[..] else { panic!("{name} is listed {found:?} in {}", said.out) };
        assert!(line.starts_with("problem: object #") && line.contains("checksum"), "{line}");
        assert!(line.contains("from a backup"), "{line}");
    }
    assert!(said.out.contains("5 damaged records"), "{}", said.out);
    assert!(
        said.out.contains("broken rules of the game"),
        "their items are nobody's: {}",
        said.out
    );

    let some = run(&[&verify[..], &["--limit", "2"]].concat()).out;
    assert_eq!(some.lines().filter(|line| line.contains("checksum")).count(), 2, "{some}");
    assert!(some.contains("and 3 more") && some.contains("5 damaged records"), "{some}");
}

#[test]
fn damage_is_shown_in_place_of_the_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("island");
    island_with_damaged_players(&data);
    let inspect = ["inspect", "--data", text(&data)];
    let all = run(&inspect).done();
    let damaged: Vec<_> = all.lines().filter(|line| line.contains(r#""error":"#)).collect();
    assert_eq!(damaged.len(), NAMES.len());
    assert!(damaged.iter().all(|line| line.contains("checksum") && !line.contains("value")));
    assert!(all.lines().count() > 50, "the rest is shown");
    let anna = run(&[&inspect[..], &["--name", "player anna"]].concat()).done();
    assert!(anna.contains("checksum") && anna.contains(r#""names":["player anna"]"#), "{anna}");
    let players = run(&[&inspect[..], &["--type", "Player"]].concat());
    assert!(players.is_ok && players.out.is_empty(), "{players:?}");
    assert!(players.err.contains("5 damaged records do not tell their type"), "{players:?}");
    let types = run(&[&inspect[..], &["--types"]].concat()).done();
    assert!(types.contains(r#"{"objects":5,"#), "{types}");
}

#[test]
fn damage_is_backed_up_with_a_warning_and_not_restored_nor_compacted() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, backup, restored] = ["island", "backup", "new"].map(|name| folder.path().join(name));
    island_with_damaged_players(&data);
    let said = run(&["backup", "--data", text(&data), "--to", text(&backup)]);
    assert!(!said.is_ok && said.err.is_empty(), "{said:?}");
    assert_eq!(said.out.lines().filter(|line| line.starts_with("problem: object #")).count(), 5);
    assert!(said.out.contains("5 damaged records were copied as they are"), "{said:?}");

    let said = run(&["restore", "--from", text(&backup), "--data", text(&restored)]);
    assert!(!said.is_ok && !restored.exists(), "{said:?}");
    assert!(said.out.contains("called `player dora`"), "{said:?}");
    assert!(said.out.contains("5 problems: the backup is not restored"), "{said:?}");

    let before = fs::read(data.join("objects/data.mdb")).expect("the objects");
    let error = run(&["compact", "--data", text(&data)]).error();
    assert!(error.contains("is as it was") && error.contains("`verify` lists all"), "{error}");
    assert_eq!(fs::read(data.join("objects/data.mdb")).expect("the objects"), before);

    // The backup is a world for all that, and the rest of it can be used.
    drop(Serving::start(&backup));
}
