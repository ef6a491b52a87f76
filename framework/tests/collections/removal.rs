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

#[managed]
struct Chest {
    gems: Vec<Ref<Gem>>,
    notes: Map<u32, String>,
}

#[managed]
struct Gem {
    twin: Option<Ref<Gem>>,
}

impl OnRemove for Chest {
    fn on_remove(&self, ctx: &Ctx) -> Result<()> {
        self.gems.iter().try_for_each(|gem| ctx.remove(*gem))?;
        self.notes.destroy(ctx)
    }
}

impl OnRemove for Gem {
    fn on_remove(&self, ctx: &Ctx) -> Result<()> {
        match self.twin {
            Some(twin) if ctx.exists(twin)? => ctx.remove(twin),
            _ => Ok(()),
        }
    }
}

#[test]
fn what_goes_with_an_object_goes_in_the_same_task_or_not_at_all() {
    let disk = Arc::new(Disk::default());
    let world = World::on(&disk);
    let (chest, first, second) = world.run(|ctx| {
        // Two that name each other.
        let first = ctx.insert(Gem { twin: None })?;
        let second = ctx.insert(Gem { twin: Some(first) })?;
        ctx.get_mut(first)?.twin = Some(second);
        let notes = Map::new(ctx)?;
        notes.insert(ctx, 1, "mine".to_owned())?;
        Ok((ctx.insert(Chest { gems: vec![first], notes })?, first, second))
    });
    let objects = disk.objects();
    let failed = world.try_run(move |ctx| {
        ctx.remove(chest)?;
        ensure!(!ctx.exists(first)? && !ctx.exists(second)?, "they are still there");
        ensure!(false, "it was all for nothing");
        Ok(())
    });
    assert!(failed.unwrap_err().contains("for nothing"));
    assert_eq!(disk.objects(), objects);
    world.run(move |ctx| ctx.remove(chest));
    assert_eq!(disk.shown(), Vec::<String>::new());
}

#[test]
fn a_removal_that_cannot_be_whole_is_none() {
    let disk = Arc::new(Disk::default());
    let world = World::on(&disk);
    let chest = world.run(|ctx| {
        let gem = ctx.insert(Gem { twin: None })?;
        ctx.insert(Chest { gems: vec![gem, gem], notes: Map::new(ctx)? })
    });
    let failed = world.try_run(move |ctx| ctx.remove(chest)).unwrap_err();
    assert!(failed.contains("Gem #") && failed.contains("does not exist"), "{failed}");
    assert_eq!(disk.objects(), 3);
}

#[test]
fn a_chain_of_removals_is_as_long_as_the_stack_bears() {
    let chain = |length: u32| {
        move |ctx: &Ctx| {
            let mut last = ctx.insert(Gem { twin: None })?;
            for _ in 1..length {
                last = ctx.insert(Gem { twin: Some(last) })?;
            }
            ctx.remove(last)
        }
    };
    let world = World::new();
    world.run(chain(64));
    let failed = world.try_run(chain(65)).unwrap_err();
    assert!(failed.contains("a Gem") && failed.contains("64 deep"), "{failed}");
}

#[test]
fn a_reference_to_what_was_removed_is_an_error_and_never_another_object() {
    let world = World::new();
    let (gem, any) = world.run(|ctx| {
        let gem = ctx.insert(Gem { twin: None })?;
        Ok((gem, AnyRef::from(gem)))
    });
    let any_again = world.run(move |ctx| {
        assert!(ctx.downcast::<Chest>(any)?.is_none());
        assert_eq!(ctx.downcast::<Gem>(any)?, Some(gem));
        ctx.remove(gem)?;
        // Whatever is made afterwards has an id of its own.
        Ok(AnyRef::from(ctx.insert(Gem { twin: None })?))
    });
    assert_ne!(any, any_again);
    let told = |cause: String| {
        assert!(cause.contains("does not exist: it was removed"), "{cause}");
    };
    told(world.try_run(move |ctx| ctx.get(gem).map(drop)).unwrap_err());
    told(world.try_run(move |ctx| ctx.get_mut(gem).map(drop)).unwrap_err());
    told(world.try_run(move |ctx| ctx.remove(gem)).unwrap_err());
    told(world.try_run(move |ctx| ctx.update(gem, |_| Ok(()))).unwrap_err());
    told(world.try_run(move |ctx| ctx.downcast::<Gem>(any).map(drop)).unwrap_err());
    assert!(!world.run(move |ctx| ctx.exists(gem)));
}
