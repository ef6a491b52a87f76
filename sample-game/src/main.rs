//! The program: `sample-game serve` runs the island, `sample-game verify` checks a stored one.

use sample_game::game::Tideland;

fn main() -> daystar::Outcome {
    daystar::cli(Tideland::default())
}
