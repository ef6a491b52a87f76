//! Jobs from closures, which can be recorded because a closure can be copied.

use bytes::Bytes;
use daystar_engine::{Attempt, Cause, Effect, Effects, Engine, Error, Job, Outcome};
use daystar_model::{ObjectId, Space};

use super::story::reason;

/// What a job does. It owns what it needs, or shares it: the oracle runs a copy of it later.
pub(crate) trait Work:
    Fn(&Attempt<'_>) -> Result<(), Error> + Clone + Send + 'static
{
}

impl<F: Fn(&Attempt<'_>) -> Result<(), Error> + Clone + Send + 'static> Work for F {}

/// A job from a closure.
#[derive(Clone)]
pub(crate) struct Closure<F> {
    pub(crate) work: F,
    pub(crate) is_read_only: bool,
    /// Whether somebody is told when it fails for good.
    pub(crate) tells: bool,
}

impl<F: Work> Job for Closure<F> {
    fn kind(&self) -> &'static str {
        "test"
    }
    fn is_read_only(&self) -> bool {
        self.is_read_only
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        (self.work)(attempt)
    }
    fn failed(&self, cause: &Cause) -> Effects {
        let mut effects = Effects::default();
        if self.tells {
            effects.push(Effect::Refuse { session: SESSION, call: None, reason: reason(cause) });
        }
        effects
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(self.clone()))
    }
}

/// Whoever is told anything in these tests.
pub(crate) const SESSION: ObjectId = ObjectId::new(Space::Session, 1);

/// A message that says `text`.
pub(crate) fn message(text: impl Into<String>) -> Effect {
    Effect::Send { session: SESSION, frame: Bytes::from(text.into()) }
}

/// Runs a closure as a job.
pub(crate) fn run(engine: &Engine, work: impl Work) -> Outcome {
    engine.run(&Closure { work, is_read_only: false, tells: false })
}

/// Runs a closure as a read-only job.
pub(crate) fn look(engine: &Engine, work: impl Work) -> Outcome {
    engine.run(&Closure { work, is_read_only: true, tells: false })
}

/// Runs a closure as a job that tells somebody when it fails for good.
pub(crate) fn ask(engine: &Engine, work: impl Work) -> Outcome {
    engine.run(&Closure { work, is_read_only: false, tells: true })
}
