//! P8: a world may be larger than memory. What is cold and in the store is taken out of memory and loaded again, and no
//! task can tell; only the counts can.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Account, Note, Story, committed, fault, is_first, no_memory};
use daystar_engine::{Attempt, Breaks, Fault, Settings};
use daystar_model::{ObjectId, Space};

/// A world of so many bytes.
fn limited(memory: u64) -> Story {
    Story::new(Settings { memory: Some(memory), ..Settings::default() })
}

fn notes(story: &Story, count: u64, bytes: usize) -> Vec<ObjectId> {
    (0..count).map(|_| story.insert(Note { text: "x".repeat(bytes) })).collect()
}

fn read(story: &Story, id: ObjectId) {
    committed(story.run(move |attempt| Ok(attempt.get::<Note>(id).map(drop)?)));
}

/// Everything that can go is out of memory afterwards.
fn forget(story: &Story) {
    if let Some(store) = &story.store {
        store.catch_up();
    }
    for _ in 0..16 {
        committed(story.run(|attempt| {
            attempt.insert(Space::Object, Account { gold: 0 })?;
            Ok(())
        }));
    }
}

/// That a world takes hardly more than `empty`, once the store has all and everything that is listed was looked at.
fn assert_all_is_forgotten(story: &Story, empty: u64) {
    story.store.as_ref().expect("a store").catch_up();
    story.engine.look_for_gone();
    let counts = story.counts();
    assert!(counts.bytes < empty + 50_000, "{} bytes, {empty} before", counts.bytes);
    assert_eq!(counts.bytes, story.engine.recount());
    assert!(counts.objects < 64, "{} are still known, and more than neighbours", counts.objects);
}

/// So many ids come and go that their cells alone would take some megabytes.
#[test]
fn what_has_come_and_gone_takes_no_memory() {
    const ROUNDS: u32 = 1_500;
    let story = limited(1 << 30);
    let made = Arc::<Mutex<Vec<ObjectId>>>::default();
    let stays = story.insert(Account { gold: 7 });
    let empty = story.counts().bytes;
    for _ in 0..ROUNDS {
        let told = Arc::clone(&made);
        committed(story.run(move |attempt| {
            let fresh = |_| attempt.insert(Space::Object, Account { gold: 1 });
            *told.lock().expect("nobody panics with it") =
                (0..50).map(fresh).collect::<Result<_, Fault>>()?;
            Ok(())
        }));
        let gone = made.lock().expect("nobody panics with it").clone();
        committed(story.run(move |attempt| {
            gone.iter().try_for_each(|id| Ok(attempt.remove::<Account>(*id)?))
        }));
    }
    // Of what was removed last, some is not stored, and nobody looks after every commit.
    let meanwhile = story.counts().bytes;
    assert!(meanwhile < empty + 1_500_000, "{meanwhile} bytes, {empty} before");
    assert_all_is_forgotten(&story, empty);
    assert_eq!(story.gold(stays), Some(7), "its neighbours went, and it with them");
    // What is gone is answered for as ever, and may even be made again.
    let gone = made.lock().expect("nobody panics with it")[0];
    assert_eq!(story.gold(gone), None);
    let add = move |attempt: &Attempt<'_>| {
        attempt.update(gone, |account: &mut Account| {
            account.gold += 1;
            Ok(())
        })
    };
    assert!(matches!(fault(story.run(add)), Fault::NotFound { .. }));
    committed(story.run(move |attempt| Ok(attempt.insert_at(gone, Account { gold: 9 })?)));
    assert_eq!(story.gold(gone), Some(9));
}

/// So many names are asked for that nothing is bound to, and bound for a while, that their cells alone would take some megabytes.
/// Nobody but those who bind names gets the store on.
#[test]
fn names_that_nothing_is_bound_to_take_no_memory() {
    const ROUNDS: u64 = 1_500;
    const NAMES: u64 = 50;
    let story = limited(1 << 30);
    let names = |round: u64| {
        // As far from one another as hashes are.
        let hash =
            move |index: u64| (round * NAMES + index).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2;
        (0..NAMES).map(move |index| ObjectId::new(Space::Name, hash(index)))
    };
    let stays = ObjectId::new(Space::Name, 7);
    committed(story.run(move |attempt| Ok(attempt.insert_at(stays, Account { gold: 7 })?)));
    let empty = story.counts().bytes;
    for round in 0..ROUNDS {
        committed(story.look(move |attempt| {
            for name in names(round) {
                assert!(attempt.find::<Account>(name)?.is_none());
            }
            Ok(())
        }));
    }
    let meanwhile = story.counts().bytes;
    assert!(meanwhile < empty + 300_000, "{meanwhile} bytes after looks, {empty} before");
    for round in 0..ROUNDS {
        committed(story.run(move |attempt| {
            Ok(names(round).try_for_each(|name| attempt.insert_at(name, Account { gold: 1 }))?)
        }));
        committed(story.run(move |attempt| {
            Ok(names(round).try_for_each(|name| attempt.remove::<Account>(name))?)
        }));
    }
    let meanwhile = story.counts().bytes;
    assert!(meanwhile < empty + 5_000_000, "{meanwhile} bytes after bindings, {empty} before");
    assert_all_is_forgotten(&story, empty);
    assert_eq!(story.gold(stays), Some(7), "what is bound went with what is not");
    let again = names(0).next().expect("there are some");
    assert_eq!(story.gold(again), None);
    committed(story.run(move |attempt| Ok(attempt.insert_at(again, Account { gold: 9 })?)));
    assert_eq!(story.gold(again), Some(9));
}

