//! The fighter: looks for creatures, strikes them down, takes what they leave, eats when it is hurt, and runs when it has nothing to
//! eat.

use rand::RngExt;
use rand_pcg::Pcg32;
use sample_game::creatures::SeenCreature;
use sample_game::island::Tile;
use sample_game::items::Kind;
use sample_game::settings::{BED_GOLD, HEALTH_MAX, STRIKE_EVERY};
use sample_game::species::Species;
use tokio::time::Instant;

use crate::link::Lost;
use crate::tideland::TidelandLink;
use crate::tideland::character::Character;
use crate::tideland::role::Role;

/// A player who is out for the wild.
pub struct Fighter {
    /// When its arm is ready.
    ready: Instant,
}

impl Default for Fighter {
    fn default() -> Self {
        Self { ready: Instant::now() }
    }
}

impl Role for Fighter {
    async fn act(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        let Some(at) = character.position() else { return Ok(()) };
        let is_hurt = character.health() < HEALTH_MAX / 2;
        if is_hurt && let Some(food) = character.food() {
            return character.eat(link, food).await;
        }
        if is_hurt {
            if let Some((foe, _)) = character.around().nearest_creature(at, |_| true) {
                return character.walk_away(link, foe.at).await;
            }
            let can_rest = character.account().gold >= i128::from(BED_GOLD);
            if at.tile() == Tile::Sand && can_rest {
                return character.rest(link).await;
            }
        }
        // Looked around anew now and then, or it would hunt what is long gone.
        if rng.random_bool(0.2) {
            return character.look(link).await;
        }
        match character.around().nearest_remains(at) {
            Some((remains, _, true)) => return character.loot(link, remains).await,
            Some((_, place, false)) => return character.walk_towards(link, place, rng).await,
            None => {}
        }
        let is_armed = character.account().count(Kind::Sword) > 0;
        let health = character.health();
        let prey = |seen: &SeenCreature| is_prey(seen.species, is_armed, health);
        match character.around().nearest_creature(at, prey) {
            Some((foe, true)) if self.ready <= Instant::now() => {
                self.ready = Instant::now() + STRIKE_EVERY;
                character.strike(link, foe.creature).await
            }
            // Its arm is tired.
            Some((_, true)) => character.look(link).await,
            Some((foe, false)) => character.walk_towards(link, foe.at, rng).await,
            None => forage(character, link, rng).await,
        }
    }
}

/// Catches fish where there are some, and walks on where not.
async fn forage(
    character: &mut Character,
    link: &mut TidelandLink,
    rng: &mut Pcg32,
) -> Result<(), Lost> {
    let wants_food = character.account().count(Kind::Fish) < 5;
    match character.useful_source() {
        Some((source, true)) if source.kind == Kind::Fish && wants_food => {
            character.gather(link, source.source).await
        }
        _ if rng.random_bool(0.25) => character.look(link).await,
        _ => character.walk(link, rng).await,
    }
}

/// Whether it takes on such a creature.
fn is_prey(species: Species, is_armed: bool, health: u16) -> bool {
    match species {
        Species::Crab => true,
        Species::Boar | Species::Wolf => is_armed && health > HEALTH_MAX / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strong_are_fought_by_the_armed_and_healthy_only() {
        assert!(is_prey(Species::Crab, false, 1));
        assert!(is_prey(Species::Wolf, true, HEALTH_MAX));
        assert!(!is_prey(Species::Wolf, false, HEALTH_MAX));
        assert!(!is_prey(Species::Boar, true, HEALTH_MAX / 2));
    }
}
