//! Many at once: parts that are split and go while others use them, gold that moves from entry to entry, a queue with
//! several at both ends. All ends with the oracle.

use std::collections::BTreeMap;

use daystar::prelude::*;
use parking_lot::Mutex;

use crate::world::{World, on_threads, scattered};

const THREADS: u64 = 4;

#[test]
fn what_many_insert_at_once_is_all_there() {
    let world = World::new();
    let (map, ordered, set) =
        world.run(|ctx| Ok((Map::new(ctx)?, OrderedMap::new(ctx)?, Set::new(ctx)?)));
    on_threads(THREADS, |thread| {
        for number in scattered(thread + 1).take(400) {
            // In every key it says whose it is.
            let key = (number % 100_000) * THREADS + thread;
            world.run(move |ctx| {
                let is_new = map.insert(ctx, key, key)?.is_none();
                ensure!(ordered.insert(ctx, key, key)?.is_none() == is_new, "not the same: {key}");
                ensure!(set.insert(ctx, key)? == is_new, "not the same: {key}");
                Ok(())
            });
        }
    });
    let expected: BTreeMap<u64, u64> = (0..THREADS)
        .flat_map(|thread| {
            scattered(thread + 1).take(400).map(move |n| (n % 100_000) * THREADS + thread)
        })
        .map(|key| (key, key))
        .collect();
    let (by_hash, in_order, values, lengths) = world.run(move |ctx| {
        Ok((
            map.iter(ctx)?.collect::<Result<BTreeMap<_, _>>>()?,
            ordered.iter(ctx)?.collect::<Result<Vec<_>>>()?,
            set.iter(ctx)?.collect::<Result<Vec<_>>>()?.len() as u64,
            [map.len(ctx)?, ordered.len(ctx)?, set.len(ctx)?],
        ))
    });
    assert_eq!(by_hash, expected);
    assert_eq!(in_order, Vec::from_iter(expected.clone()));
    assert_eq!((values, lengths), (expected.len() as u64, [expected.len() as u64; 3]));
    world.check();
}

#[test]
fn parts_come_and_go_under_those_who_use_them() {
    let world = World::new();
    let map = world.run(OrderedMap::new);
    // Each fills its stretch and empties it again, while the others do the same, and look.
    on_threads(THREADS, |thread| {
        for round in 0..4 {
            for key in 0..60_u64 {
                world.run(move |ctx| {
                    map.insert(ctx, thread * 1_000 + key * 7 % 60, round).map(drop)
                });
            }
            let own = world.run(move |ctx| {
                let range = map.range(ctx, thread * 1_000..(thread + 1) * 1_000)?;
                range.collect::<Result<Vec<_>>>()
            });
            assert_eq!(own, Vec::from_iter((0..60).map(|key| (thread * 1_000 + key, round))));
            let all = world.run(move |ctx| Ok((map.iter(ctx)?.count() as u64, map.len(ctx)?)));
            assert_eq!(all.0, all.1);
            for key in 0..60 {
                world.run(move |ctx| map.remove(ctx, &(thread * 1_000 + key)).map(drop));
            }
        }
    });
    assert!(world.run(move |ctx| map.is_empty(ctx)));
    world.check();
}

#[test]
fn gold_that_moves_between_entries_is_always_all_there() {
    const PURSES: u64 = 300;
    let world = World::new();
    let purses = world.run(|ctx| {
        let purses = Map::new(ctx)?;
        for name in 0..PURSES {
            purses.insert(ctx, format!("purse {name}"), 10_u64)?;
        }
        Ok(purses)
    });
    on_threads(THREADS, |thread| {
        for (round, number) in scattered(thread + 7).take(150).enumerate() {
            let (from, to) = (number % PURSES, (number >> 20) % PURSES);
            let moved = world.try_run(move |ctx| {
                let (from, to) = (format!("purse {from}"), format!("purse {to}"));
                // A purse that is empty is gone.
                let gold = purses.get(ctx, &from)?.unwrap_or_default();
                ensure!(gold > 0, "there is nothing to give");
                if gold == 1 {
                    purses.remove(ctx, &from)?;
                } else {
                    purses.insert(ctx, from, gold - 1)?;
                }
                let gold = purses.get(ctx, &to)?.unwrap_or_default();
                purses.insert(ctx, to, gold + 1).map(drop)
            });
            assert!(moved.is_ok() || moved.unwrap_err().contains("nothing to give"));
            if round % 10 == 0 {
                let all = move |ctx: &Ctx| {
                    purses.iter(ctx)?.map(|entry| Ok(entry?.1)).sum::<Result<u64>>()
                };
                assert_eq!(world.run(move |ctx| all(ctx)), PURSES * 10);
                assert_eq!(world.look(move |ctx| all(ctx)), PURSES * 10);
            }
        }
    });
    world.check();
}

#[test]
fn each_item_of_a_queue_is_popped_once_and_in_its_order() {
    const ITEMS: u64 = 300;
    let world = World::new();
    let queue = world.run(Queue::new);
    let popped = Mutex::new(Vec::new());
    on_threads(THREADS, |thread| {
        if thread < THREADS / 2 {
            for number in 0..ITEMS {
                world.run(move |ctx| queue.push(ctx, (thread, number)));
            }
            return;
        }
        let mut own = Vec::new();
        while own.len() < ITEMS as usize {
            own.extend(world.run(move |ctx| queue.pop(ctx)));
        }
        popped.lock().push(own);
    });
    let popped = popped.into_inner();
    for pusher in 0..THREADS / 2 {
        let of = |own: &Vec<(u64, u64)>| {
            own.iter().filter(|item| item.0 == pusher).map(|item| item.1).collect::<Vec<_>>()
        };
        assert!(popped.iter().all(|own| of(own).is_sorted()), "out of order");
        let mut all: Vec<u64> = popped.iter().flat_map(of).collect();
        all.sort_unstable();
        assert_eq!(all, Vec::from_iter(0..ITEMS));
    }
    assert_eq!(world.run(move |ctx| queue.len(ctx)), 0);
    world.check();
}
