//! Small crowds against real servers: what went well is counted, and what went wrong is not hidden.

use std::net::SocketAddr;
use std::time::Duration;

use client_sim::behaviour::Behaviour;
use client_sim::cast::Cast;
use client_sim::crowd::{RunError, run};
use client_sim::link::{Link, Lost};
use client_sim::mix::Overrides;
use client_sim::outcome::Outcome;
use client_sim::plan::{Class, Plan, Think};
use client_sim::progress::Progress;
use client_sim::stage::{Phase, Stage};
use client_sim::tideland;
use daystar::Server;
use daystar_client::builder::Trust;
use sample_game::Tideland;
use sample_game::messages::{Event, Request};

const CLIENTS: u32 = 40;

#[test]
fn a_crowd_plays_and_its_ledger_balances() {
    let server = island();
    let outcome = play(&plan(server.address()), &tideland::cast()).expect("a run");
    assert_eq!((outcome.clients, outcome.connected, outcome.settled), (CLIENTS, CLIENTS, CLIENTS));
    assert_eq!(outcome.classes.len(), 8);
    for class in &outcome.classes {
        assert!(class.counts.requests() > 0 && class.counts.bytes_up > 0, "{}", class.name);
    }
    let by_class = outcome.classes.iter().map(|class| class.counts.requests());
    assert_eq!(by_class.sum::<u64>(), outcome.counts.requests());
    assert_eq!(outcome.failures(&Default::default()), Vec::<String>::new());
    let unmet = outcome.failures(&"requests_per_s<1,connected=40".parse().expect("requirements"));
    assert_eq!(unmet.len(), 1, "{unmet:?}");
}

#[test]
fn a_server_that_takes_nobody_in_is_told_at_once() {
    let server = island();
    let cast = Cast::of("another game").with("doubter", |who| Doubter(who.number));
    match play(&one_class("doubter", server.address()), &cast) {
        Err(RunError::Unreachable { cause, .. }) => assert!(cause.contains("tideland"), "{cause}"),
        other => panic!("the run must not begin, but came to {other:?}"),
    }
}

#[test]
fn a_server_that_goes_away_is_an_error_for_every_client() {
    let server = island();
    let plan = one_class("caller", server.address());
    let plan = Plan { duration: Duration::from_secs(3), ..plan };
    let (acted, first_act) = std::sync::mpsc::channel();
    let stopping = std::thread::spawn(move || {
        first_act.recv().expect("a client that acts");
        server.stop()
    });
    let cast = Cast::of("tideland").with("caller", move |_| Caller(acted.clone()));
    let outcome = play(&plan, &cast).expect("a run");
    stopping.join().expect("no panic").expect("the server stops");
    assert_eq!(outcome.connected, CLIENTS);
    assert!(outcome.counts.errors >= CLIENTS.into(), "{:?}", outcome.counts.error_texts);
    assert!(!outcome.failures(&Default::default()).is_empty());
}

#[test]
fn what_a_client_finds_in_the_end_makes_the_run_fail() {
    let server = island();
    let plan = one_class("doubter", server.address());
    let outcome = play(&plan, &doubters()).expect("a run");
    assert_eq!((outcome.settled, outcome.difference_count), (CLIENTS, 1));
    assert_eq!(outcome.differences, ["sim-7-3: something is missing"]);
    let failures = outcome.failures(&Default::default());
    assert_eq!(failures.len(), 1, "{failures:?}");
}

#[test]
fn a_plan_that_nobody_can_play_is_refused() {
    let server = island();
    match play(&one_class("dancer", server.address()), &doubters()) {
        Err(RunError::NoBehaviour { behaviour, known }) => {
            assert_eq!((behaviour.as_str(), known.as_str()), ("dancer", "doubter"));
        }
        other => panic!("the run must not begin, but came to {other:?}"),
    }
}

#[test]
fn on_a_ramp_clients_play_while_others_are_still_to_come() {
    let server = island();
    let class = Class { think: Think::Fixed, ..Class::new("wanderer", CLIENTS) };
    let plan = Plan { ramp: Some(20.0), classes: vec![class], ..plan(server.address()) };
    let stage = Stage::default();
    stage.marks().add("before");
    let outcome = play_on(&plan, &tideland::cast(), &stage).expect("a run");
    assert_eq!(outcome.failures(&Default::default()), Vec::<String>::new());
    assert_eq!(*stage.phase().borrow(), Phase::Over);
    assert_eq!((outcome.marks[0].what.as_str(), outcome.marks[0].at_s), ("before", 0.0));
    let first = outcome.seconds.first().expect("a second");
    assert!(first.all.clients < CLIENTS, "{first:?}");
    let early = outcome.seconds.iter().find(|second| second.all.requests > 0);
    assert!(early.expect("calls").all.clients < CLIENTS, "{early:?}");
    let last = outcome.seconds.last().expect("a second");
    assert_eq!(last.all.clients, CLIENTS);
    // The classes' seconds add up to what was counted in all.
    let requests: u64 = outcome.seconds.iter().map(|second| second.classes[0].requests).sum();
    assert!(requests > 0 && requests <= outcome.counts.requests());
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

fn doubters() -> Cast {
    Cast::of("tideland").with("doubter", |who| Doubter(who.number))
}

fn island() -> Server {
    Server::builder(Tideland::default()).in_memory().start().expect("the server starts")
}

/// The standard mix.
fn plan(server: SocketAddr) -> Plan {
    let overrides = Overrides { clients: Some(CLIENTS), rate: Some(5.0), ..Overrides::default() };
    let classes = tideland::standard_classes(&overrides).expect("classes");
    let plan = Plan::new(server, Trust::Anyone, classes);
    Plan { duration: Duration::from_secs(1), seed: 7, ..plan }
}

fn one_class(behaviour: &str, server: SocketAddr) -> Plan {
    let class = Class { rate: 5.0, ..Class::new(behaviour, CLIENTS) };
    Plan { classes: vec![class], ..plan(server) }
}

fn play(plan: &Plan, cast: &Cast) -> Result<Outcome, RunError> {
    play_on(plan, cast, &Stage::default())
}

fn play_on(plan: &Plan, cast: &Cast, stage: &Stage) -> Result<Outcome, RunError> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run(plan, cast, &mut Progress::Silent, stage))
}
