//! Chat: near, and over the whole island.
//!
//! What one says, many hear, so each player has a pace: one who does not stop would keep the server busy with nothing else.

use daystar::prelude::*;

use crate::messages::Event;
use crate::players::Player;
use crate::regions;
use crate::settings::{SAY_BURST, SAY_CHARS_MAX, SAY_EVERY, SHOUT_BURST, SHOUT_EVERY};

/// The channel of everyone who is in the game.
pub const ISLAND: &str = "island";

/// Tells everyone near.
pub fn say(ctx: &Ctx, me: Ref<Player>, text: String) -> Result<()> {
    let text = sayable(text)?;
    let mut player = ctx.get_mut(me)?;
    draw_breath(ctx, &mut player)?;
    regions::announce(ctx, player.at, &Event::Said { who: player.name.clone(), text });
    Ok(())
}

/// Tells the whole island.
pub fn shout(ctx: &Ctx, me: Ref<Player>, text: String) -> Result<()> {
    let text = sayable(text)?;
    let mut player = ctx.get_mut(me)?;
    let wait = player.shouted.count(ctx.now(), SHOUT_EVERY, SHOUT_BURST);
    ensure!(wait.is_zero(), "you are hoarse; shout again in {:.1} s", wait.as_secs_f32());
    ctx.channel(ISLAND).send(Event::Shouted { who: player.name.clone(), text });
    Ok(())
}

/// Keeps a player to the pace of what can be said, near or to a guild.
///
/// # Errors
/// They have said too much.
pub fn draw_breath(ctx: &Ctx, player: &mut Player) -> Result<()> {
    let wait = player.spoke.count(ctx.now(), SAY_EVERY, SAY_BURST);
    ensure!(wait.is_zero(), "you talk too fast; say it in {:.1} s", wait.as_secs_f32());
    Ok(())
}

/// `text`, if it is short enough and in plain letters.
///
/// # Errors
/// It is not.
pub fn sayable(text: String) -> Result<String> {
    ensure!(!text.trim().is_empty(), "that is no text; say something");
    let chars = text.chars().count();
    ensure!(
        chars <= SAY_CHARS_MAX,
        "that is {chars} characters long, and {SAY_CHARS_MAX} can be said at once; say it in parts"
    );
    ensure!(
        !text.chars().any(char::is_control),
        "there is a control character in the text; say it in plain letters and on one line"
    );
    Ok(text)
}
