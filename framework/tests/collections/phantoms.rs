//! No phantoms: what a task found not to be there, how many entries it was told of, and what a walk left out, is still
//! so when the task commits. With a broken engine that does not check what was only looked at, each of these is seen to
//! go wrong.

use daystar::prelude::*;
use daystar_engine::Breaks;

use crate::world::World;

type Step = Box<dyn Fn(&Ctx) -> Result<()> + Send + Sync>;

fn step(step: impl Fn(&Ctx) -> Result<()> + Send + Sync + 'static) -> Step {
    Box::new(step)
}

/// What can be learned from a collection, and what makes it wrong; in small collections and in large ones.
fn pairs(world: &World, size: u32) -> Vec<(&'static str, Step, Step)> {
    let (map, ordered, set, queue, none) = world.run(move |ctx| {
        let (map, ordered, set) = (Map::new(ctx)?, OrderedMap::new(ctx)?, Set::new(ctx)?);
        for key in 0..size {
            map.insert(ctx, key * 2, ())?;
            ordered.insert(ctx, key * 2, ())?;
            set.insert(ctx, key * 2)?;
        }
        Ok((map, ordered, set, Queue::<u32>::new(ctx)?, Map::<u32, u32>::new(ctx)?))
    });
    // Keys that are not there, in the middle.
    let mut keys = (size..).filter(|key| key % 2 == 1);
    let mut pairs = Vec::new();
    let mut pair = |what, look: &dyn Fn(u32) -> Step, change: &dyn Fn(u32) -> Step| {
        let key = keys.next().expect("a key");
        pairs.push((what, look(key), change(key)));
    };
    pair(
        "a map has no such key",
        &|key| step(move |ctx| map.contains(ctx, &key).map(drop)),
        &|key| step(move |ctx| map.insert(ctx, key, ()).map(drop)),
    );
    pair("a map has so many entries", &|_| step(move |ctx| map.len(ctx).map(drop)), &|key| {
        step(move |ctx| map.insert(ctx, key, ()).map(drop))
    });
    pair(
        "a map has these entries",
        &|_| step(move |ctx| map.iter(ctx)?.try_for_each(|entry| entry.map(drop))),
        &|key| step(move |ctx| map.insert(ctx, key, ()).map(drop)),
    );
    pair(
        "a set has no such value",
        &|key| step(move |ctx| set.contains(ctx, &key).map(drop)),
        &|key| step(move |ctx| set.insert(ctx, key).map(drop)),
    );
    pair(
        "there is nothing between two keys",
        &|key| {
            step(move |ctx| {
                ensure!(ordered.range(ctx, key..=key)?.next().is_none(), "there is something");
                Ok(())
            })
        },
        &|key| step(move |ctx| ordered.insert(ctx, key, ()).map(drop)),
    );
    pair(
        "there is nothing between two keys, from behind",
        &|key| {
            step(move |ctx| {
                ensure!(ordered.range(ctx, key..=key)?.next_back().is_none(), "there is something");
                Ok(())
            })
        },
        &|key| step(move |ctx| ordered.insert(ctx, key, ()).map(drop)),
    );
    pair("this is the last entry", &|_| step(move |ctx| ordered.last(ctx).map(drop)), &|_| {
        step(move |ctx| ordered.insert(ctx, u32::MAX, ()).map(drop))
    });
    pair(
        "an ordered map has these entries",
        &|_| step(move |ctx| ordered.iter(ctx)?.try_for_each(|entry| entry.map(drop))),
        &|_| step(move |ctx| ordered.remove(ctx, &0).map(drop)),
    );
    pair(
        "a map is empty",
        &|_| {
            step(move |ctx| {
                ensure!(none.is_empty(ctx)?, "there is something");
                Ok(())
            })
        },
        &|_| step(move |ctx| none.insert(ctx, 0, 0).map(drop)),
    );
    pair(
        "a queue is empty",
        &|_| {
            step(move |ctx| {
                ensure!(queue.pop(ctx)?.is_none() || queue.len(ctx)? == 0, "there is something");
                Ok(())
            })
        },
        &|_| step(move |ctx| queue.push(ctx, 0)),
    );
    pair("this is the first item", &|_| step(move |ctx| queue.peek(ctx).map(drop)), &|_| {
        step(move |ctx| queue.pop(ctx).map(drop))
    });
    pair("a queue has so many items", &|_| step(move |ctx| queue.len(ctx).map(drop)), &|_| {
        step(move |ctx| queue.push(ctx, 0))
    });
    pairs
}

/// Smaller than a part, many parts, and three levels of them.
const SIZES: [u32; 3] = [10, 1_000, 8_000];

#[test]
fn what_was_not_there_is_still_not_there() {
    for size in SIZES {
        let world = World::new();
        // Entries "are" or "are not" in what is looked at first, so a second look would see the change.
        for (what, look, change) in pairs(&world, size) {
            let looked = std::sync::atomic::AtomicBool::new(false);
            let once = move |ctx: &Ctx| match looked.swap(true, std::sync::atomic::Ordering::SeqCst)
            {
                false => look(ctx),
                true => Ok(()),
            };
            assert!(
                world.meet(once, change),
                "nobody noticed that it is wrong that {what}: {size}"
            );
        }
    }
}

#[test]
fn phantoms_are_noticed_when_nobody_checks() {
    for size in SIZES {
        let world = World::broken(Breaks { looks_not_validated: true, ..Breaks::default() });
        for (what, look, change) in pairs(&world, size) {
            assert!(!world.meet(look, change), "somebody checked that {what}: {size}");
        }
        let difference = world.compare().expect_err("what was seen was wrong");
        assert!(difference.what.starts_with("it read"), "{difference}");
    }
}

/// Two tasks that each look whether the other has been: at most one of them may find that nobody has.
#[test]
fn two_who_look_for_each_other_cannot_both_miss() {
    let both_missed = |world: &World| {
        let (map, ordered) = world.run(|ctx| Ok((Map::new(ctx)?, OrderedMap::new(ctx)?)));
        world.run(move |ctx| {
            for key in 0..1_000_u32 {
                map.insert(ctx, key, 0_u32)?;
                ordered.insert(ctx, key * 10, 0_u32)?;
            }
            Ok(())
        });
        let first = move |ctx: &Ctx| {
            if map.get(ctx, &5_000)?.is_none() {
                ordered.insert(ctx, 5_005, 1)?;
            }
            Ok(())
        };
        let second = move |ctx: &Ctx| {
            if ordered.range(ctx, 5_001..5_010)?.next().is_none() {
                map.insert(ctx, 5_000, 1)?;
            }
            Ok(())
        };
        world.meet(first, second);
        world.run(move |ctx| Ok(map.contains(ctx, &5_000)? && ordered.contains(ctx, &5_005)?))
    };
    let world = World::new();
    assert!(!both_missed(&world));
    world.check();
    let world = World::broken(Breaks { looks_not_validated: true, ..Breaks::default() });
    assert!(both_missed(&world));
    assert!(world.compare().is_err());
}
