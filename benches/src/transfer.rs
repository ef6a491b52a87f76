//! Transfers between two of 100,000 accounts over the network, against a bare quinn server that sends messages of the same
//! length back, as many of them under way.
//!
//! 64 clients with 40 requests each under way, and with one. Accounts are chosen evenly, and by Zipf's law with exponent 1.5,
//! where every third transfer touches the same account. Clients hear of a transfer when it has committed, or when it is on
//! disk. Clients and server share the machine, so the value is what one machine does, its clients included.
//!
//! Read the ratio of the rates, then how long the answers took, then what each costs the server's process.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daystar_protocol::to_server::call_frame;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};
use rand_pcg::Pcg64Mcg;
use tokio::runtime::Runtime;

use crate::harness::{Harness, Measure, Spread, Wanted};
use crate::rivals::clients as bare;
use crate::rivals::server::ECHO;
use crate::wire::clients::{Asking, Joined, busy, join_all};
use crate::wire::game::{ACCOUNTS, Request};
use crate::wire::process::{ServerProcess, Who};
use crate::wire::runtime;
use crate::wire::tally::{Measured, measure, pairs, spreads};

pub(crate) fn run(harness: &mut Harness) {
    let (runtime, bytes) = (runtime(), message_bytes());
    let (quinn, daystar) = (ServerProcess::start(Who::Quinn), ServerProcess::start(Who::Daystar));
    let mut rivals = bare::connect_all(&runtime, quinn.address(), CLIENTS, ECHO);
    let clients = RefCell::new(join_all(&runtime, daystar.address(), CLIENTS));
    let accounts = Arc::new([Accounts::uniform(), Accounts::skewed()]);
    harness.plan(2 * (1 + KINDS.len() as u32));
    for (depth, ratio, aim) in [(40, 0.5, 200_000.0), (1, 0.8, 25_000.0)] {
        let mut rival = |slice: Duration| {
            let end = Instant::now() + slice;
            measure(&runtime, &quinn, &mut rivals, |mut client, _| async move {
                let tally = client.busy(bytes, depth, end).await;
                (client, tally)
            })
        };
        let mut ours = KINDS.map(|kind| {
            let (runtime, daystar, clients) = (&runtime, &daystar, &clients);
            let accounts = &accounts;
            move |slice| {
                let clients = &mut clients.borrow_mut();
                transfers(runtime, daystar, clients, accounts, (kind, depth), slice)
            }
        });
        let mut measures: Vec<Measure<'_, Measured>> = vec![&mut rival];
        measures.extend(ours.iter_mut().map(|measure| measure as Measure<'_, Measured>));
        let rounds = harness.in_turns(&mut measures);
        for (place, kind) in KINDS.iter().enumerate() {
            let case = kind.case(depth);
            let wanted = match kind.is_durable {
                true => Wanted::RatioAndValue(ratio, aim),
                false => Wanted::Ratio(ratio),
            };
            let place = place + 1;
            harness.print_pairs(
                &case,
                "req/s",
                wanted,
                &pairs(&rounds, place, |measured| measured.rate),
            );
            let [base, subject] = spreads(&rounds, place);
            harness.print_spreads("  answered", (Spread::P99, Wanted::Nothing), &base, &subject);
            let cpu = pairs(&rounds, place, |measured| measured.cpu_us);
            harness.print_pairs("  server's CPU per request", "us", Wanted::Nothing, &cpu);
            let cpu = pairs(&rounds, place, |measured| measured.clients_cpu_us);
            harness.print_pairs("  clients' CPU per request", "us", Wanted::Nothing, &cpu);
        }
    }
}

/// What is transferred, and when it is answered.
#[derive(Clone, Copy)]
struct Kind {
    is_skewed: bool,
    is_durable: bool,
}

impl Kind {
    fn case(self, depth: usize) -> String {
        let access = if self.is_skewed { "Zipf 1.5" } else { "uniform" };
        let level = if self.is_durable { "durable" } else { "committed" };
        format!("{CLIENTS} clients x {depth}, {access}, {level}")
    }
}

fn transfers(
    runtime: &Runtime,
    server: &ServerProcess,
    clients: &mut Vec<Joined>,
    accounts: &Arc<[Accounts; 2]>,
    (kind, depth): (Kind, usize),
    slice: Duration,
) -> Measured {
    let end = Instant::now() + slice;
    measure(runtime, server, clients, |client, number| {
        let accounts = Arc::clone(accounts);
        async move {
            let mut accounts = accounts[usize::from(kind.is_skewed)].of_client(number);
            let request = || {
                let (from, to) = accounts.next().unwrap_or((0, 1));
                Request::Transfer { from, to, gold: 1 }
            };
            let asking = Asking { request, is_durable: kind.is_durable, depth };
            let tally = busy(&client.0, asking, end).await;
            (client, tally)
        }
    })
}

/// Givers and takers, chosen beforehand: by Zipf's law that would cost more than a request.
struct Accounts(Vec<(u32, u32)>);

impl Accounts {
    fn choose(mut account: impl FnMut(&mut Pcg64Mcg) -> u32) -> Self {
        let mut rng = Pcg64Mcg::seed_from_u64(0);
        let pairs = (0..PAIRS).map(|_| {
            let from = account(&mut rng);
            let mut to = account(&mut rng);
            while to == from {
                to = account(&mut rng);
            }
            // The second is not drawn as the first is, so either may give: else the most popular account would run dry.
            if rng.random() { (from, to) } else { (to, from) }
        });
        Self(pairs.collect())
    }

    fn uniform() -> Self {
        Self::choose(|rng| rng.random_range(0..ACCOUNTS))
    }

    fn skewed() -> Self {
        let zipf = Zipf::new(f64::from(ACCOUNTS), 1.5);
        let zipf = zipf.unwrap_or_else(|cause| panic!("no such law: {cause}"));
        Self::choose(|rng| zipf.sample(rng) as u32 - 1)
    }

    /// All of them again and again, for each client from somewhere else on.
    fn of_client(&self, number: usize) -> impl Iterator<Item = (u32, u32)> {
        let (before, after) = self.0.split_at(number * (PAIRS / CLIENTS));
        after.iter().chain(before).copied().cycle()
    }
}

/// What a request is on the wire.
fn message_bytes() -> usize {
    let request = Request::Transfer { from: ACCOUNTS / 2, to: ACCOUNTS / 3, gold: 1 };
    let frame = call_frame(1, None, &request);
    frame.unwrap_or_else(|cause| panic!("a request of the bench's own: {cause}")).len()
}

const KINDS: [Kind; 4] = [
    Kind { is_skewed: false, is_durable: false },
    Kind { is_skewed: false, is_durable: true },
    Kind { is_skewed: true, is_durable: false },
    Kind { is_skewed: true, is_durable: true },
];

const CLIENTS: usize = 64;

const PAIRS: usize = 1 << 18;
