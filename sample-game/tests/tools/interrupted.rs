//! Ctrl-C, at any moment of any tool: what is there afterwards is whole, or says that it is not.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::program::{command, interrupt, island_with, run, text};

/// Runs the program, and presses Ctrl-C after `pause`; whether it had ended by then.
fn interrupted(arguments: &[&str], pause: Duration) -> bool {
    let mut process = command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program can be run");
    std::thread::sleep(pause);
    interrupt(&process);
    process.wait().expect("its end").success()
}

/// From at once to when it has surely ended.
fn pauses() -> impl Iterator<Item = Duration> {
    [0, 1, 2, 4, 6, 8, 10, 13, 16, 20, 30, 50, 500].into_iter().map(Duration::from_millis)
}

fn is_well(data: &Path) -> bool {
    run(&["verify", "--data", text(data)]).is_ok
}

#[test]
fn a_copy_is_whole_or_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("island");
    island_with(&["anna"], &data);
    for (round, pause) in pauses().enumerate() {
        for (tool, from, to) in [("backup", "--data", "--to"), ("restore", "--from", "--data")] {
            let copy = folder.path().join(format!("{tool} {round}"));
            let arguments = [tool, from, text(&data), to, text(&copy)];
            let is_done = interrupted(&arguments, pause);
            let is_world = copy.join("DAYSTAR").exists();
            assert!(is_world || !is_done, "{tool} left nothing");
            if is_world {
                assert!(is_well(&copy), "{tool} left half a world");
                let error = run(&arguments).error();
                assert!(error.contains("not overwritten"), "{error}");
            } else {
                assert!(!is_well(&copy), "{tool} left half a world");
                run(&arguments).done();
                assert!(is_well(&copy));
            }
        }
        assert!(is_well(&data), "a look has harmed the world");
    }
}

#[test]
fn a_compaction_leaves_the_whole_world() {
    let folder = tempfile::tempdir().expect("a folder");
    island_with(&["anna"], folder.path());
    let all = |text: &str| {
        let (objects, _rest) = text.split_once(' ').expect("a count");
        objects.to_owned()
    };
    let before = all(&run(&["verify", "--data", text(folder.path())]).done());
    for pause in pauses() {
        interrupted(&["compact", "--data", text(folder.path())], pause);
        let said = run(&["verify", "--data", text(folder.path())]).done();
        assert_eq!(all(&said), before, "after {pause:?}");
    }
    run(&["compact", "--data", text(folder.path())]).done();
    assert!(!folder.path().join("compacting").exists());
}

#[test]
#[cfg(unix)]
fn a_server_ends_well_when_it_is_stopped_the_moment_it_says_that_it_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["serve", "--data", text(folder.path()), "--listen", "127.0.0.1:0"];
    for round in 0..10 {
        let mut server = command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program can be run");
        // A shell is quicker than this process could be: it waits for the line already, and need start nothing.
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "read line; kill -INT $0", &server.id().to_string()])
            .stdin(server.stdout.take().expect("its output"))
            .spawn()
            .expect("a shell can be run");
        assert!(shell.wait().expect("its end").success());
        let end = server.wait().expect("its end");
        assert!(end.success(), "round {round}: {end}");
    }
}
