//! A job looks at an object while another thread replaces it again and again. What was replaced is used again, but not
//! under the eyes of who looks at it.
//!
//! Not in a world that remembers everything, as the other stories are: what is remembered is not used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daystar_engine::{Breaks, Outcome, Settings};
use daystar_model::Space;
use shuttle::thread;

use crate::common::{engine, run};
use crate::schedules::explore;
use crate::watched::{Seen, Watched};

/// How often values were used again, over all orders.
static USED_AGAIN: AtomicU64 = AtomicU64::new(0);

#[test]
fn what_is_looked_at_is_not_written_on() {
    explore(grace);
    assert_ne!(USED_AGAIN.load(Ordering::SeqCst), 0, "nothing is ever used again");
}

pub(crate) fn grace(breaks: Breaks) {
    let engine = engine(Arc::new(()), Settings { breaks, ..Settings::default() });
    let ids = [(); 2].map(|()| engine.new_id(Space::Object));
    let seen = Arc::new(Seen::default());
    let first = seen.clone();
    let made = run(&engine, move |attempt| {
        for id in ids {
            attempt.insert_at(id, Watched::new(first.clone()))?;
        }
        Ok(())
    });
    assert!(matches!(made, Outcome::Committed(_)), "{made:?}");
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..8 {
                let changed = run(&engine, move |attempt| {
                    attempt.get_mut::<Watched>(ids[0])?.gold += 1;
                    Ok(())
                });
                assert!(matches!(changed, Outcome::Committed(_)), "{changed:?}");
            }
        });
        scope.spawn(|| {
            // Not as one that only reads: for that, what it looks at would be kept among the older versions.
            let looked = run(&engine, move |attempt| {
                let _looking = attempt.get::<Watched>(ids[0])?.look();
                // Others come in between.
                attempt.get::<Watched>(ids[1])?;
                Ok(())
            });
            assert!(matches!(looked, Outcome::Committed(_)), "{looked:?}");
        });
    });
    assert!(!seen.was_disturbed.load(Ordering::SeqCst), "a value was written on under a reader");
    USED_AGAIN.fetch_add(seen.used_again.load(Ordering::SeqCst), Ordering::SeqCst);
}
