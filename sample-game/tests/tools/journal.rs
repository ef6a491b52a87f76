//! The journal is damaged: the server does not start, and says what there is to be done; the other tools show what is left, list
//! what is lost, and make a world of what came before, if they are told to.

use std::fs;
use std::path::Path;

use crate::program::{Serving, island_with, run, text};

/// A world in which anna has been before the others, whose records in the journal all have a flipped byte.
fn island_with_damaged_journal(data: &Path) {
    island_with(&["anna"], data);
    // So that all until here is among the objects.
    run(&["compact", "--data", text(data)]).done();
    island_with(&["bert", "cleo"], data);
    damage_players(&data.join("journal/data.mdb"));
}

/// Flips a byte in each record of a player that the file has.
fn damage_players(file: &Path) {
    let mut bytes = fs::read(file).expect("a file of the world");
    // How a record says its version, the length of its type's name, and the name.
    let header = b"\x01\0\0\0\x06\0Player";
    let places: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(header)).collect();
    assert!(!places.is_empty(), "no players in {}", file.display());
    places.into_iter().for_each(|at| bytes[at + header.len()] ^= 0x10);
    fs::write(file, bytes).expect("a file of the world");
}

#[test]
fn the_server_does_not_start_and_says_what_is_damaged_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, backup] = ["island", "backup"].map(|name| folder.path().join(name));
    island_with_damaged_journal(&data);
    for command in [
        &["serve", "--data", text(&data), "--listen", "127.0.0.1:0"][..],
        &["backup", "--data", text(&data), "--to", text(&backup)],
        &["restore", "--from", text(&data), "--data", text(&backup)],
        &["compact", "--data", text(&data)],
        &["account", "roles", "--data", text(&data), "anna"],
    ] {
        let error = run(command).error();
        assert!(error.contains("the journal's epoch of commit"), "{error}");
        assert!(error.contains("(by its bytes a `Player`, damaged)"), "{error}");
        assert!(error.contains("restore a backup, or go back to commit "), "{error}");
        assert!(error.contains("`backup --before-damage`"), "{error}");
    }
    assert!(!backup.exists());
}

#[test]
fn verify_lists_the_damage_beside_all_other_problems() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("island");
    island_with_damaged_journal(&data);
    damage_players(&data.join("objects/data.mdb"));
    let said = run(&["verify", "--data", text(&data)]);
    assert!(!said.is_ok && !said.err.contains("error: "), "{said:?}");
    let problems: Vec<&str> =
        said.out.lines().filter_map(|line| line.strip_prefix("problem: ")).collect();
    let is_listed = |parts: &[&str]| {
        problems.iter().any(|problem| parts.iter().all(|part| problem.contains(part)))
    };
    assert!(problems[0].starts_with("the journal's epoch of commit"), "{said:?}");
    assert!(problems[0].contains("`backup --before-damage`"), "{said:?}");
    let in_journal = "its record in the journal's epoch that ends with commit";
    assert!(is_listed(&["object #", "by its bytes a `Player`; ", in_journal]), "{said:?}");
    // It is not in the damaged part.
    let anna = ", called `player anna`: by its bytes a `Player`; the record's checksum";
    assert!(is_listed(&["object #", anna]), "{said:?}");
    for word in [" objects as of commit ", " damaged epochs of the journal", " damaged records"] {
        assert!(said.out.contains(word), "{word}: {said:?}");
    }
}

#[test]
fn the_rest_of_the_world_can_be_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("island");
    island_with_damaged_journal(&data);
    let inspect = ["inspect", "--data", text(&data)];
    for more in [&[][..], &["--name", "player anna"], &["--types"], &["tasks"], &["orphans"]] {
        let said = run(&[&inspect[..], more].concat());
        assert!(said.is_ok, "{more:?}: {said:?}");
        let note = said.err.lines().find(|line| line.starts_with("note: ")).unwrap_or_default();
        assert!(note.contains("this is the world as of commit "), "{more:?}: {said:?}");
        assert!(note.contains("because the journal's epoch of commit"), "{more:?}: {said:?}");
        assert!(!said.out.contains("note: "), "what is shown stays JSON: {said:?}");
    }
    let players = run(&[&inspect[..], &["--type", "Player"]].concat()).done();
    assert!(players.contains("player anna") && !players.contains("player cleo"), "{players}");
}

#[test]
fn what_came_before_the_damage_becomes_a_world_if_that_is_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, backup, restored] = ["island", "backup", "new"].map(|name| folder.path().join(name));
    island_with_damaged_journal(&data);
    let inspect = |data| run(&["inspect", "--data", text(data)]);
    let left = inspect(&data).done();
    let said = run(&["backup", "--data", text(&data), "--to", text(&backup), "--before-damage"]);
    let out = said.done();
    assert!(out.contains("that is the world as of commit "), "{out}");
    assert!(out.contains(" epochs of the journal, are not in it"), "{out}");
    run(&["restore", "--from", text(&backup), "--data", text(&restored)]).done();
    assert_eq!(inspect(&restored).done(), left);
    run(&["verify", "--data", text(&restored)]).done();
    drop(Serving::start(&restored));
    assert_eq!(inspect(&data).done(), left, "the damaged world is left as it is");
}

#[test]
fn nothing_is_given_up_where_nothing_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, backup] = ["island", "backup"].map(|name| folder.path().join(name));
    island_with(&["anna"], &data);
    let said = run(&["backup", "--data", text(&data), "--to", text(&backup), "--before-damage"]);
    let error = said.error();
    assert!(error.contains("the journal is not damaged"), "{error}");
    assert!(!backup.exists());
}
