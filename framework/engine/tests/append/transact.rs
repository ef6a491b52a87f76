//! One transaction as a job: it follows a plan, and writes down what each attempt observed.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use daystar_engine::{Attempt, Error, Job};
use daystar_model::ObjectId;

use crate::common::refusal;
use crate::history::Operation;
use crate::list::List;
use crate::plan::Plan;
use crate::round::tick;

/// A transaction.
pub(crate) struct Transact {
    plan: Arc<Plan>,
    lists: Arc<[ObjectId]>,
    source: Source,
    /// What each attempt observed.
    attempts: Arc<Mutex<Vec<Vec<Operation>>>>,
}

/// Where the values come from that are appended.
enum Source {
    /// Fresh ones, none of which is given twice. So every attempt appends values of its own, and what it leaves behind
    /// can be told from what the next one does.
    Fresh(Arc<AtomicU64>),
    /// Those of the attempt that was recorded, first to last.
    Recorded(Vec<u64>),
}

impl Transact {
    pub(crate) fn new(
        plan: Plan,
        lists: Arc<[ObjectId]>,
        values: Arc<AtomicU64>,
        attempts: Arc<Mutex<Vec<Vec<Operation>>>>,
    ) -> Self {
        Self { plan: Arc::new(plan), lists, source: Source::Fresh(values), attempts }
    }

    /// The value for the append that comes after so many others.
    fn value(&self, appended: usize) -> u64 {
        match &self.source {
            Source::Fresh(values) => tick(values),
            Source::Recorded(values) => values[appended],
        }
    }

    fn follow(&self, attempt: &Attempt<'_>, operations: &mut Vec<Operation>) -> Result<(), Error> {
        for step in &self.plan.steps {
            let id = self.lists[step.list];
            operations.push(if step.appends {
                let value = self.value(appended(operations).len());
                attempt.get_mut::<List>(id)?.values.push(value);
                Operation::Append(step.list, value)
            } else {
                Operation::Read(step.list, attempt.get::<List>(id)?.values.clone())
            });
            if step.yields {
                std::thread::yield_now();
            }
        }
        if self.plan.is_refused { refusal("as planned") } else { Ok(()) }
    }
}

impl Job for Transact {
    fn kind(&self) -> &'static str {
        "transact"
    }
    fn is_read_only(&self) -> bool {
        self.plan.is_read_only
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let mut operations = Vec::new();
        let result = self.follow(attempt, &mut operations);
        self.attempts.lock().expect("nobody panics with it").push(operations);
        result
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let attempts = self.attempts.lock().expect("nobody panics with it");
        Some(Box::new(Self {
            plan: Arc::clone(&self.plan),
            lists: Arc::clone(&self.lists),
            source: Source::Recorded(appended(attempts.last()?)),
            attempts: Arc::default(),
        }))
    }
}

/// The values that these operations have appended.
fn appended(operations: &[Operation]) -> Vec<u64> {
    let value = |operation: &Operation| match operation {
        Operation::Append(_, value) => Some(*value),
        Operation::Read(..) => None,
    };
    operations.iter().filter_map(value).collect()
}
