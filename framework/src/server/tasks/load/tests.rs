//! That a program which cannot run a task that waits is told at its start, and which.

use daystar_model::managed::Object;
use daystar_model::{Batch, CommitNumber, Managed, Timestamp};
use daystar_store::MemoryStore;

use super::*;
use crate::game::ctx::Ctx;
use crate::game::rules::Result;
use crate::game::task::Task;
use crate::game::task_record::{Stage, TaskKind};
use crate::task;

#[task(version = 3)]
struct Known {}

impl Task for Known {
    fn run(&self, _: &Ctx) -> Result<()> {
        Ok(())
    }
}

fn record(type_name: &str, version: u32) -> TaskRecord {
    TaskRecord {
        due: Timestamp::default(),
        by_wall: false,
        every: None,
        type_name: type_name.to_owned(),
        version,
        payload: Vec::new(),
        stage: Stage::Whole,
        trouble: None,
    }
}

/// A store with this kind on its list, and such a task, if there `is_one`.
fn store(type_name: &str, version: u32, layout: Option<String>, is_one: bool) -> MemoryStore {
    let store = MemoryStore::new();
    let kinds = vec![TaskKind { type_name: type_name.to_owned(), version, layout }];
    let list: Arc<dyn Object> = Arc::new(TaskKinds { kinds });
    let task: Arc<dyn Object> = Arc::new(record(type_name, version));
    let last = CommitNumber(1);
    let mut changes = vec![(TASK_KINDS, last, Some(list))];
    if is_one {
        changes.push((ObjectId::new(Space::Task, 5), last, Some(task)));
    }
    store.apply(&Batch { changes, last, next_index: 6 }).expect("a store in memory");
    store
}

#[test]
fn a_kind_that_the_program_can_run_is_no_error() {
    let name = Known::TYPE_NAME;
    check_kinds(&MemoryStore::new()).expect("an empty world");
    check_kinds(&store(name, 3, Known::layout(3), true)).expect("the program's own");
    check_kinds(&store("Gone", 1, None, false)).expect("none of them is left");
}

#[test]
fn a_kind_that_it_cannot_run_is_named() {
    let name = Known::TYPE_NAME;
    let changed = Some("something else".to_owned());
    for (store, wanted) in [
        (store("Gone", 1, None, true), "1 tasks `Gone` of version 1"),
        (store(name, 2, None, true), "`Known` of version 2"),
        (store(name, 3, changed, true), "`Known` of version 3"),
        // Managed, but no task.
        (store("daystar.Session", 1, None, true), "`daystar.Session` of version 1"),
    ] {
        let told = check_kinds(&store).expect_err(wanted).to_string();
        assert!(told.contains(wanted) && told.contains("discard --type"), "{told}");
    }
}
