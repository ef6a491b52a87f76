//! Readers look at the past while what they look at is replaced, and say what they have seen. Each sees one moment,
//! whatever happens meanwhile, and is run once: the versions it wants are kept for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use daystar_engine::Breaks;
use shuttle::thread;

use crate::common::Account;
use crate::schedules::explore;
use crate::world::{World, message};

#[test]
fn a_reader_sees_one_moment_and_is_run_once() {
    explore(past);
}

pub(crate) fn past(breaks: Breaks) {
    let world = World::new(breaks);
    let [first, second] = world.accounts([0; 2]);
    let (is_torn, attempts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let look = || {
        let (is_torn, attempts) = (is_torn.clone(), attempts.clone());
        world.look(move |attempt| {
            attempts.fetch_add(1, Ordering::SeqCst);
            let seen = attempt.get::<Account>(first)?.gold;
            is_torn.fetch_or(seen != attempt.get::<Account>(second)?.gold, Ordering::SeqCst);
            attempt.effect(message(&seen.to_string()));
            Ok(())
        });
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3 {
                world.run(move |attempt| {
                    attempt.get_mut::<Account>(first)?.gold += 1;
                    attempt.get_mut::<Account>(second)?.gold += 1;
                    Ok(())
                });
            }
        });
        scope.spawn(|| {
            look();
            // Tidies what the look before has left, while the other still looks.
            look();
        });
        scope.spawn(look);
    });
    assert!(!is_torn.load(Ordering::SeqCst), "a torn world was seen");
    // One more look in the oracle is counted only after this.
    assert_eq!(attempts.load(Ordering::SeqCst), 3, "a reader was run again");
    assert_eq!((world.gold(first), world.gold(second)), (3, 3), "an update was lost");
    world.check();
}
