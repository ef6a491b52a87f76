//! A closure as a task, without a game around it: for tests and benches.

use std::sync::Arc;

use daystar_engine::{Attempt, Error, Job};
use daystar_macros::message;

use crate::game::ctx::{Ctx, EventType};
use crate::game::rules::Result;

type Work = dyn Fn(&Ctx) -> Result<()> + Send + Sync;

/// A closure as a task. It can do all but send messages, since it is not known of which type they are.
#[doc(hidden)]
#[derive(Clone)]
pub struct Closure {
    work: Arc<Work>,
    is_read_only: bool,
}

/// What nobody sends.
#[message]
struct Nothing;

impl Closure {
    /// `work` as a task.
    pub fn new(work: impl Fn(&Ctx) -> Result<()> + Send + Sync + 'static) -> Self {
        Self { work: Arc::new(work), is_read_only: false }
    }

    /// The same, as a task that only reads: it sees the moment at which it began.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { is_read_only: true, ..self }
    }
}

impl Job for Closure {
    fn kind(&self) -> &'static str {
        "closure"
    }
    fn is_read_only(&self) -> bool {
        self.is_read_only
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let ctx = Ctx::new(attempt, EventType::of::<Nothing>(), None);
        (self.work)(&ctx)?;
        ctx.take_problem()
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(self.clone()))
    }
}
