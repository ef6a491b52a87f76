//! The benches: `benches NAME [--json] [--quick]` measures one, beside its baseline and in the same run.

mod growth;
mod harness;
mod hot;
mod inproc;
mod readonly;
mod scaling;
mod world;

use clap::{Parser, ValueEnum};

use crate::harness::Harness;

/// For baselines and subjects alike. The system's allocator is slow where one thread frees what another made, and a
/// figure should not be about that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Measures one figure beside its baseline, in turns, in one run.")]
struct Arguments {
    /// What to measure.
    name: Bench,
    /// One JSON line per case, for programs, instead of a table.
    #[arg(long)]
    json: bool,
    /// A short run: does it work, and roughly where is it.
    #[arg(long)]
    quick: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Bench {
    /// One read and one write of 100,000 objects, against a lock per object without guarantees.
    Inproc,
    /// Tasks of 20 µs on all cores, against one global lock.
    Scaling,
    /// All tasks on a few objects: two threads against one.
    Hot,
    /// A scan of 10,000 objects beside full write load.
    Readonly,
    /// Tasks per second as worlds and tasks grow.
    Growth,
}

fn main() {
    let arguments = Arguments::parse();
    let mut harness = Harness::new(arguments.quick, arguments.json);
    match arguments.name {
        Bench::Inproc => inproc::run(&mut harness),
        Bench::Scaling => scaling::run(&mut harness),
        Bench::Hot => hot::run(&mut harness),
        Bench::Readonly => readonly::run(&mut harness),
        Bench::Growth => growth::run(&mut harness),
    }
    harness.finish();
}
