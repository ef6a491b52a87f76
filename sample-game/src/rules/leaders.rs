//! The leaderboard lists everyone who has reached a step, where they belong, and nobody else.

use std::collections::HashMap;

use daystar::prelude::*;

use crate::leaderboard::Rank;
use crate::players::Player;
use crate::rules::Census;

/// Reports every player who is not where they belong.
pub fn check(world: &World, all: &Census) -> Result<()> {
    let mut listed_at: HashMap<Ref<Player>, Vec<Rank>> = HashMap::new();
    for (_, board) in all.leaderboards.each() {
        board.ranks.each_in(world, |rank, player| {
            listed_at.entry(player).or_default().push(rank);
            Ok(())
        })?;
    }
    for (me, player) in all.players.each() {
        let listed = listed_at.remove(&me).unwrap_or_default();
        if !listed.iter().eq(&Rank::of(player)) {
            let (name, fame) = (&player.name, player.fame);
            world.problem(format!("{name}, of fame {fame}, is on the leaderboard as {listed:?}"));
        }
    }
    for (player, ranks) in listed_at {
        world.problem(format!("player {player} does not exist, but is on the board as {ranks:?}"));
    }
    Ok(())
}
