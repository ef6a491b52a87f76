//! A visit to an island of one's own: a server, and players whose every step a test decides.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use daystar::Server;
use daystar::prelude::{Ctx, Game, Left, Session};
use daystar_client::builder::Trust;
use daystar_client::client::Client;
use daystar_client::error::CallError;
use daystar_client::events::{Events, Incoming};
use sample_game::island::{Direction, Position};
use sample_game::items::{self, Kind};
use sample_game::messages::{Event, PackItem, Request};
use sample_game::players::Player;
use sample_game::{Tideland, Wild, settings};
use tokio::runtime::Runtime;

/// How long a test waits before it says that nothing comes. Not a measure of speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An island in memory, on which `story` happens. What is gathered comes back quickly.
pub(crate) fn on_an_island(story: impl AsyncFnOnce(SocketAddr)) {
    let regrow_after = Duration::from_millis(100);
    on_an_island_of(Tideland { regrow_after, wild: Wild::tame(), ..brisk() }, story);
}

/// Tideland, but nobody gets out of breath: in a test, one walks far and at once.
pub(crate) fn brisk() -> Tideland {
    Tideland { act_every: Duration::ZERO, ..Tideland::default() }
}

/// A game's island in memory, on which `story` happens.
pub(crate) fn on_an_island_of(game: impl Game, story: impl AsyncFnOnce(SocketAddr)) {
    let server = Server::builder(game)
        .in_memory()
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .start()
        .expect("the server starts");
    with_clients(story(server.address()));
    server.stop().expect("the server stops");
}

/// A game's island in a folder, on which `story` happens. Afterwards every rule must hold.
pub(crate) fn on_an_island_in(folder: &Path, game: impl Game, story: impl AsyncFnOnce(SocketAddr)) {
    let server = serve(game, folder);
    with_clients(story(server.address()));
    server.stop().expect("the server stops");
    assert_eq!(problems(folder), Vec::<String>::new());
}

/// Serves a game's island in a folder.
pub(crate) fn serve(game: impl Game, folder: &Path) -> Server {
    Server::builder(game)
        .data(folder)
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .start()
        .expect("the server starts")
}

/// A new island on which `story` happens. Afterwards every rule must hold.
pub(crate) fn on_a_checked_island(game: impl Game, story: impl AsyncFnOnce(SocketAddr)) {
    let folder = tempfile::tempdir().expect("a folder");
    on_an_island_in(folder.path(), game, story);
}

/// What `verify` says of the world in a folder.
pub(crate) fn problems(folder: &Path) -> Vec<String> {
    daystar::verify(&Tideland::default(), folder).expect("a world that can be read").problems
}

/// Tideland, but new players bring these things along.
pub(crate) struct Endowed(pub(crate) Tideland, pub(crate) &'static [Kind]);

/// The same, tame, and what is gathered does not come back while a test lasts.
pub(crate) fn endowed(things: &'static [Kind]) -> Endowed {
    let regrow_after = Duration::from_secs(3600);
    Endowed(Tideland { regrow_after, wild: Wild::tame(), ..brisk() }, things)
}

impl Game for Endowed {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = Tideland::NAME;

    fn created(&self, ctx: &Ctx) -> daystar::Result<()> {
        self.0.created(ctx)
    }

    fn joined(&self, ctx: &Ctx, session: Session) -> daystar::Result<()> {
        let is_new = ctx.find::<Player>(&format!("player {}", ctx.name(session)?))?.is_none();
        self.0.joined(ctx, session)?;
        if is_new {
            let me = ctx.attached(session)?;
            let mut player = ctx.get_mut::<Player>(me)?;
            for kind in self.1 {
                items::make(ctx, *kind, me, &mut player)?;
            }
        }
        Ok(())
    }

    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> daystar::Result<()> {
        self.0.received(ctx, session, request)
    }

    fn left(&self, ctx: &Ctx, session: Session, why: Left) -> daystar::Result<()> {
        self.0.left(ctx, session, why)
    }
}

/// Runs clients until `story` is over and they have all said goodbye, for which a server that stops would wait.
pub(crate) fn with_clients<T>(story: impl Future<Output = T>) -> T {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let told = story.await;
        let goodbyes = async {
            while runtime.metrics().num_alive_tasks() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, goodbyes).await.expect("clients that can leave");
        told
    })
}

/// A player.
pub(crate) struct Visitor {
    pub(crate) name: String,
    pub(crate) at: Position,
    pub(crate) gold: u64,
    pub(crate) pack: Vec<PackItem>,
    client: Client<Request, Event>,
    events: Events<Event>,
}

impl Visitor {
    pub(crate) async fn join(server: SocketAddr, name: &str) -> Self {
        Self::try_join(server, name).await.expect(name)
    }

