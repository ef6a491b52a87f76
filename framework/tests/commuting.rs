//! Tasks that add to one counter, or append to one list, without looking: all of it arrives, nothing beyond a bound
//! does, and nobody is in anybody's way.

mod oracle;

use std::net::SocketAddr;
use std::sync::Arc;

use daystar::Server;
use daystar::prelude::*;
use daystar_client::{CallError, Client as AnyClient, Events, Trust};
use daystar_engine::History;
use tokio::task::JoinSet;

#[managed]
struct Chronicle {
    lines: Vec<u32>,
}

#[message]
enum Request {
    /// Adds to the counter that has no bounds.
    Add(i64),
    /// Adds, looks, adds the same again, looks; answers with what was seen last.
    AddAndLook(i64),
    /// Adds, then fails.
    AddAndFail(i64),
    /// Takes one of the seats, of which there are so many.
    TakeSeat,
    /// Takes one of the seats, having looked how many are left.
    LookAndTakeSeat,
    /// Appends to the chronicle.
    Write(u32),
    /// Adds to a counter that was removed before.
    AddToRemoved,
    /// What the counter, the seats and the chronicle are at.
    Look,
}

#[message]
#[derive(PartialEq, Eq)]
enum Event {
    Seen { counter: i64, seats: i64, lines: Vec<u32> },
    Counted(i64),
}

const SEATS: i64 = 40;

struct Hall;

impl Game for Hall {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "hall";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        ctx.bind("counter", ctx.insert(Counter::new(0))?)?;
        ctx.bind("seats", ctx.insert(Counter::new(SEATS).at_least(0))?)?;
        ctx.bind("chronicle", ctx.insert(Chronicle { lines: Vec::new() })?)
    }

    fn received(&self, ctx: &Ctx, _: Session, request: Request) -> Result<()> {
        let (counter, seats) = (ctx.lookup::<Counter>("counter")?, ctx.lookup("seats")?);
        let chronicle = ctx.lookup::<Chronicle>("chronicle")?;
        match request {
            Request::Add(amount) => ctx.add(counter, amount)?,
            Request::AddAndLook(amount) => {
                ctx.add(counter, amount)?;
                let before = ctx.get(counter)?.value();
                ctx.add(counter, amount)?;
                let after = ctx.get(counter)?.value();
                ensure!(after == before + amount, "{amount} more than {before} is {after}");
                ctx.reply(Event::Counted(after));
            }
            Request::AddAndFail(amount) => {
                ctx.add(counter, amount)?;
                bail!("it was all for nothing");
            }
            Request::TakeSeat => ctx.add(seats, -1)?,
            Request::LookAndTakeSeat => {
                let _left = ctx.get(seats)?.value();
                ctx.add(seats, -1)?;
            }
            Request::Write(line) => ctx.update(chronicle, move |chronicle| {
                chronicle.lines.push(line);
                Ok(())
            })?,
            Request::AddToRemoved => {
                let removed = ctx.insert(Counter::new(0))?;
                ctx.remove(removed)?;
                ctx.add(removed, 1)?;
            }
            Request::Look => ctx.reply(Event::Seen {
                counter: ctx.get(counter)?.value(),
                seats: ctx.get(seats)?.value(),
                lines: ctx.get(chronicle)?.lines.clone(),
            }),
        }
        Ok(())
    }
}

type Client = AnyClient<Request, Event>;

const CLIENTS: u32 = 8;
const ROUNDS: u32 = 100;

fn serve(history: &Arc<History>) -> Server {
    let builder = Server::builder(Hall).in_memory().workers(4).recorder(history.clone());
    builder.start().expect("a server in memory")
}

async fn join(server: SocketAddr, name: &str) -> (Client, Events<Event>) {
    let builder = Client::builder(server).game(Hall::NAME).name(name).trust(Trust::Anyone);
    builder.connect().await.expect("joined")
}

/// Has all clients ask the same at once, each so many times. What those were told that were refused.
async fn all_ask(server: &Server, request: fn(u32) -> Request) -> Vec<String> {
    let address = server.address();
    let mut asking = JoinSet::new();
    for number in 0..CLIENTS {
        asking.spawn(async move {
            let (client, _events) = join(address, &format!("client {number}")).await;
            let mut refused = Vec::new();
            for round in 0..ROUNDS {
                match client.call(&request(number * ROUNDS + round)).await {
                    Ok(_) => {}
                    Err(CallError::Refused(reason)) => refused.push(reason),
                    Err(cause) => panic!("{cause}"),
                }
            }
            refused
        });
    }
    asking.join_all().await.concat()
}

