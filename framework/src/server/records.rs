//! Checks that this program can read every record of a world, and run every task in it.

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use daystar_model::managed::Object;
use daystar_model::record::{Record, RecordError};
use daystar_model::{ObjectId, Space, StoreError};
use daystar_store::lmdb::JournalFlaw;
use daystar_store::{JournalDamage, Moment};

use crate::game::names::bindings;
use crate::game::problems::Problems;
use crate::game::task_record::{TASK_KINDS, TaskKind, TaskKinds, TaskRecord};

/// What was found.
pub(crate) struct Records {
    /// How many objects there are.
    pub(crate) objects: u64,
    /// Those that cannot be read, and tasks that cannot be run, with their names and why.
    pub(crate) problems: Problems,
}

/// Reads every object of the world, and lists up to `limit` that cannot be used, behind what is wrong with the journal. `progress` is told how many of about how
/// many have been.
pub(crate) fn check_records(
    moment: &Moment,
    limit: usize,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Records, StoreError> {
    let all = moment.records()?;
    let judge = Judge::of(moment)?;
    let mut found = Records { objects: 0, problems: Problems::up_to(limit) };
    // Where in the list each object is. Names are met after the objects that they may be bound to.
    let mut listed: HashMap<ObjectId, usize> = HashMap::new();
    if let Some(damage) = moment.damage() {
        add_damage(damage, &mut found.problems, &mut listed);
    }
    let [first, .., last] = Space::ALL;
    moment.walk(first.first(), last.last(), &mut |id, bytes| {
        found.objects += 1;
        if found.objects.is_multiple_of(TELL_EVERY) {
            progress(found.objects, all.max(found.objects));
        }
        if let Err(fault) = judge.check(id, bytes, &mut |name, object| {
            if let Some(nth) = listed.get(&object) {
                add_name(&mut found.problems.listed_mut()[*nth], object, name);
            }
        }) {
            let nth = found.problems.listed().len();
            let text = || format!("object {id}: {}{fault}", Claimed(fault.claimed_type(bytes)));
            if found.problems.add(&kind(fault.cause()), text) {
                listed.insert(id, nth);
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Adds what is wrong with the journal, of which nothing behind the first flaw is seen in the walk; and where in the list those
/// objects are that it names.
fn add_damage(
    damage: &JournalDamage,
    problems: &mut Problems,
    listed: &mut HashMap<ObjectId, usize>,
) {
    for (nth, flaw) in damage.flaws.iter().enumerate() {
        // What it means for the world, and what is to be done, is said once.
        let text = || if nth == 0 { damage.to_string() } else { flaw.to_string() };
        let JournalFlaw::Epoch { last, remains, .. } = flaw else {
            problems.add("gaps in the journal", text);
            continue;
        };
        problems.add("damaged epochs of the journal", text);
        for object in remains.objects.iter().filter(|object| object.is_damaged) {
            let (id, claimed) = (object.id, Claimed(object.type_name.as_deref()));
            let at = problems.listed().len();
            if problems.add(DAMAGED_RECORDS, || {
                format!("object {id}: {claimed}its record in the journal's epoch that ends with {last} is damaged")
            }) {
                listed.insert(id, at);
            }
        }
    }
}

/// The type that a damaged record still shows, put before what is wrong with it.
struct Claimed<'a>(Option<&'a str>);

impl fmt::Display for Claimed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "by its bytes a `{name}`; "))
    }
}

/// Why an object cannot be used.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Record(Arc<RecordError>),
    /// The record can be read, but not the task in it, or what it was answered.
    #[error(
        "this program cannot run the task `{name}` of version {version}: {cause}; start one that can, or throw the task \
         away with `discard {id}`"
    )]
    Task { id: ObjectId, name: String, version: u32, cause: Arc<RecordError> },
}

impl Fault {
    fn cause(&self) -> &RecordError {
        match self {
            Self::Record(cause) | Self::Task { cause, .. } => cause,
        }
    }

    /// The type that the record's `bytes` show, where the fault itself cannot name it.
    fn claimed_type<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        match self {
            Self::Record(cause) if cause.type_name().is_none() => Record::claimed_type(bytes),
            _ => None,
        }
    }
}

impl From<RecordError> for Fault {
    fn from(cause: RecordError) -> Self {
        Self::Record(Arc::new(cause))
    }
}

/// What a server asks before it opens a world, to be asked of each record: it refuses a type as a whole, and names one object at
/// most. Every object because of which it refuses a world must be found here, also one whose bytes can be read: they do not tell
/// that the type is no longer what it was.
///
/// What depends only on a type or a kind of task is asked once, when this is made. It grows with their number, not with the world.
struct Judge {
    /// The types that cannot be read, by name and version.
    types: HashMap<String, HashMap<u32, Arc<RecordError>>>,
    kinds: Vec<JudgedKind>,
}

