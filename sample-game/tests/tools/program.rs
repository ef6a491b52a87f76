//! The program, run with its arguments.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use daystar_client::Fingerprint;
use daystar_client::builder::Trust;
use daystar_client::client::Client;
use daystar_client::error::ConnectError;
use daystar_client::events::Events;
use sample_game::messages::{Event, Request};

/// What the program said, and whether it was content.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) is_ok: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// What it said, if it did what it was asked.
    pub(crate) fn done(self) -> String {
        assert!(self.is_ok, "it failed: {self:?}");
        self.out
    }

    /// Its one error, if it failed.
    pub(crate) fn error(self) -> String {
        assert!(!self.is_ok, "it should have failed: {self:?}");
        let lines: Vec<_> = self.err.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(lines.len(), 1, "not one error: {}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        lines[0].to_owned()
    }
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sample-game"));
    command.args(arguments).env_remove("DAYSTAR_DATA").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Said {
    let Output { status, stdout, stderr } =
        command(arguments).output().expect("the program can be run");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { is_ok: status.success(), out: text(stdout), err: text(stderr) }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// A server in a process of its own; killed when it is dropped.
pub(crate) struct Serving {
    process: Child,
    pub(crate) address: SocketAddr,
    /// Of its certificate, as it says.
    pub(crate) fingerprint: Fingerprint,
}

impl Serving {
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// With more arguments.
    pub(crate) fn start_with(data: &Path, more: &[&str]) -> Self {
        let arguments =
            ["serve", "--data", text(data), "--listen", "127.0.0.1:0", "--workers", "2"];
        let mut process = command(&[&arguments, more].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program can be run");
        let output = process.stdout.take().expect("its output");
        let line = BufReader::new(output).lines().next().expect("a line").expect("text");
        let address = line.split("open on ").nth(1).and_then(|rest| rest.split(';').next());
        let address = address.expect("an address").parse().expect("an address");
        let fingerprint = line.split("fingerprint ").nth(1).expect("a fingerprint").trim();
        Self { process, address, fingerprint: fingerprint.parse().expect("a fingerprint") }
    }

    /// As Ctrl-C does.
    pub(crate) fn stop(mut self) {
        interrupt(&self.process);
        assert!(self.process.wait().expect("its end").success(), "the server did not end well");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ctrl-C.
pub(crate) fn interrupt(process: &Child) {
    let sent = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(sent.expect("kill").success() || cfg!(not(unix)));
}

pub(crate) type Player = (Client<Request, Event>, Events<Event>);

/// Joins the island, once nobody else plays `name`.
pub(crate) async fn join(server: SocketAddr, name: &str) -> Player {
    loop {
        let builder = Client::builder(server).name(name).game("tideland").trust(Trust::Anyone);
        match builder.connect().await {
            Ok(joined) => return joined,
            Err(ConnectError::Rejected { .. }) => {
                tokio::time::sleep(Duration::from_millis(5)).await
            }
            Err(cause) => panic!("{name} cannot join: {cause}"),
        }
    }
}

/// A world that players have been in, and that no server has open.
pub(crate) fn island_with(players: &[&str], data: &Path) {
    let server = Serving::start(data);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        for name in players {
            let (client, _events) = join(server.address, name).await;
            client.call(&Request::Me).await.expect("an answer");
            client.close().await;
        }
    });
    server.stop();
}
