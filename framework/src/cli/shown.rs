//! One stored object as JSON: what it is, what it is called, what it holds, or why that cannot be read.

use std::collections::HashMap;
use std::ops::ControlFlow;

use daystar_model::show::Value;
use daystar_model::{Object, ObjectId, Record, Space, StoreError};
use daystar_store::Moment;

use crate::game::names::bindings;
use crate::game::task_record::TaskRecord;

/// What objects are called.
pub(super) struct Names(HashMap<ObjectId, Vec<String>>);

impl Names {
    /// The names of all objects, or of one. Those in a damaged record are not known.
    pub(super) fn of(moment: &Moment, only: Option<ObjectId>) -> Result<Self, StoreError> {
        let mut names: HashMap<ObjectId, Vec<String>> = HashMap::new();
        moment.walk(Space::Name.first(), Space::Name.last(), &mut |id, bytes| {
            if let Ok(value) = Record::parse(id, bytes).and_then(|record| record.value()) {
                for (name, object) in bindings(&*value) {
                    if only.is_none_or(|only| only == object) {
                        names.entry(object).or_default().push(name.to_owned());
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        names.values_mut().for_each(|names| names.sort_unstable());
        Ok(Self(names))
    }
}

/// The object `id`, whose record is `bytes`, with its names.
pub(super) fn shown(id: ObjectId, bytes: &[u8], names: &Names) -> Value {
    let mut parts: Vec<(&str, Value)> = vec![("id", id.to_string().into())];
    let record = Record::parse(id, bytes);
    if let Ok(record) = &record {
        parts.push(("type", record.type_name.into()));
        parts.push(("version", record.version.into()));
        parts.push(("commit", record.commit.0.into()));
    }
    if let Some(names) = names.0.get(&id) {
        parts.push(("names", names.clone().into()));
    }
    parts.push(match record.and_then(|record| record.value()) {
        Ok(value) => ("value", value_of(&*value)),
        Err(cause) => ("error", cause.to_string().into()),
    });
    parts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The value; that of a waiting task with the task itself instead of its bytes.
fn value_of(value: &dyn Object) -> Value {
    let mut shown = value.to_json();
    if let Some(record) = value.as_any().downcast_ref::<TaskRecord>()
        && let Some(parts) = shown.as_object_mut()
        && let Some(payload) = parts.get_mut("payload")
    {
        *payload = match record.task() {
            Ok(task) => task.to_json(),
            Err(cause) => {
                [("error".to_owned(), Value::from(cause.to_string()))].into_iter().collect()
            }
        };
    }
    shown
}
