//! Checks that this program can read every record of a world.

use std::collections::HashMap;
use std::ops::ControlFlow;

use daystar_model::record::{Record, RecordError};
use daystar_model::{ObjectId, Space, StoreError};
use daystar_store::Moment;

use crate::game::names::bindings;
use crate::game::problems::Problems;
use crate::game::task_record::TaskRecord;

/// What was found.
pub(crate) struct Records {
    /// How many objects there are.
    pub(crate) objects: u64,
    /// Those that cannot be read, with their names and why.
    pub(crate) problems: Problems,
}

/// Reads every object of the world, and lists up to `limit` that cannot be read. `progress` is told how many of about how
/// many have been.
pub(crate) fn check_records(
    moment: &Moment,
    limit: usize,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Records, StoreError> {
    let all = moment.records()?;
    let mut found = Records { objects: 0, problems: Problems::up_to(limit) };
    // Where in the list each object is. Names are met after the objects that they may be bound to.
    let mut listed: HashMap<ObjectId, usize> = HashMap::new();
    let [first, .., last] = Space::ALL;
    moment.walk(first.first(), last.last(), &mut |id, bytes| {
        found.objects += 1;
        if found.objects.is_multiple_of(TELL_EVERY) {
            progress(found.objects, all.max(found.objects));
        }
        if let Err(cause) = check(id, bytes, &mut |name, object| {
            if let Some(nth) = listed.get(&object) {
                add_name(&mut found.problems.listed_mut()[*nth], object, name);
            }
        }) {
            let nth = found.problems.listed().len();
            if found.problems.add(&kind(&cause), || format!("object {id}: {cause}")) {
                listed.insert(id, nth);
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// That the record can be read, and that the task in it can, if it is one. Bound names are handed to `named`.
fn check(
    id: ObjectId,
    bytes: &[u8],
    named: &mut dyn FnMut(&str, ObjectId),
) -> Result<(), RecordError> {
    let value = Record::parse(id, bytes)?.value()?;
    bindings(&*value).for_each(|(name, object)| named(name, object));
    match value.as_any().downcast_ref::<TaskRecord>() {
        Some(task) => task.task().map(drop),
        None => Ok(()),
    }
}

/// Puts a name that is bound to `object` behind its id, with which the text begins.
fn add_name(problem: &mut String, object: ObjectId, name: &str) {
    let behind = format!("object {object}").len();
    problem.insert_str(behind, &format!(", called `{name}`"));
}

/// What problems of this kind are called in a count.
fn kind(cause: &RecordError) -> String {
    match cause {
        RecordError::Truncated { .. } | RecordError::Checksum => "damaged records".to_owned(),
        RecordError::UnknownType { name } => format!("objects of the unknown type `{name}`"),
        RecordError::UnknownVersion { name, stored, .. } => {
            format!("objects `{name}` of version {stored}, which is not read")
        }
        RecordError::Upgrade { name, stored, .. } => {
            format!("objects `{name}` of version {stored}, which could not be upgraded")
        }
        RecordError::Invalid { name, .. } => format!("objects that are no valid `{name}`"),
        _ => "objects that cannot be read".to_owned(),
    }
}

const TELL_EVERY: u64 = 1000;
