//! Gold is added to a chest without looking, up to a bound. The bound is never passed, as many as fit come in, and
//! whoever is refused comes after those in the order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use daystar_engine::{Attempt, Breaks, Error};
use daystar_model::ObjectId;
use shuttle::thread;

use crate::common::Account;
use crate::schedules::explore;
use crate::world::{World, message};

const BOUND: i64 = 3;

#[test]
fn a_bound_is_kept_without_looking() {
    explore(chest);
}

pub(crate) fn chest(breaks: Breaks) {
    let world = World::new(breaks);
    let [chest, purse] = world.accounts([0, BOUND + 1]);
    let is_torn = Arc::new(AtomicBool::new(false));
    let put = move |attempt: &Attempt<'_>| put(attempt, purse, chest);
    thread::scope(|scope| {
        scope.spawn(|| [world.attempt(put), world.attempt(put)]);
        scope.spawn(|| [world.attempt(put)]);
        scope.spawn(|| {
            let is_torn = is_torn.clone();
            world.look(move |attempt| {
                let there = attempt.get::<Account>(chest)?.gold;
                let total = there + attempt.get::<Account>(purse)?.gold;
                is_torn.fetch_or(total != BOUND + 1 || there > BOUND, Ordering::SeqCst);
                Ok(())
            });
            // One that looks at the chest, in the order of those who do not.
            world.attempt(move |attempt| {
                attempt.get::<Account>(chest)?;
                self::put(attempt, purse, chest)
            });
        });
    });
    assert!(!is_torn.load(Ordering::SeqCst), "more or less was seen than there was");
    assert_eq!(world.gold(chest), BOUND, "the bound was passed, or somebody refused too early");
    assert_eq!(world.gold(purse), 1, "gold was made or lost");
    assert_eq!(world.messages(), ["put", "put", "put", "full"], "the wrong one was refused");
    world.check();
}

fn put(attempt: &Attempt<'_>, from: ObjectId, to: ObjectId) -> Result<(), Error> {
    attempt.update(from, |purse: &mut Account| {
        purse.gold -= 1;
        Ok(())
    })?;
    attempt.update(to, |chest: &mut Account| {
        if chest.gold == BOUND {
            return Err(Error::refused("full"));
        }
        chest.gold += 1;
        Ok(())
    })?;
    attempt.effect(message("put"));
    Ok(())
}
