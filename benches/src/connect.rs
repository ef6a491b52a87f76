//! How many clients join per second, against how many shake hands with a bare quinn server.
//!
//! So many at a time connect, until the slice is over; each goes as soon as it is in, beside the next one's coming. The rival's
//! clients are in with the handshake. Daystar's have greeted, `joined` has committed, and they have been welcomed; when they
//! go, `left` runs.

use std::time::{Duration, Instant};

use daystar_protocol::close::CloseCode;
use quinn::{Endpoint, VarInt};

use crate::harness::{Harness, Spread, Wanted};
use crate::rivals::clients as bare;
use crate::wire::clients::join;
use crate::wire::process::{ServerProcess, Who};
use crate::wire::tally::{Tally, measure, pairs, spreads};
use crate::wire::{runtime, sockets};

pub(crate) fn run(harness: &mut Harness) {
    let runtime = runtime();
    let (quinn, daystar) = (ServerProcess::start(Who::Quinn), ServerProcess::start(Who::Daystar));
    let socket = sockets(&runtime, quinn.address(), 1).remove(0);
    let config = bare::config();
    // Each of them is a place from which one client after the other comes.
    let mut rivals: Vec<Endpoint> = (0..AT_ONCE).map(|_| socket.clone()).collect();
    let mut places = rivals.clone();
    harness.plan(2);
    let rounds = harness.in_turns(&mut [
        &mut |slice: Duration| {
            let (end, server) = (Instant::now() + slice, quinn.address());
            measure(&runtime, &quinn, &mut rivals, |socket, _| {
                let config = config.clone();
                async move {
                    let mut tally = Tally::default();
                    while Instant::now() < end {
                        let since = Instant::now();
                        let connected = bare::connect(&socket, config.clone(), server).await;
                        let connection = connected.unwrap_or_else(|cause| panic!("{cause}"));
                        tally.answered(since, Instant::now());
                        connection.close(VarInt::from_u32(CloseCode::Goodbye.to_raw()), b"");
                    }
                    (socket, tally)
                }
            })
        },
        &mut |slice: Duration| {
            let (end, server) = (Instant::now() + slice, daystar.address());
            measure(&runtime, &daystar, &mut places, |socket, _| async move {
                let mut tally = Tally::default();
                while Instant::now() < end {
                    let since = Instant::now();
                    let joined = join(socket.clone(), server).await;
                    let (client, _events) = joined.unwrap_or_else(|cause| panic!("{cause}"));
                    tally.answered(since, Instant::now());
                    // Says goodbye, and is heard beside the next one's coming.
                    drop(client);
                }
                (socket, tally)
            })
        },
    ]);
    let rates = pairs(&rounds, 1, |measured| measured.rate);
    harness.print_pairs(format!("{AT_ONCE} at a time"), "joins/s", Wanted::Ratio(0.8), &rates);
    let cpu = pairs(&rounds, 1, |measured| measured.cpu_us);
    harness.print_pairs("the same, server's CPU per join", "us", Wanted::Nothing, &cpu);
    let [base, subject] = spreads(&rounds, 1);
    harness.print_spreads(
        "the same, joined after",
        (Spread::P99, Wanted::Nothing),
        &base,
        &subject,
    );
}

const AT_ONCE: usize = 32;
