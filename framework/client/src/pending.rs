//! Calls that wait for their answers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use foldhash::fast::FixedState;
use tokio::sync::oneshot;

/// What became of a call: the answer, or the reason why there is none.
pub(crate) type Outcome = Result<Option<Bytes>, String>;

/// The calls under way, by their numbers.
#[derive(Default)]
pub(crate) struct Pending {
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    last: u32,
    /// The numbers are of our own making.
    waiting: HashMap<u32, oneshot::Sender<Outcome>, FixedState>,
    /// No answers will come any more.
    over: bool,
}

/// A call's place among those under way; given up when dropped.
pub(crate) struct Call<'a> {
    pending: &'a Pending,
    number: u32,
    answer: oneshot::Receiver<Outcome>,
    /// It has its outcome, so it has no place any more.
    is_over: bool,
}

impl Pending {
    /// A new call; `None` when no answers will come any more.
    pub(crate) fn begin(&self) -> Option<Call<'_>> {
        let (sender, answer) = oneshot::channel();
        let number = self.with(|calls| {
            if calls.over {
                return None;
            }
            // Zero is no call's number, and after four billion calls an old one may still be waiting.
            calls.last = calls.last.wrapping_add(1);
            while calls.last == 0 || calls.waiting.contains_key(&calls.last) {
                calls.last = calls.last.wrapping_add(1);
            }
            calls.waiting.insert(calls.last, sender);
            Some(calls.last)
        })?;
        Some(Call { pending: self, number, answer, is_over: false })
    }

    /// Gives a call its outcome. A call that nobody waits for any more is passed over.
    pub(crate) fn resolve(&self, number: u32, outcome: Outcome) {
        if let Some(waiting) = self.with(|calls| calls.waiting.remove(&number)) {
            let _ = waiting.send(outcome);
        }
    }

    /// Ends all calls, those to come included, without an outcome.
    pub(crate) fn end(&self) {
        let waiting = self.with(|calls| {
            calls.over = true;
            std::mem::take(&mut calls.waiting)
        });
        drop(waiting);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Calls) -> T) -> T {
        // Nothing under the lock can panic half way.
        act(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Call<'_> {
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// What became of it; `None` when the session ended first.
    pub(crate) async fn outcome(mut self) -> Option<Outcome> {
        let outcome = (&mut self.answer).await.ok();
        self.is_over = true;
        outcome
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.pending.with(|calls| calls.waiting.remove(&self.number));
        }
    }
}
