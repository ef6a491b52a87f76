//! What a server or a tool cannot use it refuses, and says what is wrong and what to do.

use std::fs;

use daystar::ServeError;

use crate::heap::{Heap, heap};
use crate::program::{island_with, run, text};

const TOOLS: [&str; 4] = ["serve", "verify", "inspect", "compact"];

#[test]
fn types_that_the_program_does_not_have() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, new] = ["heap", "new"].map(|name| folder.path().join(name));
    heap(&data, 300, 20);
    let error = run(&["serve", "--data", text(&data), "--listen", "127.0.0.1:0"]).error();
    assert!(error.contains("20 objects in ") && error.contains("`Stone`"), "{error}");
    assert!(error.contains("run the program that wrote it"), "{error}");

    let said = run(&["verify", "--data", text(&data)]);
    assert!(!said.is_ok, "{said:?}");
    assert!(said.out.contains("called `the first stone`: a stored object is of type `Stone`"));
    // The task waits inside of a record that can be read.
    assert!(said.out.contains("problem: object task#"), "{said:?}");
    assert!(said.out.contains("20 objects of the unknown type `Stone`"), "{said:?}");
    assert!(said.out.contains(" 1 objects of the unknown type `Clear`"), "{said:?}");

    let inspect = ["inspect", "--data", text(&data)];
    let stones = run(&[&inspect[..], &["--type", "Stone"]].concat()).done();
    assert_eq!(stones.lines().count(), 20);
    assert!(stones.lines().all(|line| line.contains(r#""type":"Stone","version":1"#)));
    assert!(stones.lines().all(|line| line.contains(r#""error":"a stored object is of type"#)));
    let types = run(&[&inspect[..], &["--types"]].concat()).done();
    let row = types.lines().find(|row| row.contains("Stone")).expect("a row");
    assert!(row.contains(r#""objects":20"#) && row.contains("error"), "{row}");

    // It may be copied and compacted, but not restored: nobody could tell whether it can be read.
    let backup = folder.path().join("backup");
    run(&["backup", "--data", text(&data), "--to", text(&backup)]).done();
    run(&["compact", "--data", text(&data)]).done();
    let said = run(&["restore", "--from", text(&data), "--data", text(&new)]);
    assert!(!said.is_ok && said.out.contains("21 problems"), "{said:?}");
    for whole in [&data, &backup] {
        // The stones that stay, the name, the task that waits, the list of kinds of task, and the world's time.
        assert_eq!(verified(whole), 24);
    }
}

#[test]
fn a_compacted_world_is_smaller_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    heap(folder.path(), 3000, 20);
    let before = verified(folder.path());
    let said = run(&["compact", "--data", text(folder.path())]).done();
    let numbers: Vec<u64> =
        said.split_whitespace().filter_map(|word| word.replace(',', "").parse().ok()).collect();
    let [objects, bytes_before, bytes_now] = numbers[..] else { panic!("{said}") };
    assert_eq!(objects, before);
    assert!(bytes_now * 10 < bytes_before, "{said}");
    assert_eq!(verified(folder.path()), before);
    let server = daystar::Server::builder(Heap::new(1, 1)).data(folder.path()).start();
    server.expect("a server").stop().expect("a clean end");
    assert_eq!(verified(folder.path()), before);
}

/// How many objects there are, all of which the game that wrote them can read.
fn verified(data: &std::path::Path) -> u64 {
    let verified = daystar::verify(&Heap::new(0, 0), data).expect("a world");
    assert_eq!(verified.problems, Vec::<String>::new());
    verified.objects
}

#[test]
fn folders_that_hold_something_else() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("thesis.txt"), "twenty years").expect("a file");
    for tool in TOOLS {
        let error = run(&[tool, "--data", text(folder.path())]).error();
        assert!(error.contains("not a Daystar world (`thesis.txt`"), "{tool}: {error}");
    }
    let elsewhere = tempfile::tempdir().expect("a folder");
    let world = elsewhere.path().join("world");
    heap(&world, 3, 3);
    for (tool, from, to) in [("backup", "--data", "--to"), ("restore", "--from", "--data")] {
        let error = run(&[tool, from, text(&world), to, text(folder.path())]).error();
        assert!(
            error.contains("thesis.txt") && error.contains("empty or a new"),
            "{tool}: {error}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "something was added");
}

#[test]
fn worlds_of_another_format() {
    let folder = tempfile::tempdir().expect("a folder");
    island_with(&["anna"], folder.path());
    let marker = folder.path().join("DAYSTAR");
    let ours = fs::read_to_string(&marker).expect("the marker");
    fs::write(&marker, ours.replace("layout ", "layout 99")).expect("the marker");
    for tool in TOOLS {
        let error = run(&[tool, "--data", text(folder.path())]).error();
        assert!(
            error.contains("format layout 99") && error.contains("program that wrote it"),
            "{error}"
        );
    }
}

#[test]
fn worlds_that_are_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let [none, to] = ["none", "to"].map(|name| folder.path().join(name));
    let copies = [["backup", "--data", "--to"], ["restore", "--from", "--data"]];
    let copies = copies.map(|[tool, from, into]| vec![tool, from, text(&none), into, text(&to)]);
    let looks = TOOLS[1..].iter().map(|tool| vec![*tool, "--data", text(&none)]);
    for arguments in looks.chain(copies) {
        let error = run(&arguments).error();
        assert!(error.contains("no Daystar world") && error.contains("serve --data"), "{error}");
    }
    assert!(!none.exists() && !to.exists(), "something was made");
}

#[test]
fn worlds_that_this_process_has_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = daystar::Server::builder(Heap::new(1, 1)).data(folder.path()).start();
    let server = server.expect("a server");
    let error = daystar::verify(&Heap::new(1, 1), folder.path());
    assert!(matches!(&error, Err(ServeError::Store(_))), "{error:?}");
    assert!(error.expect_err("refused").to_string().contains("open in this process already"));
    server.stop().expect("a clean end");
}