    /// Joins, or says why not.
    pub(crate) async fn try_join(server: SocketAddr, name: &str) -> Result<Self, String> {
        let (client, events) = Client::builder(server)
            .name(name)
            .game("tideland")
            .trust(Trust::Anyone)
            .connect()
            .await
            .map_err(|error| error.to_string())?;
        let (at, gold, pack) = (Position { x: 0, y: 0 }, 0, Vec::new());
        let mut visitor = Self { name: name.to_owned(), at, gold, pack, client, events };
        let Event::You { name, at, gold, pack, .. } = visitor.next_event().await else {
            panic!("the first event must tell players who they are");
        };
        assert_eq!(name, visitor.name);
        (visitor.at, visitor.gold, visitor.pack) = (at, gold, pack);
        Ok(visitor)
    }

    /// Asks for something that the rules allow, and returns the answer.
    pub(crate) async fn ask(&self, request: Request) -> Option<Event> {
        let text = format!("{request:?}");
        self.attempt(request).await.unwrap_or_else(|reason| panic!("{text} was refused: {reason}"))
    }

    /// Asks for something that the rules forbid, and returns the refusal's text.
    pub(crate) async fn refused(&self, request: Request) -> String {
        let text = format!("{request:?}");
        match self.attempt(request).await {
            Err(reason) => reason,
            Ok(answer) => panic!("{text} must be refused, but was answered {answer:?}"),
        }
    }

    /// Asks for something, and returns the answer or the refusal's text.
    pub(crate) async fn attempt(&self, request: Request) -> Result<Option<Event>, String> {
        match tokio::time::timeout(PATIENCE, self.client.call(&request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(CallError::Refused(reason))) => Err(reason),
            Ok(Err(error)) => panic!("{request:?}: {error}"),
            Err(_) => panic!("{request:?} gets no answer"),
        }
    }

    /// Asks for what the player owns, and returns the gold and the pack.
    pub(crate) async fn own(&self) -> (u64, Vec<PackItem>) {
        match self.ask(Request::Me).await {
            Some(Event::You { gold, pack, .. }) => (gold, pack),
            other => panic!("Me was answered {other:?}"),
        }
    }

    /// How many things of a kind the player has.
    pub(crate) async fn count(&self, kind: Kind) -> usize {
        self.own().await.1.iter().filter(|thing| thing.kind == kind).count()
    }

    /// The next event, whatever it is.
    pub(crate) async fn next_event(&mut self) -> Event {
        match tokio::time::timeout(PATIENCE, self.events.next()).await {
            Ok(Some(Incoming::Event(event))) => event,
            Ok(_) => panic!("{}'s connection is over", self.name),
            Err(_) => panic!("{} waits for an event in vain", self.name),
        }
    }

    /// Passes over events until the first that `wanted` takes.
    pub(crate) async fn until<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.next_event().await) {
                return found;
            }
        }
    }

    /// Leaves, and joins again as soon as the server has noticed.
    pub(crate) async fn come_back(self, server: SocketAddr) -> Self {
        self.client.close().await;
        let coming = async {
            loop {
                match Self::try_join(server, &self.name).await {
                    Ok(visitor) => return visitor,
                    Err(reason) => assert!(reason.contains("is here already"), "{reason}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, coming).await.expect("a server that notices who has left")
    }

    /// Walks, step by step, until within `distance` of `goal`.
    pub(crate) async fn walk_to(&mut self, goal: Position, distance: u16) {
        for direction in way(self.at, goal, distance) {
            match self.ask(Request::Walk(direction)).await {
                Some(Event::Walked { at }) => self.at = at,
                other => panic!("a step was answered {other:?}"),
            }
        }
        assert!(self.at.distance(goal) <= distance, "{} went astray", self.name);
    }

    /// Leaves for good.
    pub(crate) async fn leave(self) {
        self.client.close().await;
    }
}

/// A way over open land that ends within `distance` of `goal`.
fn way(from: Position, goal: Position, distance: u16) -> Vec<Direction> {
    let mut came_by: HashMap<Position, (Position, Direction)> = HashMap::new();
    let mut to_visit = VecDeque::from([from]);
    while let Some(mut here) = to_visit.pop_front() {
        if here.distance(goal) <= distance {
            let mut way = Vec::new();
            while here != from {
                let (before, direction) = came_by[&here];
                way.push(direction);
                here = before;
            }
            way.reverse();
            return way;
        }
        for direction in Direction::ALL {
            if let Some(next) = here.step(direction)
                && next.tile().is_open()
                && next != from
                && !came_by.contains_key(&next)
            {
                came_by.insert(next, (here, direction));
                to_visit.push_back(next);
            }
        }
    }
    panic!("there is no way from {from} to {goal}");
}

#[test]
fn a_new_player_owns_the_start_gold_and_a_shell() {
    on_an_island(async |server| {
        let ann = Visitor::join(server, "ann").await;
        assert_eq!((ann.gold, ann.pack.len()), (settings::START_GOLD, 1));
    });
}
