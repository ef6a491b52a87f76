//! P8: what one job may use has limits, and at each the job fails with an error that says which: objects, bytes, time.
//! (Its attempts are limited too; there the last is certain to commit, see the conflict ladder.)

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use common::{Account, EmptyStore, Note, SESSION, Story, committed, fault, run};
use daystar_engine::{Effect, Engine, Error, Fault, Limits, Outcome, Overdue, Settings};
use daystar_model::{ManualClock, ObjectId, Space};

fn limited(limits: Limits) -> Settings {
    Settings { limits, ..Settings::default() }
}

#[test]
fn a_job_may_touch_so_many_objects_and_no_more() {
    let story = Story::new(limited(Limits { objects_max: 10, ..Limits::default() }));
    let accounts = story.accounts(11, 0);
    let all = Arc::clone(&accounts);
    let touch = move |count: usize, swallows: bool| {
        let all = Arc::clone(&all);
        move |attempt: &daystar_engine::Attempt<'_>| {
            for round in 0..2 {
                for account in &all[..count] {
                    let changed = attempt.get_mut::<Account>(*account);
                    match changed {
                        Ok(mut account) => account.gold += round,
                        Err(_) if swallows => {}
                        Err(fault) => return Err(fault.into()),
                    }
                }
            }
            Ok(())
        }
    };
    committed(story.run(touch(10, false)));
    assert_eq!(story.total(&accounts), 10, "ten may be touched, as often as it likes");
    let wanted = Fault::TooManyObjects { job: "test", limit: 10 };
    assert_eq!(fault(story.run(touch(11, false))), wanted);
    assert_eq!(story.total(&accounts), 10, "and nothing of the job has happened");
    // Who goes on without the eleventh may have left something half done.
    assert_eq!(fault(story.run(touch(11, true))), wanted);
    assert_eq!(story.total(&accounts), 10, "whatever it made of being told");
    committed(story.run(touch(10, true)));
    assert_eq!(story.total(&accounts), 20);
    story.end();
}

