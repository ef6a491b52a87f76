//! How many clients a machine carries: more and more of them play, each time in a new world on a server in a process of its own, until
//! that is too slow.

mod search;

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use daystar_client::builder::Trust;
use serde::Serialize;

use crate::cast::Cast;
use crate::child_server::{ChildError, ChildServer, Launch};
use crate::crowd::{self, RunError};
use crate::duration;
use crate::limit::search::Search;
use crate::mix::{CLIENTS_MAX, Mix, MixError, Overrides, parse_rate};
use crate::outcome::Outcome;
use crate::plan::{Login, PATIENCE, Plan};
use crate::progress::Progress;
use crate::require::Requirements;
use crate::stage::{Phase, Stage};
use crate::usage::{Gauge, Usage};

/// What to look for.
#[derive(Clone, Debug, Args)]
pub struct LimitArgs {
    /// The slowest hundredth of the requests must not take longer.
    #[arg(long, default_value = "100ms", value_name = "TIME", value_parser = duration::parse)]
    pub p99: Duration,
    /// How many requests each client makes in a second, on average.
    #[arg(long, default_value = "2", value_name = "R", value_parser = parse_rate)]
    pub rate: f64,
    /// How many clients to begin with.
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=CLIENTS_MAX as i64))]
    pub from: u32,
    /// More are not tried.
    #[arg(long, default_value_t = CLIENTS_MAX, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=CLIENTS_MAX as i64))]
    pub to: u32,
    /// How long each number of clients plays.
    #[arg(long, default_value = "20s", value_name = "TIME", value_parser = duration::parse)]
    pub hold: Duration,
    /// What the clients' names and random choices come from.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// The file that says which classes of clients there are.
    #[arg(long, value_name = "FILE")]
    pub mix: Option<PathBuf>,
    /// Where to write what was found, for programs.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Why no limit was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// No place for the world.
    #[error("could not make a folder for the world: {0}")]
    Folder(#[source] io::Error),
    /// It is not known where this program is, which is also the server's.
    #[error("could not find this program, to start the server with it: {0}")]
    Program(#[source] io::Error),
    /// The server did not run.
    #[error(transparent)]
    Server(#[from] ChildError),
    /// The mix cannot be used.
    #[error(transparent)]
    Mix(#[from] MixError),
    /// The clients could not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The file for programs could not be written.
    #[error("{file} could not be written: {cause}")]
    Json {
        /// Which.
        file: String,
        /// Why.
        cause: io::Error,
    },
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// The most clients that were carried; zero if none were.
    pub clients: u32,
    /// More might have been carried, but were not tried.
    pub is_at_least: bool,
    /// Everything that was tried, in order.
    pub steps: Vec<Step>,
}

/// How one number of clients fared.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// How many.
    pub clients: u32,
    /// Whether they were carried.
    pub passed: bool,
    /// In words, why not.
    pub why_not: Vec<String>,
    /// Answered requests in a second.
    pub requests_per_s: f64,
    /// Half of the requests took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took no longer, in milliseconds.
    pub p99_ms: f64,
    /// Of one processor, in percent, while they played; `None` where the system does not tell.
    pub server_cpu_percent: Option<f64>,
    /// The same of the clients' process.
    pub clients_cpu_percent: Option<f64>,
    /// The server's memory at the end of it, in MiB.
    pub server_memory_mib: Option<f64>,
}

/// Finds the limit, with this program as the server, and says it in the last line. Nothing is wrong if it is low.
///
/// # Errors
/// There was no server, or no run.
pub fn command(args: &LimitArgs, cast: &Cast) -> Result<Vec<String>, LimitError> {
    let launch = Launch::of_this_program().map_err(LimitError::Program)?;
    let limit = find(args, &launch, cast)?;
    if let Some(file) = &args.json {
        limit.write(file)?;
    }
    println!("{}", limit.show(args));
    Ok(Vec::new())
}

/// Finds the limit with the clients of `cast`, on a server that `launch` starts, and prints each step.
///
/// # Errors
/// There was no server, or no run.
pub fn find(args: &LimitArgs, launch: &Launch, cast: &Cast) -> Result<Limit, LimitError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(RunError::Runtime)?;
    let mut search = Search::new(args.from, args.to);
    let (mut steps, mut is_interrupted) = (Vec::new(), false);
    println!("{}", Step::header());
    while let Some(clients) = search.next().filter(|_| !is_interrupted) {
        // A world of its own for each number: what the players before have left must not decide how the next ones fare, and who
        // comes back does not know all that became of them.
        let folder = tempfile::tempdir().map_err(LimitError::Folder)?;
        let mut server = start(launch, folder.path())?;
        let plan = args.plan(clients, &server, cast)?;
        let (outcome, usage) = runtime.block_on(hold(&plan, cast, server.process()))?;
        server.has_not_ended()?;
        server.stop()?;
        // By Ctrl-C, which ends a run early.
        is_interrupted = outcome.played < args.hold;
        let step = Step::of(clients, args, &outcome, &usage);
        println!("{}", step.line());
        search.tried(clients, step.passed);
        steps.push(step);
    }
    Ok(Limit {
        clients: search.found(),
        is_at_least: is_interrupted || search.is_at_its_end(),
        steps,
    })
}

fn start(launch: &Launch, world: &Path) -> Result<ChildServer, ChildError> {
    let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let launch = launch.clone().outliving_ctrl_c().with("--data", world);
    let launch = launch.with("--listen", free_port.to_string());
    launch.with("--connections", CLIENTS_MAX.to_string()).start()
}

impl LimitArgs {
    fn plan(&self, clients: u32, server: &ChildServer, cast: &Cast) -> Result<Plan, MixError> {
        let mix = Mix::named(self.mix.as_deref(), cast)?;
        let overrides =
            Overrides { clients: Some(clients), rate: Some(self.rate), ..Overrides::default() };
        Ok(Plan {
            server: server.address(),
            trust: Trust::Fingerprint(server.fingerprint()),
            login: Login::Name,
            duration: self.hold,
            seed: self.seed,
            patience: PATIENCE,
            // Those who come in last would find a server that is still busy with greetings.
            ramp: None,
            server_may_crash: false,
            processes: 1,
            classes: mix.classes(&overrides)?,
        })
    }
}

/// What the two processes took while the clients played.
#[derive(Clone, Debug, Default)]
struct Taken {
    server: Option<(Usage, Usage)>,
    clients: Option<(Usage, Usage)>,
    time: Duration,
}

/// Lets the clients play.
async fn hold(plan: &Plan, cast: &Cast, server: u32) -> Result<(Outcome, Taken), RunError> {
    let stage = Stage::default();
    let mut phase = stage.phase();
    let reading = tokio::spawn(async move {
        let mut gauge = Gauge::new();
        let mut read = || (gauge.read(server), gauge.read(std::process::id()), Instant::now());
        phase.wait_for(|phase| *phase == Phase::Playing).await.ok()?;
        let before = read();
        phase.wait_for(|phase| *phase == Phase::Over).await.ok()?;
        let behind = read();
        Some(Taken {
            server: before.0.zip(behind.0),
            clients: before.1.zip(behind.1),
            time: behind.2 - before.2,
        })
    });
    let outcome = crowd::run(plan, cast, &mut Progress::Silent, &stage).await;
    // It ends with the stage, and before it if there was no play.
    drop(stage);
    let taken = reading.await.ok().flatten().unwrap_or_default();
    Ok((outcome?, taken))
}

impl Step {
    fn of(clients: u32, args: &LimitArgs, outcome: &Outcome, taken: &Taken) -> Self {
        let ms = |quantile| outcome.counts.latency_at(quantile).as_secs_f64() * 1e3;
        let percent = |used: Option<(Usage, Usage)>| {
            let (before, behind) = used?;
            let cpu = behind.cpu.saturating_sub(before.cpu).as_secs_f64();
            Some(cpu / taken.time.as_secs_f64().max(1e-3) * 100.0)
        };
        let mut why_not = outcome.failures(&Requirements::default());
        why_not.extend(outcome.differences.iter().take(DIFFERENCES_SHOWN).cloned());
        let p99 = outcome.counts.latency_at(0.99);
        if p99 > args.p99 {
            why_not.push(format!("p99 is {}", duration::show(p99)));
        }
        // Slow answers hold their clients up, who then do less than they should.
        let wanted = f64::from(clients) * args.rate * RATE_SHARE_MIN;
        if outcome.acts_per_s() < wanted {
            let (is, should) = (outcome.acts_per_s(), f64::from(clients) * args.rate);
            why_not
                .push(format!("they did {is:.0} things in a second, and {should:.0} were wanted"));
        }
        if outcome.counts.requests() == 0 {
            why_not.push("nothing was answered, so nothing was measured".to_owned());
        }
        Self {
            clients,
            passed: why_not.is_empty(),
            why_not,
            requests_per_s: outcome.requests_per_s(),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            server_cpu_percent: percent(taken.server),
            clients_cpu_percent: percent(taken.clients),
            server_memory_mib: taken.server.map(|(_, behind)| behind.memory_bytes as f64 / MIB),
        }
    }

    fn header() -> String {
        format!(
            "{:>8} {:>11} {:>9} {:>9} {:>11} {:>12} {:>11}",
            "clients", "requests/s", "p50 ms", "p99 ms", "server CPU", "clients CPU", "server MiB"
        )
    }

    fn line(&self) -> String {
        let known = |figure: Option<f64>, unit: &str| {
            figure.map_or_else(|| "?".to_owned(), |figure| format!("{figure:.0}{unit}"))
        };
        let mut line = format!(
            "{:>8} {:>11.0} {:>9.2} {:>9.2} {:>11} {:>12} {:>11}",
            self.clients,
            self.requests_per_s,
            self.p50_ms,
            self.p99_ms,
            known(self.server_cpu_percent, " %"),
            known(self.clients_cpu_percent, " %"),
            known(self.server_memory_mib, ""),
        );
        if !self.passed {
            // Writing to a string cannot fail.
            let _ = write!(line, "  too many: {}", self.why_not.join("; "));
        }
        line
    }
}

impl Limit {
    /// The last line: what was found.
    pub fn show(&self, args: &LimitArgs) -> String {
        let at_least = if self.is_at_least { "at least " } else { "" };
        format!(
            "limit: {at_least}{} clients of {} requests/s each with a p99 of at most {}",
            self.clients,
            args.rate,
            duration::show(args.p99)
        )
    }

    /// Writes it where a program finds it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), LimitError> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from);
        text.and_then(|text| std::fs::write(file, text + "\n"))
            .map_err(|cause| LimitError::Json { file: file.display().to_string(), cause })
    }
}

