//! Whoever finds that the other's flag is not there plants its own: both are never planted, though neither
//! changes anything that the other has read. And of several who make the same object, one does.

use daystar_engine::Breaks;
use daystar_model::{ObjectId, Space};
use shuttle::thread;

use crate::common::Account;
use crate::schedules::explore;
use crate::world::{World, message};

#[test]
fn what_was_not_there_is_still_not_there() {
    explore(flags);
}

#[test]
fn an_object_is_made_once() {
    explore(once);
}

pub(crate) fn flags(breaks: Breaks) {
    let world = World::new(breaks);
    let (first, second) = (world.new_id(), world.new_id());
    thread::scope(|scope| {
        scope.spawn(|| plant(&world, first, second));
        scope.spawn(|| plant(&world, second, first));
        scope.spawn(|| {
            world.look(move |attempt| {
                let is_there = attempt.find::<Account>(first)?.is_some();
                assert!(!is_there || attempt.find::<Account>(second)?.is_none(), "both were seen");
                Ok(())
            });
        });
    });
    assert_eq!(world.messages(), ["planted"], "both flags are planted, or none");
    world.check();
}

pub(crate) fn plant(world: &World, own: ObjectId, other: ObjectId) {
    world.perhaps(move |attempt| {
        if attempt.find::<Account>(other)?.is_none() {
            attempt.insert_at(own, Account { gold: 1 })?;
            attempt.effect(message("planted"));
        }
        Ok(())
    });
}

/// Under a name, whose cell has been touched before and whose id nobody gives away.
pub(crate) fn once(breaks: Breaks) {
    let world = World::new(breaks);
    let name = ObjectId::new(Space::Name, 12345);
    world.look(move |attempt| {
        attempt.find::<Account>(name)?;
        Ok(())
    });
    thread::scope(|scope| {
        for gold in 1..=3 {
            let world = &world;
            scope.spawn(move || {
                world.perhaps(move |attempt| {
                    if attempt.find::<Account>(name)?.is_none() {
                        attempt.insert_at(name, Account { gold })?;
                        attempt.effect(message(&gold.to_string()));
                    }
                    Ok(())
                });
            });
        }
    });
    let made = world.messages();
    assert_eq!(made, [world.gold(name).to_string()], "it was made several times");
    world.check();
}
