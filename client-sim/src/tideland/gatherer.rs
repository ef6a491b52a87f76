//! The gatherer: walks to trees, veins and shoals, gathers, makes something of it, and sells what it cannot use.

use rand::RngExt;
use rand_pcg::Pcg32;
use sample_game::items::Kind;
use sample_game::settings::{HEALTH_MAX, ORDERS_MAX, PACK_GRAMS_MAX, PACK_ITEMS_MAX};

use crate::link::Lost;
use crate::tideland::TidelandLink;
use crate::tideland::account::Account;
use crate::tideland::character::Character;
use crate::tideland::market_maker::fair_price;
use crate::tideland::role::Role;

/// A player who is out for what the land gives.
pub struct Gatherer;

impl Role for Gatherer {
    async fn act(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        if character.health() < HEALTH_MAX / 2
            && let Some(food) = character.food()
        {
            return character.eat(link, food).await;
        }
        if let Some(recipe) = character.recipe()
            && rng.random_bool(0.4)
        {
            return character.craft(link, recipe).await;
        }
        if is_loaded(character.account()) {
            return unload(character, link, rng).await;
        }
        match character.useful_source() {
            _ if rng.random_bool(0.15) => character.look(link).await,
            Some((source, true)) => character.gather(link, source.source).await,
            Some((source, false)) => character.walk_towards(link, source.at, rng).await,
            None if rng.random_bool(0.3) => character.look(link).await,
            None => character.walk(link, rng).await,
        }
    }
}

/// Sells of what there is most, or throws something away where that cannot be.
async fn unload(
    character: &mut Character,
    link: &mut TidelandLink,
    rng: &mut Pcg32,
) -> Result<(), Lost> {
    let Some(kind) = most_of(character.account()) else { return character.look(link).await };
    if character.order_count() < ORDERS_MAX / 2 {
        let things: Vec<_> = character.account().of_kind(kind).take(5).collect();
        let price = fair_price(kind);
        return character.sell(link, things, rng.random_range(price..=price + price / 4)).await;
    }
    if rng.random_bool(0.3)
        && let Some(order) = character.some_open_order(rng)
    {
        // Nobody wants it at that price. It comes back as far as there is room.
        return character.cancel_order(link, order).await;
    }
    let item = character.account().of_kind(kind).next();
    match item {
        Some(item) => character.throw_away(link, item).await,
        None => character.walk(link, rng).await,
    }
}

/// Whether hardly anything more goes into the pack.
fn is_loaded(account: &Account) -> bool {
    let heaviest = Kind::ALL.iter().map(|kind| kind.weight()).max().unwrap_or(0);
    account.items.len() >= PACK_ITEMS_MAX || account.carried() + heaviest > PACK_GRAMS_MAX
}

/// The kind of which there is most, by weight.
fn most_of(account: &Account) -> Option<Kind> {
    let weight = |kind: &Kind| u32::try_from(account.count(*kind)).unwrap_or(0) * kind.weight();
    Kind::ALL.into_iter().filter(|kind| account.count(*kind) > 0).max_by_key(weight)
}

#[cfg(test)]
mod tests {
    use daystar::Ref;
    use daystar_model::{ObjectId, Space};
    use sample_game::messages::PackItem;

    use super::*;

    fn with(kinds: &[(Kind, usize)]) -> Account {
        let kinds = kinds.iter().flat_map(|(kind, count)| vec![*kind; *count]);
        let item = |(index, kind)| PackItem {
            item: Ref::from_id(ObjectId::new(Space::Object, index as u64 + 1)),
            kind,
        };
        Account::stated(0, &kinds.enumerate().map(item).collect::<Vec<_>>())
    }

    #[test]
    fn a_pack_is_full_by_weight_or_number_and_the_heaviest_goes_first() {
        let light = with(&[(Kind::Wood, 2), (Kind::Shell, 10)]);
        assert!(!is_loaded(&light));
        assert_eq!(most_of(&light), Some(Kind::Wood));
        assert!(is_loaded(&with(&[(Kind::Shell, PACK_ITEMS_MAX)])));
        assert!(is_loaded(&with(&[(Kind::Wood, 14)])));
        assert_eq!(most_of(&with(&[])), None);
    }
}
