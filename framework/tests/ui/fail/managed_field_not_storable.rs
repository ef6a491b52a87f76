//! A clock's reading means nothing after a restart, so it cannot be stored.

use daystar::prelude::*;

#[managed]
struct Player {
    name: String,
    online_since: std::time::Instant,
}

fn main() {}
