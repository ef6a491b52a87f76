//! The behaviours that a program knows, by the names that a mix calls them by.

use std::collections::BTreeMap;
use std::pin::Pin;

use crate::behaviour::{Behaviour, Who};
use crate::client::{self, Seat};

/// A game's behaviours by name, each with what makes one for a client.
///
/// ```
/// # use client_sim::behaviour::{Behaviour, Who};
/// # use client_sim::link::{Link, Lost};
/// use client_sim::cast::Cast;
///
/// # struct Idler;
/// # impl Behaviour for Idler {
/// #     type Request = sample_game::messages::Request;
/// #     type Event = sample_game::messages::Event;
/// #     fn heard(&mut self, _: Self::Event) {}
/// #     async fn act(&mut self, _: &mut Link<Self::Request, Self::Event>) -> Result<(), Lost> { Ok(()) }
/// # }
/// let cast = Cast::of("tideland").with("idler", |_: Who| Idler);
/// assert!(cast.names().eq(["idler"]));
/// ```
pub struct Cast {
    game: &'static str,
    roles: BTreeMap<&'static str, Role>,
    standard_mix: Option<&'static str>,
}

/// Plays one client from beginning to end. That its type is forgotten here, once a client, is why behaviours need not have the
/// same messages and no call is boxed.
type Role = Box<dyn Fn(Seat) -> Life + Send + Sync>;

/// A client's whole run.
pub(crate) type Life = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Cast {
    /// Nobody yet, for the game of that `Game::NAME`.
    pub fn of(game: &'static str) -> Self {
        Self { game, roles: BTreeMap::new(), standard_mix: None }
    }

    /// And one more behaviour. `make` is told which client it is for. A second of the same name takes the first one's place.
    #[must_use]
    pub fn with<B: Behaviour>(
        mut self,
        name: &'static str,
        make: impl Fn(Who) -> B + Send + Sync + 'static,
    ) -> Self {
        let role = move |seat: Seat| -> Life {
            let behaviour = make(seat.who());
            Box::pin(client::live(seat, behaviour))
        };
        self.roles.insert(name, Box::new(role));
        self
    }

    /// The mix of clients when nobody names another; unless set, as many of each behaviour.
    #[must_use]
    pub fn with_standard_mix(self, mix: &'static str) -> Self {
        Self { standard_mix: Some(mix), ..self }
    }

    /// The game, as its server expects it.
    pub fn game(&self) -> &'static str {
        self.game
    }

    /// The behaviours' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.roles.keys().copied()
    }

    /// That mix.
    pub(crate) fn standard_mix(&self) -> String {
        let alike =
            || self.names().map(|name| format!("[[class]]\nbehaviour = {name:?}\n")).collect();
        self.standard_mix.map_or_else(alike, str::to_owned)
    }

    /// The life of a client who plays that behaviour, if there is such a one.
    pub(crate) fn life(&self, behaviour: &str, seat: Seat) -> Option<Life> {
        self.roles.get(behaviour).map(|role| role(seat))
    }
}

#[cfg(test)]
mod tests {
    use crate::mix::{Mix, Overrides};
    use crate::plan::Class;
    use crate::tideland::done::Done;
    use crate::tideland::role::Player;
    use crate::tideland::trader::Trader;

    use super::*;

    #[test]
    fn a_cast_without_a_mix_has_as_many_of_each() {
        let trader = |who: Who| Player::new(who, Trader, Done::default());
        let cast = Cast::of("tideland").with("buyer", trader).with("seller \"2\"", trader);
        let mix = Mix::parse(&cast.standard_mix(), &cast);
        // Its name is no name that a class can have, and is written so that only that is wrong.
        assert!(mix.is_err_and(|error| error.to_string().contains("a name has letters")));

        let cast = Cast::of("tideland").with("buyer", trader).with("seller", trader);
        let mix = Mix::parse(&cast.standard_mix(), &cast).expect("a mix");
        let overrides = Overrides { clients: Some(6), ..Overrides::default() };
        let classes = mix.classes(&overrides).expect("classes");
        assert_eq!(classes, [Class::new("buyer", 3), Class::new("seller", 3)]);
    }
}
