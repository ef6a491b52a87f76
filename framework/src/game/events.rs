//! The jobs that game code is run as: one for each thing that can happen to a game.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use daystar_engine::{Attempt, Cause, Durability, Effect, Effects, Error, Fault, Job};
use daystar_model::ObjectId;
use daystar_protocol::message::{DecodeError, decode_message};
use daystar_protocol::to_client::ToClient;
use tracing::{debug, error, warn};

use crate::game::ctx::{Ctx, EventType};
use crate::game::manner::Manner;
use crate::game::names::NameError;
use crate::game::rules::{Game, Result};
use crate::game::session::{Asked, Left, Session, SessionError, SessionRecord};
use crate::login::Identity;

/// Runs `work` with a `Ctx`, and fails if a call that returns nothing went wrong.
pub(crate) fn with_ctx<G: Game>(
    attempt: &Attempt<'_>,
    asked: Option<Asked>,
    work: impl FnOnce(&Ctx) -> Result<()>,
) -> Result<()> {
    let ctx = Ctx::new(attempt, EventType::of::<G::Event>(), asked);
    work(&ctx)?;
    if let Some(asked) = asked
        && let Some(call) = asked.call
        && !ctx.has_replied()
    {
        let frame = ToClient::Reply { call, payload: None }.encode();
        let manner = Manner { durability: asked.level(), ..Manner::default() };
        ctx.tell(manner, Effect::Reply { session: asked.session.id(), frame });
    }
    ctx.take_problem()
}

/// What a client is told of a failure, after the operator has been.
fn told(kind: &str, cause: &Cause) -> String {
    let error = match cause {
        Cause::Error(error) => error,
        Cause::Panic(message) => {
            error!(task = kind, panic = %message, "a task panicked and was rolled back");
            return "the server failed at this request; nothing of it has happened".to_owned();
        }
    };
    let text = shown(error);
    if error.is_refusal() || cause.is_not_accepted() {
        // The operator has been told once, by whoever does not accept.
    } else if is_of_the_request(error) {
        // What a client can cause at will must not fill the log.
        debug!(task = kind, error = %text, "a task was rolled back");
    } else {
        warn!(task = kind, error = %text, "a task was rolled back");
    }
    text
}

/// Whether the error may be no more than a request that names what there is not.
fn is_of_the_request(error: &Error) -> bool {
    matches!(error.fault(), Some(Fault::NotFound { .. } | Fault::WrongType { .. }))
        || error.downcast_ref::<DecodeError>().is_some()
        || error.downcast_ref::<NameError>().is_some()
        || error.downcast_ref::<SessionError>().is_some()
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
pub(crate) struct Joined<'s, G> {
    pub(crate) game: Arc<G>,
    pub(crate) session: ObjectId,
    pub(crate) identity: Identity,
    /// Called when the client may not join, before it is told: it may try again at once.
    pub(crate) refused: &'s (dyn Fn() + Send + Sync),
}

impl<G: Game> Job for Joined<'_, G> {
    fn kind(&self) -> &'static str {
        "joined"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        attempt.insert_at(self.session, SessionRecord::new(&self.identity))?;
        attempt.effect(Effect::Welcome { session: self.session });
        let session = Session::from_id(self.session);
        with_ctx::<G>(attempt, None, |ctx| self.game.joined(ctx, session))
    }
    fn failed(&self, cause: &Cause) -> Effects {
        (self.refused)();
        let reason = told(self.kind(), cause);
        one(Effect::Reject { session: self.session, reason }, refusal_level(cause, None))
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (game, identity) = (Arc::clone(&self.game), self.identity.clone());
        Some(Box::new(Joined { game, session: self.session, identity, refused: &|| () }))
    }
}

/// A client asks.
pub(crate) struct Received<G> {
    pub(crate) game: Arc<G>,
    pub(crate) session: ObjectId,
    pub(crate) call: Option<u32>,
    pub(crate) is_durable: bool,
    pub(crate) payload: Bytes,
}

impl<G> Received<G> {
    fn asked(&self) -> Asked {
        let session = Session::from_id(self.session);
        Asked { session, call: self.call, is_durable: self.is_durable }
    }
}

impl<G: Game> Job for Received<G> {
    fn kind(&self) -> &'static str {
        "received"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let request: G::Request = decode_message(&self.payload)?;
        let asked = self.asked();
        with_ctx::<G>(attempt, Some(asked), |ctx| self.game.received(ctx, asked.session, request))
    }
    fn failed(&self, cause: &Cause) -> Effects {
        let reason = told(self.kind(), cause);
        let level = refusal_level(cause, self.asked().level());
        one(Effect::Refuse { session: self.session, call: self.call, reason }, level)
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (game, payload) = (Arc::clone(&self.game), self.payload.clone());
        let (call, is_durable) = (self.call, self.is_durable);
        Some(Box::new(Self { game, session: self.session, call, is_durable, payload }))
    }
}

/// A client has gone.
pub(crate) struct Departed<G> {
    pub(crate) game: Arc<G>,
    pub(crate) session: ObjectId,
    pub(crate) why: Left,
    /// Broken on purpose: the session does not end in the same commit.
    pub(crate) goes_on: bool,
}

impl<G: Game> Job for Departed<G> {
    fn kind(&self) -> &'static str {
        "left"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let session = Session::from_id(self.session);
        with_ctx::<G>(attempt, None, |ctx| self.game.left(ctx, session, self.why.clone()))?;
        if self.goes_on {
            return Ok(());
        }
        EndSession { session: self.session }.attempt(attempt)
    }
    fn failed(&self, cause: &Cause) -> Effects {
        // What is not accepted is run again when it is.
        if !cause.is_passing() {
            error!(
                session = %self.session,
                cause = told(self.kind(), cause),
                "`left` failed and was rolled back; the session ends all the same"
            );
        }
        Effects::default()
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (game, why) = (Arc::clone(&self.game), self.why.clone());
        let goes_on = self.goes_on;
        Some(Box::new(Self { game, session: self.session, why, goes_on }))
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

/// `error` as a text. Errors are of the game's own, and so is what shows them, which may panic.
pub(crate) fn shown(error: &Error) -> String {
    let shown = catch_unwind(AssertUnwindSafe(|| error.to_string()));
    shown.unwrap_or_else(|_| "an error that cannot be shown: its `Display` panics".to_owned())
}

/// Why a job failed, for an operator.
pub(crate) fn reason(cause: &Cause) -> String {
    match cause {
        Cause::Error(error) => shown(error),
        Cause::Panic(message) => format!("it panicked: {message}"),
    }
}

/// When a client may be told of a refusal, which it wanted to hear at the level `asked`. One because nothing is accepted at
/// the moment says nothing of the world, and waiting for the disk would keep it until it is no longer so.
fn refusal_level(cause: &Cause, asked: Option<Durability>) -> Option<Durability> {
    if cause.is_not_accepted() { Some(Durability::Committed) } else { asked }
}

fn one(effect: Effect, level: Option<Durability>) -> Effects {
    let mut effects = Effects::default();
    effects.push(match level {
        Some(level) => effect.at(level),
        None => effect,
    });
    effects
}
