//! The server that is attacked: a process of its own, whose memory and metrics can be read.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use daystar_protocol::fingerprint::Fingerprint;

use crate::child_server::{ChildServer, Launch};
use crate::plan::Login;
use crate::usage::memory_of;

/// A running server; it is killed when dropped.
pub(super) struct Server {
    process: ChildServer,
    /// Where honest clients find it.
    pub(super) address: SocketAddr,
    pub(super) fingerprint: Fingerprint,
    metrics: SocketAddr,
}

/// The counters of a server by name, those that differ only in labels added up.
pub(super) type Metrics = BTreeMap<String, f64>;

impl Server {
    /// Starts `program` as a server of Tideland on every address of this machine, with its world in `folder`. One that asks for
    /// passwords makes an account for whoever wants one.
    pub(super) fn start(program: &Path, folder: &Path, login: Login) -> io::Result<Self> {
        // Free now; nobody else is likely to take it within the next moments.
        let metrics = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let launch = Launch::of(program.to_owned())
            .with("--data", folder)
            .with("--listen", "0.0.0.0:0")
            .with("--metrics", metrics.to_string());
        let launch = match login {
            Login::Name => launch,
            Login::Password => launch.with("--login", "passwords").with_flag("--registration"),
        };
        let process = launch.start().map_err(io::Error::other)?;
        let address = (Ipv4Addr::LOCALHOST, process.address().port()).into();
        let fingerprint = process.fingerprint();
        Ok(Self { process, address, fingerprint, metrics })
    }

    /// How many bytes of memory it has, and the most that it has had.
    pub(super) fn memory(&self) -> Option<(u64, u64)> {
        let memory = memory_of(self.process.process())?;
        Some((memory.resident_bytes, memory.resident_bytes_most))
    }

    /// What it counts.
    pub(super) fn metrics(&self) -> io::Result<Metrics> {
        let mut stream = TcpStream::connect(self.metrics)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(counters(&answer))
    }
}

fn counters(text: &str) -> Metrics {
    let mut counters = Metrics::new();
    for line in text.lines().filter(|line| line.starts_with("daystar_")) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        *counters.entry(name.to_owned()).or_default() += value;
        if let Some((name, _)) = name.split_once('{') {
            *counters.entry(name.to_owned()).or_default() += value;
        }
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_with_their_labels_and_added_up_without() {
        let text = "HTTP/1.1 200 OK\r\n\r\n# TYPE x counter\ndaystar_a{why=\"full\"} 2\ndaystar_a{why=\"slow\"} 3\ndaystar_b 4\nother 5\n";
        let expected = [
            ("daystar_a", 5.0),
            ("daystar_a{why=\"full\"}", 2.0),
            ("daystar_a{why=\"slow\"}", 3.0),
            ("daystar_b", 4.0),
        ];
        assert_eq!(counters(text), expected.map(|(name, value)| (name.to_owned(), value)).into());
    }
}
