//! What a stored object refers to, as far as its type does not say so by itself.

use daystar_model::show::References;
use daystar_model::{Object, ObjectId};

use crate::game::collections::tree;
use crate::game::names::bindings;
use crate::game::session::SessionRecord;
use crate::game::task_record::TaskRecord;

/// Collects all that `value` refers to: also under which names, if it is a bucket of them, and what the task refers to, if it
/// is one that waits.
pub(crate) fn refer(value: &dyn Object, found: &mut References) {
    if tree::refer(value, found) {
        return;
    }
    value.references(found);
    bindings(value).for_each(|(_, object)| found.object(object));
    let value = value.as_any();
    if let Some(session) = value.downcast_ref::<SessionRecord>()
        && let Some(attached) = &session.attached
    {
        found.object(ObjectId::from_raw(attached.object));
    }
    if let Some(record) = value.downcast_ref::<TaskRecord>() {
        for part in [record.task().map(Some), record.answer()] {
            match part {
                Ok(Some(value)) => value.references(found),
                Ok(None) => {}
                Err(_) => found.unreadable(),
            }
        }
    }
}
