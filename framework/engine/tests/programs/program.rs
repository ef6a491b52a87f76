//! Programs: what may be done in a transaction, and how random ones are made.

use daystar_model::{ObjectId, Space};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a whole run does: the prelude first, then the threads at once.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) objects_max: usize,
    pub(crate) prelude: Vec<Transaction>,
    pub(crate) threads: Vec<Vec<Transaction>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) is_read_only: bool,
    /// Whether it swallows faults, instead of failing with the first.
    pub(crate) goes_on: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) ending: Ending,
}

#[derive(Clone, Debug)]
pub(crate) enum Ending {
    Commit,
    Refuse,
    /// While changing the object in the slot, if it can be changed.
    Panic {
        slot: usize,
    },
}

/// One operation. Which type it takes the object for is its own idea, and may be wrong.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The new object's id goes into the slot, one of the open ones.
    Insert {
        slot: usize,
        kind: Kind,
        value: i64,
    },
    /// Under the id in the slot, one of the fixed ones.
    InsertAt {
        slot: usize,
        kind: Kind,
        value: i64,
    },
    Get {
        slot: usize,
        kind: Kind,
    },
    Find {
        slot: usize,
        kind: Kind,
    },
    Change {
        slot: usize,
        kind: Kind,
        how: How,
    },
    Remove {
        slot: usize,
        kind: Kind,
    },
    /// Another step while a guard from `get` is alive.
    WhileReading {
        slot: usize,
        kind: Kind,
        step: Box<Step>,
    },
    /// Another step while a guard from `get_mut` is alive.
    WhileChanging {
        slot: usize,
        kind: Kind,
        how: How,
        step: Box<Step>,
    },
    Send {
        number: u32,
    },
    /// A random number is drawn, and added to the object.
    Draw {
        slot: usize,
        kind: Kind,
    },
    Now,
}

/// The managed types there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Account,
    Tally,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Set(i64),
    Add(i64),
}

impl How {
    pub(crate) fn applied_to(self, value: i64) -> i64 {
        match self {
            How::Set(new) => new,
            How::Add(more) => value + more,
        }
    }
}

/// Which object is meant by which slot. What an open slot holds is the id last inserted there, whatever became of
/// the transaction that did it: so ids are used that lead nowhere, and ids that others have yet to commit.
pub(crate) type Slots = [ObjectId; 8];

/// The slots before this one are open, the others fixed: three names, and a session's id given in advance.
pub(crate) const FIRST_FIXED: usize = 4;

/// The spaces of the open slots' objects.
pub(crate) const SPACES: [Space; FIRST_FIXED] =
    [Space::Object, Space::Object, Space::Session, Space::Task];

/// The slots at first: the open ones hold ids that nobody is ever given.
pub(crate) fn first_slots(session: ObjectId) -> Slots {
    std::array::from_fn(|slot| match slot {
        open if open < FIRST_FIXED => ObjectId::new(SPACES[open], (1 << 40) + open as u64),
        7 => session,
        name => ObjectId::new(Space::Name, 0x9e37_79b9 << name),
    })
}

/// Programs for one thread, on a world that is empty at first or in which some of the open slots are taken.
pub(crate) fn loner() -> impl Strategy<Value = Program> {
    let transactions = vec(transaction(step_with_guards().boxed()), 1..40);
    (objects_max(), 0..=FIRST_FIXED, transactions).prop_map(|(objects_max, taken, transactions)| {
        Program {
            objects_max,
            prelude: (0..taken).map(opening).collect(),
            threads: vec![transactions],
        }
    })
}

/// Programs for three threads, on a world in which the open slots are taken at first.
pub(crate) fn crowd() -> impl Strategy<Value = Program> {
    (objects_max(), vec(vec(transaction(step().boxed()), 1..24), 3)).prop_map(
        |(objects_max, threads)| Program {
            objects_max,
            prelude: (0..FIRST_FIXED).map(opening).collect(),
            threads,
        },
    )
}

fn opening(slot: usize) -> Transaction {
    Transaction {
        is_read_only: false,
        goes_on: false,
        steps: vec![Step::Insert { slot, kind: Kind::Account, value: 0 }],
        ending: Ending::Commit,
    }
}

