//! Another game, whose types the program does not have: it makes a heap of objects, and takes most of them away again.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Which heap it clears, of this process's.
    heap: u64,
}

impl Task for Clear {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        self.stones.iter().try_for_each(|stone| ctx.remove(*stone))?;
        // Past the world, for the test, which stops the server then: whatever becomes of this attempt, a stop finishes the task.
        CLEARED.lock().expect("the list").push(self.heap);
        Ok(())
    }
}

/// The heaps whose clearing has begun.
static CLEARED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// What is said to a heap, and what it says.
#[message]
pub(crate) struct Nothing {}

/// How many there are, and how many of them stay.
pub(crate) struct Heap {
    stones: u64,
    stay: usize,
    number: u64,
}

impl Heap {
    pub(crate) fn new(stones: u64, stay: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { stones, stay, number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
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
        let later = Clear { stones: Vec::new(), heap: self.number };
        ctx.schedule(Duration::from_secs(1_000_000), later)?;
        ctx.spawn(Clear { stones, heap: self.number })
    }

    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

/// A heap of which only `stay` of `stones` are left.
pub(crate) fn heap(data: &Path, stones: u64, stay: usize) {
    let heap = Heap::new(stones, stay);
    let number = heap.number;
    let server = Server::builder(heap).data(data).start().expect("a server");
    while !CLEARED.lock().expect("the list").contains(&number) {
        std::thread::sleep(Duration::from_millis(2));
    }
    server.stop().expect("a clean end");
}
