//! How often simulated players did each kind of thing, for whoever wants to know whether they did what they are there for.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts by the name of what was done. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Done(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Done {
    /// It was done once more.
    pub fn count(&self, what: &'static str) {
        *self.0.lock().entry(what).or_default() += 1;
    }

    /// How often it was done.
    pub fn times(&self, what: &str) -> u64 {
        self.0.lock().get(what).copied().unwrap_or(0)
    }

    /// Everything that was done at least once.
    pub fn all(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().clone()
    }
}
