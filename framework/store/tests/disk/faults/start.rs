//! A world is made while the disk fails.

use daystar_model::store::Store;
use daystar_store::{LmdbStore, Options};

use super::{STORY, Setting, assert_clear, assert_holds, meet};
use crate::process::is_child;

fn meet_while_starting(rules: &str, hint: &str) {
    meet("faults::start::child_that_starts", rules, hint);
}

#[test]
fn a_world_that_cannot_be_made_is_refused_and_made_when_the_disk_is_well() {
    for call in ["name", "write", "sync"] {
        for good_first in 0..8 {
            meet_while_starting(&format!("* {call} {good_first} * EIO"), "system log");
            meet_while_starting(&format!("* {call} {good_first} 1 EIO"), "system log");
        }
    }
    meet_while_starting("* name 0 * EROFS", "read-only");
    meet_while_starting("* extend 0 * ENOSPC", "no room is left");
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_starts() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let Setting { world, hint, .. } = &setting;
    setting.fail(0);
    // Making a world may take fewer calls than the rule lets go well.
    match LmdbStore::open(world, Options::default()) {
        Ok(store) => assert_holds(&store, 0),
        Err(error) => assert_clear(&error, hint),
    }
    setting.heal();
    let store = LmdbStore::open(world, Options::default()).unwrap();
    store.apply(&STORY.batch(1)).unwrap();
    assert_holds(&store, 1);
}