fn objects_max() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(100_000), 1 => 1_usize..7]
}

fn transaction(step: BoxedStrategy<Step>) -> impl Strategy<Value = Transaction> {
    // One that may only look mostly does so: its changes all come to the same end.
    let mostly_looking = prop_oneof![5 => looking(), 1 => step.clone()].boxed();
    prop_oneof![5 => transaction_of(false, step), 1 => transaction_of(true, mostly_looking)]
}

fn transaction_of(
    is_read_only: bool,
    step: BoxedStrategy<Step>,
) -> impl Strategy<Value = Transaction> {
    let ending = prop_oneof![
        8 => Just(Ending::Commit),
        1 => Just(Ending::Refuse),
        1 => any_slot().prop_map(|slot| Ending::Panic { slot }),
    ];
    // An attempt keeps its first few objects otherwise than those after them, so some must have many.
    let steps = prop_oneof![8 => vec(step.clone(), 0..14), 1 => vec(step, 30..60)];
    (prop::bool::weighted(0.7), steps, ending).prop_map(move |(goes_on, steps, ending)| {
        Transaction { is_read_only, goes_on, steps, ending }
    })
}

fn step_with_guards() -> impl Strategy<Value = Step> {
    let once = holding(step().boxed());
    let twice = holding(once.clone());
    prop_oneof![8 => step(), 3 => once, 1 => twice]
}

/// A step inside another that holds a guard, more often than not of the object that the inner one wants.
fn holding(step: BoxedStrategy<Step>) -> BoxedStrategy<Step> {
    let how = prop::option::of(how());
    (any_slot(), kind(), how, prop::bool::weighted(0.7), step)
        .prop_map(|(slot, kind, how, is_same, mut step)| {
            if is_same {
                step.aim_at(slot);
            }
            let step = Box::new(step);
            match how {
                None => Step::WhileReading { slot, kind, step },
                Some(how) => Step::WhileChanging { slot, kind, how, step },
            }
        })
        .boxed()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => looking(),
        3 => (0..FIRST_FIXED, kind(), value())
            .prop_map(|(slot, kind, value)| Step::Insert { slot, kind, value }),
        3 => (FIRST_FIXED..8, kind(), value())
            .prop_map(|(slot, kind, value)| Step::InsertAt { slot, kind, value }),
        5 => (any_slot(), kind(), how())
            .prop_map(|(slot, kind, how)| Step::Change { slot, kind, how }),
        2 => (any_slot(), kind()).prop_map(|(slot, kind)| Step::Remove { slot, kind }),
        1 => (any_slot(), kind()).prop_map(|(slot, kind)| Step::Draw { slot, kind }),
    ]
}

fn looking() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any_slot(), kind()).prop_map(|(slot, kind)| Step::Get { slot, kind }),
        4 => (any_slot(), kind()).prop_map(|(slot, kind)| Step::Find { slot, kind }),
        1 => any::<u32>().prop_map(|number| Step::Send { number }),
        1 => Just(Step::Now),
    ]
}

fn any_slot() -> impl Strategy<Value = usize> {
    0..8_usize
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![6 => Just(Kind::Account), 1 => Just(Kind::Tally)]
}

fn value() -> impl Strategy<Value = i64> {
    -1_000_i64..1_000
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![1 => value().prop_map(How::Set), 3 => value().prop_map(How::Add)]
}

impl Step {
    /// Turns the step to another object, where it is about one; an insertion keeps to its sort of slot.
    fn aim_at(&mut self, target: usize) {
        match self {
            Step::Get { slot, .. }
            | Step::Find { slot, .. }
            | Step::Change { slot, .. }
            | Step::Remove { slot, .. }
            | Step::WhileReading { slot, .. }
            | Step::WhileChanging { slot, .. }
            | Step::Draw { slot, .. } => *slot = target,
            Step::InsertAt { slot, .. } if target >= FIRST_FIXED => *slot = target,
            Step::Insert { .. } | Step::InsertAt { .. } | Step::Send { .. } | Step::Now => {}
        }
    }
}
