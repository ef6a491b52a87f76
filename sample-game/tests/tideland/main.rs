//! Tideland as its players see it: a server in memory, real clients, one file per part of the game.

mod crafting;
mod daylight;
mod gathering;
mod giving;
mod leaders;
mod players;
mod returning;
mod rules;
mod seeing;
mod visit;
