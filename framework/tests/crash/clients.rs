//! Clients that come, ask for all sorts of things in all the ways there are, and go: until the server is gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use daystar::Game;
use daystar_client::{Client, Events, Incoming, Trust};
use quinn::Endpoint;
use tokio::task::JoinSet;

use crate::game::{ACCOUNTS, Answer, Deed, Event, Request, Town, Wish};
use crate::ledger::Ledger;
use crate::random_below;

pub(crate) type Player = Client<Request, Event>;

/// The clients of one server. Dropped, they stop at once, and nobody says goodbye.
pub(crate) struct Crowd {
    clients: JoinSet<()>,
}

/// What the clients of one server share.
struct Shared {
    server: SocketAddr,
    endpoint: Endpoint,
    ledger: Arc<Ledger>,
    habits: Habits,
}

/// What the clients of one server are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// One in so many requests paints.
    pub(crate) paint_every: u64,
    /// One in so many is to be durable, and makes the server write at once what would have waited.
    pub(crate) durable_every: u64,
}

impl Crowd {
    pub(crate) fn start(
        server: SocketAddr,
        endpoint: &Endpoint,
        ledger: &Arc<Ledger>,
        habits: Habits,
    ) -> Self {
        let (endpoint, ledger) = (endpoint.clone(), Arc::clone(ledger));
        let shared = Arc::new(Shared { server, endpoint, ledger, habits });
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let shared = Arc::clone(&shared);
            clients.spawn(async move { shared.come_and_go(number).await });
        }
        Self { clients }
    }

    pub(crate) async fn end(mut self) {
        self.clients.shutdown().await;
    }
}

/// Joins, if the server can be reached and the name is free.
pub(crate) async fn join(
    server: SocketAddr,
    endpoint: &Endpoint,
    name: &str,
) -> Option<(Player, Events<Event>)> {
    let builder = Client::builder(server).game(Town::NAME).name(name).trust(Trust::Anyone);
    builder.endpoint(endpoint.clone()).connect().await.ok()
}

impl Shared {
    async fn come_and_go(&self, number: u64) {
        loop {
            let name = format!("player {number}");
            let Some((player, events)) = join(self.server, &self.endpoint, &name).await else {
                tokio::time::sleep(Duration::from_millis(2)).await;
                continue;
            };
            self.ledger.joined(player.session());
            tokio::select! {
                () = self.play(&player) => {}
                () = self.listen(events) => continue,
            }
            match random_below(3) {
                0 => player.close().await,
                1 => {
                    let _gone = player.call(&self.request(Wish::Dismiss).0).await;
                }
                // Without a word: the client says goodbye when it is dropped.
                _ => {}
            }
        }
    }

    async fn listen(&self, mut events: Events<Event>) {
        while let Some(Incoming::Event(event)) = events.next().await {
            self.ledger.heard(event);
        }
    }

    /// Asks for some things; three at a time, so that the server has something to order.
    async fn play(&self, player: &Player) {
        for _ in 0..5 + random_below(60) {
            if self.ledger.told() > MANY {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let is_durable = random_below(self.habits.durable_every) == 0;
            match random_below(3) {
                0 => self.send(player, is_durable).await,
                _ => {
                    let (second, third) = (self.call(player, false), self.call(player, false));
                    tokio::join!(self.call(player, is_durable), second, third);
                }
            }
        }
    }

    async fn call(&self, player: &Player, is_durable: bool) {
        let (request, deed) = self.request(self.wish());
        let before = self.ledger.ask(request.request, deed);
        let answer = match is_durable {
            true => player.call_durable(&request).await,
            false => player.call(&request).await,
        };
        self.ledger.answered(request.request, before, is_durable, &answer);
    }

    async fn send(&self, player: &Player, is_durable: bool) {
        let (mut request, deed) = self.request(self.wish());
        if deed.is_none() {
            return;
        }
        request.answer = Answer::Send { is_durable };
        self.ledger.ask(request.request, deed);
        // Should it not be sent, the next call will notice.
        let _ = player.send(&request).await;
    }

    fn wish(&self) -> Wish {
        if random_below(self.habits.paint_every) == 0 {
            return Wish::Paint;
        }
        match random_below(10) {
            0 => Wish::Look,
            1 => Wish::Plan { after_ms: random_below(100) },
            2 => Wish::Plan { after_ms: 0 },
            roll => {
                let accounts = ACCOUNTS as u64;
                let from = random_below(accounts);
                let to = (from + 1 + random_below(accounts - 1)) % accounts;
                // More than there is, now and then.
                let gold = random_below(if roll == 3 { 5000 } else { 50 });
                Wish::Give { from, to, gold }
            }
        }
    }

    /// A request, and what its receipt will say if it gets one.
    fn request(&self, wish: Wish) -> (Request, Option<Deed>) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let request = NEXT.fetch_add(1, Ordering::Relaxed);
        let deed = match wish {
            Wish::Give { from, to, gold } => Some(Deed::Gave { request, from, to, gold }),
            Wish::Plan { .. } => Some(Deed::Planned { request }),
            Wish::Paint => Some(Deed::Painted { request }),
            Wish::Look | Wish::Dismiss => None,
        };
        (Request { wish, request, answer: Answer::Reply }, deed)
    }
}

const CLIENTS: u64 = 4;
/// When clients have been told so much, they take their time: on a fast machine, a server that waits for some point to die at
/// must not do more than there are receipts kept for.
const MANY: usize = 1000;