/// An entry of the list of kinds of task that this program cannot run as it is.
struct JudgedKind {
    type_name: String,
    version: u32,
    fault: KindFault,
}

enum KindFault {
    /// All such tasks.
    All(Arc<RecordError>),
    /// Those that have been answered in this version.
    Answered(u32, Arc<RecordError>),
}

impl Judge {
    fn of(moment: &Moment) -> Result<Self, StoreError> {
        let mut judge = Self { types: HashMap::new(), kinds: Vec::new() };
        for (name, version, cause) in moment.unreadable_types() {
            let versions = judge.types.entry(name.to_owned()).or_default();
            versions.insert(version, Arc::new(cause));
        }
        // Looked up by itself, whichever is met first, it or a task. If it cannot be read, that is a problem when it is met.
        let mut list = None;
        moment.walk(TASK_KINDS, TASK_KINDS, &mut |id, bytes| {
            list = judge.value(id, bytes).ok();
            ControlFlow::Continue(())
        })?;
        let list = list.as_deref().and_then(|value| value.as_any().downcast_ref::<TaskKinds>());
        judge.kinds = list
            .map_or_else(Vec::new, |list| list.kinds.iter().filter_map(JudgedKind::of).collect());
        Ok(judge)
    }

    /// That the record can be read, and that the task in it can be run, if it is one. Bound names are handed to `named`.
    fn check(
        &self,
        id: ObjectId,
        bytes: &[u8],
        named: &mut dyn FnMut(&str, ObjectId),
    ) -> Result<(), Fault> {
        let value = self.value(id, bytes)?;
        bindings(&*value).for_each(|(name, object)| named(name, object));
        let Some(task) = value.as_any().downcast_ref::<TaskRecord>() else { return Ok(()) };
        self.check_task(task).map_err(|cause| {
            let (name, version) = (task.type_name.clone(), task.version);
            Fault::Task { id, name, version, cause }
        })
    }

    /// The value, which is not to be trusted if its type has changed: then it is not even looked at.
    fn value(&self, id: ObjectId, bytes: &[u8]) -> Result<Arc<dyn Object>, Fault> {
        let record = Record::parse(id, bytes)?;
        let versions = self.types.get(record.type_name);
        match versions.and_then(|versions| versions.get(&record.version)) {
            Some(cause) => Err(Fault::Record(Arc::clone(cause))),
            None => Ok(record.value()?),
        }
    }

    /// That the task can be run: as [`check_kinds`](crate::server::tasks::load::check_kinds) asks of all tasks of a kind; and that
    /// what this one is made of can be read.
    fn check_task(&self, task: &TaskRecord) -> Result<(), Arc<RecordError>> {
        let own =
            |kind: &&JudgedKind| kind.type_name == task.type_name && kind.version == task.version;
        for kind in self.kinds.iter().filter(own) {
            match &kind.fault {
                KindFault::All(cause) => return Err(Arc::clone(cause)),
                KindFault::Answered(version, cause) if task.answer_version() == Some(*version) => {
                    return Err(Arc::clone(cause));
                }
                KindFault::Answered(..) => {}
            }
        }
        task.task()?;
        task.kind()?;
        task.answer()?;
        Ok(())
    }
}

impl JudgedKind {
    /// `None` if this program can run it.
    fn of(kind: &TaskKind) -> Option<Self> {
        let fault = match (kind.check(), kind.check_answer(), &kind.answer) {
            (Err(cause), ..) => KindFault::All(Arc::new(cause)),
            (Ok(()), Err(cause), Some(answer)) => {
                KindFault::Answered(answer.version, Arc::new(cause))
            }
            _ => return None,
        };
        Some(Self { type_name: kind.type_name.clone(), version: kind.version, fault })
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
        RecordError::Truncated { .. } | RecordError::Checksum => DAMAGED_RECORDS.to_owned(),
        RecordError::UnknownType { name } => format!("objects of the unknown type `{name}`"),
        RecordError::UnknownVersion { name, stored, .. } => {
            format!("objects `{name}` of version {stored}, which is not read")
        }
        RecordError::Changed { name, version, .. } => {
            format!("objects `{name}` of version {version}, whose type has changed")
        }
        RecordError::Upgrade { name, stored, .. } => {
            format!("objects `{name}` of version {stored}, which could not be upgraded")
        }
        RecordError::Invalid { name, .. } => format!("objects that are no valid `{name}`"),
        _ => "objects that cannot be read".to_owned(),
    }
}

const DAMAGED_RECORDS: &str = "damaged records";
const TELL_EVERY: u64 = 1000;

#[cfg(test)]
mod tests;
