//! The jobs that game code is run as: one for each thing that can happen to a game.

use std::cell::Cell;
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
        let manner = Manner { durability: asked.level, ..Manner::default() };
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
        warn!(task = kind, error = shown_whole(error), "a task was rolled back");
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
        let (session, is_passing) = (self.session, cause.is_passing());
        one(Effect::Reject { session, reason, is_passing }, refusal_level(cause, None))
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (game, identity) = (Arc::clone(&self.game), self.identity.clone());
        Some(Box::new(Joined { game, session: self.session, identity, refused: &|| () }))
    }
}

/// A client asks.
pub(crate) struct Received<G: Game> {
    game: Arc<G>,
    asked: Asked,
    payload: Bytes,
    /// The request, until the first attempt takes it.
    request: Cell<Option<G::Request>>,
}

impl<G: Game> Received<G> {
    /// The task of the request that `payload` is, which is to be answered at this level.
    pub(crate) fn new(
        game: Arc<G>,
        session: ObjectId,
        call: Option<u32>,
        level: Option<Durability>,
        payload: Bytes,
    ) -> Self {
        // What fails here fails again in the attempt, where it is contained, and the client told.
        let understood = catch_unwind(AssertUnwindSafe(|| understand(&*game, &payload)));
        let (request, only_reads) = match understood {
            Ok(Ok((request, only_reads))) => (Some(request), only_reads),
            Ok(Err(_)) | Err(_) => (None, false),
        };
        let asked = Asked { session: Session::from_id(session), call, level, only_reads };
        Self { game, asked, payload, request: Cell::new(request) }
    }
}

/// The request, and whether it only reads.
fn understand<G: Game>(game: &G, payload: &[u8]) -> Result<(G::Request, bool)> {
    let request = decode_message(payload)?;
    let only_reads = game.only_reads(&request);
    Ok((request, only_reads))
}

impl<G: Game> Job for Received<G> {
    fn kind(&self) -> &'static str {
        "received"
    }
    fn is_read_only(&self) -> bool {
        self.asked.only_reads
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let request = match self.request.take() {
            Some(request) => request,
            None => understand(&*self.game, &self.payload)?.0,
        };
        let asked = self.asked;
        with_ctx::<G>(attempt, Some(asked), |ctx| self.game.received(ctx, asked.session, request))
    }
    fn failed(&self, cause: &Cause) -> Effects {
        let reason = told(self.kind(), cause);
        let Asked { session, call, level, .. } = self.asked;
        one(Effect::Refuse { session: session.id(), call, reason }, refusal_level(cause, level))
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (game, payload) = (Arc::clone(&self.game), self.payload.clone());
        let Asked { session, call, level, .. } = self.asked;
        Some(Box::new(Self::new(game, session.id(), call, level, payload)))
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

/// `error` as its client is told of it.
fn shown(error: &Error) -> String {
    show(|| error.to_string())
}

/// `error` and what caused it, as an operator is told of it.
pub(crate) fn shown_whole(error: &Error) -> String {
    show(|| error.with_causes())
}

/// Errors are of the game's own, and so is what shows them, which may panic.
fn show(show: impl FnOnce() -> String) -> String {
    let shown = catch_unwind(AssertUnwindSafe(show));
    shown.unwrap_or_else(|_| "an error that cannot be shown: its `Display` panics".to_owned())
}

/// Why a job failed, for an operator.
pub(crate) fn reason(cause: &Cause) -> String {
    match cause {
        Cause::Error(error) => shown_whole(error),
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
