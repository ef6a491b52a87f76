//! Small crowds against real servers: what went well is counted, and what went wrong is not hidden.

use std::net::SocketAddr;
use std::time::Duration;

use client_sim::behaviour::{Behaviour, Who};
use client_sim::crowd::{PATIENCE, Plan, RunError, run};
use client_sim::link::{Link, Lost};
use client_sim::outcome::Outcome;
use client_sim::progress::Progress;
use client_sim::tideland::Islander;
use daystar::Server;
use daystar_client::builder::Trust;
use sample_game::Tideland;
use sample_game::messages::{Event, Request};

const CLIENTS: u32 = 40;

#[test]
fn a_crowd_plays_and_its_ledger_balances() {
    let server = island();
    let outcome = play(&plan(server.address()), Islander::new).expect("a run");
    assert_eq!((outcome.clients, outcome.connected, outcome.settled), (CLIENTS, CLIENTS, CLIENTS));
    assert!(outcome.counts.requests() > 0);
    assert_eq!(outcome.failures(&Default::default()), Vec::<String>::new());
    let unmet = outcome.failures(&"requests_per_s<1,connected=40".parse().expect("requirements"));
    assert_eq!(unmet.len(), 1, "{unmet:?}");
}

#[test]
fn a_server_that_takes_nobody_in_is_told_at_once() {
    let server = island();
    let plan = Plan { game: "another game", ..plan(server.address()) };
    match play(&plan, Islander::new) {
        Err(RunError::Unreachable { cause, .. }) => assert!(cause.contains("tideland"), "{cause}"),
        other => panic!("the run must not begin, but came to {other:?}"),
    }
}

#[test]
fn a_server_that_goes_away_is_an_error_for_every_client() {
    let server = island();
    let plan = Plan { duration: Duration::from_secs(3), ..plan(server.address()) };
    let (acted, first_act) = std::sync::mpsc::channel();
    let stopping = std::thread::spawn(move || {
        first_act.recv().expect("a client that acts");
        server.stop()
    });
    let outcome = play(&plan, |_| Caller(acted.clone())).expect("a run");
    stopping.join().expect("no panic").expect("the server stops");
    assert_eq!(outcome.connected, CLIENTS);
    assert!(outcome.counts.errors >= CLIENTS.into(), "{:?}", outcome.counts.error_texts);
    assert!(!outcome.failures(&Default::default()).is_empty());
}

#[test]
fn what_a_client_finds_in_the_end_makes_the_run_fail() {
    let server = island();
    let outcome = play(&plan(server.address()), |who| Doubter(who.number)).expect("a run");
    assert_eq!((outcome.settled, outcome.difference_count), (CLIENTS, 1));
    assert_eq!(outcome.differences, ["sim-7-3: something is missing"]);
    let failures = outcome.failures(&Default::default());
    assert_eq!(failures.len(), 1, "{failures:?}");
}

/// Tells when it acts, which clients do when all are connected.
struct Caller(std::sync::mpsc::Sender<()>);

impl Behaviour for Caller {
    type Request = Request;
    type Event = Event;

    fn heard(&mut self, _: Event) {}

    async fn act(&mut self, link: &mut Link<Request, Event>) -> Result<(), Lost> {
        // Nobody listens after the first time.
        let _ = self.0.send(());
        link.call(&Request::Look).await.map(drop)
    }
}

/// Client 3 finds something missing.
struct Doubter(u32);

impl Behaviour for Doubter {
    type Request = Request;
    type Event = Event;

    fn heard(&mut self, _: Event) {}

    async fn act(&mut self, link: &mut Link<Request, Event>) -> Result<(), Lost> {
        link.call(&Request::Look).await.map(drop)
    }

    async fn settle(&mut self, _: &mut Link<Request, Event>) -> Result<Vec<String>, Lost> {
        Ok((self.0 == 3).then(|| "something is missing".to_owned()).into_iter().collect())
    }
}

fn island() -> Server {
    Server::builder(Tideland::default()).in_memory().start().expect("the server starts")
}

fn plan(server: SocketAddr) -> Plan {
    Plan {
        server,
        game: "tideland",
        trust: Trust::Anyone,
        clients: CLIENTS,
        duration: Duration::from_secs(1),
        seed: 7,
        rate: 5.0,
        patience: PATIENCE,
        break_every: None,
        networks: Vec::new(),
    }
}

fn play<B: Behaviour>(plan: &Plan, make: impl Fn(Who) -> B) -> Result<Outcome, RunError> {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(run(
        plan,
        make,
        &mut Progress::Silent,
    ))
}
