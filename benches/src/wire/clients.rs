//! Daystar's clients, as a program uses them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use daystar_client::{CallError, Events, Trust, UnderWay};
use quinn::Endpoint;
use tokio::runtime::Runtime;

use crate::wire::game::{Contest, Event, Request};
use crate::wire::tally::Tally;
use crate::wire::{joined, sockets};

pub(crate) type Client = daystar_client::Client<Request, Event>;

/// A client that has joined, and what it is sent.
pub(crate) type Joined = (Client, Events<Event>);

/// Joins once.
pub(crate) async fn join(
    socket: Endpoint,
    server: SocketAddr,
) -> Result<Joined, daystar_client::ConnectError> {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let name = format!("client {}", NAMES.fetch_add(1, Ordering::Relaxed));
    let builder = Client::builder(server).endpoint(socket).trust(Trust::Anyone);
    builder.game(<Contest as daystar::Game>::NAME).name(name).connect().await
}

/// Joins with so many clients.
pub(crate) fn join_all(runtime: &Runtime, server: SocketAddr, count: usize) -> Vec<Joined> {
    let sockets = sockets(runtime, server, count);
    let joining = (0..count).map(|number| join(sockets[number % sockets.len()].clone(), server));
    runtime.block_on(joined(joining))
}

/// What a client asks, and how.
pub(crate) struct Asking<R> {
    /// The next request.
    pub(crate) request: R,
    /// Whether it wants to hear when that is on disk.
    pub(crate) is_durable: bool,
    /// How many requests are under way.
    pub(crate) depth: usize,
}

/// Asks, as often as answers come, until `end`.
pub(crate) async fn busy(
    client: &Client,
    mut asking: Asking<impl FnMut() -> Request>,
    end: Instant,
) -> Tally {
    let (mut tally, mut under_way) = (Tally::default(), VecDeque::with_capacity(asking.depth));
    let mut now = Instant::now();
    for _ in 0..asking.depth {
        under_way.push_back((now, begin(client, (asking.request)(), asking.is_durable).await));
    }
    // A session is answered in the order in which it asks.
    while let Some((since, call)) = under_way.pop_front() {
        heard(call.outcome().await);
        now = Instant::now();
        tally.answered(since, now);
        if now < end {
            under_way.push_back((now, begin(client, (asking.request)(), asking.is_durable).await));
        }
    }
    tally
}

/// Asks at the times that `pauses` tells until `end`, one request after the other. One that could not be sent in time,
/// because the answer before it was late, counts from when it should have been.
pub(crate) async fn paced(
    client: &Client,
    mut request: impl FnMut() -> Request,
    mut pause: impl FnMut() -> Duration,
    end: Instant,
) -> Tally {
    let mut tally = Tally::default();
    let mut at = Instant::now() + pause();
    while at < end {
        let since = due(at).await;
        heard(client.call(&request()).await);
        tally.answered(since, Instant::now());
        at += pause();
    }
    tally
}

/// Waits until `at`; what from then on counts as waiting. A timer that is late is nobody's fault.
pub(crate) async fn due(at: Instant) -> Instant {
    if Instant::now() >= at {
        return at;
    }
    tokio::time::sleep_until(at.into()).await;
    Instant::now()
}

async fn begin(client: &Client, request: Request, is_durable: bool) -> UnderWay<'_, Event> {
    let begun = match is_durable {
        true => client.begin_durable(&request).await,
        false => client.begin(&request).await,
    };
    begun.unwrap_or_else(|cause| panic!("nothing can be asked, so there is no figure: {cause}"))
}

fn heard(answer: Result<Option<Event>, CallError>) {
    answer.unwrap_or_else(|cause| panic!("no answer, so there is no figure: {cause}"));
}
