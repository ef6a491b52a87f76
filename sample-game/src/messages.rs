//! What players and the island say to each other.

use daystar::prelude::*;

use crate::island::{Direction, Position};
use crate::items::{Item, Kind};
use crate::trees::Tree;

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
    /// One stroke of the axe at a tree within reach. Answered by [`Event::Chopped`].
    Chop {
        /// Which tree; [`Request::Look`] tells.
        tree: Ref<Tree>,
    },
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
        /// Every tree near.
        trees: Vec<SeenTree>,
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
    /// Your axe has hit a tree.
    Chopped {
        /// How many strokes it still stands.
        strokes_left: u8,
        /// The wood that is yours if it fell.
        wood: Option<PackItem>,
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
    /// A tree near you fell.
    TreeFell {
        /// Where it stood.
        at: Position,
    },
    /// A tree near you has grown again.
    TreeGrew {
        /// Where it stands.
        at: Position,
    },
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

/// A tree, as players see it.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct SeenTree {
    /// Which tree, to be named in [`Request::Chop`].
    pub tree: Ref<Tree>,
    /// Where.
    pub at: Position,
    /// How many strokes it still stands; none if it is a stump.
    pub strokes_left: u8,
}
