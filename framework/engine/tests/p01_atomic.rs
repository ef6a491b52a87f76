//! P1: all that a job does happens when it commits, or none of it. Here one job does everything that a job can do, and
//! then ends in every way that there is.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use common::{
    Account, Note, Story, Work, cause, committed, is_first, message, reason, refusal, run,
};
use daystar_engine::{Attempt, Breaks, Error, Settings};
use daystar_model::{ObjectId, Space};

/// A world in which a job can do everything.
struct World {
    story: Story,
    /// Is changed.
    account: ObjectId,
    /// Is added to without looking.
    chest: ObjectId,
    /// Is removed.
    note: ObjectId,
    /// The id that the job's new object was given.
    new: Arc<AtomicU64>,
}

const NAME: ObjectId = ObjectId::new(Space::Name, 7);

impl World {
    fn new() -> Self {
        let story = Story::new(Settings::default());
        let account = story.insert(Account { gold: 10 });
        let chest = story.insert(Account { gold: 20 });
        let note = story.insert(Note { text: "here".to_owned() });
        Self { story, account, chest, note, new: Arc::default() }
    }

    /// A job that does everything, then ends as `end` says.
    fn everything(&self, end: fn(&Attempt<'_>) -> Result<(), Error>) -> impl Work {
        let (account, chest, note) = (self.account, self.chest, self.note);
        let new = Arc::clone(&self.new);
        move |attempt: &Attempt<'_>| {
            let id = attempt.insert(Space::Object, Account { gold: 1 })?;
            new.store(id.to_raw(), Ordering::Relaxed);
            attempt.get_mut::<Account>(account)?.gold += 5;
            attempt.effect(message("first"));
            attempt.remove::<Note>(note)?;
            attempt.insert_at(NAME, Note { text: "bound".to_owned() })?;
            attempt.update(chest, |chest: &mut Account| {
                chest.gold += 5;
                Ok(())
            })?;
            attempt.effect(message("second"));
            end(attempt)
        }
    }

    fn new_object(&self) -> Option<i64> {
        self.story.gold(ObjectId::from_raw(self.new.load(Ordering::Relaxed)))
    }

    /// A job that ends like this leaves nothing, and nothing is locked or lost: the same can still be done.
    fn assert_leaves_nothing(self, end: fn(&Attempt<'_>) -> Result<(), Error>, wanted: &str) {
        let said = reason(&cause(self.story.run(self.everything(end))));
        assert_eq!(said, wanted);
        assert_eq!(self.story.gold(self.account), Some(10));
        assert_eq!(self.story.gold(self.chest), Some(20));
        assert!(self.story.value::<Note>(self.note).is_some());
        assert_eq!(self.story.value::<Note>(NAME), None);
        assert_eq!(self.new_object(), None);
        assert_eq!(self.story.log.effects(), []);
        self.assert_all_happens();
    }

    fn assert_all_happens(self) {
        let number = committed(self.story.run(self.everything(|_| Ok(()))));
        assert_eq!(self.story.gold(self.account), Some(15));
        assert_eq!(self.story.gold(self.chest), Some(25));
        assert_eq!(self.story.value::<Note>(self.note), None);
        assert_eq!(self.story.value::<Note>(NAME).map(|note| note.text).as_deref(), Some("bound"));
        assert_eq!(self.new_object(), Some(1));
        let log = self.story.log.all();
        let handed = log.iter().find(|handed| handed.number == number).expect("it is handed on");
        let new = ObjectId::from_raw(self.new.load(Ordering::Relaxed));
        let is_there = [(self.account, true), (self.chest, true), (self.note, false)];
        assert_eq!(handed.changes, [&is_there[..], &[(new, true), (NAME, true)]].concat());
        assert_eq!(self.story.log.effects(), [message("first"), message("second")]);
        self.story.end();
    }
}

#[test]
fn all_of_a_job_happens_in_one_commit() {
    World::new().assert_all_happens();
}

#[test]
fn a_job_that_refuses_leaves_nothing() {
    World::new().assert_leaves_nothing(|_| refusal("not today"), "not today");
}

#[test]
fn a_job_that_meets_a_fault_leaves_nothing() {
    let end = |attempt: &Attempt<'_>| {
        attempt.get::<Account>(ObjectId::new(Space::Name, 8))?;
        Ok(())
    };
    let wanted =
        "Account name#8, which task `test` wants, does not exist: it was removed, or never was";
    World::new().assert_leaves_nothing(end, wanted);
}

#[test]
fn a_job_that_panics_leaves_nothing() {
    World::new().assert_leaves_nothing(|_| panic!("out of cheese"), "out of cheese");
}

/// Its other changes are private no more when this fails: all its objects are locked.
#[test]
fn a_job_whose_blind_change_is_refused_in_the_commit_leaves_nothing() {
    let end = |attempt: &Attempt<'_>| {
        let chest = ObjectId::new(Space::Object, 2);
        attempt.update(chest, |_: &mut Account| refusal("the chest is shut"))
    };
    World::new().assert_leaves_nothing(end, "the chest is shut");
}

#[test]
fn a_job_whose_blind_change_panics_in_the_commit_leaves_nothing() {
    let end = |attempt: &Attempt<'_>| {
        let chest = ObjectId::new(Space::Object, 2);
        attempt.update(chest, |_: &mut Account| panic!("the chest bites"))
    };
    World::new().assert_leaves_nothing(end, "the chest bites");
}

/// A job whose first attempt says something, then meets another commit.
fn doomed(story: &Story, account: ObjectId) -> impl Work {
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
    move |attempt: &Attempt<'_>| {
        let gold = attempt.get::<Account>(account)?.gold;
        attempt.effect(message(format!("there is {gold}")));
        if is_first(&attempts) {
            committed(run(&engine, move |attempt| {
                attempt.get_mut::<Account>(account)?.gold += 1;
                Ok(())
            }));
        }
        attempt.get_mut::<Account>(account)?.gold += 100;
        Ok(())
    }
}

#[test]
fn what_an_attempt_said_that_was_thrown_away_is_never_heard() {
    let story = Story::new(Settings::default());
    let account = story.insert(Account { gold: 0 });
    committed(story.run(doomed(&story, account)));
    assert_eq!(story.counts().conflicts, 1, "its first attempt was thrown away");
    assert_eq!(story.log.effects(), [message("there is 1")]);
    assert_eq!(story.gold(account), Some(101));
    story.end();
}

#[test]
fn an_engine_that_hands_on_effects_too_early_is_caught() {
    let breaks = Breaks { effects_early: true, ..Breaks::default() };
    let story = Story::new(Settings { breaks, ..Settings::default() });
    let account = story.insert(Account { gold: 0 });
    committed(story.run(doomed(&story, account)));
    assert_eq!(story.log.effects(), [message("there is 0"), message("there is 1")]);
    let difference = story.judge().expect_err("nothing was noticed");
    assert_eq!(difference.kind, "the sink");
}

/// Its failure is told, and what it did itself is not.
#[test]
fn a_failed_job_says_only_that_it_failed() {
    let world = World::new();
    let outcome = world.story.ask(world.everything(|_| refusal("not today")));
    assert_eq!(reason(&cause(outcome)), "not today");
    let effects = world.story.log.effects();
    let [daystar_engine::Effect::Refuse { reason, .. }] = &effects[..] else {
        panic!("somebody is told once: {effects:?}")
    };
    assert_eq!(reason, "not today");
    assert_eq!(world.story.gold(world.account), Some(10));
    world.story.end();
}
