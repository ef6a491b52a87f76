//! The server that is attacked: a process of its own, whose memory and metrics can be read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use daystar_protocol::fingerprint::Fingerprint;

/// A running server; it is killed when dropped.
pub(super) struct Server {
    process: Child,
    /// Where honest clients find it.
    pub(super) address: SocketAddr,
    pub(super) fingerprint: Fingerprint,
    metrics: SocketAddr,
}

/// The counters of a server by name, those that differ only in labels added up.
pub(super) type Metrics = BTreeMap<String, f64>;

impl Server {
    /// Starts this program again as a server of Tideland on every address of this machine, with its world in `folder`.
    pub(super) fn start(folder: &Path) -> io::Result<Self> {
        // Free now; nobody else is likely to take it within the next moments.
        let metrics = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg("--data")
            .arg(folder)
            .args(["--listen", "0.0.0.0:0", "--metrics", &metrics.to_string()])
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()?;
        let mut first = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut first)?;
        }
        let Some((address, fingerprint)) = where_it_is(&first) else {
            let _ = process.kill();
            return Err(io::Error::other(format!("the server did not start: {first}")));
        };
        let address = (Ipv4Addr::LOCALHOST, address.port()).into();
        Ok(Self { process, address, fingerprint, metrics })
    }

    /// How many bytes of memory it has, and the most that it has had.
    pub(super) fn memory(&self) -> Option<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let bytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
        };
        Some((bytes("VmRSS:")?, bytes("VmHWM:")?))
    }

    /// What it counts.
    pub(super) fn metrics(&self) -> io::Result<Metrics> {
        let mut stream = TcpStream::connect(self.metrics)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(counters(&answer))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads `tideland is open on 127.0.0.1:4433; certificate fingerprint …`.
fn where_it_is(line: &str) -> Option<(SocketAddr, Fingerprint)> {
    let (address, fingerprint) = line.split_once(" is open on ")?.1.split_once(';')?;
    let fingerprint = fingerprint.trim().rsplit(' ').next()?;
    Some((address.parse().ok()?, fingerprint.parse().ok()?))
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
    fn the_first_line_of_a_server_is_understood() {
        let fingerprint = "ab".repeat(32);
        let line =
            format!("tideland is open on 127.0.0.1:4433; certificate fingerprint {fingerprint}\n");
        let (address, read) = where_it_is(&line).expect("understood");
        assert_eq!((address.port(), read), (4433, fingerprint.parse().expect("a fingerprint")));
        assert!(where_it_is("error: no such folder\n").is_none());
    }

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
