//! Tasks that may not touch as many objects as they need: whatever they make of being told, nothing is left half done.

use daystar::prelude::*;

use crate::world::World;

/// Puts entries in until it is told that it may not, and takes that for an answer.
fn fill(ctx: &Ctx, map: OrderedMap<u64, u64>) -> Result<()> {
    for key in 0..200 {
        if map.insert(ctx, key, key).is_err() {
            break;
        }
    }
    Ok(())
}

#[test]
fn a_split_that_may_not_go_on_leaves_the_map_as_it_was() {
    for objects_max in 2..12 {
        let world = World::limited(objects_max);
        let map = world.run(|ctx| {
            let map = OrderedMap::new(ctx)?;
            (0..10).try_for_each(|key| map.insert(ctx, key, key).map(drop))?;
            Ok(map)
        });
        let filled = world.try_run(move |ctx| fill(ctx, map));
        assert!(filled.as_ref().is_err_and(|cause| cause.contains("more than")), "{filled:?}");
        let keys: Vec<u64> = world.look(move |ctx| {
            map.iter(ctx)?.map(|entry| entry.map(|(key, _)| key)).collect::<Result<_>>()
        });
        assert_eq!(keys, Vec::from_iter(0..10), "{objects_max}");
    }
}

/// What the framework draws for itself is its own: the game may have its generator in hand, or set it back.
#[test]
fn a_queue_takes_what_is_drawn_in_the_same_line() {
    let world = World::new();
    let queue: Queue<u32> = world.run(|ctx| {
        let queue = Queue::new(ctx)?;
        queue.push(ctx, ctx.rng().random_range(1..=6))?;
        let mut rng = ctx.rng();
        for _ in 0..100 {
            queue.push(ctx, rng.random_range(1..=6))?;
        }
        Ok(queue)
    });
    let popped = world.run(move |ctx| {
        let mut popped = 0;
        while queue.pop(ctx)?.is_some() {
            popped += 1;
        }
        Ok(popped)
    });
    assert_eq!(popped, 101);
    world.check();
}
