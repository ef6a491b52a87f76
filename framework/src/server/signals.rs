//! The signals by which an operator stops a server.

use std::io;

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

    /// Blocks until one comes.
    pub(crate) fn wait(self) {
        let Self { network, mut heard } = self;
        let _heard = network.wait(async move { heard.next().await });
    }
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

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Heard(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Heard {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
