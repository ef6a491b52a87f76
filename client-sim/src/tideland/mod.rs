//! Tideland's simulated players, by name, and how many there are of each kind.

pub mod account;
pub mod character;
pub mod speech;
pub mod trader;
pub mod wanderer;

use daystar::Game;
use sample_game::game::Tideland;

use crate::cast::Cast;
use crate::mix::{Mix, MixError, Overrides};
use crate::plan::Class;
use crate::tideland::trader::Trader;
use crate::tideland::wanderer::Wanderer;

/// Which of them there are when nobody says otherwise.
pub const STANDARD_MIX: &str = include_str!("../../mixes/standard.toml");

/// All kinds of them.
pub fn cast() -> Cast {
    Cast::of(Tideland::NAME)
        .with("trader", Trader::new)
        .with("wanderer", Wanderer::new)
        .with_standard_mix(STANDARD_MIX)
}

/// The standard mix's classes.
///
/// # Errors
/// The mix cannot be used so.
pub fn standard_classes(overrides: &Overrides) -> Result<Vec<Class>, MixError> {
    Mix::parse(STANDARD_MIX, &cast())?.classes(overrides)
}
