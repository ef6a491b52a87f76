//! A crowd: connects the clients of a run, lets them play, and counts what they met.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::cast::Cast;
use crate::outcome::{ClassOutcome, Outcome};
use crate::places::places;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::record::Record;
use crate::remote::Remote;
use crate::stage::{Phase, Stage};
use crate::troupe::{Ending, Gathered, Part, Troupe};

/// How long connecting may take, counted from when the last client was to join, before those who are in begin without the
/// others.
const CONNECT_MAX: Duration = Duration::from_secs(120);

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No UDP socket to be had.
    #[error(
        "could not open a UDP socket for the clients: {0}; are too many files open (`ulimit -n`)?"
    )]
    Socket(#[source] std::io::Error),
    /// No threads for the clients.
    #[error("could not start the clients' threads: {0}")]
    Runtime(#[source] std::io::Error),
    /// The first client that tried did not get in, so the others were not tried.
    #[error("could not connect to {server}: {cause}")]
    Unreachable {
        /// Where.
        server: SocketAddr,
        /// What the client was told.
        cause: String,
    },
    /// The plan has clients that the cast cannot play.
    #[error("nobody plays `{behaviour}`; who is known: {known}")]
    NoBehaviour {
        /// What is not known.
        behaviour: String,
        /// What is.
        known: String,
    },
    /// One of the processes over which the clients are spread did not start, or has ended.
    #[error("process {number} of {of} for the clients is gone: {cause}")]
    Process {
        /// Which, counted from one.
        number: u32,
        /// How many there are.
        of: u32,
        /// What is known about it.
        cause: String,
    },
}

impl RunError {
    pub(crate) fn no_behaviour(cast: &Cast, behaviour: &str) -> Self {
        let known = cast.names().collect::<Vec<_>>().join(", ");
        Self::NoBehaviour { behaviour: behaviour.to_owned(), known }
    }
}

/// Runs `plan` with the behaviours of `cast`. Ctrl-C ends the run early.
///
/// # Errors
/// The server cannot be reached at all, or the plan and the cast do not fit. Everything that goes wrong later is in the outcome.
pub async fn run(
    plan: &Plan,
    cast: &Cast,
    progress: &mut Progress,
    stage: &Stage,
) -> Result<Outcome, RunError> {
    let mut crowd = Crowd {
        plan,
        clients: assemble(plan, cast, stage)?,
        record: Record::new(plan.classes.len()),
        joined_by: places(plan).last().map_or(Duration::ZERO, |place| place.joins_after),
    };
    let is_interrupted = !plan.is_ramped() && crowd.connect(progress).await?;
    let began = Instant::now();
    if !is_interrupted {
        crowd.enter(Phase::Playing);
        stage.enter(Phase::Playing);
        crowd.play(progress, stage).await?;
    }
    let played = began.elapsed();
    stage.intermission().end().await;
    crowd.enter(Phase::Over);
    stage.enter(Phase::Over);
    progress.finish();
    let ending = crowd.finish().await;

    let Record { connected, classes, .. } = &crowd.record;
    let mut counts = crowd.record.all();
    ending.crashed.iter().for_each(|cause| counts.error(cause));
    let classes = plan.classes.iter().zip(classes).map(|(class, counts)| ClassOutcome {
        name: class.name.clone(),
        clients: class.clients,
        counts: counts.clone(),
    });
    Ok(Outcome {
        clients: plan.clients(),
        connected: *connected,
        played,
        counts,
        classes: classes.collect(),
        marks: stage.marks().since(began),
        network: ending.network,
        settled: ending.settlement.settled,
        difference_count: ending.settlement.differing,
        differences: ending.settlement.differences,
        seconds: crowd.record.seconds,
        ..Outcome::default()
    })
}

/// All clients of a run, wherever they are.
struct Crowd<'p> {
    plan: &'p Plan,
    clients: Vec<Clients>,
    record: Record,
    /// How long after the beginning the last of them joins.
    joined_by: Duration,
}

/// Some of them.
enum Clients {
    Here(Troupe),
    Elsewhere(Remote),
}

