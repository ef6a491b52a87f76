//! Tideland's simulated players, and how many there are of each kind.

pub mod account;
pub mod character;
pub mod speech;
pub mod trader;
pub mod wanderer;

use sample_game::messages::{Event, Request};

use crate::behaviour::{Behaviour, Who};
use crate::link::{Link, Lost};
use crate::tideland::trader::Trader;
use crate::tideland::wanderer::Wanderer;

/// A simulated player of either kind.
pub enum Islander {
    /// Walks, looks, gathers, and sometimes talks.
    Wanderer(Wanderer),
    /// Gives gold and items to whom it has met.
    Trader(Trader),
}

impl Islander {
    /// Every fourth client is a trader.
    pub fn new(who: Who) -> Self {
        if who.number % 4 == 3 {
            Self::Trader(Trader::new(who.rng))
        } else {
            Self::Wanderer(Wanderer::new(who.rng))
        }
    }
}

impl Behaviour for Islander {
    type Request = Request;
    type Event = Event;

    fn joined(&mut self) {
        match self {
            Self::Wanderer(wanderer) => wanderer.joined(),
            Self::Trader(trader) => trader.joined(),
        }
    }

    fn heard(&mut self, event: Event) {
        match self {
            Self::Wanderer(wanderer) => wanderer.heard(event),
            Self::Trader(trader) => trader.heard(event),
        }
    }

    async fn act(&mut self, link: &mut Link<Request, Event>) -> Result<(), Lost> {
        match self {
            Self::Wanderer(wanderer) => wanderer.act(link).await,
            Self::Trader(trader) => trader.act(link).await,
        }
    }

    async fn settle(&mut self, link: &mut Link<Request, Event>) -> Result<Vec<String>, Lost> {
        match self {
            Self::Wanderer(wanderer) => wanderer.settle(link).await,
            Self::Trader(trader) => trader.settle(link).await,
        }
    }
}
