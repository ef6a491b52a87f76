//! `inspect tasks`, `retry` and `discard`: what an operator sees of the tasks that wait, and does about those that fail.

use std::ops::ControlFlow;

use clap::{ArgGroup, Args};
use daystar_model::show::Value;
use daystar_model::{ObjectId, Record, Space, StoreError};
use daystar_store::Moment;
use indicatif::HumanCount;

use crate::cli::failure::Failure;
use crate::cli::inspect::parse_id;
use crate::cli::{Data, Outcome};
use crate::game::rules::Game;
use crate::game::task_record::TaskRecord;
use crate::server::orders::{Order, carry_out};

#[derive(Args)]
#[command(group(ArgGroup::new("which").required(true).multiple(true).args(["tasks", "type_name", "all"])))]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// These tasks: `task#9`, as `inspect tasks` shows them.
    #[arg(value_parser = parse_id, value_name = "TASK", conflicts_with_all = ["type_name", "all", "waiting"])]
    tasks: Vec<ObjectId>,
    /// Those of this type that were set aside.
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<String>,
    /// All that were set aside.
    #[arg(long)]
    all: bool,
    /// Not only those that were set aside, but also those that wait for their time.
    #[arg(long)]
    waiting: bool,
}

/// What is to be done about tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mending {
    /// They are tried again, as if they had never failed.
    Retry,
    /// They are thrown away.
    Discard,
}

/// Does something about tasks that fail.
pub(super) fn run<G: Game>(arguments: &Arguments, mending: Mending) -> Result<Outcome, Failure> {
    let data = &arguments.data;
    // Looked up first, which also works while a server has the world open.
    let tasks = chosen(&data.moment()?, arguments)?;
    let order = match mending {
        Mending::Retry => Order::Retry,
        Mending::Discard => Order::Discard,
    };
    let orders: Vec<Order> = tasks.iter().map(|task| order(task.to_raw())).collect();
    let answer = carry_out::<G>(&data.data, data.options(), &orders)?;
    let count = HumanCount(answer.done);
    match mending {
        Mending::Retry => println!("{count} tasks will be tried again"),
        Mending::Discard => println!("{count} tasks thrown away"),
    }
    // A task may be gone meanwhile; or the server takes no changes, as when the disk is full.
    for refused in answer.refused.iter().take(REFUSED_SHOWN) {
        eprintln!("not done: {refused}");
    }
    if let Some(more) = answer.refused.len().checked_sub(REFUSED_SHOWN).filter(|more| *more > 0) {
        eprintln!("not done: {} more", HumanCount(more as u64));
    }
    Ok(if answer.refused.is_empty() { Outcome::Done } else { Outcome::Failed })
}

/// Of so many tasks it is said why nothing was done about them.
const REFUSED_SHOWN: usize = 10;

fn chosen(moment: &Moment, arguments: &Arguments) -> Result<Vec<ObjectId>, Failure> {
    let Arguments { tasks, type_name, waiting, .. } = arguments;
    let mut chosen = Vec::new();
    each_task(moment, &mut |id, task| {
        let is_meant = match tasks.is_empty() {
            true => {
                let is_of_type = type_name.as_ref().is_none_or(|name| *name == task.type_name);
                is_of_type && (*waiting || task.next().is_none())
            }
            false => tasks.contains(&id),
        };
        if is_meant {
            chosen.push(id);
        }
        ControlFlow::Continue(())
    })?;
    match tasks.iter().find(|task| !chosen.contains(task)) {
        Some(missing) => Err(Failure::NoTask(*missing)),
        None => Ok(chosen),
    }
}

/// Calls `visit` with each stored task that can be read.
pub(super) fn each_task(
    moment: &Moment,
    visit: &mut dyn FnMut(ObjectId, &TaskRecord) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut damaged = 0;
    moment.walk(Space::Task.first(), Space::Task.last(), &mut |id, bytes| {
        let value = Record::parse(id, bytes).and_then(|record| record.value());
        match value.as_ref().ok().and_then(|value| value.as_any().downcast_ref::<TaskRecord>()) {
            Some(task) => visit(id, task),
            None => {
                damaged += 1;
                ControlFlow::Continue(())
            }
        }
    })?;
    if damaged > 0 {
        eprintln!("{} tasks cannot be read; `verify` lists them", HumanCount(damaged));
    }
    Ok(())
}

/// A stored task, and how it stands with it.
pub(super) fn shown_task(id: ObjectId, task: &TaskRecord) -> Value {
    let state = match (&task.trouble, task.next()) {
        (None, _) => "pending",
        (Some(_), Some(_)) => "retrying",
        (Some(_), None) => "set aside",
    };
    let mut parts: Vec<(&str, Value)> = vec![
        ("id", id.to_string().into()),
        ("type", task.type_name.as_str().into()),
        ("version", task.version.into()),
        ("state", state.into()),
        ("due_ms", task.next().unwrap_or(task.due).unix_ms.into()),
        ("clock", if task.by_wall { "wall" } else { "world" }.into()),
    ];
    if let Some(every) = task.every {
        parts.push(("every_ms", every.period_ms.into()));
    }
    if let Some(trouble) = &task.trouble {
        parts.push(("tries", trouble.tries.into()));
        parts.push(("cause", trouble.cause.as_str().into()));
        if let Some(backtrace) = &trouble.backtrace {
            parts.push(("backtrace", backtrace.as_str().into()));
        }
    }
    if let Some(key) = task.call_key() {
        // Whoever asks the other side about the call has to name it.
        parts.push(("key", key.to_string().into()));
    }
    parts.push(match task.task() {
        Ok(value) => ("task", value.to_json()),
        Err(cause) => ("error", cause.to_string().into()),
    });
    match task.answer() {
        Ok(None) => {}
        Ok(Some(answer)) => parts.push(("answer", answer.to_json())),
        Err(cause) => parts.push(("answer_error", cause.to_string().into())),
    }
    parts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests;
