//! A batch is applied while the disk fails.

use daystar_model::store::{Store, StoreError};
use daystar_store::{LmdbStore, Options};

use super::{BEFORE, STORY, Setting, assert_clear, assert_holds, meet};
use crate::process::is_child;

fn meet_while_applying(rules: &str, hint: &str) {
    meet("faults::apply::child_that_applies", rules, hint);
}

#[test]
fn a_full_disk_refuses_a_batch_and_takes_it_when_there_is_room() {
    meet_while_applying("journal/data.mdb extend 0 * ENOSPC", "no room is left");
    meet_while_applying("journal/data.mdb write 0 * ENOSPC", "no room is left");
    // Room for a part.
    meet_while_applying("journal/data.mdb write 1 * ENOSPC", "no room is left");
}

#[test]
fn a_used_up_quota_refuses_a_batch_and_takes_it_when_there_is_room() {
    meet_while_applying("journal/data.mdb extend 0 * EDQUOT", "quota");
}

#[test]
fn a_disk_that_became_read_only_refuses_a_batch_and_takes_it_when_it_is_writable() {
    meet_while_applying("journal/data.mdb write 0 * EROFS", "read-only");
}

#[test]
fn a_write_that_fails_refuses_a_batch_and_takes_it_when_the_disk_is_well() {
    meet_while_applying("journal/data.mdb write 0 * EIO", "system log");
    meet_while_applying("journal/data.mdb write 0 1 EIO", "system log");
    meet_while_applying("journal/data.mdb write 0 1 short", "did not take all");
}

/// With one of these LMDB can neither write its meta page nor put the older one back, so that the batch is in the system's
/// cache although it was refused. Nobody must see it.
#[test]
fn a_disk_that_fails_from_some_write_on_shows_nothing_of_what_was_refused() {
    for good_first in 0..6 {
        meet_while_applying(&format!("journal/data.mdb write {good_first} * EIO"), "system log");
    }
}

#[test]
fn a_sync_that_fails_refuses_a_batch_and_takes_it_when_the_disk_is_well() {
    meet_while_applying("journal/data.mdb sync 0 * EIO", "system log");
    meet_while_applying("journal/data.mdb sync 0 1 EIO", "system log");
    meet_while_applying("journal/data.mdb sync 0 1 ENOSPC", "no room is left");
}

/// LMDB writes the page by which a transaction takes effect through a descriptor of its own. When that fails, it does
/// not trust its environment any more and refuses every further transaction: the store must open it anew.
#[test]
fn a_meta_page_that_fails_refuses_a_batch_and_takes_it_when_the_disk_is_well() {
    meet_while_applying("journal/data.mdb write-synced 0 1 EIO", "system log");
    meet_while_applying("journal/data.mdb write-synced 0 * EIO", "system log");
    meet_while_applying("journal/data.mdb write-synced 0 1 ENOSPC", "no room is left");
    meet_while_applying("journal/data.mdb write-synced 0 1 EROFS", "read-only");
    meet_while_applying("journal/data.mdb write-synced 0 1 short", "no room is left");
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_applies() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let Setting { world, hint, .. } = &setting;
    let store = LmdbStore::open(world, Options::default()).unwrap();
    (1..=BEFORE).for_each(|n| store.apply(&STORY.batch(n)).unwrap());

    setting.fail(0);
    let (refused, error) = first_refused(&store).expect("no batch met the fault");
    assert_clear(&error, hint);
    assert_holds(&store, refused - 1);
    if setting.is_lasting(0) {
        assert_clear(&store.apply(&STORY.batch(refused)).unwrap_err(), "");
        assert_holds(&store, refused - 1);
    }

    setting.heal();
    for n in [refused, refused + 1] {
        store.apply(&STORY.batch(n)).unwrap();
        assert_holds(&store, n);
    }
    drop(store);
    assert_holds(&LmdbStore::open(world, Options::default()).unwrap(), refused + 1);
}

/// Applies batches until one is refused.
fn first_refused(store: &LmdbStore) -> Option<(u64, StoreError)> {
    (BEFORE + 1..=BEFORE + TRIED)
        .find_map(|n| store.apply(&STORY.batch(n)).err().map(|error| (n, error)))
}

/// One of the next so many batches needs room.
const TRIED: u64 = 40;
