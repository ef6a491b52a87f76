//! An old version of a task is never run.

use daystar::prelude::*;

#[task(name = "Ring", version = 1, old)]
struct RingV1 {
    times: u8,
}

fn main() {}
