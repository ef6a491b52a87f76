//! Two guards stand watch. Each may leave if both are there, and changes only his own post: looked at one after the
//! other, one always stays.

use daystar_engine::Breaks;
use daystar_model::ObjectId;
use shuttle::thread;

use crate::common::Account;
use crate::schedules::explore;
use crate::world::World;

#[test]
fn one_guard_always_stays() {
    explore(skew);
}

pub(crate) fn skew(breaks: Breaks) {
    let world = World::new(breaks);
    let [first, second] = world.accounts([1; 2]);
    thread::scope(|scope| {
        scope.spawn(|| leave(&world, first, second));
        scope.spawn(|| leave(&world, second, first));
        scope.spawn(|| {
            world.look(move |attempt| {
                let there =
                    attempt.get::<Account>(first)?.gold + attempt.get::<Account>(second)?.gold;
                assert!(there >= 1, "a reader saw that both had left");
                Ok(())
            });
        });
    });
    assert_eq!(world.gold(first) + world.gold(second), 1, "both have left");
    world.check();
}

fn leave(world: &World, own: ObjectId, other: ObjectId) {
    world.perhaps(move |attempt| {
        if attempt.get::<Account>(other)?.gold == 1 {
            attempt.get_mut::<Account>(own)?.gold = 0;
        }
        Ok(())
    });
}
