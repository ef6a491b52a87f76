//! What the client of a server was told, kept outside of it: a crash must not contradict it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use daystar::Game;
use daystar_client::{CallError, Client, Incoming, Trust};
use parking_lot::Mutex;

use crate::kills::works::{Event, Request, Works};

#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The orders that each request has asked for, in the order in which they were sent.
    pub(crate) asked: Vec<Vec<u64>>,
    /// Orders that are on disk.
    pub(crate) placed: Vec<u64>,
    /// Those that were taken back, which is on disk.
    pub(crate) cancelled: Vec<u64>,
    /// How much has come of which order; on disk.
    pub(crate) came: BTreeMap<u64, u64>,
    /// Which sweep or walk was at the chest in which place; on disk.
    pub(crate) visited: Vec<(u64, u64)>,
    /// How often something has come of an order, but for ticks, which never end.
    pub(crate) effects: u64,
    /// When that was the last time, or all had been asked for.
    pub(crate) quiet_since: Option<Instant>,
    /// What was refused.
    pub(crate) problems: Vec<String>,
}

/// A request, and whether it is waited for until it is on disk.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) request: Request,
    pub(crate) is_durable: bool,
}

/// Joins, asks for all of `steps` in turn, and listens, until the server is gone.
pub(crate) async fn ask(server: SocketAddr, steps: Vec<Step>, told: &Mutex<Told>) {
    let builder = Client::<Request, Event>::builder(server).game(Works::NAME).name("ann");
    let Ok((client, mut events)) = builder.trust(Trust::Anyone).connect().await else { return };
    let asking = async {
        for step in steps {
            told.lock().begin(&step);
            let outcome = match step.is_durable {
                true => client.call_durable(&step.request).await,
                false => client.call(&step.request).await,
            };
            match outcome {
                Ok(_) => told.lock().end(&step),
                Err(CallError::Refused(reason)) => told.lock().problems.push(reason),
                Err(_) => return,
            }
        }
        told.lock().quiet_since.get_or_insert_with(Instant::now);
    };
    let listening = async {
        while let Some(Incoming::Event(event)) = events.next().await {
            told.lock().hear(event);
        }
    };
    tokio::join!(asking, listening);
}

impl Told {
    fn begin(&mut self, step: &Step) {
        if let Request::Place { orders, .. } = &step.request {
            self.asked.push(orders.iter().map(|(number, _)| *number).collect());
        }
    }

    fn end(&mut self, step: &Step) {
        match &step.request {
            _ if !step.is_durable => {}
            Request::Place { orders, .. } => {
                self.placed.extend(orders.iter().map(|(number, _)| number));
            }
            Request::Cancel { numbers } => self.cancelled.extend(numbers),
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Came { number, effects, is_tick } => {
                let known = self.came.entry(number).or_default();
                *known = effects.max(*known);
                if !is_tick {
                    self.effects += 1;
                    self.quiet_since = self.quiet_since.map(|_| Instant::now());
                }
            }
            Event::Visited { number, place } => self.visited.push((number, place)),
        }
    }
}
