//! Tideland: a persistent island, and the tutorial of Daystar. One file per part of the game.
//!
//! Read [`game`] first: it says what happens when someone joins, asks for something, or leaves. Each part
//! it calls is a file of its own; [`settings`] holds the numbers to play with, `island.txt` is the map to
//! draw on, and [`rules`] says what must always be true.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod auditor;
pub mod bank;
pub mod chat;
pub mod crafting;
pub mod creatures;
pub mod daylight;
pub mod dying;
pub mod expiry;
pub mod fights;
pub mod game;
pub mod gathering;
pub mod giving;
pub mod guilds;
pub mod health;
pub mod island;
pub mod items;
pub mod leaderboard;
pub mod looking;
pub mod market;
pub mod members;
pub mod messages;
pub mod mint;
pub mod orders;
pub mod pace;
pub mod players;
pub mod prices;
pub mod prowling;
pub mod regions;
pub mod remains;
pub mod rules;
pub mod settings;
pub mod species;
pub mod trade;
pub mod walking;
pub mod wild;

pub use game::Tideland;
pub use messages::{Event, Request};
pub use wild::Wild;
