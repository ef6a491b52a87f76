//! P6 and P7 for tasks that run later: at their time, by the clock that they go by, again and again without drift, again when
//! they have failed, once whatever is killed; calls of the outside world that come after a commit, sweeps over all
//! objects of a type, walks over all entries of a collection, and surveys of the whole world at one moment. Clocks are moved by the tests, so that nothing here depends on how long something takes.

mod calls;
mod failing;
mod fairness;
mod full;
mod game;
mod kills;
mod periodic;
#[path = "../stage/mod.rs"]
mod stage;
mod surveys;
mod sweeps;
mod told;
mod walks;
