//! Sweeps: where they end, and which objects the next slice visits.

use std::sync::Arc;

use daystar_engine::{Attempt, Cause, Effect, Engine, Error, Job};
use daystar_model::{ObjectId, Space, Store, StoreError};

use crate::game::due::Slice;
use crate::game::rules::Game;
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
    let mut objects = Vec::new();
    let (mut at, mut width, mut scans) = (next, WIDTH, 0);
    // A scan costs a walk through the journal. A slice that finds nothing in some of them goes on in the next one.
    while objects.len() < ENOUGH && at < until && scans < SCANS_MAX {
        let end = at.saturating_add(width).min(until);
        let (first, last) =
            (ObjectId::new(Space::Object, at), ObjectId::new(Space::Object, end - 1));
        let mut records = 0;
        store.scan(first, last, &mut |id, found| {
            records += 1;
            // One that cannot be read is reported by whoever wants it, and by `verify`.
            if let Ok((_, value)) = found
                && value.descriptor().name == object
            {
                objects.push(id);
            }
        })?;
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
    if objects.len() > ENOUGH {
        objects.truncate(ENOUGH);
        at = objects.last().map_or(at, |id| id.index() + 1);
    }
    Ok(Slice { from: next, objects, next: (at < until).then_some(at), until })
}

/// What a slice that could not be found out means for its task: the store may be readable again later.
pub(super) fn unread(kind: &'static str, cause: &StoreError) -> Cause {
    let id = ObjectId::new(Space::Object, 0);
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

/// No slice visits more objects.
const ENOUGH: usize = 128;
