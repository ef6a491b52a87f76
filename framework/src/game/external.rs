//! Calls of the outside world, which come after the commit that asked for them: [`External`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use daystar_engine::{Attempt, Effect, Error, Job};
use daystar_model::{Managed, ObjectId};

use crate::game::ctx::Ctx;
use crate::game::plan::Retry;
use crate::game::rules::Result;
use crate::game::task::Stored;
use crate::game::task_record::{Stage, TaskRecord};

/// Something to be asked of the outside world (a payment, a mail, another server's answer) when a task has committed, for
/// [`Ctx::after_commit`]. What comes of it arrives as a task.
///
/// A value with `#[external]` on its type. It is stored with the commit that asked for it, and called when that is on
/// disk; again and again until it has an answer, if need be after a restart. So it may be called more than once, each time
/// with the same key, by which the other side can tell that it has done it already.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Player { pub gold: u64 }
///
/// #[external]
/// pub struct Buy { pub player: Ref<Player>, pub gold: u64 }
///
/// #[managed]
/// pub struct Receipt { pub number: u64 }
///
/// impl External for Buy {
///     type Output = Receipt;
///
///     async fn call(self, key: CallKey) -> Result<Receipt> {
///         // let answer = shop.charge(self.gold, idempotency_key = key.to_string()).await?;
///         Ok(Receipt { number: key.to_string().len() as u64 })
///     }
///     fn done(&self, ctx: &Ctx, _receipt: Receipt) -> Result<()> {
///         ctx.get_mut(self.player)?.gold += self.gold;
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a call of the outside world",
    label = "not a call",
    note = "put `#[external]` above the definition of `{Self}`, and write `impl External for {Self}`"
)]
pub trait External: Managed {
    /// What the outside world answers.
    type Output: Managed;

    /// How often it is called, and how far apart, before it is set aside; and how often [`done`](Self::done) is tried.
    const RETRY: Retry = Retry::FOREVER;

    /// How long a call may take. One that takes longer is dropped at its next `await`, and counts as one that has failed: so calls
    /// that nobody answers do not keep the others from being made.
    const TIMEOUT: Duration = Duration::from_secs(60);

    /// Calls the outside world, on the network's threads. It cannot touch the world.
    ///
    /// # Errors
    /// There is no answer yet. It is called again, as [`RETRY`](Self::RETRY) says. What the outside world refuses for good is
    /// an answer: make it part of [`Output`](Self::Output).
    fn call(self, key: CallKey) -> impl Future<Output = Result<Self::Output>> + Send;

    /// Does what follows from the answer, as a task of its own, exactly once.
    ///
    /// # Errors
    /// As [`Task::run`](crate::Task::run). It is tried again with the same answer.
    fn done(&self, ctx: &Ctx, output: Self::Output) -> Result<()>;
}

/// What tells one call of [`External::call`] from all others, and is the same each time that one is made. Random, and shown as 32
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallKey(pub(crate) [u64; 2]);

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([high, low]) = self;
        write!(f, "{high:016x}{low:016x}")
    }
}

impl fmt::Debug for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A call under way, which ends with the stored form of its answer.
pub(crate) type CallFuture = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// The stored form of an answer: its type's version, and its bytes.
pub(crate) struct Answer {
    pub(crate) version: u32,
    pub(crate) payload: Vec<u8>,
}

/// Makes the call that is stored so.
pub(crate) fn call<T: External>(external: Stored<'_>, key: CallKey) -> Result<CallFuture> {
    let external = external.value::<T>()?;
    Ok(Box::pin(async move {
        let output = external.call(key).await?;
        Ok(Answer { version: T::Output::VERSION, payload: Managed::encode(&output)? })
    }))
}

/// Does what follows from a stored answer to a stored call.
pub(crate) fn done<T: External>(external: Stored<'_>, answer: Stored<'_>, ctx: &Ctx) -> Result<()> {
    external.value::<T>()?.done(ctx, answer.value()?)
}

/// Stores an answer, from where it is a task like any other.
pub(crate) struct Answered {
    pub(crate) task: ObjectId,
    pub(crate) kind: &'static str,
    pub(crate) version: u32,
    pub(crate) payload: Vec<u8>,
}

impl Job for Answered {
    fn kind(&self) -> &'static str {
        "answered"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let is_waiting = attempt
            .find::<TaskRecord>(self.task)?
            .is_some_and(|record| matches!(record.stage, Stage::Call { .. }));
        // It may have been cancelled meanwhile.
        if !is_waiting {
            return Ok(());
        }
        let mut record = attempt.get_mut::<TaskRecord>(self.task)?;
        record.stage = Stage::Answered { version: self.version, payload: self.payload.clone() };
        record.trouble = None;
        record.due = attempt.now();
        let (due, dial) = (record.due, record.dial());
        attempt.effect(Effect::Schedule { task: self.task, due, dial, kind: self.kind });
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (task, kind, version) = (self.task, self.kind, self.version);
        Some(Box::new(Self { task, kind, version, payload: self.payload.clone() }))
    }
}
