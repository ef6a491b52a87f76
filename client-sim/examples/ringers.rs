//! The clients of another game than the sample's: they ring the bell of `framework/examples/belfry.rs`, and hear whether each
//! ring is counted once.
//!
//! ```sh
//! cargo run -p daystar --example belfry -- serve --data /tmp/belfry --listen 127.0.0.1:4433
//! cargo run -p client-sim --example ringers -- run --server 127.0.0.1:4433 --clients 100 --duration 10s
//! ```

use std::process::ExitCode;

use client_sim::behaviour::Behaviour;
use client_sim::cast::Cast;
use client_sim::link::{Link, Lost};
use client_sim::program;
use daystar::prelude::*;

#[message]
enum Request {
    Ring,
}
#[message]
enum Event {
    Rang { times: u64, by: String },
}

/// Rings the bell.
#[derive(Default)]
struct Ringer {
    /// How often the bell had rung when it was last heard, in this session.
    heard: Option<u64>,
    wrong: Vec<String>,
}

impl Behaviour for Ringer {
    type Request = Request;
    type Event = Event;

    fn joined(&mut self) {
        self.heard = None;
    }
    fn heard(&mut self, Event::Rang { times, by }: Event) {
        if self.heard.is_some_and(|heard| times != heard + 1) {
            self.wrong
                .push(format!("heard {by} ring for the {times}th time after {:?}", self.heard));
        }
        self.heard = Some(times);
    }
    async fn act(&mut self, link: &mut Link<Request, Event>) -> Result<(), Lost> {
        link.call(&Request::Ring).await.map(drop)
    }
    async fn settle(&mut self, _: &mut Link<Request, Event>) -> Result<Vec<String>, Lost> {
        Ok(std::mem::take(&mut self.wrong))
    }
}

fn main() -> ExitCode {
    program::main(&Cast::of("belfry").with("ringer", |_| Ringer::default()))
}
