//! Runs a program on an engine, and keeps what there is to judge: what each transaction saw, what the sink was
//! handed, and every object at the end.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use daystar_engine::{CommitSink, Committed, Effect, Engine, Fault, Outcome, Settings};
use daystar_model::{Change, Clock, CommitNumber, ObjectId, Space, Store, Timestamp};
use parking_lot::Mutex;

use crate::common::{Account, Behind, EmptyStore, look};
use crate::model::World;
use crate::performance::{Attempted, Performance, hush};
use crate::program::{Kind, Program, Slots, Transaction, first_slots};
use crate::real::{Number, Tally};
use crate::subject::Seen;

/// How many commits the store is behind, if memory is short.
const LAG: usize = 2;

/// What came of a program.
pub(crate) struct Run {
    /// The prelude's transactions, then those of each thread.
    pub(crate) threads: Vec<Vec<Log>>,
    pub(crate) received: Vec<Received>,
    /// The objects at the end.
    pub(crate) world: World,
}

impl Run {
    pub(crate) fn logs(&self) -> impl Iterator<Item = &Log> {
        self.threads.iter().flatten()
    }
}

/// One transaction, and what came of it.
pub(crate) struct Log {
    pub(crate) index: u32,
    pub(crate) transaction: Transaction,
    /// The newest commit that was known before it began.
    pub(crate) begun: CommitNumber,
    /// The slots as it found them.
    pub(crate) slots: Slots,
    pub(crate) attempts: Vec<Attempted>,
    pub(crate) outcome: Outcome,
}

/// One commit as the sink was handed it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) number: CommitNumber,
    pub(crate) changes: Vec<(ObjectId, Option<(Kind, i64)>)>,
    pub(crate) effects: Vec<Effect>,
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Received>>);

impl CommitSink for Recorder {
    fn committed(&self, commit: Committed) {
        let changes = commit.changes.into_iter().map(|(id, change)| (id, plain(&change)));
        let received = Received {
            number: commit.number,
            changes: changes.collect(),
            effects: commit.effects.into_iter().collect(),
        };
        self.0.lock().push(received);
    }
}

/// What the model calls a value that the engine hands out.
fn plain(change: &Change) -> Option<(Kind, i64)> {
    let value: &dyn Any = &**change.as_ref()?;
    let account = value.downcast_ref().map(|account: &Account| (Kind::Account, account.value()));
    account.or_else(|| value.downcast_ref().map(|tally: &Tally| (Kind::Tally, tally.value())))
}

/// A clock of which every reading is later than the one before, so that asking twice would be noticed.
#[derive(Default)]
struct Restless(AtomicU64);

impl Clock for Restless {
    fn now(&self) -> Timestamp {
        Timestamp { unix_ms: self.0.fetch_add(1, Ordering::SeqCst) + 1 }
    }
}

/// What the threads of a run share.
struct Stage {
    engine: Arc<Engine>,
    recorder: Arc<Recorder>,
    slots: Mutex<Slots>,
}

pub(crate) fn run(program: &Program, mut settings: Settings) -> Run {
    hush();
    settings.limits.objects_max = program.objects_max;
    let recorder = Arc::new(Recorder::default());
    let clock = Arc::new(Restless::default());
    let written = Arc::new(Behind::new(Arc::clone(&recorder), LAG));
    let store: Arc<dyn Store> = match settings.memory {
        Some(_) => written.disk.clone(),
        None => Arc::new(EmptyStore),
    };
    let engine = Engine::new(store, Arc::clone(&written) as _, clock, settings);
    let engine = Arc::new(engine.expect("an empty store is readable"));
    written.tells(&engine);
    let slots = first_slots(engine.new_id(Space::Session));
    let stage = Stage { engine, recorder, slots: Mutex::new(slots) };

    let mut threads = vec![stage.play(0, &program.prelude)];
    let start = Barrier::new(program.threads.len());
    thread::scope(|scope| {
        let mut next = program.prelude.len();
        let playing: Vec<_> = program
            .threads
            .iter()
            .map(|transactions| {
                let first = next as u32;
                next += transactions.len();
                let (stage, start) = (&stage, &start);
                scope.spawn(move || {
                    start.wait();
                    stage.play(first, transactions)
                })
            })
            .collect();
        threads.extend(playing.into_iter().map(|thread| thread.join().expect("a thread's logs")));
    });
    let world = stage.world(known_ids(slots, &threads));
    // Nothing is taken any more: every commit so far was handed on before its job was over, or by a thread
    // that is over.
    let received = std::mem::take(&mut *stage.recorder.0.lock());
    assert_eq!(stage.engine.recount(), stage.engine.counts().bytes, "the tally of bytes is wrong");
    Run { threads, received, world }
}

impl Stage {
    fn play(&self, first: u32, transactions: &[Transaction]) -> Vec<Log> {
        let indices = first..;
        indices
            .zip(transactions)
            .map(|(index, transaction)| self.perform(index, transaction))
            .collect()
    }

    fn perform(&self, index: u32, transaction: &Transaction) -> Log {
        let begun = self.recorder.0.lock().last().map_or(CommitNumber::ZERO, |last| last.number);
        let slots = *self.slots.lock();
        let shared_slots = &self.slots;
        let attempts = Mutex::default();
        let performance = Performance { index, transaction, slots, shared_slots, attempts };
        let outcome = self.engine.run(&performance);
        let attempts = performance.attempts.into_inner();
        Log { index, transaction: transaction.clone(), begun, slots, attempts, outcome }
    }

    /// The objects of these ids, each looked at in a task of its own: one may be all that a task may touch.
    fn world(&self, ids: BTreeSet<ObjectId>) -> World {
        ids.into_iter().filter_map(|id| Some((id, self.object(id)?))).collect()
    }

    fn object(&self, id: ObjectId) -> Option<(Kind, i64)> {
        let found = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&found);
        let outcome = look(&self.engine, move |attempt| {
            *seen.lock() = match attempt.find::<Account>(id) {
                Ok(account) => account.map(|account| (Kind::Account, account.value())),
                Err(Fault::WrongType { .. }) => {
                    attempt.find::<Tally>(id)?.map(|tally| (Kind::Tally, tally.value()))
                }
                Err(fault) => return Err(fault.into()),
            };
            Ok(())
        });
        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
        *found.lock()
    }
}

/// Every id that there is or was, as far as the transactions know.
fn known_ids(slots: Slots, threads: &[Vec<Log>]) -> BTreeSet<ObjectId> {
    let attempts = threads.iter().flatten().flat_map(|log| &log.attempts);
    let inserted = attempts.flat_map(|attempt| &attempt.seen).filter_map(|seen| match seen {
        Seen::Inserted(id) => Some(*id),
        _ => None,
    });
    inserted.chain(slots).collect()
}
