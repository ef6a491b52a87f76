//! Memory of the server for each client that is connected and says nothing, against a bare quinn server's.
//!
//! What the server's process takes of memory with so many clients, less what it took before the first of them, divided by their
//! number; mapped files are not counted, since the system has them back whenever it wants. Every server is a new one. The rival's clients have their stream; Daystar's have joined, and play an object of their own.

use std::thread;
use std::time::Duration;

use crate::harness::{Harness, Wanted};
use crate::rivals::clients as bare;
use crate::rivals::server::ECHO;
use crate::wire::clients::join_all;
use crate::wire::process::{ServerProcess, Who};
use crate::wire::runtime;

pub(crate) fn run(harness: &mut Harness) {
    let counts: [usize; 2] = if harness.is_quick() { [100, 500] } else { [1_000, 10_000] };
    for count in counts {
        let quinn = bytes_each(Who::Quinn, count);
        let daystar = bytes_each(Who::Daystar, count);
        let case = format!("{count} idle clients, server's memory for each");
        harness.print_against(&case, "B", daystar, quinn, Wanted::RatioAtMost(1.25));
    }
}

/// Bytes for each of so many clients.
fn bytes_each(who: Who, count: usize) -> f64 {
    let (runtime, server) = (runtime(), ServerProcess::start(who));
    let before = server.memory_bytes();
    let connected: Box<dyn std::any::Any> = match who {
        Who::Quinn => Box::new(bare::connect_all(&runtime, server.address(), count, ECHO)),
        Who::Daystar => Box::new(join_all(&runtime, server.address(), count)),
    };
    // What the handshakes have left is cleared away by then.
    thread::sleep(SETTLING);
    let after = server.memory_bytes();
    drop(connected);
    (after - before) / count as f64
}

const SETTLING: Duration = Duration::from_millis(500);
