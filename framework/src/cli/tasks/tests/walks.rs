//! That a walk which was set aside is shown, and goes on from the slice that failed when it is tried again.

use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;

use super::*;

/// Has one walk over many sacks, of which one cannot be ground.
struct Mill;

#[walk]
struct Grind {
    sacks: OrderedMap<u64, u64>,
    fineness: u32,
}

static IS_WORN: AtomicBool = AtomicBool::new(true);
static FAILED: AtomicU32 = AtomicU32::new(0);
/// How often each sack was ground, when all were.
static GROUND: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// More than two slices.
const SACKS: u64 = 300;
/// In the second.
const HARD: u64 = 200;

impl Walk for Grind {
    type Collection = OrderedMap<u64, u64>;
    const RETRY: Retry = Retry::NEVER;

    fn collection(&self) -> Self::Collection {
        self.sacks
    }
    fn visit(&self, ctx: &Ctx, (sack, times): (u64, u64)) -> Result<()> {
        if sack == HARD && IS_WORN.load(Ordering::SeqCst) {
            FAILED.fetch_add(1, Ordering::SeqCst);
            bail!("the stone is worn");
        }
        self.sacks.insert(ctx, sack, times + 1).map(drop)
    }
    fn done(&self, ctx: &Ctx) -> Result<()> {
        let times = self.sacks.iter(ctx)?.map(|entry| Ok(entry?.1));
        *GROUND.lock() = times.collect::<Result<_>>()?;
        Ok(())
    }
}

impl Game for Mill {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "mill";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let sacks = OrderedMap::new(ctx)?;
        (0..SACKS).try_for_each(|sack| sacks.insert(ctx, sack, 0).map(drop))?;
        ctx.walk(Grind { sacks, fineness: 3 }).map(drop)
    }
    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

fn serve_until(data: &Path, is_so: impl Fn() -> bool) {
    let server = Server::builder(Mill).data(data).workers(1).start().expect("a server");
    for _ in 0..2_000 {
        if is_so() {
            break;
        }
        sleep(Duration::from_millis(5));
    }
    assert!(is_so());
    server.stop().expect("a clean end");
}

#[test]
fn a_walk_that_was_set_aside_goes_on_from_the_slice_that_failed_when_it_is_retried() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("world");
    serve_until(&data, || FAILED.load(Ordering::SeqCst) > 0);
    let found = states(&data, "set aside", 1);
    for part in
        ["\"type\":\"Grind\"", "the stone is worn", "\"sacks\":\"OrderedMap#", "\"fineness\":3"]
    {
        assert!(found[0].contains(part), "{part} is not in {}", found[0]);
    }
    IS_WORN.store(false, Ordering::SeqCst);
    let retried = arguments_of(&data, &["--all"]);
    run::<Mill>(&retried, Mending::Retry).map(drop).expect("an order carried out");
    assert_eq!(states(&data, "pending", 1).len(), 1);
    serve_until(&data, || !GROUND.lock().is_empty());
    assert_eq!(*GROUND.lock(), vec![1; SACKS as usize], "each once, also of the first slice");
    assert!(states(&data, "", 0).is_empty(), "nothing is left");
}
