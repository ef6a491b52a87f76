//! What an operator does about a task that was set aside: in a world at rest, and in one that a server has open, which is a
//! process of its own.

mod walks;

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use daystar_model::{ManualClock, Timestamp};

use super::*;
use crate::cli::served::{serve, served};
use crate::game::task_record::Stage;
use crate::prelude::*;
use crate::server::Server;

#[message]
pub(super) struct Nothing;

/// Has one task, which fails until there is a file of this name, and then is never heard of again.
pub(super) struct Stubborn;

#[task]
pub(super) struct Push {
    weight: u32,
}

impl Task for Push {
    const RETRY: Retry = Retry::NEVER;

    fn run(&self, _: &Ctx) -> Result<()> {
        let is_open = env::var_os(OPEN).is_some_and(|file| Path::new(&file).exists());
        ensure!(is_open, "the door is shut");
        Ok(())
    }
}

impl Game for Stubborn {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "stubborn";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        ctx.spawn(Push { weight: 7 })?;
        ctx.schedule(Duration::from_secs(3_600), Push { weight: 8 }).map(drop)
    }
    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

#[managed]
struct Note {
    pitch: u32,
}

#[external]
struct Ring {
    bell: u32,
}

impl External for Ring {
    type Output = Note;

    async fn call(self, _: CallKey) -> Result<Note> {
        Ok(Note { pitch: self.bell })
    }
    fn done(&self, _: &Ctx, _: Note) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_call_is_shown_with_its_key_and_later_with_its_answer() {
    let payload = Ring { bell: 3 }.encode().expect("bytes");
    let answer = Note { pitch: 440 }.encode().expect("bytes");
    let shown = |stage| {
        let record = TaskRecord {
            due: Timestamp { unix_ms: 0 },
            by_wall: false,
            every: None,
            type_name: Ring::TYPE_NAME.to_owned(),
            version: Ring::VERSION,
            payload: payload.clone(),
            stage,
            trouble: None,
        };
        shown_task(ObjectId::new(Space::Task, 9), &record).to_string()
    };
    let asked = shown(Stage::Call { key: [1, 2] });
    let key = format!("\"key\":\"{}\"", CallKey([1, 2]));
    assert!(asked.contains(&key) && asked.contains("{\"bell\":3}"), "{asked}");
    let answered = shown(Stage::Answered { version: Note::VERSION, payload: answer });
    assert!(answered.contains("\"answer\":{\"pitch\":440}"), "{answered}");
}

#[test]
#[ignore = "run by the other test, as a server in a process of its own"]
fn server() {
    let Some(data) = env::var_os(DATA) else { return };
    let server = Server::builder(Stubborn).data(data).workers(1).start().expect("a server");
    serve(server);
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments_of(data: &Path, arguments: &[&str]) -> Arguments {
    let data = data.to_str().expect("a name in UTF-8");
    let line = ["tasks", "--data", data].into_iter().chain(arguments.iter().copied());
    Line::try_parse_from(line).expect("arguments").arguments
}

fn command(data: &Path, mending: Mending, arguments: &[&str]) -> Result<(), Failure> {
    run::<Stubborn>(&arguments_of(data, arguments), mending).map(drop)
}

/// The states of the stored tasks, when there are as many that `state` as `wanted`; what there is when there never are.
fn states(data: &Path, state: &str, wanted: usize) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..2_000 {
        let moment = Moment::open(data, Default::default()).expect("a world");
        found.clear();
        each_task(&moment, &mut |id, task| {
            found.push(shown_task(id, task).to_string());
            ControlFlow::Continue(())
        })
        .expect("a world that can be read");
        if found.iter().filter(|task| task.contains(state)).count() == wanted {
            break;
        }
        sleep(Duration::from_millis(5));
    }
    found
}

#[test]
fn a_task_that_was_set_aside_is_seen_tried_again_and_thrown_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, open) = (folder.path().join("world"), folder.path().join("open"));
    let set = [(DATA, &*data), (OPEN, &*open)];
    served("cli::tasks::tests::server", &set, |_| {
        let found = states(&data, "set aside", 1);
        assert_eq!(found.len(), 2, "{found:?}");
        let aside = found.iter().find(|task| task.contains("set aside")).expect("set aside");
        for part in ["\"type\":\"Push\"", "\"tries\":1", "the door is shut", "{\"weight\":7}"] {
            assert!(aside.contains(part), "{part} is not in {aside}");
        }
        assert!(found.iter().any(|task| task.contains("\"state\":\"pending\"")), "{found:?}");
        // While the server runs; in vain, since the door is shut: it is set aside again.
        command(&data, Mending::Retry, &["--all"]).expect("an order carried out");
        states(&data, "set aside", 1);
        std::fs::write(&open, "").expect("a file");
        command(&data, Mending::Retry, &["--type", "Push"]).expect("an order carried out");
        let found = states(&data, "set aside", 0);
        assert_eq!(found.len(), 1, "it ran, and only the other waits: {found:?}");
        std::fs::remove_file(&open).expect("no file");
    });

    // At rest: the other is not thrown away with those that were set aside, but when it is named.
    command(&data, Mending::Discard, &["--all"]).expect("nothing to do");
    assert_eq!(states(&data, "pending", 1).len(), 1);
    let moment = Moment::open(&data, Default::default()).expect("a world");
    let mut waiting = None;
    each_task(&moment, &mut |id, _| {
        waiting = Some(id);
        ControlFlow::Break(())
    })
    .expect("a world that can be read");
    drop(moment);
    let waiting = waiting.expect("a task").to_string();
    command(&data, Mending::Discard, &[&waiting]).expect("thrown away");
    assert!(states(&data, "pending", 0).is_empty());
    let told = command(&data, Mending::Discard, &[&waiting]).expect_err("gone").to_string();
    assert!(told.contains("there is no task task#"), "{told}");
}

