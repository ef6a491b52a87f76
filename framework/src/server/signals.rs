//! The signals by which an operator stops a server.

use std::io;
use std::process;
use std::sync::mpsc;
use std::thread;

use tracing::{error, info};

use crate::server::error::ServeError;
use crate::server::network::Network;

/// Ctrl-C and SIGTERM, heard from now on: one that comes before [`wait`](Self::wait) is not lost, and ends nothing
/// unasked.
pub(crate) struct Signals<'a> {
    network: &'a Network,
    heard: Heard,
}

impl<'a> Signals<'a> {
    /// Begins to listen.
    ///
    /// # Errors
    /// The system does not let the program hear signals.
    pub(crate) fn listen(network: &'a Network) -> Result<Self, ServeError> {
        let heard = network.wait(async { Heard::listen() });
        let ended = || Err(io::Error::other("the network has ended"));
        Ok(Self { network, heard: heard.unwrap_or_else(ended)? })
    }

    /// Blocks until one comes. From then on the next one ends the process.
    ///
    /// # Errors
    /// The system has no thread left to wait for that one.
    pub(crate) fn wait(self) -> Result<(), ServeError> {
        let Self { network, mut heard } = self;
        let number = network.wait(async move { heard.next().await });
        info!(signal = number, "stopping; a second signal ends this process at once");
        Ok(end_at_the_next()?)
    }
}

/// Ends the process at the next signal: a stop that hangs, for whatever reason, must not need more than that. Heard by a thread and a
/// runtime of its own, since all others are being stopped.
fn end_at_the_next() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ready, is_ready) = mpsc::sync_channel(1);
    thread::Builder::new().name("second signal".to_owned()).spawn(move || {
        runtime.block_on(async {
            let heard = Heard::listen();
            let _ = ready.send(heard.as_ref().map(drop).map_err(io::Error::kind));
            let Ok(mut heard) = heard else { return };
            let number = heard.next().await;
            error!(
                signal = number,
                "stopped in the middle of stopping: the next start picks up what is on disk"
            );
            // As a shell reports a process that a signal has ended.
            process::exit(128 + number);
        });
    })?;
    is_ready.recv().map_err(io::Error::other)?.map_err(io::Error::from)
}

#[cfg(unix)]
struct Heard {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Heard {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// The number of the next one.
    async fn next(&mut self) -> i32 {
        use tokio::signal::unix::SignalKind;
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        kind.as_raw_value()
    }
}

#[cfg(windows)]
struct Heard(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Heard {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// Ctrl-C, by the number that it has elsewhere.
    async fn next(&mut self) -> i32 {
        self.0.recv().await;
        2
    }
}