const MIB: f64 = (1 << 20) as f64;

/// More are no more telling.
const DIFFERENCES_SHOWN: usize = 3;

/// This share of what was to be done must have been done.
const RATE_SHARE_MIN: f64 = 0.9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tally;

    fn args() -> LimitArgs {
        LimitArgs {
            p99: Duration::from_millis(100),
            rate: 2.0,
            from: 500,
            to: 1000,
            hold: Duration::from_secs(10),
            seed: 1,
            mix: None,
            json: None,
        }
    }

    /// Ten clients for ten seconds, whose 200 requests took so long.
    fn outcome(latency: Duration, requests: u32) -> Outcome {
        let tally = Tally::default();
        (0..requests).for_each(|_| {
            tally.acted();
            tally.answered(latency, None);
        });
        let mut outcome = Outcome {
            clients: 10,
            connected: 10,
            played: Duration::from_secs(10),
            ..Outcome::default()
        };
        tally.collect_into(&mut outcome.counts);
        outcome
    }

    fn step(outcome: &Outcome) -> Step {
        let usage = |cpu_s, memory_bytes| Usage {
            cpu: Duration::from_secs(cpu_s),
            memory_bytes,
            own_bytes: memory_bytes,
        };
        let server = Some((usage(3, 1 << 20), usage(18, 64 << 20)));
        let taken = Taken { server, clients: None, time: Duration::from_secs(10) };
        Step::of(10, &args(), outcome, &taken)
    }

    #[test]
    fn those_who_are_answered_in_time_are_carried() {
        let step = step(&outcome(Duration::from_millis(80), 200));
        assert!(step.passed, "{:?}", step.why_not);
        assert_eq!((step.server_cpu_percent, step.clients_cpu_percent), (Some(150.0), None));
        let line = step.line();
        for expected in ["10", "20", "150 %", "?", "64"] {
            assert!(line.split("  ").any(|cell| cell.trim() == expected), "{expected}: {line}");
        }
    }

    #[test]
    fn slowness_errors_and_missing_requests_are_told_apart() {
        let slow = step(&outcome(Duration::from_millis(120), 200));
        assert!(!slow.passed && slow.why_not[0].contains("p99 is 12"), "{:?}", slow.why_not);
        let few = step(&outcome(Duration::from_millis(10), 150));
        assert!(few.why_not[0].contains("did 15 things in a second, and 20"), "{few:?}");
        // Some talk, and ask for nothing meanwhile.
        let mut talking = outcome(Duration::from_millis(10), 50);
        talking.counts.acts = 200;
        assert!(step(&talking).passed);
        let silent = step(&Outcome { counts: Default::default(), ..talking });
        assert!(!silent.passed, "nobody can tell how slow it was");
        let gone = step(&Outcome { connected: 9, ..outcome(Duration::from_millis(10), 200) });
        assert!(gone.line().contains("too many: only 9 of 10 clients connected"));
    }

    #[test]
    fn the_last_line_says_what_was_found() {
        let limit = |is_at_least| Limit { clients: 4800, is_at_least, steps: Vec::new() };
        let expected = "limit: 4800 clients of 2 requests/s each with a p99 of at most 100 ms";
        assert_eq!(limit(false).show(&args()), expected);
        assert!(limit(true).show(&args()).starts_with("limit: at least 4800 clients"));
    }
}
