//! Chat: near, and over the whole island.

use daystar::prelude::*;

use crate::messages::Event;
use crate::players::Player;
use crate::regions;
use crate::settings::SAY_CHARS_MAX;

/// The channel of everyone who is in the game.
pub const ISLAND: &str = "island";

/// Tells everyone near.
pub fn say(ctx: &Ctx, me: Ref<Player>, text: String) -> Result<()> {
    let text = sayable(text)?;
    let player = ctx.get(me)?;
    regions::announce(ctx, player.at, &Event::Said { who: player.name.clone(), text });
    Ok(())
}

/// Tells the whole island.
pub fn shout(ctx: &Ctx, me: Ref<Player>, text: String) -> Result<()> {
    let text = sayable(text)?;
    let who = ctx.get(me)?.name.clone();
    ctx.channel(ISLAND).send(Event::Shouted { who, text });
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
