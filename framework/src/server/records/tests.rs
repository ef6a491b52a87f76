//! That tasks which this program cannot run are listed, each: those because of which a server refuses the world, and those that
//! it would find out about later. (What else cannot be read: `cli::restore::tests`, and the tests of the sample game's tools.)

use daystar_model::{Batch, CommitNumber, Managed, Store, Timestamp};
use daystar_store::LmdbStore;

use super::*;
use crate::game::ctx::Ctx;
use crate::game::external::{CallKey, External};
use crate::game::rules::Result;
use crate::game::task::Task;
use crate::game::task_record::{AnswerKind, Stage};
use crate::server::tasks::load::check_kinds;
use crate::{external, managed, task};

#[task(name = "records.Known")]
struct Known {}

impl Task for Known {
    fn run(&self, _: &Ctx) -> Result<()> {
        Ok(())
    }
}

/// No task.
#[managed(name = "records.Stone")]
struct Stone {}

#[external(name = "records.Order")]
struct Order {}

#[managed(name = "records.Receipt", version = 2)]
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

fn task_of<T: Managed>(value: &T, stage: Stage) -> TaskRecord {
    TaskRecord {
        due: Timestamp::default(),
        by_wall: false,
        every: None,
        type_name: T::TYPE_NAME.to_owned(),
        version: T::VERSION,
        payload: Managed::encode(value).expect("bytes"),
        stage,
        trouble: None,
    }
}

fn kind_of<T: Managed>() -> TaskKind {
    let layout = T::layout(T::VERSION);
    TaskKind { type_name: T::TYPE_NAME.to_owned(), version: T::VERSION, layout, answer: None }
}

/// An order that was answered so in this version.
fn answered(version: u32, payload: Vec<u8>) -> TaskRecord {
    task_of(&Order {}, Stage::Answered { version, payload })
}

/// Orders that were answered by this type in this version.
fn order_kind(type_name: &str, version: u32, layout: Option<String>) -> TaskKind {
    let answer = AnswerKind { type_name: type_name.to_owned(), version, layout };
    TaskKind { answer: Some(answer), ..kind_of::<Order>() }
}

/// What is wrong with a world that has these tasks, and these kinds on its list; and whether a server refuses it.
fn found(kinds: Vec<TaskKind>, tasks: Vec<TaskRecord>) -> (Vec<String>, bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LmdbStore::open(folder.path(), Default::default()).expect("a world");
    let last = CommitNumber(1);
    let list: Arc<dyn Object> = Arc::new(TaskKinds { kinds });
    let mut changes = vec![(TASK_KINDS, last, Some(list))];
    for (index, task) in (5..).zip(tasks) {
        let task: Arc<dyn Object> = Arc::new(task);
        changes.push((ObjectId::new(Space::Task, index), last, Some(task)));
    }
    store.apply(&Batch { changes, last, next_index: 100 }).expect("room");
    let is_refused = check_kinds(&store).is_err();
    drop(store);
    let moment = Moment::open(folder.path(), Default::default()).expect("a world");
    let records = check_records(&moment, usize::MAX, &mut |_, _| {}).expect("a world");
    (records.problems.into_listed(), is_refused)
}

fn receipt() -> Vec<u8> {
    Managed::encode(&Receipt { number: 7 }).expect("bytes")
}

#[test]
fn tasks_that_can_be_run_are_no_problem() {
    let own = Receipt::layout(2);
    let call = || task_of(&Order {}, Stage::Call { key: [1, 2] });
    let gone = TaskKind { type_name: "records.Gone".to_owned(), ..kind_of::<Known>() };
    for (kind, task) in [
        (kind_of::<Known>(), task_of(&Known {}, Stage::Whole)),
        (order_kind("records.Receipt", 2, own.clone()), answered(2, receipt())),
        // Those that were answered by what this program cannot read are through.
        (order_kind("records.Bill", 1, None), call()),
        (order_kind("records.Receipt", 1, None), answered(2, receipt())),
        // So are all of this kind.
        (gone, task_of(&Known {}, Stage::Whole)),
    ] {
        let name = kind.type_name.clone();
        assert_eq!(found(vec![kind], vec![task]), (Vec::new(), false), "{name}");
    }
}

#[test]
fn each_task_that_cannot_be_run_is_listed() {
    let known = || task_of(&Known {}, Stage::Whole);
    let gone = || TaskRecord { type_name: "records.Gone".to_owned(), ..known() };
    let gone_kind = TaskKind { type_name: "records.Gone".to_owned(), ..kind_of::<Known>() };
    let stone = || task_of(&Stone {}, Stage::Whole);
    let changed = || Some("records.Receipt { number: u64, sum: u64 }".to_owned());
    let own = || Receipt::layout(2);
    let unlisted = Vec::new;
    for (kinds, task, cause, is_refused) in [
        (vec![gone_kind], gone(), "of type `records.Gone`, which this program does not have", true),
        (vec![kind_of::<Stone>()], stone(), "of type `records.Stone`", true),
        (unlisted(), stone(), "of type `records.Stone`", false),
        (
            vec![TaskKind { layout: changed(), ..kind_of::<Known>() }],
            known(),
            "`records.Known` has changed without a new version",
            true,
        ),
        (
            vec![order_kind("records.Receipt", 2, changed())],
            answered(2, receipt()),
            "`records.Receipt` has changed without a new version",
            true,
        ),
        // Which would be read as a receipt.
        (
            vec![order_kind("records.Bill", 2, own())],
            answered(2, receipt()),
            "of type `records.Bill`",
            true,
        ),
        (
            vec![order_kind("records.Receipt", 1, None)],
            answered(1, receipt()),
            "a `records.Receipt` of version 1",
            true,
        ),
        (unlisted(), answered(1, receipt()), "a `records.Receipt` of version 1", false),
        (
            vec![order_kind("records.Receipt", 2, own())],
            answered(2, Vec::new()),
            "not a valid `records.Receipt`",
            false,
        ),
    ] {
        let (name, version) = (task.type_name.clone(), task.version);
        // Two of them, and one that is well.
        let (problems, was_refused) =
            found(kinds, vec![task.clone(), task_of(&Order {}, Stage::Call { key: [1, 2] }), task]);
        assert_eq!(was_refused, is_refused, "{cause}");
        assert_eq!(problems.len(), 2, "{cause}: {problems:?}");
        for (problem, id) in problems.iter().zip(["task#5", "task#7"]) {
            let what = format!(
                "object {id}: this program cannot run the task `{name}` of version {version}: "
            );
            assert!(problem.starts_with(&what), "{problem}");
            assert!(problem.contains(cause), "{problem} does not say: {cause}");
            let remedy = format!("start one that can, or throw the task away with `discard {id}`");
            assert!(problem.ends_with(&remedy), "{problem}");
        }
    }
}
