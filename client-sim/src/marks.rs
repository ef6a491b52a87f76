//! What happens to a run from outside and its report should show, such as the server being killed.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

/// A list that is added to while a run goes on. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Marks(Arc<Mutex<Vec<(Instant, String)>>>);

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    /// When, in seconds since the clients began to play.
    pub at_s: f64,
    /// What, in a few words.
    pub what: String,
}

impl Marks {
    /// It happens now.
    pub fn add(&self, what: impl Into<String>) {
        self.0.lock().push((Instant::now(), what.into()));
    }

    /// Everything until now, in the order in which it was added, counted from `began`. What was before that counts as
    /// having happened then.
    pub(crate) fn since(&self, began: Instant) -> Vec<Mark> {
        let marks = self.0.lock();
        let at_s = |at: &Instant| at.saturating_duration_since(began).as_secs_f64();
        marks.iter().map(|(at, what)| Mark { at_s: at_s(at), what: what.clone() }).collect()
    }
}
