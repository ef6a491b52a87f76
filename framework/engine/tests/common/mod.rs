//! What the engine's tests share: an empty store, managed types written by hand, jobs from closures, and the story that
//! a concurrency test tells.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test file is a program of its own and uses a part of this"
)]

mod broken;
mod closure;
mod disk;
mod log;
mod story;

use std::sync::Arc;

use daystar_engine::{CommitSink, Engine, Settings};
use daystar_model::managed::Registration;
use daystar_model::store::Visit;
use daystar_model::{
    Batch, CommitNumber, Managed, ManualClock, Object, ObjectId, RecordError, Store, StoreError,
    TypeDescriptor,
};

pub(crate) use broken::seen_by_clients;
pub(crate) use closure::{Closure, SESSION, Work, ask, look, message, run};
pub(crate) use disk::{Behind, Disk};
pub(crate) use log::Log;
pub(crate) use story::{
    Story, cause, committed, fault, is_committed, is_first, no_memory, reason, refusal,
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

/// A text; never written to disk here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) text: String,
}

impl Managed for Note {
    const TYPE_NAME: &'static str = "Note";
    const VERSION: u32 = 1;
    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        Ok(self.text.clone().into_bytes())
    }
    fn decode(_: u32, payload: &[u8]) -> Result<Self, RecordError> {
        let text = String::from_utf8_lossy(payload).into_owned();
        Ok(Self { text })
    }
    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<Note>();
        &DESCRIPTOR
    }
    fn heap_bytes(&self) -> usize {
        self.text.capacity()
    }
}

daystar_model::private::inventory::submit!(Registration(<Note as Managed>::descriptor));

/// An engine over nothing.
pub(crate) fn engine(sink: Arc<dyn CommitSink>, settings: Settings) -> Engine {
    let clock = Arc::new(ManualClock::default());
    Engine::new(Arc::new(EmptyStore), sink, clock, settings).expect("an empty store is readable")
}
