//! The collections: each does what std's does, keeps what one at a time would have come to when many use it, and
//! outlives the program; no lookup, length or walk is wrong by the time its task commits.

mod apart;
mod concurrent;
mod kept;
mod limits;
mod model;
mod phantoms;
mod removal;
mod snapshot;
mod world;
