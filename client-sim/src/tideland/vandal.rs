//! The vandal: tries everything that is not allowed. Whatever of that is done, not refused, is a difference in the end; and its own
//! account must balance like everyone's.

use daystar::Ref;
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_pcg::Pcg32;
use sample_game::fights::{self, Foe};
use sample_game::gathering::Source;
use sample_game::island::{Direction, Position};
use sample_game::items::{Item, Kind};
use sample_game::messages::{Request, SeenSource};
use sample_game::settings::{ORDER_AMOUNT_MAX, ORDER_PRICE_MAX, REACH, SAY_CHARS_MAX};
use sample_game::{guilds, market, trade};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, U64Deserializer};

use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::character::Character;
use crate::tideland::role::Role;

/// How many messages it sends at once when it floods the server: not so many that it is dropped.
const FLOOD: u32 = 150;

/// What nobody has: more than all the gold that there can be.
const FORTUNE: u64 = 1 << 60;

/// A player who is out for harm.
pub struct Vandal;

impl Role for Vandal {
    async fn act(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        // Somebody may want to make a deal with it. In a deal, some of what it tries would be allowed.
        if character.dealing().is_open() {
            return character.cancel_deal(link).await;
        }
        match rng.random_range(0..100) {
            0 => character.flood(link, FLOOD).await,
            1..16 => character.look(link).await,
            16..30 => character.walk(link, rng).await,
            30..38 => {
                // Into the sea, against a cliff, or off the map, where there is one of these.
                let way = character.position().and_then(closed_way);
                character.step(link, way.or(character.heading())).await
            }
            _ => {
                let foul = foul(&Means::of(character, rng), rng);
                character.try_foul(link, &foul).await
            }
        }
    }
}

impl Character {
    /// Asks for something that must be refused.
    async fn try_foul(&mut self, link: &mut TidelandLink, request: &Request) -> Result<(), Lost> {
        match link.call(request).await? {
            Answer::Refused(_) => self.done.count("is refused what is not allowed"),
            Answer::Done(answer) => {
                self.wrong.push(format!("{request:?} is not allowed, and was answered {answer:?}"));
            }
        }
        Ok(())
    }

    /// Asks for something harmless many times, without waiting for answers.
    async fn flood(&mut self, link: &mut TidelandLink, times: u32) -> Result<(), Lost> {
        for _ in 0..times {
            link.send(&Request::Hour).await?;
        }
        self.done.count("floods");
        Ok(())
    }
}

/// A direction in which nobody can go.
fn closed_way(at: Position) -> Option<Direction> {
    let is_open = |way: Direction| at.step(way).is_some_and(|to| to.tile().is_open());
    Direction::ALL.into_iter().find(|way| !is_open(*way))
}

/// What a vandal knows and can misuse.
struct Means {
    me: String,
    /// Somebody else, or nobody.
    other: String,
    /// One of its own things.
    mine: Option<Ref<Item>>,
    /// The number of something that is not its own: somebody else's, or nothing's.
    foreign: u64,
    /// A source that is too far away.
    far_source: Option<Ref<Source>>,
}

impl Means {
    fn of(character: &Character, rng: &mut Pcg32) -> Self {
        let own: Vec<u64> = character.account().items.keys().map(|item| number(*item)).collect();
        // Close to the own things are those of others who came at about the same time.
        let near = own.choose(rng).map_or(1, |mine| mine.saturating_sub(8));
        let mut foreign = match rng.random_range(0..3) {
            0 => rng.random_range(near..near + 17),
            1 => rng.random_range(0..30_000),
            // Also sessions, names and tasks have numbers.
            _ => rng.random_range(1 << 40..u64::MAX),
        };
        while own.contains(&foreign) {
            foreign += 1;
        }
        let at = character.position();
        let is_far = |seen: &&SeenSource| at.is_some_and(|at| at.distance(seen.at) > REACH + 1);
        Self {
            me: character.name().to_owned(),
            other: character.someone_met(rng).unwrap_or_else(|| "nobody at all".to_owned()),
            mine: character.some_item(rng),
            foreign,
            far_source: character.around().sources.values().find(is_far).map(|seen| seen.source),
        }
    }
}

/// Something that nobody may do, or that cannot be.
fn foul(means: &Means, rng: &mut Pcg32) -> Request {
    let kinds = [things, texts, amounts, orders, deals, guild, fights, sources];
    kinds
        .choose(rng)
        .map_or(Request::GiveGold { to: means.me.clone(), gold: 1 }, |kind| kind(means, rng))
}

/// Things that are somebody else's, or no things.
fn things(means: &Means, rng: &mut Pcg32) -> Request {
    let item = reference(means.foreign);
    match rng.random_range(0..4) {
        0 => Request::GiveItem { to: means.other.clone(), item },
        1 => Request::ThrowAway { item },
        2 => Request::Fight(fights::Ask::Eat { item }),
        _ => Request::GiveItem { to: means.me.clone(), item: means.mine.unwrap_or(item) },
    }
}

/// Texts that are too long, or empty, or none.
fn texts(_: &Means, rng: &mut Pcg32) -> Request {
    let text = match rng.random_range(0..4) {
        0 => "a".repeat(SAY_CHARS_MAX + 1),
        1 => "long ".repeat(1_500),
        2 => " \u{3000} ".to_owned(),
        _ => "one line\nand another\u{7}".to_owned(),
    };
    match rng.random_range(0..3) {
        0 => Request::Say(text),
        1 => Request::Shout(text),
        _ => Request::Guild(guilds::Ask::Found { name: text }),
    }
}

