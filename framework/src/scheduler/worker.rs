//! The worker threads.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use daystar_engine::Engine;

use crate::scheduler::queue::RunQueue;

/// Threads that run what is in a queue.
pub(crate) struct Workers {
    queue: Arc<RunQueue>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(crate) fn start(
        count: usize,
        queue: &Arc<RunQueue>,
        engine: &Arc<Engine>,
    ) -> io::Result<Self> {
        let mut workers = Self { queue: Arc::clone(queue), threads: Vec::with_capacity(count) };
        for number in 0..count {
            let (queue, engine) = (Arc::clone(queue), Arc::clone(engine));
            let run = move || while run_next(&queue, &engine) {};
            workers.threads.push(Builder::new().name(format!("worker {number}")).spawn(run)?);
        }
        Ok(workers)
    }

    /// Finishes what is queued, then ends the threads.
    pub(crate) fn finish(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a worker thread panicked outside of any task");
            }
        }
    }
}

/// Whether there may be more. What a piece of work does is contained where it is done; this is for the rest, which must not take the thread
/// with it either: there are few.
fn run_next(queue: &RunQueue, engine: &Engine) -> bool {
    catch_unwind(AssertUnwindSafe(|| queue.run_next(engine))).unwrap_or_else(|_| {
        tracing::error!("something panicked outside of any task; the worker goes on");
        true
    })
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.finish();
    }
}