/// One copies what an account holds, and meanwhile another adds to the account, which then goes out of memory. Without a
/// look at the number of what is away, what was there before would be copied.
fn copied(breaks: Breaks) -> Option<i64> {
    let story = Arc::new(Story::new(Settings { breaks, ..no_memory() }));
    let [from, to] = [0, 0].map(|gold| story.insert(Account { gold }));
    let (others, attempts) = (Arc::clone(&story), Arc::<AtomicU32>::default());
    committed(story.run(move |attempt| {
        let gold = attempt.get::<Account>(from)?.gold;
        if is_first(&attempts) {
            let others = &others;
            thread::scope(|scope| {
                scope.spawn(|| {
                    committed(others.run(move |attempt| {
                        attempt.get_mut::<Account>(from)?.gold += 1;
                        Ok(())
                    }));
                    forget(others);
                });
            });
        }
        attempt.get_mut::<Account>(to)?.gold = gold;
        Ok(())
    }));
    assert_ne!(story.counts().evictions, 0, "nothing was taken out of memory");
    story.gold(to)
}

#[test]
fn what_was_read_and_is_away_validates_by_its_number() {
    assert_eq!(copied(Breaks::default()), Some(1), "what was before was copied");
    let breaks = Breaks { away_is_unchanged: true, ..Breaks::default() };
    assert_eq!(copied(breaks), Some(0), "validation is off, and nothing came of it");
}

#[test]
fn what_the_store_does_not_have_stays() {
    let told = |breaks| {
        let story = Story::new(Settings { breaks, ..no_memory() });
        let accounts = story.accounts(4, 7);
        // The last of them have not been written.
        let seen: Vec<_> = accounts.iter().map(|id| story.run(look_at(*id))).collect();
        seen.iter().all(common::is_committed)
    };
    assert!(told(Breaks::default()), "something was lost");
    let breaks = Breaks { evicts_early: true, ..Breaks::default() };
    assert!(!told(breaks), "what is not stored was taken out of memory, and nobody noticed");
}

fn look_at(id: ObjectId) -> impl common::Work {
    move |attempt: &Attempt<'_>| Ok(attempt.get::<Account>(id).map(drop)?)
}

/// What is changed without a look has to be brought for it.
#[test]
fn what_is_away_can_be_changed_blindly_and_removed_and_is_in_the_way_of_another() {
    let story = Story::new(no_memory());
    let name = ObjectId::new(Space::Name, 5);
    let [adds, removes] = [0, 1].map(|_| story.insert(Account { gold: 1 }));
    committed(story.run(move |attempt| Ok(attempt.insert_at(name, Account { gold: 1 })?)));
    forget(&story);
    let before = story.counts();
    committed(story.run(move |attempt| {
        attempt.update(adds, |account: &mut Account| {
            account.gold += 1;
            Ok(())
        })?;
        Ok(attempt.remove::<Account>(removes)?)
    }));
    let exists = Fault::Exists { type_name: "Account", id: name };
    let inserted = story.run(move |attempt| Ok(attempt.insert_at(name, Account { gold: 9 })?));
    assert_eq!(fault(inserted), exists);
    assert_eq!(story.counts().loads, before.loads + 3, "all three were away");
    assert_eq!((story.gold(adds), story.gold(removes), story.gold(name)), (Some(2), None, Some(1)));
    story.end();
}

/// Whoever looks at the past sees it, also of what went out of memory and was changed while it looked.
#[test]
fn the_past_of_what_was_away_is_seen() {
    let story = Arc::new(Story::new(no_memory()));
    let accounts = story.accounts(2, 1);
    forget(&story);
    let (others, all) = (Arc::clone(&story), Arc::clone(&accounts));
    committed(story.look(move |attempt| {
        let first = attempt.get::<Account>(all[0])?.gold;
        let (others, changed) = (&others, Arc::clone(&all));
        thread::scope(|scope| {
            scope.spawn(move || {
                // It has been away until now, and its value of before is still wanted.
                committed(others.run(move |attempt| {
                    for account in changed.iter() {
                        attempt.update(*account, |account: &mut Account| {
                            account.gold += 1;
                            Ok(())
                        })?;
                    }
                    Ok(())
                }));
                forget(others);
            });
        });
        assert_eq!(first + attempt.get::<Account>(all[1])?.gold, 2, "the world was torn");
        Ok(())
    }));
    assert_eq!(story.total(&accounts), 4);
}

