//! The list that the workload appends to: a managed type written by hand.

use daystar_model::managed::Registration;
use daystar_model::{Managed, RecordError, TypeDescriptor};

/// A list that only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) values: Vec<u64>,
}

impl Managed for List {
    const TYPE_NAME: &'static str = "List";
    const VERSION: u32 = 1;
    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        Ok(self.values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }
    fn decode(_: u32, payload: &[u8]) -> Result<Self, RecordError> {
        let (values, rest) = payload.as_chunks();
        if !rest.is_empty() {
            return Err(RecordError::Truncated { length: payload.len() });
        }
        Ok(Self { values: values.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect() })
    }
    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<List>();
        &DESCRIPTOR
    }
}

daystar_model::private::inventory::submit!(Registration(<List as Managed>::descriptor));
