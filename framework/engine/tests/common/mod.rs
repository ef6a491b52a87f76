//! What the engine's tests share: an empty store, a managed type written by hand, jobs from closures.
#![allow(dead_code, reason = "each test file is a program of its own and uses a part of this")]

use std::sync::Arc;

use daystar_engine::{Attempt, CommitSink, Engine, Error, Job, Outcome, Settings};
use daystar_model::managed::Registration;
use daystar_model::store::Visit;
use daystar_model::{
    Batch, CommitNumber, Managed, ManualClock, Object, ObjectId, RecordError, Store, StoreError,
    TypeDescriptor,
};

/// A store in which there is nothing.
pub(crate) struct EmptyStore;

impl Store for EmptyStore {
    fn load(&self, _: ObjectId) -> Result<Option<(CommitNumber, Arc<dyn Object>)>, StoreError> {
        Ok(None)
    }
    fn apply(&self, _: &Batch) -> Result<(), StoreError> {
        Ok(())
    }
    fn scan(&self, _: ObjectId, _: ObjectId, _: &mut Visit<'_>) -> Result<(), StoreError> {
        Ok(())
    }
    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(CommitNumber::ZERO)
    }
    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(1)
    }
}

/// An account; never written to disk here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) gold: i64,
}

impl Managed for Account {
    const TYPE_NAME: &'static str = "Account";
    const VERSION: u32 = 1;
    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        Ok(self.gold.to_le_bytes().to_vec())
    }
    fn decode(_: u32, payload: &[u8]) -> Result<Self, RecordError> {
        let bytes =
            payload.try_into().map_err(|_| RecordError::Truncated { length: payload.len() })?;
        Ok(Self { gold: i64::from_le_bytes(bytes) })
    }
    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<Account>();
        &DESCRIPTOR
    }
}

daystar_model::private::inventory::submit!(Registration(<Account as Managed>::descriptor));

/// A job from a closure.
pub(crate) struct Closure<F> {
    pub(crate) work: F,
    pub(crate) is_read_only: bool,
}

impl<F: Fn(&Attempt<'_>) -> Result<(), Error> + Send> Job for Closure<F> {
    fn kind(&self) -> &'static str {
        "test"
    }
    fn is_read_only(&self) -> bool {
        self.is_read_only
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        (self.work)(attempt)
    }
}

/// Runs a closure as a job.
pub(crate) fn run(
    engine: &Engine,
    work: impl Fn(&Attempt<'_>) -> Result<(), Error> + Send,
) -> Outcome {
    engine.run(&Closure { work, is_read_only: false })
}

/// Runs a closure as a read-only job.
pub(crate) fn look(
    engine: &Engine,
    work: impl Fn(&Attempt<'_>) -> Result<(), Error> + Send,
) -> Outcome {
    engine.run(&Closure { work, is_read_only: true })
}

/// An engine over nothing.
pub(crate) fn engine(sink: Arc<dyn CommitSink>, settings: Settings) -> Engine {
    let clock = Arc::new(ManualClock::default());
    Engine::new(Arc::new(EmptyStore), sink, clock, settings).expect("an empty store is readable")
}
