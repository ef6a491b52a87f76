//! One round: an engine, its lists, and clients that write down what they observe.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use daystar_engine::{Attempt, Engine, Error, Outcome, Settings, TaskRng};
use daystar_model::{ObjectId, Space};

use crate::common::{Closure, engine, run};
use crate::history::{Fate, History, Operation, Transaction};
use crate::list::List;
use crate::plan::{Plan, Step};

/// Runs the clients of round `number` against an engine of these settings, and tells what they observed.
pub(crate) fn observe(settings: Settings, number: usize) -> History {
    let engine = engine(Arc::new(()), settings);
    let lists = (0..LISTS).map(|_| new_list(&engine)).collect();
    let round = Round { engine, lists, ticks: AtomicU64::new(0), values: AtomicU64::new(0) };
    let mut transactions = Vec::new();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let round = &round;
                scope.spawn(move || round.client(client, number))
            })
            .collect();
        for client in clients {
            transactions.extend(client.join().expect("a client observes, and judges nothing"));
        }
    });
    // At the end somebody looks at everything, so that the order of all appends is known.
    let read = |list| Step { list, appends: false, yields: false };
    let steps = (0..LISTS).map(read).collect();
    let last = Plan { steps, is_read_only: true, is_refused: false };
    transactions.extend(round.transact(CLIENTS, &last));
    History { transactions }
}

struct Round {
    engine: Engine,
    lists: Vec<ObjectId>,
    /// Moments, in their order.
    ticks: AtomicU64,
    /// Values, none of which is given twice.
    values: AtomicU64,
}

impl Round {
    fn client(&self, client: usize, number: usize) -> Vec<Transaction> {
        let mut rng = TaskRng::new((number * CLIENTS + client) as u128);
        let plans = (0..TRANSACTIONS_EACH).map(|_| Plan::new(&mut rng, LISTS));
        plans.flat_map(|plan| self.transact(client, &plan)).collect()
    }

    /// Runs one transaction. What its attempts did that were thrown away is told as transactions that failed:
    /// nothing of that may be seen either.
    fn transact(&self, thread: usize, plan: &Plan) -> Vec<Transaction> {
        let attempts = Mutex::new(Vec::new());
        let work = |attempt: &Attempt<'_>| {
            let mut operations = Vec::new();
            let result = self.follow(plan, attempt, &mut operations);
            attempts.lock().expect("nobody panics with it").push(operations);
            result
        };
        let invoked = tick(&self.ticks);
        let outcome = self.engine.run(&Closure { work, is_read_only: plan.is_read_only });
        let completed = tick(&self.ticks);
        let is_committed = matches!(outcome, Outcome::Committed(_));
        assert_eq!(is_committed, !plan.is_refused, "{outcome:?}");

        let attempts = attempts.into_inner().expect("nobody panics with it");
        let last = attempts.len() - 1;
        let told = attempts.into_iter().enumerate().map(|(place, operations)| {
            let stands = is_committed && place == last;
            let fate = if stands { Fate::Committed } else { Fate::Failed };
            Transaction { thread, invoked, completed, fate, operations }
        });
        told.collect()
    }

    /// Makes one attempt. Every attempt appends values of its own, so that what it leaves behind can be told
    /// from what the next one does.
    fn follow(
        &self,
        plan: &Plan,
        attempt: &Attempt<'_>,
        operations: &mut Vec<Operation>,
    ) -> Result<(), Error> {
        for step in &plan.steps {
            let id = self.lists[step.list];
            operations.push(if step.appends {
                let value = tick(&self.values);
                attempt.get_mut::<List>(id)?.values.push(value);
                Operation::Append(step.list, value)
            } else {
                Operation::Read(step.list, attempt.get::<List>(id)?.values.clone())
            });
            if step.yields {
                thread::yield_now();
            }
        }
        if plan.is_refused {
            return Err(Error::refused("as planned"));
        }
        Ok(())
    }
}

fn tick(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::SeqCst)
}

fn new_list(engine: &Engine) -> ObjectId {
    let made = AtomicU64::new(0);
    let outcome = run(engine, |attempt| {
        let id = attempt.insert(Space::Object, List::default())?;
        made.store(id.to_raw(), Ordering::Relaxed);
        Ok(())
    });
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    ObjectId::from_raw(made.into_inner())
}

/// More than most test machines have cores, so that transactions are also interrupted.
const CLIENTS: usize = 6;

/// So few that most transactions meet others.
const LISTS: usize = 8;

/// So few that a list stays short: each read of it is written down whole.
const TRANSACTIONS_EACH: usize = 100;
