//! What players and the island say to each other.

use daystar::prelude::*;

use crate::crafting::Recipe;
use crate::creatures::SeenCreature;
use crate::gathering::Source;
use crate::island::{Direction, Position};
use crate::items::{Item, Kind};
use crate::remains::SeenRemains;
use crate::{fights, guilds, market, trade};

/// What a player asks for.
#[message]
#[derive(PartialEq)]
pub enum Request {
    /// Who am I, where, and what do I have? Answered by [`Event::You`].
    Me,
    /// One step. Answered by [`Event::Walked`].
    Walk(Direction),
    /// Who and what is near? Answered by [`Event::Seen`].
    Look,
    /// Tell everyone near.
    Say(String),
    /// Tell the whole island.
    Shout(String),
    /// Hand over gold. Answered by [`Event::Purse`].
    GiveGold {
        /// The name of the player who gets it.
        to: String,
        /// How much.
        gold: u64,
    },
    /// Hand over an item. Answered by [`Event::Pack`].
    GiveItem {
        /// The name of the player who gets it.
        to: String,
        /// Which of one's items.
        item: Ref<Item>,
    },
    /// Throw an item into the sea. Answered by [`Event::Pack`].
    ThrowAway {
        /// Which of one's items.
        item: Ref<Item>,
    },
    /// One stroke at a tree or a vein, or one cast at a shoal, within reach. Answered by [`Event::Gathered`].
    Gather {
        /// Which one; [`Request::Look`] tells.
        source: Ref<Source>,
    },
    /// Make something of things in the pack. Answered by [`Event::Crafted`].
    Craft(Recipe),
    /// Who are the most famous? Answered by [`Event::Leaders`].
    Leaders,
    /// What time is it on the island? Answered by [`Event::Hour`].
    Hour,
    /// About a trade with another player.
    Trade(trade::Ask),
    /// About the market.
    Market(market::Ask),
    /// About guilds.
    Guild(guilds::Ask),
    /// About fighting, and what comes of it.
    Fight(fights::Ask),
}

/// What a player is told, as an answer or because something happened.
#[message]
#[derive(PartialEq)]
pub enum Event {
    /// Who you are. Also the first thing that a player is told.
    You {
        /// Your name.
        name: String,
        /// Where you stand.
        at: Position,
        /// Your gold.
        gold: u64,
        /// Your items.
        pack: Vec<PackItem>,
        /// How healthy you are.
        health: u16,
        /// How famous you are.
        fame: u64,
        /// The hour of the island's day.
        hour: u8,
        /// Whether it is night, and nobody sees far.
        is_night: bool,
    },
    /// You took a step.
    Walked {
        /// Where you stand now.
        at: Position,
    },
    /// What is near.
    Seen {
        /// Everyone near, yourself left out.
        players: Vec<SeenPlayer>,
        /// Every tree, vein and shoal near.
        sources: Vec<SeenSource>,
        /// Every creature near.
        creatures: Vec<SeenCreature>,
        /// What lies near of those who died.
        remains: Vec<SeenRemains>,
    },
    /// Your gold after giving.
    Purse {
        /// How much you have left.
        gold: u64,
    },
    /// Your items after one left your pack.
    Pack {
        /// What you have left.
        pack: Vec<PackItem>,
    },
    /// Your stroke has hit.
    Gathered {
        /// How many more it takes.
        left: u8,
        /// What is yours if it took no more.
        thing: Option<PackItem>,
    },

    /// Someone joined, near you.
    Arrived {
        /// Who.
        who: String,
        /// Where.
        at: Position,
    },
    /// Someone near you took a step; you hear of your own steps, too.
    Moved {
        /// Who.
        who: String,
        /// Where they stand now.
        at: Position,
    },
    /// Someone near you left the game.
    Gone {
        /// Who.
        who: String,
    },
    /// Someone near you said something.
    Said {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
    /// Someone on the island shouted.
    Shouted {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
    /// You were given gold.
    GotGold {
        /// By whom.
        from: String,
        /// How much.
        gold: u64,
    },
    /// You were given an item.
    GotItem {
        /// By whom.
        from: String,
        /// What.
        item: PackItem,
    },
    /// A tree, vein or shoal near you has nothing left.
    Exhausted {
        /// Where it is.
        at: Position,
    },
    /// A tree, vein or shoal near you has come back.
    CameBack {
        /// Where it is.
        at: Position,
    },

    /// You have made something.
    Crafted {
        /// What.
        made: PackItem,
        /// What it is made of, and you do not have any more.
        used: Vec<Ref<Item>>,
    },
    /// The most famous, the first of them first.
    Leaders(Vec<Leader>),
    /// What time it is.
    Hour {
        /// The hour of the island's day: 0 to 23.
        hour: u8,
        /// Whether it is night, and nobody sees far.
        is_night: bool,
    },

    /// About a trade with another player.
    Trade(trade::Told),
    /// About the market.
    Market(market::Told),
    /// About guilds.
    Guild(guilds::Told),
    /// About fighting, and what comes of it.
    Fight(fights::Told),
}

/// An item in a pack, as its owner is told of it.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct PackItem {
    /// Which item.
    pub item: Ref<Item>,
    /// What it is.
    pub kind: Kind,
}

/// A player, as others see them.
#[message]
#[derive(PartialEq, Eq)]
pub struct SeenPlayer {
    /// Who.
    pub name: String,
    /// Where.
    pub at: Position,
}

/// A tree, a vein or a shoal, as players see it.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct SeenSource {
    /// Which one, to be named in [`Request::Gather`].
    pub source: Ref<Source>,
    /// Where.
    pub at: Position,
    /// What it gives.
    pub kind: Kind,
    /// How many strokes that takes; none if there is nothing left.
    pub left: u8,
}

/// A player on the leaderboard.
#[message]
#[derive(PartialEq, Eq)]
pub struct Leader {
    /// Who.
    pub name: String,
    /// How famous they are at least.
    pub fame: u64,
}
