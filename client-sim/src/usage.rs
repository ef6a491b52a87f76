//! What a process takes of the machine: processor time and memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What a process has taken until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, of all cores together.
    pub cpu: Duration,
    /// Memory that it has now.
    pub memory_bytes: u64,
    /// What of that is of no file, neither the program nor what it has mapped of a world; all of it, where the system does not tell.
    pub own_bytes: u64,
}

/// Reads what processes take, where the system tells.
pub struct Gauge(Option<System>);

impl Gauge {
    /// One that has read nothing yet.
    pub fn new() -> Self {
        Self(System::new().ok())
    }

    /// What the process of this number has taken; `None` if there is none, or the system does not tell.
    pub fn read(&mut self, process: u32) -> Option<Usage> {
        let system = self.0.as_mut()?;
        let pid = Pid::from_u32(process);
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        let process = system.process(pid)?;
        Some(Usage {
            cpu: Duration::from_millis(process.accumulated_cpu_time()),
            memory_bytes: process.memory(),
            own_bytes: memory_of(pid.as_u32()).map_or(process.memory(), |memory| memory.own_bytes),
        })
    }
}

/// A process's memory, in bytes.
pub(crate) struct Memory {
    /// What is of no file.
    pub(crate) own_bytes: u64,
    /// What is resident, and the most that was.
    pub(crate) resident_bytes: u64,
    pub(crate) resident_bytes_most: u64,
}

