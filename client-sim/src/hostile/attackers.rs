//! Attackers as a process of their own, which tells all the time how they are getting on.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::hostile::attack::Attack;
use crate::hostile::toll::Reckoning;

/// A process that attacks; it is killed when dropped.
pub(super) struct Attackers {
    process: Child,
    told: Arc<Mutex<Reckoning>>,
    listening: Option<JoinHandle<()>>,
}

/// What a process of attackers is to do.
pub(super) struct Orders<'a> {
    pub(super) program: &'a Path,
    pub(super) attack: Attack,
    pub(super) server: SocketAddr,
    pub(super) from: IpAddr,
    /// Whose password is guessed.
    pub(super) account: &'a str,
    /// It ends after this should nobody end it before.
    pub(super) longest: Duration,
    /// Whether it runs only when nobody else wants to.
    pub(super) gives_way: bool,
}

impl Attackers {
    /// Begins.
    pub(super) fn start(orders: &Orders) -> io::Result<Self> {
        let mut command = if orders.gives_way {
            // Becomes the program that it is given.
            let mut command = Command::new("chrt");
            command.args(["--idle", "0"]).arg(orders.program);
            command
        } else {
            Command::new(orders.program)
        };
        let mut process = command
            .arg("attack")
            .arg(orders.attack.to_string())
            .args(["--server", &orders.server.to_string()])
            .args(["--from", &orders.from.to_string()])
            .args(["--account", orders.account])
            .args(["--duration", &format!("{}ms", orders.longest.as_millis())])
            .arg("--until-input-ends")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let told = Arc::<Mutex<Reckoning>>::default();
        let listening = process.stdout.take().map(|said| {
            let told = Arc::clone(&told);
            thread::spawn(move || {
                for line in BufReader::new(said).lines().map_while(Result::ok) {
                    if let Ok(reckoning) = serde_json::from_str(&line) {
                        *told.lock() = reckoning;
                    }
                }
            })
        });
        Ok(Self { process, told, listening })
    }

    /// What they have come to, of late.
    pub(super) fn reckoning(&self) -> Reckoning {
        self.told.lock().clone()
    }

    /// Whether they have ended by themselves.
    pub(super) fn are_gone(&mut self) -> io::Result<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    /// Has them end, and gives what they have come to.
    pub(super) fn end(mut self) -> io::Result<Reckoning> {
        drop(self.process.stdin.take());
        self.process.wait()?;
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        Ok(self.reckoning())
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says on the standard output what [`Attackers`] read.
pub(super) fn say(reckoning: &Reckoning) {
    // Numbers by texts always can be written so; and where nobody reads, there is nobody to tell.
    if let Ok(line) = serde_json::to_string(reckoning) {
        let _ = writeln!(io::stdout(), "{line}");
    }
}
