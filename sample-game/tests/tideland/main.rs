//! Tideland as its players see it: a server in memory, real clients, one file per part of the game.

mod audits;
mod crafting;
mod creatures;
mod crowds;
mod daylight;
mod dealing_rules;
mod expiry;
mod fights;
mod gathering;
mod giving;
mod guilds;
mod hunter;
mod leaders;
mod looting;
mod market;
mod paces;
mod players;
mod returning;
mod rules;
mod seeing;
mod stored;
mod trade;
mod visit;
