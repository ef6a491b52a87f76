//! A role: what one kind of simulated player is out for. All kinds are played on the same [`Character`].

use std::future::Future;

use rand_pcg::Pcg32;
use sample_game::messages::{Event, Request};

use crate::behaviour::{Behaviour, Who};
use crate::ledger::Holdings;
use crate::link::Lost;
use crate::tideland::TidelandLink;
use crate::tideland::character::Character;
use crate::tideland::done::Done;

/// What one kind of player does.
pub trait Role: Send + 'static {
    /// Does one thing, usually one call. The character knows who it is by then.
    fn act(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> impl Future<Output = Result<(), Lost>> + Send;
}

/// A simulated player of that role.
pub struct Player<R> {
    character: Character,
    rng: Pcg32,
    role: R,
}

impl<R: Role> Player<R> {
    /// The one who is to be played, in that role. What they do is counted in `done`.
    pub fn new(who: Who, role: R, done: Done) -> Self {
        Self { character: Character::new(who.page, done), rng: who.rng, role }
    }
}

impl<R: Role> Behaviour for Player<R> {
    type Request = Request;
    type Event = Event;

    fn joined(&mut self) {
        self.character.joined();
    }

    fn heard(&mut self, event: Event) {
        self.character.heard(event);
    }

    async fn act(&mut self, link: &mut TidelandLink) -> Result<(), Lost> {
        let Self { character, rng, role } = self;
        if !character.is_in() {
            return Ok(());
        }
        character.begin_act();
        if character.learn_orders(link).await? {
            return Ok(());
        }
        role.act(character, link, rng).await
    }

    async fn audit(&mut self, link: &mut TidelandLink) -> Result<Option<Holdings>, Lost> {
        self.character.audit(link).await
    }

    async fn settle(&mut self, link: &mut TidelandLink) -> Result<Vec<String>, Lost> {
        self.character.settle(link).await
    }
}
