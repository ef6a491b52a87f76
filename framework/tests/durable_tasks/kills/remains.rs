//! What a server that was killed has left on disk, read from outside.

use std::collections::BTreeMap;
use std::path::Path;

use daystar_model::managed::Object;
use daystar_model::show::Value;
use daystar_model::{ObjectId, Space, Store, TypeDescriptor};
use daystar_store::{Moment, Options};

use crate::kills::works::{Chest, Order};

#[derive(Default)]
pub(crate) struct Remains {
    pub(crate) orders: BTreeMap<u64, Order>,
    /// The tasks that wait, by the numbers of their orders.
    pub(crate) waiting: BTreeMap<u64, Vec<Waiting>>,
    /// By their index, which sweeps go by.
    pub(crate) chests: BTreeMap<u64, Chest>,
}

/// A task that waits, or was set aside.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    /// As its handle is shown.
    pub(crate) id: Value,
    pub(crate) kind: String,
    pub(crate) due_ms: u64,
    /// Of a chain: which link it is.
    pub(crate) link: Option<u64>,
    /// How often it has failed in a row.
    pub(crate) tries: u64,
    pub(crate) is_set_aside: bool,
    pub(crate) stage: Stage,
}

/// How far a task has come that takes several commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Whole,
    /// A call is to be made, with this key.
    Call {
        key: String,
    },
    /// The answer with this ticket has come.
    Answered {
        ticket: u64,
    },
    /// Chests up to this index were swept; `None`: that has not begun.
    Sweeping {
        next: Option<u64>,
    },
    /// Chests up to this place were visited, and this one; `None`: none was.
    Walking {
        after: Option<u64>,
    },
}

impl Remains {
    /// Reads the world in `data`, which a server may have open.
    ///
    /// # Errors
    /// It cannot be read as a whole.
    pub(crate) fn read(data: &Path) -> Result<Self, String> {
        let moment = Moment::open(data, Options::default()).map_err(|error| error.to_string())?;
        let mut remains = Self::default();
        let mut unreadable = Vec::new();
        let [first, .., last] = Space::ALL;
        let read = moment.scan(first.first(), last.last(), &mut |id, found| {
            let added = found.map_err(|cause| cause.to_string());
            let added = added.and_then(|(_, value)| remains.add(id, &*value));
            unreadable.extend(added.err().map(|cause| format!("{id}: {cause}")));
        });
        read.map_err(|error| error.to_string())?;
        match unreadable.first() {
            None => Ok(remains),
            Some(first) => Err(format!("{} objects cannot be read, as {first}", unreadable.len())),
        }
    }

    fn add(&mut self, id: ObjectId, value: &dyn Object) -> Result<(), String> {
        let any = value.as_any();
        if id.space() == Space::Task {
            let (number, waiting) = Waiting::read(id, &value.to_json())?;
            self.waiting.entry(number).or_default().push(waiting);
        } else if let Some(order) = any.downcast_ref::<Order>() {
            self.orders.insert(order.number, order.clone());
        } else if let Some(chest) = any.downcast_ref::<Chest>() {
            self.chests.insert(id.index(), chest.clone());
        }
        Ok(())
    }

    /// The tasks that wait for an order.
    pub(crate) fn waiting(&self, number: u64) -> &[Waiting] {
        self.waiting.get(&number).map_or(&[], Vec::as_slice)
    }
}

impl Waiting {
    /// The number of a task's order, and how it stands with it: by the record of it, as that is shown.
    fn read(id: ObjectId, record: &Value) -> Result<(u64, Self), String> {
        let odd = || format!("the task {id} is stored as {record}");
        let kind = record["type_name"].as_str().ok_or_else(odd)?;
        let task = decoded(kind, record).ok_or_else(odd)?;
        let number = task["number"].as_u64().ok_or_else(odd)?;
        let trouble = &record["trouble"];
        let waiting = Self {
            id: Value::from(id.to_string()),
            kind: kind.to_owned(),
            due_ms: record["due"]["unix_ms"].as_u64().ok_or_else(odd)?,
            link: task["link"].as_u64(),
            tries: trouble["tries"].as_u64().unwrap_or_default(),
            is_set_aside: !trouble.is_null() && trouble["again"].is_null(),
            stage: Stage::read(kind, &record["stage"]).ok_or_else(odd)?,
        };
        Ok((number, waiting))
    }
}

impl Stage {
    fn read(kind: &str, stage: &Value) -> Option<Self> {
        if stage == "Whole" {
            return Some(Self::Whole);
        }
        if let Some(call) = stage.get("Call") {
            let [high, low] = [&call["key"][0], &call["key"][1]].map(Value::as_u64);
            return Some(Self::Call { key: format!("{:016x}{:016x}", high?, low?) });
        }
        if let Some(answered) = stage.get("Answered") {
            let answer = if kind == "Census" { "Tally" } else { "Reply" };
            return Some(Self::Answered { ticket: decoded(answer, answered)?["ticket"].as_u64()? });
        }
        if let Some(walking) = stage.get("Walking") {
            return match &walking["after"] {
                Value::Null => Some(Self::Walking { after: None }),
                key => Some(Self::Walking { after: Some(number(key)?) }),
            };
        }
        let sweeping = stage.get("Sweeping")?;
        let has_begun = sweeping["until"].as_u64()? != u64::MAX;
        let next = sweeping["next"].as_u64()?;
        Some(Self::Sweeping { next: has_begun.then_some(next) })
    }
}

/// The value of the type `name` that is stored in `holder` by its version and its bytes, as it is shown.
fn decoded(name: &str, holder: &Value) -> Option<Value> {
    let version = u32::try_from(holder["version"].as_u64()?).ok()?;
    let decode = TypeDescriptor::find(name)?.decode;
    Some(decode(version, &bytes(&holder["payload"])?).ok()?.to_json())
}

/// The number that is a collection's key as it is stored.
fn number(key: &Value) -> Option<u64> {
    Some(u64::from_le_bytes(bytes(key)?.try_into().ok()?))
}

/// Bytes that are shown as numbers.
fn bytes(shown: &Value) -> Option<Vec<u8>> {
    let bytes = shown.as_array()?.iter();
    bytes.map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
}
