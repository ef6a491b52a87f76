//! Tasks that one program has stored and the next one runs, in which their type has a new version.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use daystar_model::{Batch, Change, ManualClock, Space, Timestamp};
use daystar_store::{LmdbStore, Options};

use super::*;
use crate::game::closure::Closure;
use crate::game::task_record::{TASK_KINDS, TaskKinds};
use crate::prelude::{
    CallKey, Ctx, External, Game, Managed, Ref, Result, Retry, Session, Task, external, managed,
    message, task,
};
use crate::server::Server;

#[message]
struct Nothing;

#[managed(name = "upgraded.Jar")]
struct Jar {
    drops: u64,
}

/// In the program as it was.
#[task(name = "before.Drip")]
struct DripBefore {
    jar: Ref<Jar>,
    drops: u8,
}

impl Task for DripBefore {
    fn run(&self, _: &Ctx) -> Result<()> {
        panic!("it is not due before the new program is there");
    }
}

/// The same in the new program.
#[managed(name = "upgraded.Drip", version = 1, old)]
struct DripV1 {
    jar: Ref<Jar>,
    drops: u8,
}

#[task(name = "upgraded.Drip", version = 2, from = DripV1)]
struct Drip {
    jar: Ref<Jar>,
    drops: u64,
    factor: u64,
}

impl From<DripV1> for Drip {
    fn from(before: DripV1) -> Self {
        Self { jar: before.jar, drops: before.drops.into(), factor: 10 }
    }
}

impl Task for Drip {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        ctx.get_mut(self.jar)?.drops += self.drops * self.factor;
        Ok(())
    }
}

struct Cellar;

impl Game for Cellar {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "cellar";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let jar = ctx.insert(Jar { drops: 0 })?;
        ctx.bind("jar", jar)?;
        ctx.schedule(HOUR, DripBefore { jar, drops: 3 })?;
        ctx.every(HOUR, DripBefore { jar, drops: 1 }).map(drop)
    }
    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
const HOUR_MS: u64 = 3_600_000;

fn open(data: &Path, now_ms: u64) -> (Server, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp { unix_ms: now_ms }));
    let builder = Server::builder(Cellar).data(data).workers(1).clock(clock.clone());
    (builder.start().expect("a server"), clock)
}

/// What the program before had stored, under the name that it really had: so many tasks of one kind, which is laid out so for the
/// new program.
fn rename(data: &Path, tasks: usize, layout: Option<String>) {
    let store = LmdbStore::open(data, Options::default()).expect("a world");
    let old = |name: &str| name.replace("before.", "upgraded.");
    let last = store.last_commit().expect("a commit").next();
    let mut changes: Vec<(ObjectId, _, Change)> = Vec::new();
    let (_, list) = store.load(TASK_KINDS).expect("a store").expect("a list");
    let mut list = list.as_any().downcast_ref::<TaskKinds>().expect("a list").clone();
    for kind in &mut list.kinds {
        kind.type_name = old(&kind.type_name);
        kind.layout = kind.layout.as_deref().map(old);
    }
    assert_eq!(list.kinds.len(), 1);
    assert_eq!(list.kinds[0].layout, layout, "it is what the new program reads");
    changes.push((TASK_KINDS, last, Some(Arc::new(list))));
    let scanned = store.scan(Space::Task.first(), Space::Task.last(), &mut |id, found| {
        let (_, value) = found.expect("a record");
        let record = value.as_any().downcast_ref::<TaskRecord>().expect("a task").clone();
        let type_name = old(&record.type_name);
        changes.push((id, last, Some(Arc::new(TaskRecord { type_name, ..record }))));
    });
    scanned.expect("a store");
    assert_eq!(changes.len(), 1 + tasks);
    let next_index = store.next_index().expect("a store");
    store.apply(&Batch { changes, last, next_index }).expect("room");
}

fn drops(server: &Server) -> u64 {
    let found = Arc::<Mutex<u64>>::default();
    let told = Arc::clone(&found);
    let look = Closure::new(move |ctx| {
        *told.lock() = ctx.get(ctx.lookup::<Jar>("jar")?)?.drops;
        Ok(())
    });
    run(&server.engine(), &look.read_only()).expect("a jar");
    *found.lock()
}

