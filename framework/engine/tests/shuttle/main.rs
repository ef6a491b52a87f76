//! The whole engine under shuttle, which chooses who goes next at every lock and every atomic: small stories of two or
//! three threads, each told in thousands of orders, half of them at random and half with few changes of turn (S.
//! Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010).
//!
//! Every story ends with the oracle: the sink was given every commit once and in order, and all that was committed
//! comes to the same when run again one at a time. With the engine broken on purpose, the stories must end badly.
//!
//! `DAYSTAR_SCHEDULES` says in how many orders each story is told. A failing order is printed, and what was printed
//! can be handed to `shuttle::replay`. Millions of orders, without the broken engines, whose unfinished threads are
//! never cleared away:
//!
//! ```text
//! DAYSTAR_SCHEDULES=1000000 cargo test --release -p daystar-engine --features shuttle --test shuttle -- --skip broken
//! ```

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/watched.rs"]
mod watched;

mod blind;
mod broken;
mod gone;
mod grace;
mod ladder;
mod memory;
mod messages;
mod past;
mod phantoms;
mod schedules;
mod skew;
mod transfers;
mod updates;
mod world;
