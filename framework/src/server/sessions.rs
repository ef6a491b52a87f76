//! Turns what the network reports into the events of sessions, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use daystar_engine::{Cause, Durability, Engine, Job, Outcome};
use daystar_model::{ObjectId, Space};
use daystar_protocol::to_server::Level;
use parking_lot::Mutex;

use crate::game::events::{Departed, EndSession, Joined, Received};
use crate::game::rules::Game;
use crate::game::session::Left;
use crate::login::Identity;
use crate::net::channels::Switchboard;
use crate::net::handler::{Closed, Login, Request, SessionHandler, SessionInput};
use crate::net::login::Seat;
use crate::net::outbox::Outbox;
use crate::scheduler::queue::{InOrder, Lane, RunQueue};
use crate::server::names::Names;
use crate::server::persistence::faults::Faults;

/// The network's [`SessionHandler`].
pub(crate) struct Sessions<G> {
    pub(crate) game: Arc<G>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) queue: Arc<RunQueue>,
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) names: Arc<Names>,
    pub(crate) faults: Arc<Faults>,
}

impl<G: Game> SessionHandler for Sessions<G> {
    fn open(&self, login: Login, outbox: Arc<Outbox>) -> Result<Arc<dyn SessionInput>, String> {
        let id = self.engine.new_id(Space::Session);
        let Login { identity, seat, address } = login;
        self.switchboard.register(id.to_raw(), outbox);
        let stay = Arc::new(Stay {
            id,
            identity,
            game: Arc::clone(&self.game),
            engine: Arc::clone(&self.engine),
            queue: Arc::clone(&self.queue),
            switchboard: Arc::clone(&self.switchboard),
            faults: Arc::clone(&self.faults),
            seat: Mutex::new(Some(seat)),
            lane: Lane::default(),
            is_in: AtomicBool::new(false),
        });
        tracing::debug!(session = %id, name = stay.identity.name(), %address, "joining");
        self.names.begun(stay.identity.name(), id);
        RunQueue::lay(&stay, Event::Join);
        Ok(Arc::new(stay))
    }
}

/// One client's stay.
struct Stay<G> {
    id: ObjectId,
    identity: Identity,
    game: Arc<G>,
    engine: Arc<Engine>,
    queue: Arc<RunQueue>,
    switchboard: Arc<Switchboard>,
    faults: Arc<Faults>,
    /// Its name, until it is over or cannot begin.
    seat: Mutex<Option<Seat>>,
    lane: Lane<Event>,
    /// `joined` has committed. Read and written by this session's events only, which run one after the other.
    is_in: AtomicBool,
}

/// What happens to a session.
enum Event {
    Join,
    Receive(Request),
    Leave(Left),
}

impl<G: Game> InOrder for Stay<G> {
    type Piece = Event;

    fn lane(&self) -> &Lane<Event> {
        &self.lane
    }

    fn run(self: &Arc<Self>, engine: &Engine, event: Event) {
        match event {
            Event::Join => self.join(engine),
            Event::Receive(request) => self.receive(engine, request),
            Event::Leave(why) => self.leave(engine, why),
        }
    }
}

impl<G: Game> SessionInput for Arc<Stay<G>> {
    fn received(&self, request: Request) {
        RunQueue::lay(self, Event::Receive(request));
    }

    fn begin(&self) {
        self.queue.begin(&self.engine, self, &make_way);
    }

    fn closed(&self, why: Closed) {
        let why = match why {
            Closed::ByClient => Left::Closed,
            Closed::Lost => Left::Lost,
            Closed::Dropped(reason) => Left::Dropped(reason),
        };
        RunQueue::lay(self, Event::Leave(why));
        // The connection is being closed, and `left` must not hold that up.
        make_way();
        self.begin();
    }

    fn abandoned(&self) {
        self.queue.push(self, Event::Leave(Left::Lost));
    }
}

/// Lets go of what this thread of tokio's has woken last, another's writer say. It lies where no other thread can take it, until
/// something else is woken, or the thread is free; what takes long must not keep it.
fn make_way() {
    drop(tokio::spawn(async {}));
}

impl<G: Game> Stay<G> {
    fn join(&self, engine: &Engine) {
        let (game, identity) = (Arc::clone(&self.game), self.identity.clone());
        let refused = || drop(self.seat.lock().take());
        let joined = Joined { game, session: self.id, identity, refused: &refused };
        let outcome = engine.run(&joined);
        self.is_in.store(matches!(outcome, Outcome::Committed(_)), Ordering::Relaxed);
    }

    fn receive(&self, engine: &Engine, request: Request) {
        let Request { call, level, payload, permit } = request;
        // A client whose join was refused may have asked already, before it was told.
        if self.is_in.load(Ordering::Relaxed) {
            let game = Arc::clone(&self.game);
            let level = level.map(|level| match level {
                Level::Committed => Durability::Committed,
                Level::Durable => Durability::Durable,
            });
            let _told = engine.run(&Received::new(game, self.id, call, level, payload));
        }
        drop(permit);
    }

    /// The session's last event, so it may be run again out of its lane.
    fn leave(self: &Arc<Self>, engine: &Engine, why: Left) {
        if self.is_in.load(Ordering::Relaxed)
            && let Departure::Later(cause) = depart(engine, &self.game, self.id, why.clone())
        {
            let stay = Arc::clone(self);
            let again = Box::new(move |engine: &Engine| stay.leave(engine, why));
            return self.faults.run_again(&cause, again);
        }
        self.switchboard.unregister(self.id.to_raw());
        drop(self.seat.lock().take());
        tracing::debug!(session = %self.id, name = self.identity.name(), "gone");
    }
}

/// What became of a session that was to end.
#[derive(Debug)]
#[must_use]
pub(crate) enum Departure {
    /// It has ended, as far as it can.
    Done,
    /// It goes on, for a cause that passes. To be tried again.
    Later(Cause),
}

/// Runs `left` and ends the session, which it does also when `left` fails.
pub(crate) fn depart<G: Game>(
    engine: &Engine,
    game: &Arc<G>,
    session: ObjectId,
    why: Left,
) -> Departure {
    let left = Departed { game: Arc::clone(game), session, why, goes_on: false };
    for job in [&left as &dyn Job, &EndSession { session }] {
        match engine.run(job) {
            Outcome::Committed(_) => return Departure::Done,
            Outcome::Failed(cause) if cause.is_passing() => return Departure::Later(cause),
            Outcome::Failed(_) => {}
        }
    }
    tracing::error!(%session, "a session could not be ended; it is tried again at the next start");
    Departure::Done
}
