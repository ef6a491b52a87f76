//! A server in a process of its own, and what that process takes.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::kernel::{anonymous_bytes_of, cpu_of};
use crate::rivals;
use crate::wire::game;

/// Which server.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    /// The framework, with a game on it.
    Daystar,
    /// Nothing but quinn.
    Quinn,
}

/// A running server. It ends when this is dropped, or its process's parent is gone.
pub(crate) struct ServerProcess {
    child: Child,
    /// Closed to end it.
    stdin: Option<ChildStdin>,
    address: SocketAddr,
}

impl ServerProcess {
    /// Starts one, and waits until it listens.
    pub(crate) fn start(who: Who) -> Self {
        let name = match who {
            Who::Daystar => DAYSTAR,
            Who::Quinn => QUINN,
        };
        let child = std::env::current_exe().and_then(|program| {
            Command::new(program)
                .env(SERVER, name)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
        });
        let mut child = child.unwrap_or_else(|cause| panic!("no server: {cause}"));
        let stdin = child.stdin.take();
        let mut line = String::new();
        let told = child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let address = line.trim().parse();
        let address = address.unwrap_or_else(|_| panic!("no server: it said {line:?}, {told:?}"));
        Self { child, stdin, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long its threads have been on a processor, all together.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(self.child.id())
    }

    /// Its memory, but for what it has mapped of files; no number where the kernel does not tell.
    pub(crate) fn memory_bytes(&self) -> f64 {
        let bytes = anonymous_bytes_of(self.child.id());
        bytes.map_or(f64::NAN, |bytes| bytes as f64)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.stdin = None;
        let _ended = self.child.wait();
    }
}

/// In the process of a server: serves until the parent has had enough. In that of its world's maker: makes it.
pub(crate) fn is_server() -> bool {
    match std::env::var(SERVER).as_deref() {
        Ok(MAKER) => std::env::args_os().skip(1).for_each(|world| game::fill_world(world.as_ref())),
        Ok(DAYSTAR) => game::serve(ready_until_end),
        Ok(QUINN) => rivals::server::serve(ready_until_end),
        _ => return false,
    }
    true
}

/// Has another process make the game's world in the folder `world`: the memory that this leaves free would pass for the server's, and
/// its clients for so much smaller.
pub(crate) fn make_world(world: &Path) {
    let made = std::env::current_exe().and_then(|program| {
        Command::new(program).env(SERVER, MAKER).arg(world).stdin(Stdio::null()).status()
    });
    match made {
        Ok(status) if status.success() => {}
        made => panic!("no world: its maker's end is {made:?}"),
    }
}

/// Says where the server listens, and waits for the end of the input.
fn ready_until_end(address: SocketAddr) {
    println!("{address}");
    let _ended = std::io::stdin().read_to_end(&mut Vec::new());
}

const SERVER: &str = "DAYSTAR_BENCH_SERVER";
const DAYSTAR: &str = "daystar";
const QUINN: &str = "quinn";
const MAKER: &str = "maker";
