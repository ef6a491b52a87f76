//! A request of 32 bytes, a task that changes one object, a reply of 32 bytes, over the network; against a bare quinn server
//! that sends messages of the same length on the wire back as they came.
//!
//! First clients that ask again as soon as they have their answer: read the ratio of the rates, and beside it what each
//! request costs the server's process. Then many clients that together ask half as often as the framework has just answered the
//! busy ones, at random times, and as often of the bare server: read the ratio of the latencies' p99.

use std::time::{Duration, Instant};

use daystar_protocol::to_server::call_frame;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::harness::{Harness, Spread, Wanted, median};
use crate::rivals::clients as bare;
use crate::rivals::server::ECHO;
use crate::wire::clients::{Asking, busy, join_all, paced};
use crate::wire::game::Request;
use crate::wire::process::{ServerProcess, Who};
use crate::wire::runtime;
use crate::wire::tally::{measure, pairs, spreads};

pub(crate) fn run(harness: &mut Harness) {
    let many = if harness.is_quick() { 200 } else { 2_000 };
    let (runtime, bytes) = (runtime(), message_bytes());
    let (quinn, daystar) = (ServerProcess::start(Who::Quinn), ServerProcess::start(Who::Daystar));
    harness.plan(4);

    let mut rivals = bare::connect_all(&runtime, quinn.address(), BUSY, ECHO);
    let mut clients = join_all(&runtime, daystar.address(), BUSY);
    let rounds = harness.in_turns(&mut [
        &mut |slice| {
            let end = Instant::now() + slice;
            measure(&runtime, &quinn, &mut rivals, |mut client, _| async move {
                let tally = client.busy(bytes, 1, end).await;
                (client, tally)
            })
        },
        &mut |slice| {
            let end = Instant::now() + slice;
            measure(&runtime, &daystar, &mut clients, |client, _| async move {
                let asking = Asking { request: echo, is_durable: false, depth: 1 };
                let tally = busy(&client.0, asking, end).await;
                (client, tally)
            })
        },
    ]);
    drop((rivals, clients));
    let case = format!("{BUSY} busy clients");
    let rates = pairs(&rounds, 1, |measured| measured.rate);
    harness.print_pairs(&case, "req/s", Wanted::Ratio(0.85), &rates);
    let cpu = pairs(&rounds, 1, |measured| measured.cpu_us);
    harness.print_pairs("the same, server's CPU per request", "us", Wanted::Nothing, &cpu);
    let [base, subject] = spreads(&rounds, 1);
    harness.print_spreads("the same, answered", (Spread::P99, Wanted::Nothing), &base, &subject);

    let half = median(rates.iter().map(|pair| pair.1).collect()) / 2.0;
    let between = Duration::from_secs_f64(many as f64 / half);
    let mut rivals = bare::connect_all(&runtime, quinn.address(), many, ECHO);
    let mut clients = join_all(&runtime, daystar.address(), many);
    let rounds = harness.in_turns(&mut [
        &mut |slice| {
            let end = Instant::now() + slice;
            measure(&runtime, &quinn, &mut rivals, |mut client, number| async move {
                let tally = client.paced(bytes, pauses(number, between), end).await;
                (client, tally)
            })
        },
        &mut |slice| {
            let end = Instant::now() + slice;
            measure(&runtime, &daystar, &mut clients, |client, number| async move {
                let tally = paced(&client.0, echo, pauses(number, between), end).await;
                (client, tally)
            })
        },
    ]);
    let case = format!("{many} clients, {half:.0} req/s, answered");
    let [base, subject] = spreads(&rounds, 1);
    harness.print_spreads(&case, (Spread::P99, Wanted::RatioAtMost(2.0)), &base, &subject);
    let cpu = pairs(&rounds, 1, |measured| measured.cpu_us);
    harness.print_pairs("the same, server's CPU per request", "us", Wanted::Nothing, &cpu);
}

fn echo() -> Request {
    Request::Echo([7; 31])
}

/// What a request is on the wire.
fn message_bytes() -> usize {
    let frame = call_frame(1, None, &echo());
    frame.unwrap_or_else(|cause| panic!("a request of the bench's own: {cause}")).len()
}

/// Random pauses, `between` on average, the same for both sides.
fn pauses(number: usize, between: Duration) -> impl FnMut() -> Duration {
    let mut rng = Pcg64Mcg::seed_from_u64(number as u64);
    move || between.mul_f64(rng.random_range(0.0..2.0))
}

const BUSY: usize = 100;
