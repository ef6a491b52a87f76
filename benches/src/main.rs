//! The benches: `benches NAME [--json] [--quick]` measures one, beside its baseline and in the same run.

mod checkpoint;
mod collections;
mod connect;
mod disk;
mod durable;
mod echo;
mod fanout;
mod footprint;
mod growth;
mod harness;
mod hot;
mod idle;
mod inproc;
mod kernel;
mod larger;
mod load;
mod readonly;
mod restart;
mod rivals;
mod scaling;
mod single;
mod timers;
mod transfer;
mod wire;
mod work;
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
    /// Tasks acknowledged after they are on disk, against one LMDB transaction per event.
    Durable,
    /// From start to first task, with 10 M objects against 10 k, and after `kill -9` under load.
    Restart,
    /// A world ten times larger than its memory budget, against all in memory.
    Larger,
    /// Tasks while checkpoints are made, against tasks without.
    Checkpoint,
    /// Bytes written to disk per byte of changed object.
    Footprint,
    /// A request that changes an object, and its answer, over the network, against a bare quinn echo.
    Echo,
    /// Transfers between two of 100,000 accounts over the network, against a bare quinn echo.
    Transfer,
    /// The server's memory for each idle client, against a bare quinn server's.
    Idle,
    /// Messages to all of a large channel, against a bare quinn server that sends as many.
    Fanout,
    /// Clients that join per second, against bare quinn handshakes.
    Connect,
    /// Insertions into one `Map` of 100,000 entries, against a dashmap.
    Collections,
    /// Tasks scheduled and fired, and a million that wait: memory, start, lateness.
    Timers,
}

fn main() {
    if restart::is_victim()
        || wire::process::is_server()
        || timers::is_waiting()
        || larger::is_run()
    {
        return;
    }
    let arguments = Arguments::parse();
    let bench = arguments.name;
    let mut harness = Harness::new(bench.name(), arguments.quick, arguments.json);
    match bench {
        Bench::Inproc => inproc::run(&mut harness),
        Bench::Scaling => scaling::run(&mut harness),
        Bench::Hot => hot::run(&mut harness),
        Bench::Readonly => readonly::run(&mut harness),
        Bench::Growth => growth::run(&mut harness),
        Bench::Durable => durable::run(&mut harness),
        Bench::Restart => restart::run(&mut harness),
        Bench::Larger => larger::run(&mut harness),
        Bench::Checkpoint => checkpoint::run(&mut harness),
        Bench::Footprint => footprint::run(&mut harness),
        Bench::Echo => echo::run(&mut harness),
        Bench::Transfer => transfer::run(&mut harness),
        Bench::Idle => idle::run(&mut harness),
        Bench::Fanout => fanout::run(&mut harness),
        Bench::Connect => connect::run(&mut harness),
        Bench::Collections => collections::run(&mut harness),
        Bench::Timers => timers::run(&mut harness),
    }
    harness.finish();
}

impl Bench {
    /// As it is called on the command line and in every row.
    fn name(self) -> &'static str {
        match self {
            Bench::Inproc => "inproc",
            Bench::Scaling => "scaling",
            Bench::Hot => "hot",
            Bench::Readonly => "readonly",
            Bench::Growth => "growth",
            Bench::Durable => "durable",
            Bench::Restart => "restart",
            Bench::Larger => "larger",
            Bench::Checkpoint => "checkpoint",
            Bench::Footprint => "footprint",
            Bench::Echo => "echo",
            Bench::Transfer => "transfer",
            Bench::Idle => "idle",
            Bench::Fanout => "fanout",
            Bench::Connect => "connect",
            Bench::Collections => "collections",
            Bench::Timers => "timers",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bench_is_called_the_same_in_its_rows_as_on_the_command_line() {
        for bench in Bench::value_variants() {
            let argument = bench.to_possible_value().unwrap();
            assert_eq!(argument.get_name(), bench.name());
        }
    }

    #[test]
    fn the_command_line_is_as_documented() {
        let arguments = Arguments::parse_from(["benches", "hot", "--json", "--quick"]);
        assert!(arguments.json && arguments.quick);
        assert_eq!(arguments.name.name(), "hot");
        assert!(Arguments::try_parse_from(["benches"]).is_err());
    }
}