#[test]
fn memory_stays_within_the_budget_and_what_is_hot_stays_in_memory() {
    const HOT: usize = 200;
    const BUDGET: u64 = 4 << 20;
    let story = limited(BUDGET);
    // Five times the budget, of which a tenth is looked at all the time.
    let all = notes(&story, 20_000, 1000);
    assert!(story.counts().bytes <= BUDGET / 4 * 5, "{:?}", story.counts());
    let hot = &all[..HOT];
    for _ in 0..5 {
        hot.iter().for_each(|id| read(&story, *id));
    }
    let mut loads_of_hot = 0;
    for some in all[HOT..].chunks(HOT) {
        some.iter().for_each(|id| read(&story, *id));
        let before = story.counts().loads;
        hot.iter().for_each(|id| read(&story, *id));
        loads_of_hot += story.counts().loads - before;
    }
    let counts = story.counts();
    assert!(counts.bytes <= BUDGET / 4 * 5, "{counts:?}");
    assert!(counts.evictions > 15_000 && counts.loads > 15_000, "{counts:?}");
    let looks = (all.len() / HOT - 1) * HOT;
    assert!(loads_of_hot < looks as u64 / 20, "{loads_of_hot} of {looks} looks at what is hot");
    assert_eq!(story.engine.recount(), counts.bytes, "the tally is wrong");
}

/// What was there before memory got short is known of too, wherever it is.
#[test]
fn what_was_there_before_memory_got_short_goes_too() {
    const BUDGET: u64 = 2 << 20;
    let story = limited(BUDGET);
    for index in 0..600 {
        let name = ObjectId::new(Space::Name, index * 977);
        let text = "x".repeat(1000);
        committed(story.run(move |attempt| {
            attempt.insert(Space::Task, Note { text: text.clone() })?;
            Ok(attempt.insert_at(name, Note { text: text.clone() })?)
        }));
    }
    assert_eq!(story.counts().evictions, 0, "there is room yet");
    let later = notes(&story, 4000, 1000);
    // Nearly as much as there is room for is used again and again.
    for _ in 0..6 {
        later[..1300].iter().for_each(|id| read(&story, *id));
    }
    let before = story.counts();
    assert!(before.bytes <= BUDGET / 4 * 5, "{before:?}");
    for index in 0..600 {
        read(&story, ObjectId::new(Space::Name, index * 977));
    }
    let loads = story.counts().loads - before.loads;
    assert!(loads > 300, "what was first stayed for good: {loads}");
}

/// While the store does not get on, what it does not have stays, and jobs go on all the same.
#[test]
fn a_store_that_does_not_get_on_stops_nobody() {
    const BUDGET: u64 = 1 << 20;
    let story = limited(BUDGET);
    story.store.iter().for_each(|store| store.disk.stand_still(true));
    let all = notes(&story, 2000, 1000);
    assert!(story.counts().bytes > 2 * BUDGET && story.counts().evictions == 0);
    story.store.iter().for_each(|store| store.disk.stand_still(false));
    forget(&story);
    forget(&story);
    assert!(story.counts().bytes <= BUDGET / 4 * 5, "{:?}", story.counts());
    all.iter().for_each(|id| read(&story, *id));
    story.end();
}

/// Jobs wait for a store that gets on, rather than take more and more memory.
#[test]
fn jobs_wait_for_a_store_that_is_behind() {
    const BUDGET: u64 = 1 << 20;
    let story = limited(BUDGET);
    story.store.iter().for_each(|store| store.disk.stand_still(true));
    let (is_over, most) = (AtomicBool::new(false), std::sync::atomic::AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                story.store.iter().for_each(|store| store.write(16));
                thread::yield_now();
            }
        });
        for _ in 0..5000 {
            story.insert(Note { text: "x".repeat(1000) });
            most.fetch_max(story.counts().bytes, Ordering::SeqCst);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let most = most.into_inner();
    assert!(most < 2 * BUDGET, "{most} bytes were taken");
}

#[test]
fn a_job_that_needs_more_than_memory_has_room_for_is_told() {
    let story = limited(8 << 20);
    let all: Arc<[ObjectId]> = notes(&story, 300, 100_000).into();
    let some = Arc::clone(&all);
    let read_all = |all: Arc<[ObjectId]>| {
        move |attempt: &Attempt<'_>| {
            all.iter().try_for_each(|id| attempt.get::<Note>(*id).map(drop))?;
            Ok(())
        }
    };
    let fault = fault(story.run(read_all(all)));
    let Fault::LoadsTooMuch { limit, bytes, .. } = fault else { panic!("{fault}") };
    assert!(limit == 1 << 20 && bytes > limit && bytes < 2 * limit);
    committed(story.run(read_all(some[..8].into())));
    let swallows = Arc::clone(&some);
    let outcome = story.run(move |attempt| {
        let _ = swallows.iter().try_for_each(|id| attempt.get::<Note>(*id).map(drop));
        Ok(())
    });
    assert!(
        matches!(common::fault(outcome), Fault::LoadsTooMuch { .. }),
        "it went on all the same"
    );
    assert!(story.counts().bytes < 10 << 20);
}