/// What the system tells of a process's memory, where it tells that.
#[cfg(target_os = "linux")]
pub(crate) fn memory_of(process: u32) -> Option<Memory> {
    let process = procfs::process::Process::new(process.cast_signed());
    let status = process.and_then(|process| process.status()).ok()?;
    Some(Memory {
        own_bytes: status.rssanon? * 1024,
        resident_bytes: status.vmrss? * 1024,
        resident_bytes_most: status.vmhwm? * 1024,
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn memory_of(_: u32) -> Option<Memory> {
    None
}

impl Default for Gauge {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads one process' usage every second, in a thread of its own, until it is finished or dropped.
#[derive(Debug)]
pub struct Recorder {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Series>>,
}

impl Recorder {
    /// Begins. The process may become another one meanwhile, as a server does that is started again.
    pub fn start(process: Arc<AtomicU32>) -> Self {
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            let (mut gauge, mut series, began) = (Gauge::new(), Series::default(), Instant::now());
            loop {
                let process = process.load(Ordering::Relaxed);
                if let Some(usage) = gauge.read(process) {
                    series.0.push(Sample { at: began.elapsed(), process, usage });
                }
                if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return series;
                }
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }

    /// What was read.
    pub fn finish(mut self) -> Series {
        self.stop = None;
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

const EVERY: Duration = Duration::from_secs(1);

/// Usage over time.
#[derive(Clone, Debug, Default)]
pub struct Series(Vec<Sample>);

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    process: u32,
    usage: Usage,
}

/// By which share memory grew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// From the beginning to the middle.
    pub first_half: f64,
    /// From the middle to the end: near zero, where memory has come to rest.
    pub second_half: f64,
}

impl Series {
    /// How much memory of its own grew: what is mapped of files is the system's cache, and comes and goes. `None` if too little was
    /// read, or of more than one process.
    pub fn growth(&self) -> Option<Growth> {
        let samples = &self.0;
        let first = samples.first()?;
        if samples.len() < SAMPLES_MIN || samples.iter().any(|s| s.process != first.process) {
            return None;
        }
        let bytes: Vec<u64> = samples.iter().map(|sample| sample.usage.own_bytes).collect();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        Some(Growth { first_half: grown(first), second_half: grown(second) })
    }

    /// The most memory that was ever read.
    pub fn memory_bytes_max(&self) -> Option<u64> {
        self.0.iter().map(|sample| sample.usage.memory_bytes).max()
    }

    /// In words, for people.
    pub fn show(&self) -> String {
        let Some(most) = self.memory_bytes_max() else {
            return "server memory: this system does not tell\n".to_owned();
        };
        let step = self.0.len().div_ceil(POINTS_SHOWN).max(1);
        let points =
            self.0.iter().step_by(step).map(|sample| {
                format!("{} s {}", sample.at.as_secs(), sample.usage.memory_bytes >> 20)
            });
        let points: Vec<String> = points.collect();
        let mut text =
            format!("server memory in MiB: at most {}; {}\n", most >> 20, points.join(", "));
        if let Some(Growth { first_half, second_half }) = self.growth() {
            text += &format!(
                "server memory grew by {:+.1} % in the first half and {:+.1} % in the second\n",
                first_half * 100.0,
                second_half * 100.0
            );
        }
        text
    }
}

/// By which share memory grew while these were read, ups and downs apart: along the line that lies nearest to all of them, by least
/// squares. Each point of it is the median of several, so that a peak is none.
fn grown(bytes: &[u64]) -> f64 {
    let width = bytes.len().div_ceil(POINTS_MAX).max(SAMPLES_PER_POINT);
    let points: Vec<f64> = bytes.chunks(width).map(median).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / points.len() as f64;
    let middle = points.len().saturating_sub(1) as f64 / 2.0;
    let level = mean(&mut points.iter().copied());
    let off = |at: usize| at as f64 - middle;
    let covariance = mean(&mut points.iter().enumerate().map(|(at, y)| off(at) * (y - level)));
    let variance = mean(&mut (0..points.len()).map(|at| off(at).powi(2)));
    if variance == 0.0 {
        return 0.0;
    }
    let growth = covariance / variance * 2.0 * middle;
    growth / (level - growth / 2.0).max(1.0)
}

fn median(bytes: &[u64]) -> f64 {
    let mut bytes = bytes.to_vec();
    bytes.sort_unstable();
    bytes.get(bytes.len() / 2).copied().unwrap_or_default() as f64
}

const POINTS_MAX: usize = 20;
const SAMPLES_PER_POINT: usize = 5;

/// With fewer samples there are no halves to speak of.
const SAMPLES_MIN: usize = 20;

const POINTS_SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn series(memory: impl IntoIterator<Item = (u32, u64)>) -> Series {
        let samples = memory.into_iter().enumerate().map(|(second, (process, memory_bytes))| {
            let usage = Usage { cpu: Duration::ZERO, memory_bytes, own_bytes: memory_bytes };
            Sample { at: Duration::from_secs(second as u64), process, usage }
        });
        Series(samples.collect())
    }

    #[test]
    fn growth_is_told_half_by_half() {
        let leaking = series((0..100).map(|second| (7, 100 + second)));
        let Growth { first_half, second_half } = leaking.growth().expect("growth");
        assert!((0.4..0.5).contains(&first_half), "{first_half}");
        assert!((0.25..0.35).contains(&second_half), "{second_half}");
        let at_rest = series((0..100).map(|second| (7, 100 + second.min(40))));
        assert_eq!(at_rest.growth().map(|growth| growth.second_half), Some(0.0));
    }

    #[test]
    fn a_single_peak_is_no_growth_but_the_most_there_was() {
        let peak = series((0..100).map(|second| (7, if second == 99 { 500 } else { 100 })));
        let still = Growth { first_half: 0.0, second_half: 0.0 };
        assert_eq!((peak.growth(), peak.memory_bytes_max()), (Some(still), Some(500)));
    }

    #[test]
    fn ups_and_downs_are_no_growth_and_hide_none() {
        // A saw of a fifth, which happens to be low in the middle and high at the end.
        let saw = |second: u64| 1_000 + (second % 61) * 200 / 60;
        let at_rest = series((0..608).map(|second| (7, saw(second))));
        let growth = at_rest.growth().expect("growth");
        assert!(growth.second_half.abs() < 0.025, "{growth:?}");
        let leaking = series((0..608).map(|second| (7, saw(second) + second / 3)));
        let growth = leaking.growth().expect("growth");
        assert!((0.06..0.105).contains(&growth.second_half), "{growth:?}");
    }

    #[test]
    fn two_processes_have_no_growth_in_common() {
        assert_eq!(series((0..100).map(|second| (second / 50, 100))).growth(), None);
        assert_eq!(series([(7, 100)]).growth(), None);
        assert!(series([]).show().contains("does not tell"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_takes_something() {
        let mut gauge = Gauge::new();
        let usage = gauge.read(std::process::id()).expect("usage");
        assert!(usage.own_bytes > 100 << 10, "{usage:?}");
        assert!(usage.memory_bytes > usage.own_bytes, "its program is of a file: {usage:?}");
        let busy_until = usage.cpu + Duration::from_millis(30);
        while gauge.read(std::process::id()).expect("usage").cpu < busy_until {}
        assert_eq!(gauge.read(u32::MAX >> 2), None);
    }
}
