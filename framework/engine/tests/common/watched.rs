//! A value that notices when it is written on while somebody looks at it. Who looks keeps no reference to the value, so
//! that to notice it needs no reading of what may be half written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use daystar_model::managed::Registration;
use daystar_model::{Managed, RecordError, TypeDescriptor};

#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) gold: i64,
    /// How many look at this very value.
    lookers: Arc<AtomicU64>,
    /// What all copies have seen together.
    pub(crate) seen: Arc<Seen>,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// A value was written on while somebody looked at it.
    pub(crate) was_disturbed: AtomicBool,
    /// How often a value that was given back was used again.
    pub(crate) used_again: AtomicU64,
}

impl Watched {
    pub(crate) fn new(seen: Arc<Seen>) -> Self {
        Self { gold: 0, lookers: Arc::default(), seen }
    }

    /// Looks at the value until the guard is dropped.
    pub(crate) fn look(&self) -> Look {
        self.lookers.fetch_add(1, Ordering::SeqCst);
        Look(self.lookers.clone())
    }
}

pub(crate) struct Look(Arc<AtomicU64>);

impl Drop for Look {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Clone for Watched {
    fn clone(&self) -> Self {
        Self { gold: self.gold, lookers: Arc::default(), seen: self.seen.clone() }
    }
}

impl Managed for Watched {
    const TYPE_NAME: &'static str = "Watched";
    const VERSION: u32 = 1;
    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        Ok(self.gold.to_le_bytes().to_vec())
    }
    fn decode(_: u32, payload: &[u8]) -> Result<Self, RecordError> {
        Err(RecordError::Truncated { length: payload.len() })
    }
    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<Watched>();
        &DESCRIPTOR
    }
    fn copy_from(&mut self, other: &Self) {
        self.gold = other.gold;
        self.seen.used_again.fetch_add(1, Ordering::SeqCst);
        if self.lookers.load(Ordering::SeqCst) != 0 {
            self.seen.was_disturbed.store(true, Ordering::SeqCst);
        }
    }
}

daystar_model::private::inventory::submit!(Registration(<Watched as Managed>::descriptor));
