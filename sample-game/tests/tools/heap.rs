//! Another game, whose types the program does not have: it makes a heap of objects, and takes most of them away again.

use std::path::Path;
use std::time::Duration;

use daystar::Server;
use daystar::prelude::*;

/// An object of some size.
#[managed]
pub(crate) struct Stone {
    weight: Vec<u8>,
}

#[task]
pub(crate) struct Clear {
    stones: Vec<Ref<Stone>>,
}

impl Task for Clear {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        self.stones.iter().try_for_each(|stone| ctx.remove(*stone))
    }
}

/// What is said to a heap, and what it says.
#[message]
pub(crate) struct Nothing {}

/// How many there are, and how many of them stay.
pub(crate) struct Heap {
    pub(crate) stones: u64,
    pub(crate) stay: usize,
}

impl Game for Heap {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "heap";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let stones = (0..self.stones).map(|_| ctx.insert(Stone { weight: vec![7; 2000] }));
        let mut stones = stones.collect::<Result<Vec<_>>>()?;
        ctx.bind("the first stone", stones[0])?;
        stones.drain(..self.stay);
        // The second one will not be run while anyone looks.
        ctx.schedule(Duration::from_secs(1_000_000), Clear { stones: Vec::new() })?;
        ctx.spawn(Clear { stones })
    }

    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

/// A heap of which only `stay` of `stones` are left.
pub(crate) fn heap(data: &Path, stones: u64, stay: usize) {
    let server = Server::builder(Heap { stones, stay }).data(data).start().expect("a server");
    // The beginning, and the clearing.
    while server.counts().commits < 2 {
        std::thread::sleep(Duration::from_millis(2));
    }
    server.stop().expect("a clean end");
}
