//! Collections that go: with all their parts, in one task or in slices; and what it is to use what is gone.

use std::sync::Arc;

use daystar::prelude::*;

use crate::world::{Disk, World};

#[test]
fn a_collection_goes_with_all_its_parts() {
    let disk = Arc::new(Disk::default());
    let world = World::on(&disk);
    for size in [0, 10, 1_000, 8_000_u32] {
        world.run(move |ctx| {
            let (map, ordered, set) = (Map::new(ctx)?, OrderedMap::new(ctx)?, Set::new(ctx)?);
            let queue = Queue::new(ctx)?;
            for key in 0..size {
                map.insert(ctx, key, key)?;
                ordered.insert(ctx, key, key)?;
                set.insert(ctx, key)?;
                queue.push(ctx, key)?;
            }
            map.destroy(ctx)?;
            ordered.destroy(ctx)?;
            set.destroy(ctx)?;
            queue.destroy(ctx)
        });
        assert_eq!(disk.shown(), Vec::<String>::new(), "{size} entries");
    }
}

#[test]
fn a_large_collection_is_cleared_in_slices() {
    let disk = Arc::new(Disk::default());
    let world = World::on(&disk);
    let (map, queue) = world.run(|ctx| Ok((Set::new(ctx)?, Queue::new(ctx)?)));
    for first in (0..60_000_u32).step_by(10_000) {
        world.run(move |ctx| {
            for key in first..first + 10_000 {
                map.insert(ctx, key)?;
                queue.push(ctx, ())?;
            }
            Ok(())
        });
    }
    for told in [
        world.try_run(move |ctx| map.clear(ctx)).unwrap_err(),
        world.try_run(move |ctx| queue.clear(ctx)).unwrap_err(),
    ] {
        assert!(told.contains("60000 entries") && told.contains("`clear_some`"), "{told}");
    }
    let (mut slices, mut last) = (0, 25_000);
    while last == 25_000 {
        last = world.run(move |ctx| {
            let cleared = map.clear_some(ctx, 25_000)?;
            assert_eq!(cleared, queue.clear_some(ctx, 25_000)?);
            Ok(cleared)
        });
        slices += 1;
    }
    assert_eq!((slices, last), (3, 10_000));
    world.run(move |ctx| {
        assert!(map.is_empty(ctx)? && queue.is_empty(ctx)?);
        map.destroy(ctx)?;
        queue.destroy(ctx)
    });
    assert_eq!(disk.objects(), 0);
}

#[test]
fn what_is_gone_is_a_clear_error() {
    let world = World::new();
    let (map, queue) = world.run(|ctx| {
        let (map, queue) = (Map::<u32, u32>::new(ctx)?, Queue::<u32>::new(ctx)?);
        map.destroy(ctx)?;
        queue.destroy(ctx)?;
        Ok((map, queue))
    });
    let told = |cause: String| {
        assert!(
            cause.contains("daystar.") && cause.contains("does not exist: it was removed"),
            "{cause}"
        );
    };
    told(world.try_run(move |ctx| map.get(ctx, &1)).unwrap_err());
    told(world.try_run(move |ctx| map.insert(ctx, 1, 1)).unwrap_err());
    told(world.try_run(move |ctx| map.len(ctx)).unwrap_err());
    told(world.try_run(move |ctx| queue.pop(ctx)).unwrap_err());
    told(world.try_run(move |ctx| queue.push(ctx, 1)).unwrap_err());
    told(world.try_run(move |ctx| map.destroy(ctx)).unwrap_err());
}