async fn look(server: &Server) -> (i64, i64, Vec<u32>) {
    let (client, _events) = join(server.address(), "looker").await;
    match client.call(&Request::Look).await {
        Ok(Some(Event::Seen { counter, seats, lines })) => (counter, seats, lines),
        other => panic!("instead of a look came {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_add_at_once_is_all_there_and_nobody_was_in_the_way() {
    let history = Arc::default();
    let server = serve(&history);
    let refused = all_ask(&server, |number| Request::Add(i64::from(number))).await;
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(server.counts().conflicts, 0);
    let all = i64::from(CLIENTS * ROUNDS);
    assert_eq!(look(&server).await.0, all * (all - 1) / 2);
    oracle::stop_and_compare(server, &history);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_append_at_once_is_all_there_and_nobody_was_in_the_way() {
    let history = Arc::default();
    let server = serve(&history);
    assert_eq!(all_ask(&server, Request::Write).await, Vec::<String>::new());
    assert_eq!(server.counts().conflicts, 0);
    let mut lines = look(&server).await.2;
    assert!(is_in_order_for_each(&lines), "a client's lines are out of order: {lines:?}");
    lines.sort_unstable();
    assert_eq!(lines, (0..CLIENTS * ROUNDS).collect::<Vec<_>>());
    oracle::stop_and_compare(server, &history);
}

/// Whether the lines of each client are in the order in which it wrote them.
fn is_in_order_for_each(lines: &[u32]) -> bool {
    (0..CLIENTS).all(|client| lines.iter().filter(|&line| line / ROUNDS == client).is_sorted())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_the_last_ones_just_so_many_succeed() {
    let history = Arc::default();
    let server = serve(&history);
    let refused = all_ask(&server, |number| match number % 3 {
        0 => Request::LookAndTakeSeat,
        _ => Request::TakeSeat,
    });
    let refused = refused.await;
    assert_eq!(refused.len() as i64, i64::from(CLIENTS * ROUNDS) - SEATS);
    let told = "cannot add -1: the counter stands at 0 and must not go below 0";
    assert!(refused.iter().all(|reason| reason == told), "told: {refused:?}");
    assert_eq!(look(&server).await.1, 0);
    oracle::stop_and_compare(server, &history);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_looks_sees_what_it_has_added_itself() {
    let history = Arc::default();
    let server = serve(&history);
    let refused = all_ask(&server, |number| match number % 2 {
        0 => Request::AddAndLook(1),
        _ => Request::Add(1),
    });
    assert_eq!(refused.await, Vec::<String>::new());
    let (client, _events) = join(server.address(), "ann").await;
    let all = i64::from(CLIENTS * ROUNDS * 3 / 2);
    let seen = client.call(&Request::AddAndLook(7)).await.expect("counted");
    assert_eq!(seen, Some(Event::Counted(all + 14)));
    oracle::stop_and_compare(server, &history);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_task_added_is_not_there() {
    let history = Arc::default();
    let server = serve(&history);
    let refused = all_ask(&server, |number| match number % 2 {
        0 => Request::AddAndFail(1_000_000),
        _ => Request::Add(1),
    });
    assert_eq!(refused.await.len() as u32, CLIENTS * ROUNDS / 2);
    assert_eq!(look(&server).await.0, i64::from(CLIENTS * ROUNDS / 2));
    oracle::stop_and_compare(server, &history);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_that_is_not_there_is_a_clear_error() {
    let server = serve(&Arc::default());
    let (client, _events) = join(server.address(), "ann").await;
    let refused = client.call(&Request::AddToRemoved).await.expect_err("it was removed");
    assert!(refused.to_string().contains("daystar.Counter #"), "told: {refused}");
    assert!(refused.to_string().contains("does not exist"), "told: {refused}");
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_and_its_bounds_outlive_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder(Hall).data(folder.path()).start().expect("a server");
    let (client, _events) = join(server.address(), "ann").await;
    client.call(&Request::TakeSeat).await.expect("a seat");
    server.stop().expect("a clean end");

    let server = Server::builder(Hall).data(folder.path()).start().expect("a server again");
    let (client, _events) = join(server.address(), "ann").await;
    for _ in 1..SEATS {
        client.call(&Request::TakeSeat).await.expect("a seat");
    }
    let refused = client.call(&Request::TakeSeat).await.expect_err("no seat is left");
    assert!(refused.to_string().contains("must not go below 0"), "told: {refused}");
    server.stop().expect("a clean end");
}
