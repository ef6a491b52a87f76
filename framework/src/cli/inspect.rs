//! `inspect`: shows the objects of a world as JSON.

use std::collections::BTreeMap;
use std::io::{BufWriter, IsTerminal, Write};
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};
use daystar_model::show::Value;
use daystar_model::{ObjectId, Record, Space, TypeDescriptor};
use daystar_store::Moment;
use indicatif::HumanCount;

use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::cli::shown::{Names, shown};
use crate::cli::tasks::{each_task, shown_task};
use crate::cli::{Data, Outcome, orphans};
use crate::game::names::{bindings, bucket_of};

#[derive(Args)]
pub(super) struct Arguments {
    /// Instead of all objects, something special.
    #[arg(value_enum, conflicts_with_all = ["name", "id", "types"])]
    what: Option<What>,
    #[command(flatten)]
    data: Data,
    /// Only objects that are stored as this type.
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<String>,
    /// Only the object that is called so.
    #[arg(long, conflicts_with_all = ["type_name", "id"])]
    name: Option<String>,
    /// Only this object: `17`, `#17`, `session#3`, `task#9`, or as other objects show a reference to it.
    #[arg(long, value_parser = parse_id, conflicts_with = "type_name")]
    id: Option<ObjectId>,
    /// No more than so many objects.
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    /// Instead of objects, how many there are of each type and version, and their bytes.
    #[arg(long, conflicts_with_all = ["type_name", "name", "id", "limit"])]
    types: bool,
    /// Over several lines, indented.
    #[arg(long)]
    pretty: bool,
}

/// What there is to be seen besides objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The tasks that wait for their time, are to be tried again, or were set aside.
    Tasks,
    /// Objects that no name, session or task leads to, nor anything that those lead to.
    Orphans,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let moment = arguments.data.moment_before_damage()?;
    if let Some(damage) = moment.damage() {
        let some = if damage.is_overwritten { "; some objects may be newer, or gone" } else { "" };
        eprintln!("note: this is the world as of {}{some}, because {damage}", damage.last_whole);
    }
    let out = &mut BufWriter::new(std::io::stdout().lock());
    let Arguments { type_name, limit, pretty, .. } = arguments;
    if let Some(what) = arguments.what {
        match what {
            What::Tasks => tasks(&moment, type_name.as_deref(), *limit, *pretty, out)?,
            What::Orphans => orphans::show(&moment, type_name.as_deref(), *limit, *pretty, out)?,
        }
    } else if arguments.types {
        types(&moment, arguments.pretty, out)?;
    } else if let Some(name) = &arguments.name {
        one(&moment, named(&moment, name)?, arguments.pretty, out)?;
    } else if let Some(id) = arguments.id {
        one(&moment, id, arguments.pretty, out)?;
    } else {
        many(&moment, arguments, out)?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// Prints lines until there are as many as are wanted, or one cannot be printed.
pub(super) struct Lines<'o, W> {
    left: u64,
    pretty: bool,
    out: &'o mut W,
    printed: Result<(), Failure>,
}

impl<'o, W: Write> Lines<'o, W> {
    pub(super) fn new(limit: u64, pretty: bool, out: &'o mut W) -> Self {
        Self { left: limit, pretty, out, printed: Ok(()) }
    }

    /// Whether there are as many as are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    /// Prints one more; whether to go on.
    pub(super) fn print(&mut self, line: &Value) -> ControlFlow<()> {
        self.left -= 1;
        self.printed = print(line, self.pretty, self.out);
        if self.printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// Whether all could be printed.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.printed
    }
}

fn one(moment: &Moment, id: ObjectId, pretty: bool, out: &mut impl Write) -> Result<(), Failure> {
    let names = Names::of(moment, Some(id))?;
    let mut line = None;
    moment.walk(id, id, &mut |id, bytes| {
        line = Some(shown(id, bytes, &names));
        ControlFlow::Break(())
    })?;
    print(&line.ok_or(Failure::NoObject(id))?, pretty, out)
}

/// Shows all objects, or those of a type.
fn many(moment: &Moment, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let Arguments { type_name, limit, pretty, .. } = arguments;
    if let Some(wanted) = type_name {
        is_known(moment, wanted)?;
    }
    let names = Names::of(moment, None)?;
    let all = moment.records()?;
    let mut progress = quiet_terminal().then(|| Progress::of("showing"));
    let (mut seen, mut damaged, mut lines) = (0, 0, Lines::new(*limit, *pretty, out));
    let [first, .., last] = Space::ALL;
    moment.walk(first.first(), last.last(), &mut |id, bytes| {
        if lines.is_full() {
            return ControlFlow::Break(());
        }
        seen += 1;
        if let Some(progress) = &mut progress {
            progress.tell(seen, all.max(seen));
        }
        if let Some(wanted) = type_name {
            match Record::parse(id, bytes) {
                Ok(record) if record.type_name == wanted => {}
                Ok(_) => return ControlFlow::Continue(()),
                Err(_) => {
                    damaged += 1;
                    return ControlFlow::Continue(());
                }
            }
        }
        lines.print(&shown(id, bytes, &names))
    })?;
    lines.end()?;
    drop(progress);
    if damaged > 0 {
        let damaged = HumanCount(damaged);
        eprintln!("{damaged} damaged records do not tell their type; `verify` lists them");
    }
    Ok(())
}

