//! What clients have counted in one measurement, put together.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::harness::Spread;
use crate::kernel::cpu_of;
use crate::wire::process::ServerProcess;

/// What one client has counted.
#[derive(Default)]
pub(crate) struct Tally {
    /// How long each answer took, in nanoseconds. A histogram of each client's own would take more memory than its connection.
    answers_ns: Vec<u64>,
}

impl Tally {
    /// An answer has come to what was asked at `since`.
    pub(crate) fn answered(&mut self, since: Instant, now: Instant) {
        let ns = now.saturating_duration_since(since).as_nanos();
        self.answers_ns.push(u64::try_from(ns).unwrap_or(u64::MAX));
    }
}

/// What a measurement has come to.
pub(crate) struct Measured {
    /// Answers per second.
    pub(crate) rate: f64,
    /// How long they took.
    pub(crate) spread: Spread,
    /// What the server's process took of the processors for each, in microseconds.
    pub(crate) cpu_us: f64,
    /// What the clients' process took.
    pub(crate) clients_cpu_us: f64,
}

/// Has every client do `work` until its end, and puts together what they have counted. The clients come back for the next
/// measurement.
pub(crate) fn measure<C: Send + 'static, F>(
    runtime: &Runtime,
    server: &ServerProcess,
    clients: &mut Vec<C>,
    work: impl Fn(C, usize) -> F,
) -> Measured
where
    F: Future<Output = (C, Tally)> + Send + 'static,
{
    let own = || cpu_of(std::process::id());
    let (began, cpu, own_cpu) = (Instant::now(), server.cpu(), own());
    let done = runtime.block_on(async {
        let mut running = JoinSet::new();
        for (number, client) in clients.drain(..).enumerate() {
            running.spawn(work(client, number));
        }
        running.join_all().await
    });
    let (took, cpu) = (began.elapsed(), server.cpu().saturating_sub(cpu));
    let own_cpu = own().saturating_sub(own_cpu);
    let (mut spread, mut count) = (Spread::new(), 0_usize);
    for (client, tally) in done {
        count += tally.answers_ns.len();
        tally.answers_ns.into_iter().for_each(|ns| spread.record(Duration::from_nanos(ns)));
        clients.push(client);
    }
    let per_answer = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    let rate = count as f64 / took.as_secs_f64();
    Measured { rate, spread, cpu_us: per_answer(cpu), clients_cpu_us: per_answer(own_cpu) }
}

/// A figure of the baseline, which is first in each round, and of the subject in `place`, round by round.
pub(crate) fn pairs(
    rounds: &[Vec<Measured>],
    place: usize,
    figure: fn(&Measured) -> f64,
) -> Vec<(f64, f64)> {
    rounds.iter().map(|round| (figure(&round[0]), figure(&round[place]))).collect()
}

/// How the answers of the baseline and of the subject in `place` spread, all rounds together.
pub(crate) fn spreads(rounds: &[Vec<Measured>], place: usize) -> [Spread; 2] {
    [0, place].map(|place| Spread::together(rounds.iter().map(|round| &round[place].spread)))
}