/// Gold that it does not have, or none; and what would be below none, if it were counted so.
fn amounts(means: &Means, rng: &mut Pcg32) -> Request {
    let gold = [0, FORTUNE, i64::MAX as u64, 1 << 63, u64::MAX - 99, u64::MAX];
    let gold = gold[rng.random_range(0..gold.len())];
    match rng.random_range(0..4) {
        0 => Request::GiveGold { to: means.me.clone(), gold: 1 },
        1 => Request::GiveGold { to: "n".repeat(500), gold: 1 },
        _ => Request::GiveGold { to: means.other.clone(), gold },
    }
}

/// Orders that are too large, or somebody else's, or for nothing.
fn orders(means: &Means, rng: &mut Pcg32) -> Request {
    use market::Ask::{Buy, Cancel, Collect, Sell};
    let buy = |amount: u32, price: u64| Buy { kind: Kind::Shell, amount, price };
    let too_many = u32::try_from(ORDER_AMOUNT_MAX + 1).unwrap_or(u32::MAX);
    let things = |items: &[u64]| items.iter().map(|item| reference(*item)).collect();
    Request::Market(match rng.random_range(0..11) {
        0 => buy(0, 1),
        1 => buy(1, 0),
        2 => buy(too_many, 1),
        3 => buy(u32::MAX, u64::MAX),
        4 => buy(1, ORDER_PRICE_MAX + 1),
        5 => Sell { things: Vec::new(), price: 1 },
        6 => Sell { things: things(&[means.foreign]), price: 1 },
        7 => Sell { things: vec![reference(means.foreign); 300], price: 1 },
        8 => match means.mine {
            Some(mine) => Sell { things: vec![mine, mine], price: 1 },
            None => buy(0, 0),
        },
        9 => Cancel { order: reference(means.foreign) },
        _ => Collect { order: reference(means.foreign) },
    })
}

/// What one can do in a deal only, and it is in none.
fn deals(means: &Means, rng: &mut Pcg32) -> Request {
    use trade::Ask::{Accept, Offer, Open};
    Request::Trade(match rng.random_range(0..4) {
        0 => Open { with: means.me.clone() },
        1 => Offer { gold: FORTUNE, things: Vec::new() },
        2 => Offer { gold: 0, things: vec![reference(means.foreign)] },
        _ => {
            let number = rng.random_range(1_000_000..=u32::MAX);
            Accept { revision: trade::Revision { deal: reference(means.foreign), number } }
        }
    })
}

/// What takes a guild, or a rank in one. It joins none.
fn guild(means: &Means, rng: &mut Pcg32) -> Request {
    use guilds::Ask::{Demote, Deposit, Dissolve, Expel, Found, Invite, Join, Promote, Withdraw};
    let who = means.other.clone();
    Request::Guild(match rng.random_range(0..10) {
        0 => Withdraw { gold: rng.random_range(1..100) },
        1 => Withdraw { gold: u64::MAX },
        2 => Deposit { gold: rng.random_range(0..2) },
        3 => Invite { who },
        4 => Promote { who },
        5 => Demote { who },
        6 => Expel { who },
        7 => Dissolve,
        8 => Found { name: " of many spaces ".to_owned() },
        _ => Join { guild: format!("nobody's guild {}", means.foreign) },
    })
}

/// Foes that are far away, or none.
fn fights(means: &Means, rng: &mut Pcg32) -> Request {
    use fights::Ask::{Eat, Loot, Strike};
    Request::Fight(match rng.random_range(0..5) {
        0 => Strike { foe: Foe::Player(means.me.clone()) },
        1 => Strike { foe: Foe::Player("nobody at all".to_owned()) },
        // What is a thing is no creature, and cannot be looted.
        2 => Strike { foe: Foe::Creature(means.mine.map_or(reference(1 << 45), retyped)) },
        3 => Loot { remains: means.mine.map_or(reference(1 << 45), retyped) },
        _ => Eat { item: reference(means.foreign) },
    })
}

/// Sources that are too far away, or none.
fn sources(means: &Means, rng: &mut Pcg32) -> Request {
    let source = match means.far_source {
        Some(far) if rng.random_bool(0.6) => far,
        _ => means.mine.map_or(reference(1 << 45), retyped),
    };
    Request::Gather { source }
}

/// A made-up reference. Only a server makes true ones, but a message may have any.
fn reference<T>(number: u64) -> Ref<T> {
    let number: U64Deserializer<Error> = number.into_deserializer();
    Ref::deserialize(number).expect("a reference in a message is any number")
}

/// The same object, said to be something else.
fn retyped<T, U>(object: Ref<T>) -> Ref<U> {
    reference(number(object))
}

fn number<T>(object: Ref<T>) -> u64 {
    object.id().to_raw()
}

#[cfg(test)]
mod tests {
    use sample_game::island::everywhere;

    use super::*;

    #[test]
    fn it_tries_many_different_things_and_never_its_own_in_others_place() {
        let mine = 77;
        let means = Means {
            me: "eve".to_owned(),
            other: "bob".to_owned(),
            mine: Some(reference(mine)),
            foreign: 78,
            far_source: None,
        };
        let mut rng = Pcg32::new(1, 1);
        let fouls: std::collections::HashSet<String> =
            (0..3_000).map(|_| format!("{:.60?}", foul(&means, &mut rng))).collect();
        assert!(fouls.len() > 40, "{}", fouls.len());
        let own = Request::ThrowAway { item: reference::<Item>(mine) };
        assert!(!fouls.contains(&format!("{own:.60?}")));
    }

    #[test]
    fn it_finds_the_sea_where_there_is_one() {
        let beach = everywhere().find(|at| at.tile().is_open()).expect("land");
        let way = closed_way(beach).expect("the first land from the north is a coast");
        assert!(beach.step(way).is_none_or(|to| !to.tile().is_open()));
    }
}
