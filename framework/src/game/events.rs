//! The jobs that game code is run as: one for each thing that can happen to a game.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use daystar_engine::{Attempt, Cause, Effect, Effects, Error, Job};
use daystar_model::ObjectId;
use daystar_protocol::message::decode_message;
use daystar_protocol::to_client::ToClient;
use tracing::{error, warn};

use crate::game::ctx::{Asked, Ctx, EventType};
use crate::game::rules::{Game, Result};
use crate::game::session::{Left, Session, SessionRecord};
use crate::game::task::TaskRecord;

/// Runs `work` with a `Ctx`, and fails if a call that returns nothing went wrong.
fn with_ctx<G: Game>(
    attempt: &Attempt<'_>,
    asked: Option<Asked>,
    work: impl FnOnce(&Ctx) -> Result<()>,
) -> Result<()> {
    let ctx = Ctx::new(attempt, EventType::of::<G::Event>(), asked);
    work(&ctx)?;
    if let Some(Asked { session, call: Some(call) }) = asked
        && !ctx.has_replied()
    {
        let frame = ToClient::Reply { call, payload: None }.encode();
        ctx.effect(Effect::Reply { session: session.id(), frame });
    }
    ctx.take_problem()
}

/// What a client is told of a failure, after the operator has been.
fn told(kind: &str, cause: &Cause) -> String {
    match cause {
        Cause::Error(error) if error.is_refusal() => error.to_string(),
        Cause::Error(error) => {
            warn!(task = kind, %error, "a task was rolled back");
            error.to_string()
        }
        Cause::Panic(message) => {
            error!(task = kind, panic = %message, "a task panicked and was rolled back");
            "the server failed at this request; nothing of it has happened".to_owned()
        }
    }
}

/// The world's beginning.
pub(crate) struct Created<G> {
    pub(crate) game: Arc<G>,
}

impl<G: Game> Job for Created<G> {
    fn kind(&self) -> &'static str {
        "created"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        with_ctx::<G>(attempt, None, |ctx| self.game.created(ctx))
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { game: Arc::clone(&self.game) }))
    }
}

/// A client comes.
pub(crate) struct Joined<G> {
    pub(crate) game: Arc<G>,
    pub(crate) session: ObjectId,
    pub(crate) name: String,
}

impl<G: Game> Job for Joined<G> {
    fn kind(&self) -> &'static str {
        "joined"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let record = SessionRecord { name: self.name.clone(), attached: None };
        attempt.insert_at(self.session, record)?;
        attempt.effect(Effect::Welcome { session: self.session });
        let session = Session::from_id(self.session);
        with_ctx::<G>(attempt, None, |ctx| self.game.joined(ctx, session))
    }
    fn failed(&self, cause: &Cause) -> Effects {
        let reason = told(self.kind(), cause);
        one(Effect::Reject { session: self.session, reason })
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (game, name) = (Arc::clone(&self.game), self.name.clone());
        Some(Box::new(Self { game, session: self.session, name }))
    }
}

/// A client asks.
pub(crate) struct Received<G> {
    pub(crate) game: Arc<G>,
    pub(crate) session: ObjectId,
    pub(crate) call: Option<u32>,
    pub(crate) payload: Bytes,
}

impl<G: Game> Job for Received<G> {
    fn kind(&self) -> &'static str {
        "received"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let request: G::Request = decode_message(&self.payload)?;
        let session = Session::from_id(self.session);
        let asked = Asked { session, call: self.call };
        with_ctx::<G>(attempt, Some(asked), |ctx| self.game.received(ctx, session, request))
    }
    fn failed(&self, cause: &Cause) -> Effects {
        let reason = told(self.kind(), cause);
        one(Effect::Refuse { session: self.session, call: self.call, reason })
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (game, payload) = (Arc::clone(&self.game), self.payload.clone());
        Some(Box::new(Self { game, session: self.session, call: self.call, payload }))
    }
}

/// A client has gone.
pub(crate) struct Departed<G> {
    pub(crate) game: Arc<G>,
    pub(crate) session: ObjectId,
    pub(crate) why: Left,
}

impl<G: Game> Job for Departed<G> {
    fn kind(&self) -> &'static str {
        "left"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let session = Session::from_id(self.session);
        with_ctx::<G>(attempt, None, |ctx| self.game.left(ctx, session, self.why.clone()))?;
        EndSession { session: self.session }.attempt(attempt)
    }
    fn failed(&self, cause: &Cause) -> Effects {
        error!(
            session = %self.session,
            cause = told(self.kind(), cause),
            "`left` failed and was rolled back; the session ends all the same"
        );
        Effects::default()
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (game, why) = (Arc::clone(&self.game), self.why.clone());
        Some(Box::new(Self { game, session: self.session, why }))
    }
}

/// The end of a session whose `left` failed.
pub(crate) struct EndSession {
    pub(crate) session: ObjectId,
}

impl Job for EndSession {
    fn kind(&self) -> &'static str {
        "end session"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        attempt.remove::<SessionRecord>(self.session)?;
        attempt.effect(Effect::Forget { session: self.session });
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { session: self.session }))
    }
}

/// A scheduled task whose time has come.
pub(crate) struct Due<G> {
    pub(crate) game: PhantomData<fn() -> G>,
    pub(crate) task: ObjectId,
}

impl<G: Game> Job for Due<G> {
    fn kind(&self) -> &'static str {
        "task"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let record = match attempt.find::<TaskRecord>(self.task)? {
            Some(record) if record.set_aside.is_none() => record.clone(),
            // Cancelled, or run already.
            _ => return Ok(()),
        };
        // Taken off the list in the commit that does the work: so its effects happen once.
        attempt.remove::<TaskRecord>(self.task)?;
        with_ctx::<G>(attempt, None, |ctx| record.run(ctx))
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { game: PhantomData, task: self.task }))
    }
}

/// Sets a task aside that has failed.
pub(crate) struct SetAside {
    pub(crate) task: ObjectId,
    /// Why it failed.
    pub(crate) reason: String,
}

impl Job for SetAside {
    fn kind(&self) -> &'static str {
        "set aside"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        attempt.get_mut::<TaskRecord>(self.task)?.set_aside = Some(self.reason.clone());
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { task: self.task, reason: self.reason.clone() }))
    }
}

/// Why a job failed, for an operator.
pub(crate) fn reason(cause: &Cause) -> String {
    match cause {
        Cause::Error(error) => error.to_string(),
        Cause::Panic(message) => format!("it panicked: {message}"),
    }
}

fn one(effect: Effect) -> Effects {
    let mut effects = Effects::default();
    effects.push(effect);
    effects
}
