//! Running a recorded run again, one job at a time in commit order, and comparing everything.

use std::cell::{OnceCell, RefCell};

use daystar_model::{CommitNumber, ObjectId, Store};

use crate::attempt::Input;
use crate::cell::Found;
use crate::engine::{Engine, Settings};
use crate::history::{Difference, History, Recorded};
use crate::ladder;
use crate::sync::Arc;

/// Runs `records` again on one thread, in the order of their places, over the world in `store` as it was before them; and
/// compares what each job comes to, and at the end every object with those of `live`, the engine that was recorded. How many
/// jobs were run.
///
/// # Errors
/// The first job, or the first object, that is not the same.
pub fn rerun(
    live: &Engine,
    records: &[Recorded],
    store: Arc<dyn Store>,
) -> Result<usize, Difference> {
    let history = Arc::new(History::default());
    // With the same limits, since a job that has failed at one must fail there again.
    let limits = live.shared.limits;
    let settings = Settings { limits, recorder: Some(history.clone()), ..Settings::default() };
    let time = Arc::clone(&live.shared.time);
    let again = Engine::new(store, Arc::new(()), time, settings);
    let again = again.map_err(|cause| different(CommitNumber::ZERO, cause.to_string()))?;
    let mut in_order: Vec<&Recorded> = records.iter().collect();
    in_order.sort_by_key(|recorded| recorded.place());
    for recorded in in_order {
        let before = recorded.behind();
        again.shared.clock.set(before, before.next());
        again.shared.set_ids_given(recorded.next_index);
        let input = Input {
            kind: recorded.job.kind(),
            seed: recorded.seed,
            now: recorded.now.map_or_else(OnceCell::new, OnceCell::from),
            wall: recorded.wall.map_or_else(OnceCell::new, OnceCell::from),
            indices: RefCell::new(recorded.indices.clone()),
        };
        let seated = again.shared.seats.take();
        let _ = ladder::climb(&again.shared, &(), &*recorded.job, &input, &seated);
        drop(seated);
        match history.take().pop() {
            Some(outcome) => recorded.compare(&outcome)?,
            None => return Err(different(recorded.number, "it left no record".to_owned())),
        }
    }
    let mut ids: Vec<ObjectId> = records
        .iter()
        .flat_map(|recorded| recorded.changes.iter().map(|change| change.0))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let (first, second) = (stored_form(live, id), stored_form(&again, id));
        if first != second {
            let number = live.shared.clock.now();
            return Err(different(
                number,
                format!("{id} is {first:?}, and was {second:?} when run again"),
            ));
        }
    }
    Ok(records.len())
}

/// The newest value of `id` as it would be stored.
fn stored_form(engine: &Engine, id: ObjectId) -> Option<Vec<u8>> {
    let shared = &engine.shared;
    let seated = shared.seats.take();
    let yard = &seated.yard;
    let pin = shared.epoch.pin(&shared.seats, seated.seat, yard);
    let cell = shared.table.peek(id, &pin)?;
    loop {
        match cell.read(CommitNumber(u64::MAX), &pin) {
            Found::Newest(newest) => return newest.value?.encode().ok(),
            Found::Older(_) | Found::Gone => return None,
            Found::Away => {
                if let Some(loaded) = shared.table.load(id, cell).ok()? {
                    shared.budget.loaded(id, loaded, &pin);
                }
            }
        }
    }
}

fn different(number: CommitNumber, what: String) -> Difference {
    Difference { number, kind: "the run", what }
}
