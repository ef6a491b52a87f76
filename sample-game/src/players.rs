//! Players: who they are, how they come, and how they go.

use daystar::prelude::*;

use crate::chat::ISLAND;
use crate::island::{Position, SIDE};
use crate::items::{self, Item, Kind};
use crate::messages::Event;
use crate::regions::{self, Place};
use crate::settings::START_GOLD;

/// A character. It stays on the island for good; its player comes and goes.
#[managed]
pub struct Player {
    /// What the player is called.
    pub name: String,
    /// Where they stand, or stood when they left.
    pub at: Position,
    /// Their gold.
    pub gold: u64,
    /// Their items, each of which names this player as its owner.
    pub pack: Vec<Ref<Item>>,
    /// The session that plays this character; `None` while nobody does.
    pub session: Option<Session>,
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
    ctx.channel(ISLAND).join(session);
    ctx.send(session, you(ctx, &player)?);
    regions::announce(ctx, at, &Event::Arrived { who: name, at });
    Ok(())
}

/// Someone left: the character stays where it is, but is no longer among those whom others see.
pub fn leave(ctx: &Ctx, session: Session) -> Result<()> {
    let me = ctx.attached::<Player>(session)?;
    let mut player = ctx.get_mut(me)?;
    player.session = None;
    let at = player.at;
    regions::leave(ctx, session, me, Place::of(at))?;
    ctx.channel(ISLAND).leave(session);
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

/// A new player, washed ashore somewhere. Gold is minted here and nowhere else.
fn create(ctx: &Ctx, name: &str) -> Result<Ref<Player>> {
    let at = open_tile(ctx);
    let me = ctx.insert(Player {
        name: name.to_owned(),
        at,
        gold: START_GOLD,
        pack: Vec::new(),
        session: None,
    })?;
    items::make(ctx, Kind::Shell, me, &mut ctx.get_mut(me)?.pack)?;
    ctx.bind(&bound_name(name), me)?;
    Ok(me)
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
    })
}

/// Regions have names, too; a player who is called like one must not be taken for it.
fn bound_name(name: &str) -> String {
    format!("player {name}")
}
