//! The program: `sample-game serve` runs the island, `sample-game verify` checks a stored one.

use sample_game::game::Tideland;

// What one thread makes another often gives back, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> daystar::Outcome {
    daystar::cli(Tideland::default())
}
