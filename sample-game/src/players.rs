//! Players: who they are, how they come, and how they go.

use daystar::prelude::*;

use crate::chat::ISLAND;
use crate::creatures;
use crate::daylight;
use crate::guilds::{self, Guild};
use crate::health::Health;
use crate::island::{Position, SIDE};
use crate::items::{self, Item, Kind};
use crate::market::Order;
use crate::messages::Event;
use crate::mint::{self, Source};
use crate::pace::Pace;
use crate::regions::{self, Place};
use crate::settings::{ACT_BURST, HEALTH_MAX, START_GOLD};
use crate::trade::{self, Deal};

/// A character. It stays on the island for good; its player comes and goes.
#[managed]
pub struct Player {
    /// What the player is called.
    pub name: String,
    /// Where they stand, or stood when they left.
    pub at: Position,
    /// Their gold.
    pub gold: u64,
    /// Their items, each of which names this player as its holder.
    pub pack: Vec<Ref<Item>>,
    /// The session that plays this character; `None` while nobody does.
    pub session: Option<Session>,
    /// How healthy they are.
    pub health: Health,
    /// When they last struck somebody.
    pub struck: Timestamp,
    /// The pace of their steps and strokes.
    pub acted: Pace,
    /// The pace of what they say to those near, and to their guild.
    pub spoke: Pace,
    /// The pace of what they shout.
    pub shouted: Pace,
    /// How famous they are. It only grows, by [`leaderboard::praise`](crate::leaderboard::praise).
    pub fame: u64,
    /// The guild that they are a member of.
    pub guild: Option<Ref<Guild>>,
    /// The deal that they are about to make with somebody.
    pub offer: Option<Ref<Deal>>,
    /// Their orders at the market.
    pub orders: Vec<Ref<Order>>,
}

/// Someone joined: they go on where they left off, or begin as a new player.
pub fn join(ctx: &Ctx, session: Session) -> Result<()> {
    let name = ctx.name(session)?;
    let me = match find(ctx, &name)? {
        Some(known) => known,
        None => create(ctx, &name)?,
    };
    ctx.attach(session, me)?;

    // A name joins only once at a time, so nobody else plays this character now.
    let mut player = ctx.get_mut(me)?;
    player.session = Some(session);
    let at = player.at;
    regions::enter(ctx, session, me, Place::of(at))?;
    creatures::wake(ctx, Place::of(at))?;
    ctx.channel(ISLAND).join(session);
    guilds::come(ctx, session, &player)?;
    ctx.send(session, you(ctx, &player)?);
    regions::announce(ctx, at, &Event::Arrived { who: name, at });
    Ok(())
}

/// Someone left: the character stays where it is, but is no longer among those whom others see.
pub fn leave(ctx: &Ctx, session: Session) -> Result<()> {
    let me = ctx.attached::<Player>(session)?;
    let mut player = ctx.get_mut(me)?;
    trade::end_for(ctx, me, &mut player, "the other has left the game")?;
    player.session = None;
    let at = player.at;
    regions::leave(ctx, session, me, Place::of(at))?;
    ctx.channel(ISLAND).leave(session);
    guilds::go(ctx, session, &player)?;
    regions::announce(ctx, at, &Event::Gone { who: player.name.clone() });
    Ok(())
}

/// Tells players who they are.
pub fn describe(ctx: &Ctx, me: Ref<Player>) -> Result<()> {
    let player = ctx.get(me)?;
    ctx.reply(you(ctx, &player)?);
    Ok(())
}

/// The player of that name, in the game or not.
pub fn find(ctx: &Ctx, name: &str) -> Result<Option<Ref<Player>>> {
    ctx.find(&bound_name(name))
}

/// The player of that name, in the game or not.
///
/// # Errors
/// There is none.
pub fn called(ctx: &Ctx, name: &str) -> Result<Ref<Player>> {
    match find(ctx, name)? {
        Some(player) => Ok(player),
        None => bail!("nobody on the island is called {name:?}; Look tells who is near"),
    }
}

/// Sends `event` to whoever plays the character, if somebody does.
pub fn tell(ctx: &Ctx, player: &Player, event: Event) {
    if let Some(session) = player.session {
        ctx.send(session, event);
    }
}

/// Keeps a player to the pace of steps and strokes.
///
/// # Errors
/// They have done too many.
pub fn draw_breath(ctx: &Ctx, player: &mut Player, act_every: Duration) -> Result<()> {
    let wait = player.acted.count(ctx.now(), act_every, ACT_BURST);
    ensure!(wait.is_zero(), "you are out of breath; go on in {:.1} s", wait.as_secs_f32());
    Ok(())
}

/// A new player, washed ashore somewhere.
fn create(ctx: &Ctx, name: &str) -> Result<Ref<Player>> {
    let me = settle(ctx, Player::new(name, open_tile(ctx), ctx.now()))?;
    items::make(ctx, Kind::Shell, me, &mut *ctx.get_mut(me)?)?;
    Ok(me)
}

/// Puts a new player into the world, with the gold that they start with.
pub fn settle(ctx: &Ctx, player: Player) -> Result<Ref<Player>> {
    let name = bound_name(&player.name);
    mint::mint(ctx, Source::Newcomer, player.gold)?;
    let me = ctx.insert(player)?;
    ctx.bind(&name, me)?;
    Ok(me)
}

impl Player {
    /// Somebody of that name who has done nothing yet, and owns what everyone starts with but for the things.
    pub fn new(name: &str, at: Position, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            at,
            gold: START_GOLD,
            pack: Vec::new(),
            session: None,
            health: Health::new(HEALTH_MAX, now),
            struck: Timestamp::default(),
            acted: Pace::default(),
            spoke: Pace::default(),
            shouted: Pace::default(),
            fame: 0,
            guild: None,
            offer: None,
            orders: Vec::new(),
        }
    }
}

/// Any tile that one can stand on. More than half of the map is open, so this soon finds one.
fn open_tile(ctx: &Ctx) -> Position {
    let mut rng = ctx.rng();
    loop {
        let at = Position { x: rng.random_range(0..SIDE), y: rng.random_range(0..SIDE) };
        if at.tile().is_open() {
            return at;
        }
    }
}

fn you(ctx: &Ctx, player: &Player) -> Result<Event> {
    Ok(Event::You {
        name: player.name.clone(),
        at: player.at,
        gold: player.gold,
        pack: items::contents(ctx, &player.pack)?,
        health: player.health.by(ctx.now(), HEALTH_MAX),
        fame: player.fame,
        hour: daylight::hour(ctx)?,
        is_night: daylight::is_night(ctx)?,
    })
}

/// Regions have names, too; a player who is called like one must not be taken for it.
fn bound_name(name: &str) -> String {
    format!("player {name}")
}