/// Has one task, by the clock on the wall, whose first tick fails.
struct Hourly;

#[task]
struct Chime {
    bell: u32,
}

static CHIMES: AtomicU32 = AtomicU32::new(0);

impl Task for Chime {
    const RETRY: Retry = Retry::NEVER;

    fn run(&self, _: &Ctx) -> Result<()> {
        ensure!(CHIMES.fetch_add(1, Ordering::Relaxed) > 0, "the rope is torn");
        Ok(())
    }
}

impl Game for Hourly {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "hourly";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let hourly = Plan::every(Duration::from_secs(3_600)).starting_at(ctx.wall_time());
        ctx.plan(hourly.by_wall_time().missed(Missed::Skip), Chime { bell: 1 }).map(drop)
    }
    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

/// Whoever has it tried again means that tick, however long the server was down since.
#[test]
fn a_tick_that_was_set_aside_is_run_when_it_is_retried_and_not_taken_for_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("world");
    let serve_until = |unix_ms: u64, chimes: u32| {
        let clock = Arc::new(ManualClock::new(Timestamp { unix_ms }));
        let server = Server::builder(Hourly).data(&data).workers(1).clock(clock);
        let server = server.start().expect("a server");
        for _ in 0..2_000 {
            if CHIMES.load(Ordering::Relaxed) == chimes {
                break;
            }
            sleep(Duration::from_millis(5));
        }
        assert_eq!(CHIMES.load(Ordering::Relaxed), chimes);
        server.stop().expect("a clean end");
    };
    serve_until(1_000_000, 1);
    assert!(states(&data, "set aside", 1)[0].contains("the rope is torn"));
    let retried = arguments_of(&data, &["--all"]);
    run::<Hourly>(&retried, Mending::Retry).map(drop).expect("an order carried out");
    assert!(states(&data, "retrying", 1)[0].contains("\"tries\":0"));
    serve_until(1_060_000, 2);
    assert!(states(&data, "pending", 1)[0].contains("\"due_ms\":4600000"));
}

const DATA: &str = "DAYSTAR_STUBBORN_DATA";
const OPEN: &str = "DAYSTAR_STUBBORN_OPEN";