/// Shows the stored tasks, or those of one kind.
fn tasks(
    moment: &Moment,
    type_name: Option<&str>,
    limit: u64,
    pretty: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut lines = Lines::new(limit, pretty, out);
    each_task(moment, &mut |id, task| {
        if lines.is_full() {
            return ControlFlow::Break(());
        }
        if type_name.is_some_and(|wanted| task.type_name != wanted) {
            return ControlFlow::Continue(());
        }
        lines.print(&shown_task(id, task))
    })?;
    lines.end()
}

/// Counts the records of each type and version.
fn types(moment: &Moment, pretty: bool, out: &mut impl Write) -> Result<(), Failure> {
    let all = moment.records()?;
    let mut progress = Progress::of("counting");
    let mut types: BTreeMap<Option<(String, u32)>, (u64, u64)> = BTreeMap::new();
    let mut seen = 0;
    let [first, .., last] = Space::ALL;
    moment.walk(first.first(), last.last(), &mut |id, bytes| {
        seen += 1;
        progress.tell(seen, all.max(seen));
        let record = Record::parse(id, bytes).ok();
        let key = record.map(|record| (record.type_name.to_owned(), record.version));
        let (objects, total) = types.entry(key).or_default();
        *objects += 1;
        *total += bytes.len() as u64;
        ControlFlow::Continue(())
    })?;
    drop(progress);
    for (key, (objects, bytes)) in types {
        let mut parts: Vec<(String, Value)> = Vec::new();
        let mut error = None;
        if let Some((name, version)) = key {
            error = TypeDescriptor::check(&name, version).err().map(|cause| cause.to_string());
            parts.push(("type".to_owned(), name.into()));
            parts.push(("version".to_owned(), version.into()));
        } else {
            error.get_or_insert_with(|| "damaged; `verify` lists them".to_owned());
        }
        parts.push(("objects".to_owned(), objects.into()));
        parts.push(("bytes".to_owned(), bytes.into()));
        parts.extend(error.map(|error| ("error".to_owned(), error.into())));
        print(&parts.into_iter().collect(), pretty, out)?;
    }
    Ok(())
}

/// What `name` is bound to.
fn named(moment: &Moment, name: &str) -> Result<ObjectId, Failure> {
    let bucket = bucket_of(name);
    let mut found = None;
    moment.walk(bucket, bucket, &mut |id, bytes| {
        if let Ok(value) = Record::parse(id, bytes).and_then(|record| record.value()) {
            found = bindings(&*value).find(|(bound, _)| *bound == name).map(|(_, object)| object);
        }
        ControlFlow::Break(())
    })?;
    found.ok_or_else(|| Failure::NoName(name.to_owned()))
}

/// That there are, or were, objects of the type `wanted`.
fn is_known(moment: &Moment, wanted: &str) -> Result<(), Failure> {
    let mut known: Vec<&str> = moment.types().map(|(name, _)| name).collect();
    if known.contains(&wanted) {
        return Ok(());
    }
    known.dedup();
    let known = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
    Err(Failure::NoType { wanted: wanted.to_owned(), known })
}

fn print(value: &Value, pretty: bool, out: &mut impl Write) -> Result<(), Failure> {
    Ok(if pretty { writeln!(out, "{value:#}") } else { writeln!(out, "{value}") }?)
}

/// Whether a bar would not run into what is shown.
pub(super) fn quiet_terminal() -> bool {
    !std::io::stdout().is_terminal()
}

/// An id as it is shown: the word before the `#` is its space, or the type of a reference.
pub(super) fn parse_id(text: &str) -> Result<ObjectId, String> {
    let (word, index) = text.rsplit_once('#').unwrap_or(("", text));
    let space = match word {
        "name" => Space::Name,
        "session" => Space::Session,
        "task" => Space::Task,
        _ => Space::Object,
    };
    let id = index.parse().map(|index| (index, ObjectId::new(space, index)));
    match id {
        Ok((index, id)) if id.index() == index => Ok(id),
        _ => Err("an id looks like `17`, `#17`, `session#3` or `task#9`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        for space in Space::ALL {
            let id = ObjectId::new(space, 17);
            assert_eq!(parse_id(&id.to_string()), Ok(id));
        }
        assert_eq!(parse_id("17"), Ok(ObjectId::new(Space::Object, 17)));
        assert_eq!(parse_id("Chest#17"), Ok(ObjectId::new(Space::Object, 17)));
        for text in ["", "#", "x", "-1", "17#", "#4611686018427387904", "18446744073709551616"] {
            assert!(parse_id(text).is_err(), "{text}");
        }
    }
}
