//! The tools on a game's own program, as an operator uses them: `backup`, `restore`, `verify`, `inspect`, `compact`, each
//! in a process of its own, on worlds that are in use, at rest, damaged, or not worlds at all.

mod damaged;
mod heap;
mod inspected;
mod interrupted;
mod journal;
mod living;
mod program;
mod refused;
mod serving;
