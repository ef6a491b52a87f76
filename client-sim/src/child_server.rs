//! A server in a process of its own, which can be killed and started again.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use daystar_protocol::fingerprint::Fingerprint;
use parking_lot::Mutex;

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    options: Vec<OsString>,
    outlives_ctrl_c: bool,
}

/// A running server; it is killed when dropped.
#[derive(Debug)]
pub struct ChildServer {
    process: Child,
    address: SocketAddr,
    fingerprint: Fingerprint,
    output: Output,
}

/// Why there is no server, or why it did not end as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChildError {
    /// The system does not run the program.
    #[error("the server's process could not be started or ended: {0}")]
    Process(#[from] io::Error),
    /// It ended by itself, or never began to serve.
    #[error("the server {what}; the last that it said:\n{output}")]
    Failed {
        /// What it did instead.
        what: String,
        /// Its last lines of output.
        output: String,
    },
}

impl Launch {
    /// A program that has the command `serve` of every game's program.
    pub fn of(program: PathBuf) -> Self {
        Self { program, options: Vec::new(), outlives_ctrl_c: false }
    }

    /// This program once more.
    ///
    /// # Errors
    /// The system does not say where it is.
    pub fn of_this_program() -> io::Result<Self> {
        std::env::current_exe().map(Self::of)
    }

    /// With one more option of `serve`, and its value.
    #[must_use]
    pub fn with(mut self, option: &str, value: impl Into<OsString>) -> Self {
        self.options.extend([option.into(), value.into()]);
        self
    }

    /// With one more option of `serve`, one without a value.
    #[must_use]
    pub fn with_flag(mut self, option: &str) -> Self {
        self.options.push(option.into());
        self
    }

    /// Not ended by a Ctrl-C that is meant for this program, which is still to end it in order.
    #[must_use]
    pub fn outliving_ctrl_c(self) -> Self {
        Self { outlives_ctrl_c: true, ..self }
    }

    /// Starts it, and waits until it serves. Blocks.
    ///
    /// # Errors
    /// [`ChildError`].
    pub fn start(&self) -> Result<ChildServer, ChildError> {
        let mut command = Command::new(&self.program);
        command.arg("serve").args(&self.options).env("RUST_LOG", LOG);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        if self.outlives_ctrl_c {
            // A terminal tells all of a group.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let mut process = command.spawn()?;
        let mut output = Output::default();
        let (said, saying) = channel();
        if let Some(out) = process.stdout.take() {
            output.read(out, Some(said));
        }
        if let Some(err) = process.stderr.take() {
            output.read(err, None);
        }
        // Its output ends with it.
        match saying.recv_timeout(START_MAX) {
            Ok((address, fingerprint)) => Ok(ChildServer { process, address, fingerprint, output }),
            Err(why) => {
                // One that has ended keeps the status that it ended with.
                let _ = process.kill();
                let status = process.wait()?;
                let what = match why {
                    RecvTimeoutError::Disconnected => format!("did not start: {status}"),
                    RecvTimeoutError::Timeout => {
                        format!("did not serve within {} s", START_MAX.as_secs())
                    }
                };
                Err(ChildError::Failed { what, output: output.all() })
            }
        }
    }
}

impl ChildServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients may know it by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Kills it as `kill -9` does. Blocks until it is gone.
    ///
    /// # Errors
    /// It had ended by itself before, or the system does not do it.
    pub fn kill(mut self) -> Result<(), ChildError> {
        self.has_not_ended()?;
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Lets it come to an end in order. Blocks until it is gone.
    ///
    /// # Errors
    /// It had ended by itself before, does not end, or says that it could not in order.
    pub fn stop(mut self) -> Result<(), ChildError> {
        self.has_not_ended()?;
        ask_to_stop(&mut self.process)?;
        let deadline = Instant::now() + STOP_MAX;
        loop {
            match self.process.try_wait()? {
                Some(status) if is_in_order(status) => return Ok(()),
                Some(status) => return Err(self.failed(format!("stopped with {status}"))),
                None if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                None => {
                    let seconds = STOP_MAX.as_secs();
                    return Err(self.failed(format!("did not stop within {seconds} s")));
                }
            }
        }
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// It does not, though nobody has ended it.
    pub fn has_not_ended(&mut self) -> Result<(), ChildError> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.failed(format!("ended by itself: {status}"))),
        }
    }

    fn failed(&mut self, what: String) -> ChildError {
        let _ = self.process.kill();
        let _ = self.process.wait();
        ChildError::Failed { what, output: self.output.all() }
    }
}

impl Drop for ChildServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The last lines that a process has said.
#[derive(Debug, Default)]
struct Output {
    lines: Arc<Mutex<VecDeque<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Output {
    /// Keeps what comes, and reports where the server listens when it says so.
    fn read(
        &mut self,
        from: impl Read + Send + 'static,
        said: Option<Sender<(SocketAddr, Fingerprint)>>,
    ) {
        let lines = Arc::clone(&self.lines);
        self.readers.push(thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                if let (Some(said), Some(where_it_is)) = (&said, where_it_is(&line)) {
                    let _ = said.send(where_it_is);
                }
                let mut lines = lines.lock();
                if lines.len() == LINES_MAX {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
        }));
    }

    /// Everything that was kept, once the process has ended.
    fn all(&mut self) -> String {
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let lines: Vec<String> = self.lines.lock().drain(..).collect();
        if lines.is_empty() { "(nothing)".to_owned() } else { lines.join("\n") }
    }
}

/// Reads `tideland is open on 127.0.0.1:4433; certificate fingerprint …`.
fn where_it_is(line: &str) -> Option<(SocketAddr, Fingerprint)> {
    let (address, fingerprint) = line.split_once(" is open on ")?.1.split_once(';')?;
    let fingerprint = fingerprint.trim().rsplit(' ').next()?;
    Some((address.parse().ok()?, fingerprint.parse().ok()?))
}

#[cfg(unix)]
fn ask_to_stop(process: &mut Child) -> io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    kill_process(Pid::from_child(process), Signal::TERM).map_err(io::Error::from)
}

#[cfg(unix)]
fn is_in_order(status: ExitStatus) -> bool {
    status.success()
}

/// There is no way to ask here. What the world then looks like is what a crash leaves, which must be in order, too.
#[cfg(not(unix))]
fn ask_to_stop(process: &mut Child) -> io::Result<()> {
    process.kill()
}

#[cfg(not(unix))]
fn is_in_order(_: ExitStatus) -> bool {
    true
}

/// What the server logs: what it would say if it were alone, less what is well.
const LOG: &str = "warn";

/// How many lines of output are kept.
const LINES_MAX: usize = 100;

/// How long a server may take to start. What a crash has left to be read again is limited.
const START_MAX: Duration = Duration::from_secs(60);

/// How long it may take to stop; everything must be on disk then.
const STOP_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_server_is_understood() {
        let fingerprint = "ab".repeat(32);
        let line =
            format!("tideland is open on 127.0.0.1:4433; certificate fingerprint {fingerprint}");
        let (address, read) = where_it_is(&line).expect("understood");
        assert_eq!((address.port(), read), (4433, fingerprint.parse().expect("a fingerprint")));
        assert!(where_it_is("error: no such folder").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn what_a_server_said_that_did_not_start_is_told() {
        let launch = Launch::of("/bin/sh".into()).with("-c", "exit");
        // The shell takes `serve` for a file to run, and says that there is none.
        let error = launch.start().expect_err("no server").to_string();
        assert!(error.contains("did not start") && error.contains("serve"), "{error}");
        assert!(Launch::of("/nowhere/at/all".into()).start().is_err());
    }
}