fn assemble(plan: &Plan, cast: &Cast, stage: &Stage) -> Result<Vec<Clients>, RunError> {
    if plan.processes <= 1 {
        return Ok(vec![Clients::Here(Troupe::start(
            plan,
            cast,
            Part { index: 0, of: 1 },
            stage,
        )?)]);
    }
    (0..plan.processes)
        .map(|index| {
            Remote::start(plan, Part { index, of: plan.processes }).map(Clients::Elsewhere)
        })
        .collect()
}

impl Crowd<'_> {
    /// Waits until everyone is in, and says whether Ctrl-C came first.
    async fn connect(&mut self, progress: &mut Progress) -> Result<bool, RunError> {
        let deadline = Instant::now() + CONNECT_MAX;
        let mut tick = ticks(Duration::from_millis(100));
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = tokio::signal::ctrl_c() => return Ok(true),
            }
            let gathered = self.gather();
            self.record.add(&gathered);
            progress.connecting(self.record.connected, self.plan.clients());
            self.check()?;
            if self.is_complete() || Instant::now() >= deadline {
                return Ok(false);
            }
        }
    }

    /// Lets the clients play until the time is up or Ctrl-C comes.
    async fn play(&mut self, progress: &mut Progress, stage: &Stage) -> Result<(), RunError> {
        let plan = self.plan;
        let began = Instant::now();
        let mut last = began;
        // Unknown until those who are still to join are in.
        let mut end = (!plan.is_ramped()).then_some(began + plan.duration);
        let joining = if plan.is_ramped() { self.joined_by } else { Duration::ZERO };
        let mut tick = ticks(SECOND);
        tick.tick().await; // the first one comes at once
        loop {
            let is_over = tokio::select! {
                _ = tick.tick() => false,
                () = until(end) => true,
                _ = tokio::signal::ctrl_c() => true,
                () = stage.intermission().has_ended() => true,
            };
            let gathered = self.gather();
            let now = Instant::now();
            if is_over && now - last < SECOND / 2 {
                self.record.add(&gathered);
            } else {
                self.record.add_second(now - began, now - last, &gathered);
            }
            last = now;
            if is_over {
                return Ok(());
            }
            self.check()?;
            if end.is_none() && (self.is_complete() || now > began + self.joined_by + CONNECT_MAX) {
                end = Some(now + plan.duration);
            }
            let expected = end.map_or(joining + plan.duration, |end| end - began);
            progress.playing(now - began, expected, &self.record, plan.clients());
        }
    }

    /// Waits for the clients to leave.
    async fn finish(&mut self) -> Ending {
        let mut ending = Ending::default();
        for clients in &mut self.clients {
            ending.join(match clients {
                Clients::Here(troupe) => troupe.finish().await,
                Clients::Elsewhere(remote) => remote.finish().await,
            });
        }
        let gathered = self.gather();
        self.record.add(&gathered);
        ending
    }

    fn enter(&mut self, phase: Phase) {
        for clients in &mut self.clients {
            match clients {
                Clients::Here(troupe) => troupe.enter(phase),
                Clients::Elsewhere(remote) => remote.enter(phase),
            }
        }
    }

    fn gather(&self) -> Gathered {
        let mut gathered = Gathered::nothing(self.plan.classes.len());
        for clients in &self.clients {
            match clients {
                Clients::Here(troupe) => troupe.gather(&mut gathered),
                Clients::Elsewhere(remote) => remote.gather(&mut gathered),
            }
        }
        gathered
    }

    fn is_complete(&self) -> bool {
        self.record.connected >= self.plan.clients()
    }

    /// Whether there is any sense in going on.
    fn check(&self) -> Result<(), RunError> {
        for clients in &self.clients {
            if let Clients::Elsewhere(remote) = clients {
                remote.check()?;
            }
        }
        match self.record.some_error() {
            Some(cause) if self.record.connected == 0 => {
                Err(RunError::Unreachable { server: self.plan.server, cause: cause.clone() })
            }
            _ => Ok(()),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

async fn until(then: Option<Instant>) {
    match then {
        Some(then) => sleep_until(then).await,
        None => std::future::pending().await,
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}
