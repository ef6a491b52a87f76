//! The network's runtime, in a form that can be used from anywhere: from a plain thread, and from a task of
//! somebody else's runtime.

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

/// A tokio runtime of the server's own. Dropping it leaves its tasks to end in the background.
pub(crate) struct Network {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Network {
    /// Starts the runtime.
    ///
    /// # Errors
    /// The system gives no more threads, or no event queue.
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads).thread_name("network").enable_all();
        let runtime = builder.build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// What spawns tasks here, from anywhere.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Makes this the runtime of what is spawned while the guard lives.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Runs `future` here and blocks the calling thread until it is done. `None` if it panicked.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        // Not `Runtime::block_on`, which panics on the threads of another runtime.
        let (done, outcome) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            let _nobody_waits = done.send(future.await);
        });
        outcome.recv().ok()
    }

    /// Ends the runtime and waits until its tasks are gone, and with them what they held: the store, above all, which
    /// somebody may want to open next.
    pub(crate) fn stop(mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // On a thread of its own, since it blocks, which a thread of another runtime must not.
        let ending = thread::spawn(move || runtime.shutdown_timeout(PATIENCE));
        if ending.join().is_err() {
            tracing::error!("the network's runtime panicked when it was stopped");
        }
    }
}

/// Tasks end at their next wait; one that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(5);

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