/// New objects, absent ones and those changed blindly are touched too.
#[test]
fn every_way_to_touch_an_object_counts() {
    let story = Story::new(limited(Limits { objects_max: 3, ..Limits::default() }));
    let account = story.insert(Account { gold: 0 });
    type Touch = fn(&daystar_engine::Attempt<'_>) -> Result<(), Error>;
    let touches: [Touch; 4] = [
        |attempt| Ok(attempt.insert(Space::Object, Note::default()).map(drop)?),
        |attempt| Ok(attempt.insert_at(ObjectId::new(Space::Name, 9), Note::default())?),
        |attempt| Ok(attempt.find::<Note>(ObjectId::new(Space::Name, 9)).map(drop)?),
        |attempt| attempt.update(ObjectId::new(Space::Name, 9), |_: &mut Note| Ok(())),
    ];
    for touch in touches {
        let outcome = story.run(move |attempt| {
            attempt.get::<Account>(account)?;
            attempt.find::<Note>(ObjectId::new(Space::Name, 1))?;
            attempt.insert(Space::Object, Note::default())?;
            touch(attempt)
        });
        assert_eq!(fault(outcome), Fault::TooManyObjects { job: "test", limit: 3 });
    }
    story.end();
}

#[test]
fn a_job_may_write_so_many_bytes_and_no_more() {
    const LIMIT: usize = 10_000;
    let story = Story::new(limited(Limits { bytes_max: LIMIT, ..Limits::default() }));
    let written = |of_object: usize, of_message: usize| {
        story.run(move |attempt| {
            let text = "x".repeat(of_object);
            attempt.insert(Space::Object, Note { text })?;
            let frame = Bytes::from(vec![0; of_message]);
            attempt.effect(Effect::Send { session: SESSION, frame });
            Ok(())
        })
    };
    let overhead = size_of::<Note>();
    committed(written(LIMIT / 2, LIMIT / 2 - overhead));
    let before = story.log.effects().len();
    for (of_object, of_message) in [(LIMIT, 0), (0, LIMIT), (LIMIT / 2, LIMIT / 2 - overhead + 1)] {
        let bytes = of_object + of_message + overhead;
        let wanted = Fault::TooManyBytes { job: "test", bytes, limit: LIMIT };
        assert_eq!(fault(written(of_object, of_message)), wanted);
    }
    assert_eq!(story.log.effects().len(), before, "nothing of those jobs is heard");
    // What is only read does not count.
    let big = story.insert(Note { text: "x".repeat(LIMIT - overhead) });
    committed(story.run(move |attempt| {
        attempt.get::<Note>(big)?;
        attempt.insert(Space::Object, Note { text: "x".repeat(LIMIT - overhead) })?;
        Ok(())
    }));
    story.end();
}

/// Times are made up by whoever watches: nothing here waits for a clock.
fn watched() -> Engine {
    let limits = Limits { time_warn: at(250), time_max: at(10_000), ..Limits::default() };
    let (store, clock) = (Arc::new(EmptyStore), Arc::new(ManualClock::default()));
    Engine::new(store, Arc::new(()), clock, limited(limits)).expect("an empty store is readable")
}

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn wait_for(flag: &AtomicBool) {
    while !flag.load(Ordering::SeqCst) {
        thread::yield_now();
    }
}

/// What whoever watches is told of a job that runs on and on: late once, stopped once.
fn watch_to_the_end(engine: &Engine) {
    assert_eq!(engine.watch(at(1_000)), [], "it is seen for the first time");
    assert_eq!(engine.watch(at(1_249)), []);
    let late = Overdue { kind: "test", running: at(250), is_stopped: false };
    assert_eq!(engine.watch(at(1_250)), [late]);
    assert_eq!(engine.watch(at(10_999)), [], "it has been reported");
    let stopped = Overdue { kind: "test", running: at(10_000), is_stopped: true };
    assert_eq!(engine.watch(at(11_000)), [stopped]);
    assert_eq!(engine.watch(at(99_999)), [], "it has been stopped");
}

fn too_long() -> Fault {
    Fault::TooLong { job: "test", limit: at(10_000) }
}

#[test]
fn a_job_that_runs_for_too_long_is_reported_and_stopped_at_its_next_call() {
    let engine = watched();
    let is_running = Arc::<AtomicBool>::default();
    let running = Arc::clone(&is_running);
    thread::scope(|scope| {
        let job = scope.spawn(|| {
            run(&engine, move |attempt| {
                let id = attempt.insert(Space::Object, Account { gold: 0 })?;
                loop {
                    attempt.get_mut::<Account>(id)?.gold += 1;
                    running.store(true, Ordering::SeqCst);
                    thread::yield_now();
                }
            })
        });
        wait_for(&is_running);
        watch_to_the_end(&engine);
        assert_eq!(fault(job.join().expect("the job is contained")), too_long());
    });
    // Whoever runs there next has all the time there is.
    committed(run(&engine, |attempt| {
        Ok(attempt.find::<Note>(ObjectId::new(Space::Name, 1)).map(drop)?)
    }));
}

/// It goes on until the engine refuses to, then says that all is well.
#[test]
fn a_job_that_swallows_being_stopped_fails_all_the_same() {
    let engine = watched();
    let is_running = Arc::<AtomicBool>::default();
    let running = Arc::clone(&is_running);
    thread::scope(|scope| {
        let job = scope.spawn(|| {
            run(&engine, move |attempt| {
                attempt.insert(Space::Object, Account { gold: 0 })?;
                let name = ObjectId::new(Space::Name, 1);
                while attempt.find::<Note>(name).is_ok() {
                    running.store(true, Ordering::SeqCst);
                    thread::yield_now();
                }
                Ok(())
            })
        });
        wait_for(&is_running);
        watch_to_the_end(&engine);
        assert_eq!(fault(job.join().expect("the job is contained")), too_long());
    });
    let counts = engine.counts();
    assert_eq!((counts.commits, counts.failures), (0, 1));
}

/// It cannot be stopped, so somebody must be told; and when it ends at last, it has failed.
#[test]
fn a_job_that_never_calls_the_engine_is_reported() {
    let engine = watched();
    let (is_running, may_end) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let (running, end) = (Arc::clone(&is_running), Arc::clone(&may_end));
    thread::scope(|scope| {
        let job = scope.spawn(|| {
            run(&engine, move |_| {
                running.store(true, Ordering::SeqCst);
                wait_for(&end);
                Ok(())
            })
        });
        wait_for(&is_running);
        watch_to_the_end(&engine);
        may_end.store(true, Ordering::SeqCst);
        assert_eq!(fault(job.join().expect("the job is contained")), too_long());
    });
}

/// What is watched is the attempt: two jobs in a row, seen once each, are no long job.
#[test]
fn jobs_that_come_one_after_the_other_are_not_one_long_job() {
    let engine = Arc::new(watched());
    for turn in 0..5 {
        let watcher = Arc::clone(&engine);
        let outcome: Outcome = run(&engine, move |_| {
            assert_eq!(watcher.watch(at(turn * 20_000)), []);
            Ok(())
        });
        committed(outcome);
    }
}
