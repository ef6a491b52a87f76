//! One sender and a channel of many members: messages delivered per second, against a bare quinn server that sends the same
//! bytes to as many.
//!
//! The sender says the next message when all but the last few have reached everybody, so nothing piles up and nobody is
//! dropped. The figure is deliveries per second of processor time that the server's process has taken, which is what one core
//! would deliver; beside it stand deliveries per second of the whole machine, clients included.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use daystar_protocol::to_client::event_frame;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::harness::{Harness, Wanted};
use crate::rivals::clients as bare;
use crate::rivals::server::{LISTEN, SAY};
use crate::wire::clients::{Client, join_all};
use crate::wire::game::{Content, Event, Request};
use crate::wire::process::{ServerProcess, Who};
use crate::wire::runtime;

pub(crate) fn run(harness: &mut Harness) {
    let sizes: &[usize] = if harness.is_quick() { &[200] } else { &[1_000, 5_000] };
    harness.plan(2 * sizes.len() as u32);
    for &members in sizes {
        let (quinn, daystar) =
            (ServerProcess::start(Who::Quinn), ServerProcess::start(Who::Daystar));
        // Gone before the servers are, so that no member misses its own.
        let runtime = runtime();
        let mut bare_sender = bare::connect_all(&runtime, quinn.address(), 1, SAY).remove(0);
        let bare_heard = bare_members(&runtime, &quinn, members);
        let (sender, _events) = join_all(&runtime, daystar.address(), 1).remove(0);
        let heard = daystar_members(&runtime, &daystar, members);
        let message = message();
        let rounds = harness.in_turns(&mut [
            &mut |slice| {
                deliver(&runtime, &quinn, &bare_heard, slice, async || {
                    bare_sender.write(&message).await
                })
            },
            &mut |slice| deliver(&runtime, &daystar, &heard, slice, async || say(&sender).await),
        ]);
        let pairs = |figure: fn(&Delivered) -> f64| {
            let pairs = rounds.iter().map(|round| (figure(&round[0]), figure(&round[1])));
            pairs.collect::<Vec<_>>()
        };
        let case = format!("{members} members, per second of server's CPU");
        let per_core = pairs(|delivered| delivered.per_core);
        harness.print_pairs(case, "msg/s", Wanted::Ratio(0.8), &per_core);
        let rates = pairs(|delivered| delivered.rate);
        harness.print_pairs("the same, per second", "msg/s", Wanted::Nothing, &rates);
    }
}

/// What all members have heard, together.
struct Heard {
    messages: AtomicU64,
    /// Told for every message that somebody hears.
    news: Notify,
    members: u64,
    /// The sender waits for this many.
    awaited: AtomicU64,
}

impl Heard {
    fn new(members: usize) -> Arc<Self> {
        let (messages, awaited) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Arc::new(Self { messages, news: Notify::new(), members: members as u64, awaited })
    }

    fn add(&self, messages: u64) {
        let before = self.messages.fetch_add(messages, Ordering::SeqCst);
        let awaited = self.awaited.load(Ordering::SeqCst);
        if before < awaited && before + messages >= awaited {
            self.news.notify_one();
        }
    }

    async fn reached(&self, messages: u64) {
        self.awaited.store(messages, Ordering::SeqCst);
        while self.messages.load(Ordering::SeqCst) < messages {
            self.news.notified().await;
        }
    }
}

/// What a measurement has come to.
struct Delivered {
    rate: f64,
    per_core: f64,
}

/// Has `say` said again and again, as fast as the members hear it.
fn deliver(
    runtime: &Runtime,
    server: &ServerProcess,
    heard: &Heard,
    slice: Duration,
    mut say: impl AsyncFnMut(),
) -> Delivered {
    let before = heard.messages.load(Ordering::SeqCst);
    let (began, cpu) = (Instant::now(), server.cpu());
    runtime.block_on(async {
        let mut said = 0;
        while began.elapsed() < slice {
            say().await;
            said += 1;
            heard.reached(before + heard.members * (said - said.min(AHEAD))).await;
        }
        heard.reached(before + heard.members * said).await;
    });
    let (took, cpu) = (began.elapsed(), server.cpu().saturating_sub(cpu));
    let delivered = (heard.messages.load(Ordering::SeqCst) - before) as f64;
    Delivered { rate: delivered / took.as_secs_f64(), per_core: delivered / cpu.as_secs_f64() }
}

fn bare_members(runtime: &Runtime, server: &ServerProcess, count: usize) -> Arc<Heard> {
    let (heard, bytes) = (Heard::new(count), message().len());
    let members = bare::connect_all(runtime, server.address(), count, LISTEN);
    let listening = Arc::new(AtomicU64::new(0));
    for mut member in members {
        let (heard, listening) = (Arc::clone(&heard), Arc::clone(&listening));
        runtime.spawn(async move {
            let mut chunks = [const { Bytes::new() }; 8];
            // The first byte says that it is heard from now on.
            let mut arrived = member.read(&mut chunks).await - 1;
            listening.fetch_add(1, Ordering::SeqCst);
            loop {
                arrived += member.read(&mut chunks).await;
                heard.add((arrived / bytes) as u64);
                arrived %= bytes;
            }
        });
    }
    while listening.load(Ordering::SeqCst) < count as u64 {
        std::thread::sleep(Duration::from_millis(1));
    }
    heard
}

fn daystar_members(runtime: &Runtime, server: &ServerProcess, count: usize) -> Arc<Heard> {
    let heard = Heard::new(count);
    let members = join_all(runtime, server.address(), count);
    runtime.block_on(async {
        for (client, _) in &members {
            let listening = client.call(&Request::Listen).await;
            listening.unwrap_or_else(|cause| panic!("it does not listen: {cause}"));
        }
    });
    for (client, mut events) in members {
        let heard = Arc::clone(&heard);
        runtime.spawn(async move {
            // It stays for as long as it listens.
            let _client = client;
            while let Some(daystar_client::Incoming::Event(Event::Said(_))) = events.next().await {
                heard.add(1);
            }
        });
    }
    heard
}

async fn say(sender: &Client) {
    let said = sender.send(&Request::Say(CONTENT)).await;
    said.unwrap_or_else(|cause| panic!("nothing can be said: {cause}"));
}

/// What a member hears, on the wire.
fn message() -> Bytes {
    let frame = event_frame(&Event::Said(CONTENT));
    frame.unwrap_or_else(|cause| panic!("an event of the bench's own: {cause}"))
}

const CONTENT: Content = [7; 31];

/// So many messages may not have reached everybody when the next is said.
const AHEAD: u64 = 8;
