//! One round: an engine, its lists, and clients that write down what they observe.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use daystar_engine::{Outcome, Settings, TaskRng};
use daystar_model::ObjectId;

use crate::common::Story;
use crate::history::{Fate, History, Transaction};
use crate::list::List;
use crate::plan::{Plan, Step};
use crate::transact::Transact;

/// Runs the clients of round `number` against an engine of these settings, and tells what they observed.
pub(crate) fn observe(settings: Settings, number: usize) -> (History, Story) {
    let story = Story::new(settings);
    let lists = (0..LISTS).map(|_| story.insert(List::default())).collect();
    let round = Round { story, lists, ticks: AtomicU64::new(0), values: Arc::default() };
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
    transactions.extend(round.transact(CLIENTS, last));
    (History { transactions }, round.story)
}

struct Round {
    story: Story,
    lists: Arc<[ObjectId]>,
    /// Moments, in their order.
    ticks: AtomicU64,
    /// Values, none of which is given twice.
    values: Arc<AtomicU64>,
}

impl Round {
    fn client(&self, client: usize, number: usize) -> Vec<Transaction> {
        let mut rng = TaskRng::new((number * CLIENTS + client) as u128);
        let plans = (0..TRANSACTIONS_EACH).map(|_| Plan::new(&mut rng, LISTS));
        plans.flat_map(|plan| self.transact(client, plan)).collect()
    }

    /// Runs one transaction. What its attempts did that were thrown away is told as transactions that failed:
    /// nothing of that may be seen either.
    fn transact(&self, thread: usize, plan: Plan) -> Vec<Transaction> {
        let (is_refused, attempts) = (plan.is_refused, Arc::<Mutex<Vec<_>>>::default());
        let (lists, values) = (Arc::clone(&self.lists), Arc::clone(&self.values));
        let job = Transact::new(plan, lists, values, Arc::clone(&attempts));
        let invoked = tick(&self.ticks);
        let outcome = self.story.engine.run(&job);
        let completed = tick(&self.ticks);
        let is_committed = matches!(outcome, Outcome::Committed(_));
        assert_eq!(is_committed, !is_refused, "{outcome:?}");

        let attempts = std::mem::take(&mut *attempts.lock().expect("nobody panics with it"));
        let last = attempts.len() - 1;
        let told = attempts.into_iter().enumerate().map(|(place, operations)| {
            let stands = is_committed && place == last;
            let fate = if stands { Fate::Committed } else { Fate::Failed };
            Transaction { thread, invoked, completed, fate, operations }
        });
        told.collect()
    }
}

pub(crate) fn tick(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::SeqCst)
}

/// More than most test machines have cores, so that transactions are also interrupted.
const CLIENTS: usize = 6;

/// So few that most transactions meet others.
const LISTS: usize = 8;

/// So few that a list stays short: each read of it is written down whole.
const TRANSACTIONS_EACH: usize = 100;
