//! The other end of `remote`: a process that runs its share of a run's clients and says what they count.

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::cast::Cast;
use crate::crowd::RunError;
use crate::remote::{END, Order, PLAY, Said};
use crate::stage::{Phase, Stage};
use crate::troupe::{Gathered, Troupe};

/// How often what was counted is said. A fraction of the second by which the other process counts.
const SAY_EVERY: Duration = Duration::from_millis(200);

/// Why a part of a run's clients could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// Nobody at the other end.
    #[error(
        "what to run is not known: {0}; this command is for the program's own use, see `run --processes`"
    )]
    NoOrder(#[source] io::Error),
    /// The clients could not run. The other process knows.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The other process does not listen any more.
    #[error("the process that started this one is gone: {0}")]
    Unheard(#[source] io::Error),
}

/// Reads from standard input what to run, runs it with the behaviours of `cast`, and says on standard output what it counts.
///
/// # Errors
/// It could not, or the process that wanted it is gone.
pub fn obey(cast: &Cast) -> Result<(), PartError> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(PartError::NoOrder)?;
    let order: Order =
        serde_json::from_str(&line).map_err(|error| PartError::NoOrder(error.into()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(RunError::Runtime)?;
    let (told, phase) = watch::channel(Phase::Connecting);
    let listener = thread::Builder::new().name("client-sim-orders".to_owned());
    // Not waited for: it reads until the other process has ended.
    listener.spawn(move || listen(io::stdin().lock(), &told)).map_err(RunError::Runtime)?;
    let result = runtime.block_on(run(&order, cast, phase));
    if let Err(PartError::Run(error)) = &result {
        say(&Said::Failed(error.to_string()))?;
    }
    result
}

/// Passes on what the process is told until nobody tells it anything any more, which is the end.
fn listen(orders: impl BufRead, phase: &watch::Sender<Phase>) {
    for line in orders.lines().map_while(Result::ok) {
        match line.as_str() {
            PLAY => phase.send_replace(Phase::Playing),
            END => break,
            _ => continue,
        };
    }
    phase.send_replace(Phase::Over);
}

async fn run(
    order: &Order,
    cast: &Cast,
    mut phase: watch::Receiver<Phase>,
) -> Result<(), PartError> {
    // Ctrl-C in a terminal is for all processes in it. The one that started this one says what is to be done about it.
    tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let mut troupe = Troupe::start(&order.plan, cast, order.part, &Stage::default())?;
    let classes = order.plan.classes.len();
    let gather = |troupe: &Troupe| {
        let mut gathered = Gathered::nothing(classes);
        troupe.gather(&mut gathered);
        say(&Said::Gathered(gathered))
    };
    let mut tick = interval(SAY_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            changed = phase.changed() => {
                let now = if changed.is_ok() { *phase.borrow_and_update() } else { Phase::Over };
                troupe.enter(now);
                if now == Phase::Over {
                    break;
                }
            }
        }
        gather(&troupe)?;
    }
    let ending = troupe.finish().await;
    gather(&troupe)?;
    say(&Said::Finished(ending))
}

fn say(said: &Said) -> Result<(), PartError> {
    let line = serde_json::to_string(said).map_err(|error| PartError::Unheard(error.into()))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(PartError::Unheard)
}
