//! Gold moves between accounts while others add it all up. The total never changes: not as a read-only job sees it, not
//! as an attempt sees it that will be thrown away, and not at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use daystar_engine::{Attempt, Breaks, Error};
use daystar_model::ObjectId;
use shuttle::thread;

use crate::common::Account;
use crate::schedules::explore;
use crate::world::World;

const EACH: i64 = 10;

#[test]
fn the_total_never_changes() {
    explore(transfers);
}

pub(crate) fn transfers(breaks: Breaks) {
    let world = World::new(breaks);
    let accounts = world.accounts([EACH; 2]);
    let [first, second] = accounts;
    // Not the checker's: to note what was seen is no step of the story.
    let is_torn = Arc::new(AtomicBool::new(false));
    let check = {
        let is_torn = is_torn.clone();
        move |attempt: &Attempt<'_>| {
            let total = total(attempt, &accounts)?;
            is_torn.fetch_or(total != EACH * 2, Ordering::SeqCst);
            Ok(())
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            world.run(move |attempt| transfer(attempt, first, second, 1));
            world.run(move |attempt| transfer(attempt, second, first, 2));
        });
        scope.spawn(|| {
            let check = check.clone();
            world.run(move |attempt| {
                // An attempt that has seen a torn world would be thrown away; that is too late.
                check(attempt)?;
                transfer(attempt, second, first, 4)
            });
        });
        scope.spawn(|| {
            let (check, and_again) = (check.clone(), check.clone());
            world.look(check);
            world.look(and_again);
        });
    });
    let total: i64 = accounts.map(|account| world.gold(account)).iter().sum();
    assert!(!is_torn.load(Ordering::SeqCst), "a torn world was seen");
    assert_eq!(total, EACH * 2, "gold was made or lost");
    world.check();
}

fn transfer(attempt: &Attempt<'_>, from: ObjectId, to: ObjectId, gold: i64) -> Result<(), Error> {
    attempt.get_mut::<Account>(from)?.gold -= gold;
    attempt.get_mut::<Account>(to)?.gold += gold;
    Ok(())
}

fn total(attempt: &Attempt<'_>, accounts: &[ObjectId]) -> Result<i64, Error> {
    let mut total = 0;
    for account in accounts {
        total += attempt.get::<Account>(*account)?.gold;
    }
    Ok(total)
}
