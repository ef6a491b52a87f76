//! That a program which cannot run a task that waits is told at its start, and which.

use daystar_model::managed::Object;
use daystar_model::{Batch, CommitNumber, Managed, Timestamp};
use daystar_store::MemoryStore;

use super::*;
use crate::game::ctx::Ctx;
use crate::game::external::{CallKey, External};
use crate::game::rules::Result;
use crate::game::task::Task;
use crate::game::task_record::{AnswerKind, Stage, TaskKind};
use crate::{external, managed, task};

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
    let kind = TaskKind { type_name: type_name.to_owned(), version, layout, answer: None };
    store_with(kind, is_one.then(|| record(type_name, version)))
}

/// A store with this kind on its list, and this task.
fn store_with(kind: TaskKind, task: Option<TaskRecord>) -> MemoryStore {
    let store = MemoryStore::new();
    let kinds = vec![kind];
    let list: Arc<dyn Object> = Arc::new(TaskKinds { kinds });
    let last = CommitNumber(1);
    let mut changes = vec![(TASK_KINDS, last, Some(list))];
    if let Some(task) = task {
        let task: Arc<dyn Object> = Arc::new(task);
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
    let update = check_kinds(&store("Gone", 1, None, false)).expect("none of them is left");
    assert_eq!((update.gone.len(), update.changed.len()), (1, 0));
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

#[external]
struct Order {}

#[managed(version = 2)]
struct Receipt {
    number: u64,
}

impl External for Order {
    type Output = Receipt;

    async fn call(self, _: CallKey) -> Result<Receipt> {
        Ok(Receipt { number: 1 })
    }
    fn done(&self, _: &Ctx, _: Receipt) -> Result<()> {
        Ok(())
    }
}

/// A store with an order that has been answered by this type in this version, of this layout.
fn answered(type_name: &str, version: u32, layout: Option<String>, stage: Stage) -> MemoryStore {
    let task = TaskRecord { stage, ..record(Order::TYPE_NAME, Order::VERSION) };
    store_with(answered_kind(type_name, version, layout), Some(task))
}

/// One that has had such an order, in a version that nobody reads.
fn answered_and_gone(type_name: &str) -> MemoryStore {
    store_with(answered_kind(type_name, 1, None), None)
}

fn answered_kind(type_name: &str, version: u32, layout: Option<String>) -> TaskKind {
    let answer = AnswerKind { type_name: type_name.to_owned(), version, layout };
    let (name, own) = (Order::TYPE_NAME, Order::VERSION);
    TaskKind {
        type_name: name.to_owned(),
        version: own,
        layout: Order::layout(own),
        answer: Some(answer),
    }
}

#[test]
fn an_answer_that_the_program_cannot_read_is_named() {
    let name = Receipt::TYPE_NAME;
    let stage = |version| Stage::Answered { version, payload: Vec::new() };
    let own = Receipt::layout(2);
    let none = check_kinds(&answered(name, 2, own.clone(), stage(2))).expect("its own");
    assert!(none.has_nothing());
    let changed = Some("something else".to_owned());
    for (store, wanted) in [
        (answered(name, 1, None, stage(1)), "`Receipt`"),
        (answered(name, 2, changed, stage(2)), "`Receipt` has changed"),
        // Which would be read as a receipt.
        (answered("Bill", 2, own, stage(2)), "`Bill`"),
    ] {
        let told = check_kinds(&store).expect_err(wanted).to_string();
        assert!(told.contains("1 tasks `Order`") && told.contains(wanted), "{told}");
    }
    // It has not been answered yet, or was by what this program reads: it goes on.
    for stage in [Stage::Call { key: [1, 2] }, stage(2)] {
        let store = answered(name, 1, None, stage);
        let update = check_kinds(&store).expect("an order to be made");
        let (_, list) = store.load(TASK_KINDS).expect("a store in memory").expect("a list");
        let mut list = list.as_any().downcast_ref::<TaskKinds>().expect("a list").clone();
        update.apply(&mut list);
        let [kind] = &*list.kinds else { panic!("{list:?}") };
        assert_eq!((&*kind.type_name, kind.version), (Order::TYPE_NAME, Order::VERSION));
        let answer = kind.answer.as_ref().expect("an answer");
        assert_eq!((&*answer.type_name, answer.version), (name, 2), "which it will have");
        assert_eq!(answer.layout, Receipt::layout(2));
        // Another program that has no such orders must not overlook the one that waits.
        kind.check().expect("a kind of this program");
        update.apply(&mut list);
        assert_eq!(list.kinds.len(), 1);
    }
    let update = check_kinds(&answered_and_gone(name)).expect("none of them is left");
    assert_eq!((update.gone.len(), update.changed.len()), (1, 0));
}

#[test]
fn a_kind_that_is_listed_twice_once_its_answers_are_changed_is_listed_once() {
    let kind = |answer: &str| TaskKind {
        type_name: "Order".to_owned(),
        version: 1,
        layout: None,
        answer: Some(AnswerKind { type_name: answer.to_owned(), version: 1, layout: None }),
    };
    let mut list = TaskKinds { kinds: vec![kind("Bill"), kind("Receipt")] };
    let changed = vec![(kind("Bill"), kind("Receipt"))];
    UpdateKinds { gone: Vec::new(), changed }.apply(&mut list);
    assert_eq!(list.kinds, [kind("Receipt")]);
}
