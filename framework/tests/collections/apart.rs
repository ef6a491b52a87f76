//! Who is in whose way: tasks at different parts are not, and neither are a queue's two ends. That tasks which do meet are
//! seen to meet shows that these tests would notice it.

use daystar::prelude::*;

use crate::world::World;

/// A map of so many entries that it has dozens of parts, under even keys.
fn ordered(world: &World) -> OrderedMap<u64, u64> {
    world.run(|ctx| {
        let map = OrderedMap::new(ctx)?;
        for key in 0..2_000 {
            map.insert(ctx, key * 2, 0)?;
        }
        Ok(map)
    })
}

fn hashed(world: &World) -> Map<u64, u64> {
    world.run(|ctx| {
        let map = Map::new(ctx)?;
        for key in 0..2_000 {
            map.insert(ctx, key * 2, 0)?;
        }
        Ok(map)
    })
}

fn queue(world: &World, items: u32) -> Queue<u32> {
    world.run(move |ctx| {
        let queue = Queue::new(ctx)?;
        (0..items).try_for_each(|item| queue.push(ctx, item))?;
        Ok(queue)
    })
}

#[test]
fn keys_that_are_far_apart_do_not_meet() {
    let world = World::new();
    let map = ordered(&world);
    let insert = |key| move |ctx: &Ctx| map.insert(ctx, key, 1).map(drop);
    let remove = |key| move |ctx: &Ctx| map.remove(ctx, &key).map(drop);
    let get = |key| move |ctx: &Ctx| map.get(ctx, &key).map(drop);
    assert!(!world.meet(insert(101), insert(3_001)));
    assert!(!world.meet(remove(102), insert(3_003)));
    assert!(!world.meet(get(104), remove(3_004)));
    assert!(!world.meet(get(105), insert(3_005)));
    let range = move |ctx: &Ctx| map.range(ctx, 0..200)?.try_for_each(|entry| entry.map(drop));
    assert!(!world.meet(range, insert(3_007)));
    assert!(world.meet(insert(101), insert(101)));
    assert!(world.meet(get(104), remove(104)));
    world.check();
}

#[test]
fn most_keys_of_a_large_map_do_not_meet() {
    let world = World::new();
    let map = hashed(&world);
    let insert = |key| move |ctx: &Ctx| map.insert(ctx, key, 1).map(drop);
    let met = (0..100).filter(|n| world.meet(insert(n * 2 + 1), insert(n * 2 + 1_001))).count();
    // There are more than a hundred parts, so that one or two pairs lie in the same one; or one is split meanwhile.
    assert!(met <= 15, "{met} of a hundred met");
    assert!(world.meet(insert(7), insert(7)));
    world.check();
}

#[test]
fn a_length_is_in_the_way_of_those_who_ask_for_it_alone() {
    let world = World::new();
    let map = ordered(&world);
    let insert = |key| move |ctx: &Ctx| map.insert(ctx, key, 1).map(drop);
    let len = move |ctx: &Ctx| map.len(ctx).map(drop);
    let is_empty = move |ctx: &Ctx| map.is_empty(ctx).map(drop);
    let replace = move |ctx: &Ctx| map.insert(ctx, 200, 7).map(drop);
    assert!(world.meet(len, insert(101)));
    assert!(!world.meet(insert(103), len));
    assert!(!world.meet(len, replace));
    assert!(!world.meet(is_empty, insert(105)));
    assert!(!world.meet(is_empty, move |ctx| map.remove(ctx, &106).map(drop)));
    world.check();
}

#[test]
fn the_ends_of_a_queue_do_not_meet() {
    let world = World::new();
    for items in [2, 3, 40, 300] {
        let queue = queue(&world, items);
        let push = move |ctx: &Ctx| queue.push(ctx, 7);
        let pop = move |ctx: &Ctx| queue.pop(ctx).map(drop);
        // Brings items to the front, once in dozens of times.
        world.run(pop);
        // One push in dozens looks whether the back is full, and may meet another then; three in a row do not.
        let meet = |second: &dyn Fn(&World) -> bool| (0..3).all(|_| second(&world));
        assert!(!meet(&|world| world.meet(push, push)), "two pushes, {items} items");
        assert!(!meet(&|world| world.meet(push, pop)), "a push and then a pop, {items} items");
        world.run(push);
        world.run(pop);
        assert!(world.meet(pop, pop), "two pops, {items} items");
    }
    world.check();
}

#[test]
fn a_push_does_not_disturb_a_pop_from_a_long_queue() {
    let world = World::new();
    let queue = queue(&world, 300);
    let push = move |ctx: &Ctx| queue.push(ctx, 7);
    let pop = move |ctx: &Ctx| queue.pop(ctx).map(drop);
    let met = (0..200).filter(|_| world.meet(pop, push)).count();
    assert!(met <= 20, "{met} of two hundred met");
    world.check();
}
