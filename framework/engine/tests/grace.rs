//! P2: a job looks at an object without counting, and meanwhile others change the object many times over. What was
//! replaced is used again for later copies, but not while anybody may still be looking at it.

mod common;
#[path = "common/watched.rs"]
mod watched;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{engine, run};
use daystar_engine::{Breaks, Engine, Outcome, Settings};
use daystar_model::{ObjectId, Space};
use watched::{Seen, Watched};

/// Far more than it takes to give back what nobody looks at.
const CHANGES: u64 = 100;

/// Copied all at once after that, so that everything that was given back is used again.
const OTHERS: usize = 100;

#[test]
fn what_is_looked_at_is_not_written_on() {
    let seen = story(Breaks::default());
    assert!(!seen.was_disturbed.load(Ordering::SeqCst), "a value was written on under a reader");
}

#[test]
fn without_grace_what_is_looked_at_is_written_on() {
    let seen = story(Breaks { no_grace: true, ..Breaks::default() });
    assert!(seen.was_disturbed.load(Ordering::SeqCst), "nobody waits, and nothing was noticed");
}

fn story(breaks: Breaks) -> Arc<Seen> {
    let engine = Arc::new(engine(Arc::new(()), Settings { breaks, ..Settings::default() }));
    let (id, seen) = (engine.new_id(Space::Object), Arc::new(Seen::default()));
    let first = seen.clone();
    let others = [(); OTHERS].map(|()| engine.new_id(Space::Object));
    let made = run(&engine, move |attempt| {
        for id in others.into_iter().chain([id]) {
            attempt.insert_at(id, Watched::new(first.clone()))?;
        }
        Ok(())
    });
    assert!(matches!(made, Outcome::Committed(_)), "{made:?}");
    // Not as one that only reads: for that, what it looks at would be kept among the older versions.
    // It is run again, when the others are gone.
    let is_first = Arc::new(AtomicBool::new(true));
    let own = Arc::clone(&engine);
    let looked = run(&engine, move |attempt| {
        let looking = attempt.get::<Watched>(id)?.look();
        if is_first.swap(false, Ordering::SeqCst) {
            thread::scope(|scope| scope.spawn(|| change_often(&own, id, others)).join())
                .expect("others");
        }
        drop(looking);
        Ok(())
    });
    assert!(matches!(looked, Outcome::Committed(_)), "{looked:?}");
    change_often(&engine, id, others);
    assert_ne!(seen.used_again.load(Ordering::SeqCst), 0, "nothing is ever used again");
    seen
}

fn change_often(engine: &Engine, id: ObjectId, others: [ObjectId; OTHERS]) {
    for _ in 0..CHANGES {
        let changed = run(engine, move |attempt| {
            attempt.get_mut::<Watched>(id)?.gold += 1;
            Ok(())
        });
        assert!(matches!(changed, Outcome::Committed(_)), "{changed:?}");
    }
    let changed = run(engine, move |attempt| {
        for other in others {
            attempt.get_mut::<Watched>(other)?.gold += 1;
        }
        Ok(())
    });
    assert!(matches!(changed, Outcome::Committed(_)), "{changed:?}");
}
