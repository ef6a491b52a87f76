//! What is in a world, as JSON: all of it, of a type, of a name, of an id, or counted.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{command, island_with, run, text};

fn lines(arguments: &[&str]) -> Vec<Value> {
    let said = run(arguments).done();
    said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn objects_are_found_by_type_name_and_id() {
    let folder = tempfile::tempdir().expect("a folder");
    island_with(&["anna", "bert"], folder.path());
    let inspect = ["inspect", "--data", text(folder.path())];
    let with = |more: &[&'static str]| lines(&[&inspect[..], more].concat());

    let players = with(&["--type", "Player"]);
    assert_eq!(players.len(), 2);
    let anna = players.iter().find(|player| player["value"]["name"] == "anna").expect("anna");
    let keys: Vec<_> = anna.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["id", "type", "version", "commit", "names", "value"]);
    assert_eq!((&anna["type"], &anna["version"]), (&"Player".into(), &1.into()));
    assert_eq!(anna["names"], serde_json::json!(["player anna"]));
    assert_eq!(anna["value"]["gold"], 100);
    assert!(anna["commit"].as_u64() > Some(1), "{anna}");

    let only_anna = std::slice::from_ref(anna);
    assert_eq!(with(&["--name", "player anna"]), only_anna);
    let id = anna["id"].as_str().expect("an id");
    for form in [id.to_owned(), id.replace('#', ""), id.replace('#', "Player#")] {
        assert_eq!(lines(&[&inspect[..], &["--id", &form]].concat()), only_anna, "{form}");
    }
    // Everything there is, the framework's own included, and references as they are shown elsewhere.
    let all = with(&[]);
    assert!(all.iter().any(|object| object["type"] == "daystar.Names"));
    let shell = anna["value"]["pack"][0].as_str().expect("a reference");
    assert_eq!(lines(&[&inspect[..], &["--id", shell]].concat())[0]["type"], "Item");
    assert_eq!(with(&["--limit", "3"]), all[..3]);

    let types = with(&["--types"]);
    let counted: u64 = types.iter().map(|row| row["objects"].as_u64().expect("a count")).sum();
    assert_eq!(counted, all.len() as u64);
    let of_players = types.iter().find(|row| row["type"] == "Player").expect("a row");
    assert_eq!((&of_players["version"], &of_players["objects"]), (&1.into(), &2.into()));
    assert!(of_players["bytes"].as_u64() > Some(2 * 28), "{of_players}");

    let pretty = run(&[&inspect[..], &["--name", "player bert", "--pretty"]].concat()).done();
    assert!(pretty.lines().count() > 5, "{pretty}");
    let bert: Value = serde_json::from_str(&pretty).expect("JSON");
    assert_eq!(bert["value"]["name"], "bert");
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    island_with(&["anna"], folder.path());
    let inspect = ["inspect", "--data", text(folder.path())];
    let error = |more: &[&str]| run(&[&inspect[..], more].concat()).error();
    assert!(error(&["--name", "player zoe"]).contains("called `player zoe`"));
    assert!(error(&["--id", "session#4000"]).contains("no object session#4000"));
    let error = error(&["--type", "Playr"]);
    assert!(error.contains("`Playr`") && error.contains("Player, "), "{error}");
    let wrong = run(&[&inspect[..], &["--id", "x"]].concat());
    assert!(!wrong.is_ok && wrong.err.contains("an id looks like"), "{wrong:?}");
}

/// `inspect | head -1` is no error.
#[test]
fn whoever_has_seen_enough_may_go() {
    let folder = tempfile::tempdir().expect("a folder");
    island_with(&["anna"], folder.path());
    let mut process = command(&["inspect", "--data", text(folder.path())])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be run");
    drop(process.stdout.take());
    let mut told = String::new();
    process.stderr.take().expect("its errors").read_to_string(&mut told).expect("text");
    assert!(process.wait().expect("its end").success() && told.is_empty(), "{told}");
}
