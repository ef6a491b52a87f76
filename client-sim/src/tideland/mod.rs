//! Tideland's simulated players, by name, and how many there are of each kind.
//!
//! Each kind is a [`Role`], played on a [`Character`](character::Character), which knows how
//! everything is done that a player can do, and what it does to gold and things.

pub mod account;
pub mod character;
pub mod chatter;
pub mod deeds;
pub mod done;
pub mod fighter;
pub mod gatherer;
pub mod guild_member;
pub mod map;
pub mod market_maker;
pub mod order_book;
pub mod role;
pub mod speech;
pub mod surroundings;
pub mod trader;
pub mod vandal;
pub mod wanderer;

use daystar::Game;
use sample_game::game::Tideland;
use sample_game::messages::{Event, Request};

use crate::behaviour::Who;
use crate::cast::Cast;
use crate::link::Link;
use crate::mix::{Mix, MixError, Overrides};
use crate::plan::Class;
use crate::tideland::chatter::Chatter;
use crate::tideland::done::Done;
use crate::tideland::fighter::Fighter;
use crate::tideland::gatherer::Gatherer;
use crate::tideland::guild_member::GuildMember;
use crate::tideland::market_maker::MarketMaker;
use crate::tideland::role::{Player, Role};
use crate::tideland::trader::Trader;
use crate::tideland::vandal::Vandal;
use crate::tideland::wanderer::Wanderer;

/// A client's connection to Tideland.
pub type TidelandLink = Link<Request, Event>;

/// Which of them there are when nobody says otherwise.
pub const STANDARD_MIX: &str = include_str!("../../mixes/standard.toml");

/// All kinds of them.
pub fn cast() -> Cast {
    cast_counted(&Done::default())
}

/// All kinds of them; what they do is counted in `done`.
pub fn cast_counted(done: &Done) -> Cast {
    Cast::of(Tideland::NAME)
        .with("chatter", player(done, |_| Chatter))
        .with("fighter", player(done, |_| Fighter::default()))
        .with("gatherer", player(done, |_| Gatherer))
        .with("guild member", player(done, GuildMember::new))
        .with("market maker", player(done, |_| MarketMaker))
        .with("trader", player(done, |_| Trader))
        .with("vandal", player(done, |_| Vandal))
        .with("wanderer", player(done, |_| Wanderer))
        .with_standard_mix(STANDARD_MIX)
}

/// Makes players of a role, which `role` makes for the client of that number.
fn player<R: Role, F: Fn(u32) -> R + Send + Sync>(
    done: &Done,
    role: F,
) -> impl Fn(Who) -> Player<R> + Send + Sync + use<R, F> {
    let done = done.clone();
    move |who| {
        let role = role(who.number);
        Player::new(who, role, done.clone())
    }
}

/// The standard mix's classes.
///
/// # Errors
/// The mix cannot be used so.
pub fn standard_classes(overrides: &Overrides) -> Result<Vec<Class>, MixError> {
    Mix::parse(STANDARD_MIX, &cast())?.classes(overrides)
}
