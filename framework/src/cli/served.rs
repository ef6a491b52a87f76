//! For tests of what is done about a world that a server has open: the server, in a process of its own.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::server::Server;

/// Runs `work` while the ignored test called `test` is run elsewhere, with these variables set; it must [`serve`].
pub(super) fn served(test: &str, set: &[(&str, &Path)], work: impl FnOnce(SocketAddr)) {
    let program = env::current_exe().expect("the test's own program");
    let mut process = Command::new(program)
        .args(["--exact", test, "--nocapture", "--ignored"])
        .envs(set.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let output = process.stdout.take().expect("its output");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.split_once(ADDRESS)?.1.parse().ok());
    work(address.expect("a server that serves"));
    drop(process.stdin.take());
    process.wait().expect("its end");
}

/// Serves until whoever wanted to be served is through.
pub(super) fn serve(server: Server) {
    println!("{ADDRESS}{}", server.address());
    std::io::stdout().flush().expect("flush");
    let _ = std::io::stdin().lines().count();
    server.stop().expect("a clean end");
}

const ADDRESS: &str = "address ";
