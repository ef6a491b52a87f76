//! Numbered batches, what the world is after each of them, and the check of a world against what was acknowledged.

use std::path::Path;

use daystar_model::ids::ObjectId;
use daystar_model::store::{Batch, Store};
use daystar_store::{LmdbStore, Moment, Options};

use crate::support::*;

/// These carry the number of the last batch, all of them.
const MARKED: u64 = 24;
/// As many of the newest batches have left an object of their own.
const TRAIL: u64 = 30;
/// And every so many batches change so many small objects that a checkpoint needs more than one transaction.
const WIDE_EVERY: u64 = 5;
const WIDE: u64 = 4200;

fn marked(n: u64, at: u64) -> Thing {
    // From sharing a page to having several, and never the same size twice in a row.
    Thing { number: n, text: "m".repeat((n * 37 + at * 911) as usize % 6000), list: vec![] }
}

fn wide(n: u64) -> Thing {
    Thing { number: n, text: String::new(), list: vec![] }
}

/// The `n`th batch.
pub(super) fn nth(n: u64) -> Batch {
    let mut changes: Vec<_> = (0..MARKED).map(|at| (object(at), put(marked(n, at)))).collect();
    changes.push((object(1000 + n), put(thing(n))));
    if n > TRAIL {
        changes.push((object(1000 + n - TRAIL), None));
    }
    if n.is_multiple_of(WIDE_EVERY) {
        changes.extend((0..WIDE).map(|at| (object(FAR + at), put(wide(n)))));
    }
    Batch { next_index: next_index_after(n), ..batch(n, changes) }
}

fn world_after(n: u64) -> Vec<(ObjectId, u64, Thing)> {
    let newest = n - n % WIDE_EVERY;
    let marked = (0..MARKED).filter(|_| n > 0).map(|at| (object(at), n, marked(n, at)));
    let trail = (n.saturating_sub(TRAIL) + 1..=n).map(|i| (object(1000 + i), i, thing(i)));
    let wide = (0..WIDE).filter(|_| newest > 0).map(|at| (object(FAR + at), newest, wide(newest)));
    marked.chain(trail).chain(wide).collect()
}

fn next_index_after(n: u64) -> u64 {
    if n == 0 { 1 } else { 1000 + n + 1 }
}

/// That `store` is the world after one batch, as it is read as a whole; and which.
pub(super) fn whole(store: &dyn Store) -> Result<u64, String> {
    let last = store.last_commit().map_err(|error| error.to_string())?.0;
    let mut found = Vec::new();
    let mut wrong = None;
    let scanned = store.scan(object(0), object(u64::MAX), &mut |id, value| match value {
        Ok((commit, value)) => {
            found.push((id, commit.0, value.as_any().downcast_ref::<Thing>().cloned()));
        }
        Err(error) => wrong = Some(error),
    });
    scanned.map_err(|error| error.to_string())?;
    if let Some(error) = wrong {
        return Err(error.to_string());
    }
    let wanted = world_after(last);
    let same = found.iter().zip(&wanted).all(|(found, wanted)| {
        found.0 == wanted.0 && found.1 == wanted.1 && found.2.as_ref() == Some(&wanted.2)
    });
    if found.len() != wanted.len() || !same {
        return Err(format!("the world says that it is at batch {last}, and is not"));
    }
    Ok(last)
}

/// What a writer that was killed has left in `world` is all that it `acknowledged`, perhaps one batch more, and nothing
/// else, however one looks at it. Returns how far it is.
pub(super) fn check(world: &Path, acknowledged: u64) -> Result<u64, String> {
    // A writer that was killed at its start may have left nothing that is a world yet; opening makes one.
    let from_outside = Moment::open(world, Options::default()).ok().map(|moment| whole(&moment));
    let store = LmdbStore::open(world, Options::default()).map_err(|error| error.to_string())?;
    let last = whole(&store)?;
    if last != acknowledged && last != acknowledged + 1 {
        return Err(format!("batch {acknowledged} was acknowledged, and the world is at {last}"));
    }
    if from_outside.is_some_and(|seen| seen != Ok(last)) {
        return Err("another process saw another world".to_owned());
    }
    let next_index = store.next_index().map_err(|error| error.to_string())?;
    if next_index != next_index_after(last) {
        return Err(format!("next index {next_index} at batch {last}"));
    }
    one_by_one(&store, last)?;
    if last.is_multiple_of(2) {
        // Now all of it lies among the objects.
        store.checkpoint().map_err(|error| error.to_string())?;
        whole(&store)?;
        one_by_one(&store, last)?;
    }
    Ok(last)
}

/// That loads say the same as a walk did, and do not find what has been removed.
fn one_by_one(store: &dyn Store, last: u64) -> Result<(), String> {
    for (id, commit, thing) in world_after(last) {
        let found = store.load(id).map_err(|error| error.to_string())?;
        let is_right = found.is_some_and(|(found, value)| {
            found.0 == commit && value.as_any().downcast_ref() == Some(&thing)
        });
        if !is_right {
            return Err(format!("object {id} is another when it is loaded, at batch {last}"));
        }
    }
    for removed in last.saturating_sub(3 * TRAIL)..=last.saturating_sub(TRAIL) {
        let found = store.load(object(1000 + removed)).map_err(|error| error.to_string())?;
        if found.is_some() {
            return Err(format!("object {} was removed, and is there", object(1000 + removed)));
        }
    }
    Ok(())
}

const FAR: u64 = 1_000_000;
