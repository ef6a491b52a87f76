//! From start to first task: with 10 million objects against 10 thousand, and after `kill -9` under full load.
//!
//! A start opens the store, looks for sessions and tasks that the last run left, listens, and runs one task on an object
//! that is not in memory yet. The system has the files in its cache, as after a restart of the program, not of the machine.
//! Killed is a process of its own, after it has changed objects at random on all cores for some seconds: its journal is as
//! long as it happens to be between two checkpoints.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use daystar::Server;
use daystar_store::Options;
use rand::RngExt;

use crate::disk::{Hollow, fill, folder, id, open};
use crate::harness::{Harness, Wanted};
use crate::load::{cores, rate};
use crate::world::{Player, run as run_task};

pub(crate) fn run(harness: &mut Harness) {
    let (small, large) = if harness.is_quick() { (1_000, 100_000) } else { (10_000, 10_000_000) };
    let folder = folder();
    let (small_world, large_world) = (folder.path().join("small"), folder.path().join("large"));
    for (world, count) in [(&small_world, small), (&large_world, large)] {
        fill(&open(world, Options::default()), count, |index| Player::number(index as usize));
    }
    harness.plan(2);
    harness.compare(
        format!("{large} objects against {small}"),
        "ms",
        Wanted::RatioAndValueAtMost(2.0, 1_000.0),
        |_| start(&small_world, small),
        |_| start(&large_world, large),
    );
    let load = Duration::from_secs(if harness.is_quick() { 1 } else { 10 });
    kill_under_load(&large_world, large, load);
    let journal =
        std::fs::metadata(large_world.join("journal/data.mdb")).map_or(0, |file| file.len());
    let case = format!("after kill -9 under load, journal file of {} MB", journal / 1_000_000);
    harness.print(case, "ms", start(&large_world, large), Wanted::AtMost(3_000.0));
}

/// Milliseconds from the start of a server until its first task has committed.
fn start(world: &Path, objects: u64) -> f64 {
    let start = Instant::now();
    let server = Server::builder(Hollow).data(world).start();
    let server = server.unwrap_or_else(|cause| panic!("no server: {cause}"));
    run_task(&server.engine(), |attempt| {
        attempt.get::<Player>(id(objects / 2))?;
        Ok(())
    });
    let took = start.elapsed();
    server.stop().unwrap_or_else(|cause| panic!("it does not stop: {cause}"));
    took.as_secs_f64() * 1e3
}

/// Runs a server on `world` in a process of its own, under load, and kills it.
fn kill_under_load(world: &Path, objects: u64, load: Duration) {
    let program = std::env::current_exe();
    let victim = program.and_then(|program| {
        Command::new(program)
            .env(VICTIM, format!("{objects} {}", world.display()))
            .stdout(Stdio::null())
            .spawn()
    });
    let mut victim = victim.unwrap_or_else(|cause| panic!("nobody to kill: {cause}"));
    thread::sleep(load);
    let killed = victim.kill().and_then(|()| victim.wait());
    let status = killed.unwrap_or_else(|cause| panic!("it cannot be killed: {cause}"));
    assert!(status.code().is_none(), "it ended by itself, so it was not killed under load");
}

/// In a process that is to be killed: runs the load until that happens.
pub(crate) fn is_victim() -> bool {
    let Ok(wish) = std::env::var(VICTIM) else { return false };
    let (objects, world) = wish.split_once(' ').unwrap_or_default();
    let objects: u64 = objects.parse().unwrap_or(1);
    let server = Server::builder(Hollow).data(world).start();
    let server = server.unwrap_or_else(|cause| panic!("no server: {cause}"));
    let engine = server.engine();
    rate(cores(), Duration::from_secs(600), |rng| {
        let id = id(rng.random_range(1..=objects));
        run_task(&engine, |attempt| {
            attempt.get_mut::<Player>(id)?.gold += 1;
            Ok(())
        });
    });
    true
}

const VICTIM: &str = "DAYSTAR_BENCH_VICTIM";
