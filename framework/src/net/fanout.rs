//! The thread that sends to many: what would take long on the path of commits is done there, and all behind it with it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Work that is done in order: at once by who brings it, or, while anything has been left to the thread, by the thread.
pub(super) struct FanOut<W> {
    shared: Arc<Shared<W>>,
}

struct Shared<W> {
    line: Mutex<Line<W>>,
    /// So much waits that nobody should bring more. Changed under the lock of the line; who only asks needs none, which every task does.
    is_full: AtomicBool,
    /// Wakes the thread.
    work: Condvar,
    /// Wakes those who wait for room, or for the end of all work.
    room: Condvar,
    act: Box<dyn Fn(W) + Send + Sync>,
}

struct Line<W> {
    waiting: VecDeque<W>,
    /// Something has been left to the thread and is not done: all that follows goes behind it.
    is_busy: bool,
    has_thread: bool,
    is_over: bool,
}

impl<W: Send + 'static> FanOut<W> {
    /// The thread will do work by `act`. It begins to exist when there is something for it.
    pub(super) fn new(act: impl Fn(W) + Send + Sync + 'static) -> Self {
        let line =
            Line { waiting: VecDeque::new(), is_busy: false, has_thread: false, is_over: false };
        let shared = Shared {
            line: Mutex::new(line),
            is_full: AtomicBool::new(false),
            work: Condvar::new(),
            room: Condvar::new(),
            act: Box::new(act),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Does `work`: here, unless it takes long or something before it is not done yet. To be called by one thread at a
    /// time, in the order in which the work is to be done.
    pub(super) fn pass(&self, work: W, takes_long: impl FnOnce(&W) -> bool) {
        let mut line = self.shared.line.lock();
        if !line.is_busy && (!takes_long(&work) || !self.has_thread(&mut line)) {
            drop(line);
            return (self.shared.act)(work);
        }
        line.waiting.push_back(work);
        if line.waiting.len() >= WAITING_MAX {
            self.shared.is_full.store(true, Ordering::Relaxed);
        }
        line.is_busy = true;
        drop(line);
        self.shared.work.notify_one();
    }

    /// Blocks while the thread is far behind.
    pub(super) fn wait_for_room(&self) {
        if !self.shared.is_full.load(Ordering::Relaxed) {
            return;
        }
        let mut line = self.shared.line.lock();
        while line.waiting.len() >= WAITING_MAX {
            self.shared.room.wait(&mut line);
        }
    }

    /// Blocks until all that was brought is done, or until `patience` is over.
    pub(super) fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut line = self.shared.line.lock();
        while line.is_busy && !self.shared.room.wait_until(&mut line, deadline).timed_out() {}
    }

    /// Whether there is a thread; begins it if there is none.
    fn has_thread(&self, line: &mut Line<W>) -> bool {
        if !line.has_thread {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("fan-out".to_owned());
            match thread.spawn(move || shared.run()) {
                Ok(_) => line.has_thread = true,
                Err(error) => tracing::error!(%error, "what is sent to many delays everybody"),
            }
        }
        line.has_thread
    }
}

impl<W> Shared<W> {
    fn run(&self) {
        while let Some(work) = self.next() {
            // Were the thread to end, all that follows would wait for ever.
            if catch_unwind(AssertUnwindSafe(|| (self.act)(work))).is_err() {
                tracing::error!("something that was to be sent to many panicked and was not sent");
            }
        }
    }

    fn next(&self) -> Option<W> {
        let mut line = self.line.lock();
        loop {
            if let Some(work) = line.waiting.pop_front() {
                if line.waiting.len() + 1 == WAITING_MAX {
                    self.is_full.store(false, Ordering::Relaxed);
                    self.room.notify_all();
                }
                return Some(work);
            }
            // Only now, with what was in hand done, may others act again.
            line.is_busy = false;
            self.room.notify_all();
            if line.is_over {
                return None;
            }
            self.work.wait(&mut line);
        }
    }
}

impl<W> Drop for FanOut<W> {
    fn drop(&mut self) {
        self.shared.line.lock().is_over = true;
        self.shared.work.notify_all();
    }
}

/// Commits that may wait for the thread before tasks do.
const WAITING_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A fan-out whose thread does each piece only when it is told to; and what it has done.
    fn gated() -> (FanOut<u32>, Sender<()>, Receiver<u32>) {
        let (gate, gated) = channel::<()>();
        let (done, doing) = channel();
        let gated = Mutex::new(gated);
        let fanout = FanOut::new(move |work: u32| {
            if work >= 100 {
                let _opened_or_gone = gated.lock().recv();
            }
            let _ = done.send(work);
        });
        (fanout, gate, doing)
    }

    #[test]
    fn whoever_brings_what_takes_long_does_not_wait_and_what_follows_does() {
        let (fanout, gate, done) = gated();
        let is_long = |work: &u32| *work >= 100;
        fanout.pass(1, is_long);
        assert_eq!(done.try_recv(), Ok(1), "done at once");
        fanout.pass(100, is_long);
        fanout.pass(2, is_long);
        fanout.pass(101, is_long);
        fanout.pass(3, is_long);
        assert!(done.try_recv().is_err(), "the thread waits, and all with it");
        gate.send(()).unwrap();
        gate.send(()).unwrap();
        let patience = Duration::from_secs(20);
        let order: Vec<u32> = (0..4).map(|_| done.recv_timeout(patience).unwrap()).collect();
        assert_eq!(order, [100, 2, 101, 3]);
    }

    #[test]
    fn a_flush_ends_with_the_work_or_with_the_patience() {
        let (fanout, gate, done) = gated();
        fanout.flush(Duration::from_secs(20));
        fanout.pass(100, |_| true);
        fanout.flush(Duration::from_millis(1));
        assert!(done.try_recv().is_err(), "the gate is shut");
        gate.send(()).unwrap();
        fanout.flush(Duration::from_secs(20));
        assert_eq!(done.try_recv(), Ok(100));
    }

    #[test]
    fn who_is_far_ahead_waits_for_room() {
        let (fanout, gate, done) = gated();
        for work in 0..=WAITING_MAX as u32 {
            fanout.pass(100 + work, |_| true);
        }
        let fanout = Arc::new(fanout);
        let (passed, passing) = channel();
        let waiting = thread::spawn({
            let fanout = Arc::clone(&fanout);
            move || {
                fanout.wait_for_room();
                passed.send(()).unwrap();
            }
        });
        let a_moment = Duration::from_millis(50);
        assert!(passing.recv_timeout(a_moment).is_err(), "it waits while the gate is shut");
        for _ in 0..3 {
            gate.send(()).unwrap();
        }
        passing.recv_timeout(Duration::from_secs(20)).unwrap();
        waiting.join().unwrap();
        drop(gate);
        assert_eq!(done.iter().take(WAITING_MAX + 1).count(), WAITING_MAX + 1);
    }
}
