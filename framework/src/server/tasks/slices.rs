//! Sweeps: where they end, and which objects the next slice visits.

use std::sync::Arc;

use daystar_engine::{Attempt, Cause, Effect, Engine, Error, Job};
use daystar_model::{ObjectId, Space, Store, StoreError};

use crate::game::due::Slice;
use crate::game::rules::Game;
use crate::game::sweep::VISITS_MAX;
use crate::game::task::TaskRegistration;
use crate::game::task_record::{Stage, TaskRecord};
use crate::server::tasks::{Tasks, run};

impl<G: Game> Tasks<G> {
    /// Begins a sweep when all that there was when it was asked for is on disk, where its slices look for it.
    pub(super) fn begin_sweep(self: &Arc<Self>, kind: &'static TaskRegistration, task: ObjectId) {
        let tasks = Arc::clone(self);
        self.when_durable(Box::new(move |engine| tasks.begun(engine, kind, task)));
    }

    fn begun(self: &Arc<Self>, engine: &Engine, kind: &'static TaskRegistration, task: ObjectId) {
        // No object that is made from here on is visited, or a sweep that makes some would never end.
        let until = engine.new_id(Space::Object).index();
        let Err(cause) = run(engine, &Begun { task, kind: kind.name, until }) else { return };
        if cause.is_passing() {
            let tasks = Arc::clone(self);
            let again = move |engine: &Engine| tasks.begun(engine, kind, task);
            return self.persistence.faults.run_again(&cause, Box::new(again));
        }
        self.failed(engine, kind, task, crate::game::events::reason(&cause), None);
    }
}

/// Writes down where a sweep ends.
struct Begun {
    task: ObjectId,
    kind: &'static str,
    until: u64,
}

impl Job for Begun {
    fn kind(&self) -> &'static str {
        "begin a sweep"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let stage = attempt.find::<TaskRecord>(self.task)?.map(|record| record.stage.clone());
        let Some(Stage::Sweeping { next, until: u64::MAX }) = stage else { return Ok(()) };
        let mut record = attempt.get_mut::<TaskRecord>(self.task)?;
        record.stage = Stage::Sweeping { next, until: self.until };
        let (due, dial) = (record.due, record.dial());
        attempt.effect(Effect::Schedule { task: self.task, due, dial, kind: self.kind });
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { task: self.task, kind: self.kind, until: self.until }))
    }
}

/// The next slice of a sweep of the objects of type `object`, from the index `next` on and up to `until`. Looks at the store,
/// not at the world: whoever visits them finds out which are still there.
pub(super) fn next(
    store: &dyn Store,
    object: &str,
    next: u64,
    until: u64,
) -> Result<Slice, StoreError> {
    let (mut objects, mut unreadable) = (Vec::new(), None);
    let (mut at, mut width, mut scans) = (next, WIDTH, 0);
    // A scan costs a walk through the journal. A slice that finds nothing in some of them goes on in the next one.
    while objects.len() < VISITS_MAX && at < until && scans < SCANS_MAX {
        let end = at.saturating_add(width).min(until);
        let (first, last) =
            (ObjectId::new(Space::Object, at), ObjectId::new(Space::Object, end - 1));
        let mut records = 0;
        store.scan(first, last, &mut |id, found| {
            records += 1;
            match found {
                Ok((_, value)) if value.descriptor().name == object => objects.push(id),
                Ok(_) => {}
                Err(StoreError::Record { cause, .. })
                    if cause.type_name().is_some_and(|name| name != object) => {}
                // It may be one of those that are to be visited.
                Err(cause) => {
                    unreadable.get_or_insert(cause);
                }
            }
        })?;
        if let Some(cause) = unreadable.take() {
            return Err(cause);
        }
        at = end;
        scans += 1;
        // Most ids of an old world are of what is gone. Where there is little of anything, look much farther at once; where there
        // is little of the type, somewhat.
        width = match records < WIDTH {
            true => (width * 16).min(SPARSE_WIDTH_MAX),
            false if objects.is_empty() => (width * 2).min(WIDTH_MAX),
            false => WIDTH,
        };
    }
    if objects.len() > VISITS_MAX {
        objects.truncate(VISITS_MAX);
        at = objects.last().map_or(at, |id| id.index() + 1);
    }
    Ok(Slice { from: next, objects, next: (at < until).then_some(at), until })
}

/// What a slice that could not be found out means for its task: the store may be readable again later.
pub(super) fn unread(kind: &'static str, cause: &StoreError) -> Cause {
    let id = match cause {
        StoreError::Record { id, .. } => *id,
        _ => ObjectId::new(Space::Object, 0),
    };
    let is_passing = matches!(cause, StoreError::Io { .. });
    let fault =
        daystar_engine::Fault::Load { type_name: kind, id, cause: cause.to_string(), is_passing };
    Cause::Error(fault.into())
}

/// How many ids are looked at together, and how many at most.
const WIDTH: u64 = 256;
const WIDTH_MAX: u64 = 16 * 1024;

/// How many, where hardly any is in use. If they are after all, this is what a slice looks at in vain.
const SPARSE_WIDTH_MAX: u64 = 1024 * 1024;

/// How often a slice looks.
const SCANS_MAX: u32 = 16;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use daystar_model::store::{Batch, Stored, Visit};
    use daystar_model::{CommitNumber, Object, RecordError};

    use super::*;
    use crate::prelude::*;

    #[managed]
    struct Chest {
        gold: u64,
    }

    #[managed]
    struct Tree {
        height: u64,
    }

    /// Has a chest, a tree, and something that cannot be read for this reason.
    struct Attic(fn() -> RecordError);

    impl Store for Attic {
        fn load(&self, _: ObjectId) -> Result<Option<Stored>, StoreError> {
            Ok(None)
        }
        fn apply(&self, _: &Batch) -> Result<(), StoreError> {
            Ok(())
        }
        fn scan(
            &self,
            first: ObjectId,
            last: ObjectId,
            visit: &mut Visit<'_>,
        ) -> Result<(), StoreError> {
            let [chest, tree, odd] = [3, 4, 5].map(|index| ObjectId::new(Space::Object, index));
            let all = [
                (chest, Ok((CommitNumber(1), Arc::new(Chest { gold: 1 }) as Arc<dyn Object>))),
                (tree, Ok((CommitNumber(1), Arc::new(Tree { height: 2 }) as Arc<dyn Object>))),
                (odd, Err(StoreError::Record { id: odd, cause: (self.0)() })),
            ];
            let wanted = all.into_iter().filter(|(id, _)| (first..=last).contains(id));
            wanted.for_each(|(id, found)| visit(id, found));
            Ok(())
        }
        fn last_commit(&self) -> Result<CommitNumber, StoreError> {
            Ok(CommitNumber(1))
        }
        fn next_index(&self) -> Result<u64, StoreError> {
            Ok(9)
        }
    }

    #[test]
    fn a_sweep_does_not_pass_over_what_it_cannot_read_in_silence() {
        let sweep = |attic: Attic| next(&attic, "Chest", 0, 9);
        let other = sweep(Attic(|| RecordError::UnknownType { name: "Tree".to_owned() }));
        assert_eq!(other.expect("chests can be read").objects.len(), 1);
        for attic in [
            Attic(|| RecordError::UnknownVersion { name: "Chest", stored: 9, known: 1 }),
            Attic(|| RecordError::Truncated { length: 3 }),
        ] {
            let refused = sweep(attic).map(|slice| slice.objects).expect_err("not all can be read");
            let cause = unread("Tax", &refused);
            assert!(!cause.is_passing() && crate::game::events::reason(&cause).contains("#5"));
        }
    }
}