/// The drops in the jar, when there are so many; what there are when there never are.
fn drops_in_the_end(server: &Server, wanted: u64) -> u64 {
    for _ in 0..2_000 {
        if drops(server) >= wanted {
            break;
        }
        sleep(Duration::from_millis(1));
    }
    drops(server)
}

#[test]
fn tasks_that_wait_are_run_as_what_they_have_become() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = open(folder.path(), HOUR_MS);
    server.stop().expect("a clean end");
    rename(folder.path(), 2, Drip::layout(1));
    let (server, clock) = open(folder.path(), HOUR_MS);
    clock.set(Timestamp { unix_ms: 2 * HOUR_MS });
    assert_eq!(drops_in_the_end(&server, 40), 40, "both have run, each once");
    // A periodic task stays what it was stored as, and is upgraded for each tick.
    clock.set(Timestamp { unix_ms: 3 * HOUR_MS });
    assert_eq!(drops_in_the_end(&server, 50), 50);
    server.stop().expect("a clean end");
    let (server, clock) = open(folder.path(), 3 * HOUR_MS);
    clock.set(Timestamp { unix_ms: 4 * HOUR_MS });
    assert_eq!(drops_in_the_end(&server, 60), 60);
    server.stop().expect("a clean end");
}

/// In the program as it was.
#[task(name = "before.Mail")]
struct MailBefore {
    number: u64,
}

impl Task for MailBefore {
    fn run(&self, _: &Ctx) -> Result<()> {
        panic!("it is not due before the new program is there");
    }
}

/// In the new program the outside world is called.
#[external(name = "upgraded.Mail")]
struct Mail {
    number: u64,
}

impl External for Mail {
    type Output = Jar;
    const RETRY: Retry = Retry::NEVER;

    async fn call(self, _: CallKey) -> Result<Jar> {
        Ok(Jar { drops: self.number })
    }
    fn done(&self, _: &Ctx, _: Jar) -> Result<()> {
        Ok(())
    }
}

struct Post;

impl Game for Post {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "post";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        ctx.schedule(HOUR, MailBefore { number: 7 }).map(drop)
    }
    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_task_that_has_become_another_kind_of_work_is_set_aside_and_not_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |hour: u64| {
        let clock = Arc::new(ManualClock::new(Timestamp { unix_ms: hour * HOUR_MS }));
        let builder = Server::builder(Post).data(folder.path()).workers(1).clock(clock.clone());
        (builder.start().expect("a server"), clock)
    };
    open(1).0.stop().expect("a clean end");
    rename(folder.path(), 1, Mail::layout(1));
    let task = {
        let store = LmdbStore::open(folder.path(), Options::default()).expect("a world");
        let (mut found, all) = (None, Space::Task.first()..=Space::Task.last());
        let scanned = store.scan(*all.start(), *all.end(), &mut |id, _| found = Some(id));
        scanned.expect("a store");
        found.expect("a task")
    };
    let (server, clock) = open(1);
    clock.set(Timestamp { unix_ms: 2 * HOUR_MS });
    let cause = Arc::<Mutex<Option<String>>>::default();
    for _ in 0..2_000 {
        let tell = Arc::clone(&cause);
        let look = Closure::new(move |ctx| {
            let record = ctx.attempt().find::<TaskRecord>(task)?;
            let trouble = record.and_then(|record| record.trouble.clone());
            *tell.lock() = trouble.filter(|trouble| trouble.again.is_none()).map(|it| it.cause);
            Ok(())
        });
        run(&server.engine(), &look.read_only()).expect("a world");
        if cause.lock().is_some() {
            break;
        }
        sleep(Duration::from_millis(1));
    }
    server.stop().expect("a clean end");
    let cause = cause.lock().take().expect("it was set aside");
    assert!(cause.contains("`upgraded.Mail`") && cause.contains("another kind"), "{cause}");
}
