//! Tideland as its players see it: a server in memory, real clients, one file per part of the game.

mod giving;
mod players;
mod rules;
mod seeing;
mod trees;
mod visit;
