//! Clients in another process: how it is started, told what to do, and listened to.
//!
//! The process is this program again, as `part`. The first line that it reads says what to run, each further one how far the run
//! is; the end of its input is the end of the run. Each line that it writes is one [`Said`].

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::crowd::RunError;
use crate::plan::Plan;
use crate::stage::Phase;
use crate::troupe::{Ending, Gathered, Part};

/// The command of the program by which it becomes such a process.
pub(crate) const PART: &str = "part";

/// What it is to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) plan: Plan,
    pub(crate) part: Part,
}

/// What it says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// This was counted since the last time.
    Gathered(Gathered),
    /// All clients are gone.
    Finished(Ending),
    /// It cannot run, for this reason.
    Failed(String),
}

/// Clients in another process. It is killed when this is dropped before it has finished.
pub(crate) struct Remote {
    part: Part,
    process: Child,
    orders: ChildStdin,
    heard: Arc<Mutex<Heard>>,
    ending: Option<oneshot::Receiver<Ending>>,
    patience: Duration,
}

/// What it has said that was not gathered yet.
struct Heard {
    gathered: Gathered,
    gone: Option<String>,
}

impl Remote {
    /// Starts a process for that part of the plan's clients.
    pub(crate) fn start(plan: &Plan, part: Part) -> Result<Self, RunError> {
        let failed =
            |cause: String| RunError::Process { number: part.index + 1, of: part.of, cause };
        let started = std::env::current_exe().and_then(|program| {
            Command::new(program).arg(PART).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
        });
        let mut process = started.map_err(|error| failed(error.to_string()))?;
        let (Some(mut orders), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(failed("it has no input or output".to_owned()));
        };
        let order = Order { plan: plan.clone(), part };
        let written = serde_json::to_string(&order)
            .map_err(std::io::Error::other)
            .and_then(|order| writeln!(orders, "{order}"));
        written.map_err(|error| failed(error.to_string()))?;

        let gathered = Gathered::nothing(plan.classes.len());
        let heard = Arc::new(Mutex::new(Heard { gathered, gone: None }));
        let (finished, ending) = oneshot::channel();
        let listener = Arc::clone(&heard);
        thread::Builder::new()
            .name(format!("client-sim-{PART}-{}", part.index))
            .spawn(move || listen(BufReader::new(output), &listener, finished))
            .map_err(RunError::Runtime)?;
        let networks = plan.classes.iter().filter_map(|class| class.network.as_ref());
        let slowness = networks.map(|network| network.slowness()).max().unwrap_or_default();
        let patience = FINISH_MAX + plan.patience + slowness;
        Ok(Self { part, process, orders, heard, ending: Some(ending), patience })
    }

    pub(crate) fn enter(&mut self, phase: Phase) {
        let Some(word) = word(phase) else { return };
        // Fails when the process is gone, which its output tells.
        let _ = writeln!(self.orders, "{word}");
    }

    /// Adds what it has said to `gathered`.
    pub(crate) fn gather(&self, gathered: &mut Gathered) {
        let mut heard = self.heard.lock();
        gathered.connected += heard.gathered.connected;
        for (total, class) in gathered.classes.iter_mut().zip(&mut heard.gathered.classes) {
            total.present += class.present;
            total.counts.add(&class.counts);
            class.counts.clear();
        }
    }

    /// Whether it is still there.
    pub(crate) fn check(&self) -> Result<(), RunError> {
        match &self.heard.lock().gone {
            None => Ok(()),
            Some(cause) => {
                let (number, of) = (self.part.index + 1, self.part.of);
                Err(RunError::Process { number, of, cause: cause.clone() })
            }
        }
    }

    /// Waits until its clients have settled and left.
    pub(crate) async fn finish(&mut self) -> Ending {
        let Some(ending) = self.ending.take() else { return Ending::default() };
        let crashed = match timeout(self.patience, ending).await {
            Ok(Ok(ending)) => return ending,
            Ok(Err(_)) => self.heard.lock().gone.clone().unwrap_or_else(|| ENDED.to_owned()),
            Err(_) => format!("it did not finish within {} s", self.patience.as_secs()),
        };
        let (number, of) = (self.part.index + 1, self.part.of);
        let crashed = format!("process {number} of {of} for the clients: {crashed}");
        Ending { crashed: Some(crashed), ..Ending::default() }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Of one that has ended by itself this only removes the traces.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The word that tells a process to enter a phase.
fn word(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Connecting => None,
        Phase::Playing => Some(PLAY),
        Phase::Over => Some(END),
    }
}

/// Takes in what the process writes until it ends.
fn listen(output: impl BufRead, heard: &Mutex<Heard>, finished: oneshot::Sender<Ending>) {
    for line in output.lines() {
        let said = line.map_err(|error| error.to_string()).and_then(|line| {
            serde_json::from_str(&line).map_err(|error| format!("it said {line:?}: {error}"))
        });
        match said {
            Ok(Said::Gathered(said)) => heard.lock().gathered.update(&said),
            Ok(Said::Finished(ending)) => {
                // Nobody waits for it any more when the run was given up.
                let _ = finished.send(ending);
                return;
            }
            Ok(Said::Failed(cause)) | Err(cause) => {
                heard.lock().gone = Some(cause);
                return;
            }
        }
    }
    heard.lock().gone = Some(ENDED.to_owned());
}

pub(crate) const PLAY: &str = "play";
pub(crate) const END: &str = "end";

const ENDED: &str = "it ended before its clients had";

/// How long it may take to finish, besides the time that an answer may take: longer than it gives its own clients, so that it can
/// still tell of those that hang.
const FINISH_MAX: Duration = Duration::from_secs(45);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::settlement::Settlement;
    use crate::troupe::GatheredClass;

    fn heard() -> Mutex<Heard> {
        Mutex::new(Heard { gathered: Gathered::nothing(1), gone: None })
    }

    fn lines(said: &[Said]) -> Vec<u8> {
        let lines = said.iter().map(|said| serde_json::to_string(said).expect("written") + "\n");
        lines.collect::<String>().into_bytes()
    }

    #[test]
    fn what_a_process_counts_is_added_and_how_many_it_has_is_not() {
        let second = |present| {
            let counts = Counts { refusals: 2, ..Counts::default() };
            Said::Gathered(Gathered {
                connected: 5,
                classes: vec![GatheredClass { present, counts }],
            })
        };
        let settlement = Settlement { settled: 5, ..Settlement::default() };
        let ending = Ending { settlement, ..Ending::default() };
        let said = lines(&[second(4), second(5), Said::Finished(ending)]);
        let (finished, mut ending) = oneshot::channel();
        let heard = heard();
        listen(said.as_slice(), &heard, finished);
        assert_eq!(ending.try_recv().expect("finished").settlement.settled, 5);
        let Heard { gathered, gone } = heard.into_inner();
        assert_eq!((gathered.connected, gathered.classes[0].present), (5, 5));
        assert_eq!((gathered.classes[0].counts.refusals, gone), (4, None));
    }

    #[test]
    fn a_process_that_fails_or_ends_or_babbles_is_gone() {
        for (output, why) in [
            (lines(&[Said::Failed("no sockets".to_owned())]), "no sockets"),
            (Vec::new(), ENDED),
            (b"hello\n".to_vec(), "it said \"hello\""),
        ] {
            let heard = heard();
            let (finished, mut ending) = oneshot::channel();
            listen(output.as_slice(), &heard, finished);
            assert!(ending.try_recv().is_err());
            assert!(heard.into_inner().gone.is_some_and(|gone| gone.contains(why)), "{why}");
        }
    }
}
