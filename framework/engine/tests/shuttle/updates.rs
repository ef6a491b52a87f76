//! Three threads add to one account, by looking at it first. No addition is lost.

use daystar_engine::Breaks;
use shuttle::thread;

use crate::common::Account;
use crate::schedules::explore;
use crate::world::World;

#[test]
fn no_update_is_lost() {
    explore(updates);
}

pub(crate) fn updates(breaks: Breaks) {
    let world = World::new(breaks);
    let [account] = world.accounts([0]);
    thread::scope(|scope| {
        for jobs in 1..=3 {
            let world = &world;
            scope.spawn(move || {
                for _ in 0..jobs {
                    world.run(move |attempt| {
                        attempt.get_mut::<Account>(account)?.gold += 1;
                        Ok(())
                    });
                }
            });
        }
    });
    assert_eq!(world.gold(account), 1 + 2 + 3, "an update was lost");
    world.check();
}
