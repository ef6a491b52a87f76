//! How a story is told in many orders.

use std::panic::{AssertUnwindSafe, catch_unwind};

use daystar_engine::Breaks;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// What happens, once; it panics when it sees what must not be.
pub(crate) type Story = fn(Breaks);

/// Tells `story` of a whole engine in as many orders as wanted.
pub(crate) fn explore(story: Story) {
    let orders = orders();
    let at_random = orders.div_ceil(2);
    tell(RandomScheduler::new(at_random), story, Breaks::default());
    tell(PctScheduler::new(TURNS, (orders - at_random).max(1)), story, Breaks::default());
}

/// What `story` complains of when it is told of a broken engine, if it does. Always the same orders.
pub(crate) fn complaint(story: Story, breaks: Breaks) -> Option<String> {
    let random = || tell(RandomScheduler::new_from_seed(SEED, ORDERS_BROKEN), story, breaks);
    let few_turns = || tell(PctScheduler::new_from_seed(SEED, TURNS, ORDERS_BROKEN), story, breaks);
    let told = catch_unwind(AssertUnwindSafe(random)).and_then(|()| {
        // Some breaks need a thread to rest for long in the wrong place, which seldom happens at random.
        catch_unwind(AssertUnwindSafe(few_turns))
    });
    let panic = told.err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default(),
    )
}

fn tell(scheduler: impl Scheduler + 'static, story: Story, breaks: Breaks) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    // Shuttle takes every access for sequentially consistent. What weaker orders allow is for loom to find.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || story(breaks));
}

/// How many orders are wanted.
fn orders() -> usize {
    match std::env::var("DAYSTAR_SCHEDULES") {
        Ok(wanted) => wanted.parse().expect("DAYSTAR_SCHEDULES is a number"),
        Err(_) => ORDERS,
    }
}

/// All stories in these take two or three minutes, and less than one on an engine that is optimised a little.
const ORDERS: usize = 2_000;

/// In so many orders at most must a broken engine be found out.
const ORDERS_BROKEN: usize = 20_000;

/// How often the turn changes without need: of the races known, few need more.
const TURNS: usize = 3;

const SEED: u64 = 7;

/// An attempt's entries lie on the stack.
const STACK_BYTES: usize = 256 << 10;
