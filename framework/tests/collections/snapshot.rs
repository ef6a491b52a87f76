//! A walk over a large collection in a task that only reads sees one moment, is never run again, and holds nobody up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use daystar::prelude::*;

use crate::world::World;

#[test]
fn a_walk_sees_one_moment_while_others_insert_and_remove() {
    const ENTRIES: u64 = 5_000;
    let world = Arc::new(World::new());
    let map = world.run(|ctx| {
        let map = OrderedMap::new(ctx)?;
        (0..ENTRIES).try_for_each(|key| map.insert(ctx, key * 2, key).map(drop))?;
        Ok(map)
    });
    let attempts = Arc::new(AtomicUsize::new(0));
    let (counted, beside) = (attempts.clone(), world.clone());
    let seen = world.look(move |ctx| {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut seen = Vec::new();
        for entry in map.iter(ctx)? {
            let key = entry?.0;
            if seen.len() % 250 == 0 {
                // Others change what has been seen and what has not, and are through before the walk goes on.
                let beside = beside.clone();
                let change = move || {
                    beside.run(move |ctx| map.insert(ctx, key + 1, 0));
                    beside.run(move |ctx| map.insert(ctx, ENTRIES * 2 - 1 - key, 0));
                    beside.run(move |ctx| map.remove(ctx, &(ENTRIES * 2 - 2 - key)));
                };
                std::thread::spawn(change).join().expect("they are not held up");
            }
            seen.push(key);
        }
        ensure!(map.len(ctx)? == ENTRIES, "the length is of another moment");
        Ok(seen)
    });
    assert_eq!(seen, Vec::from_iter((0..ENTRIES).map(|key| key * 2)));
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    assert_eq!(world.counts().conflicts, 0);
    assert!(world.run(move |ctx| map.contains(ctx, &1)));
}
