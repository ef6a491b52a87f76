//! What was not there when it was looked up, when its cell has been given up meanwhile.

use daystar_model::{CommitNumber, ManualClock, ObjectId, Space};

use super::Entry;
use crate::attempt::Attempt;
use crate::coins::{Chest, Gold};
use crate::engine::{Engine, Settings};
use crate::error::Error;
use crate::job::{Job, Outcome};
use crate::sync::Arc;

/// Makes the next object, or removes it.
struct Turn(Option<ObjectId>);

impl Job for Turn {
    fn kind(&self) -> &'static str {
        "turn"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        match self.0 {
            None => attempt.insert(Space::Object, Gold::of(1)).map(drop)?,
            Some(id) => attempt.remove::<Gold>(id)?,
        }
        Ok(())
    }
}

fn committed(engine: &Engine, turn: Turn) -> CommitNumber {
    match engine.run(&turn) {
        Outcome::Committed(number) => number,
        Outcome::Failed(cause) => panic!("{cause:?}"),
    }
}

/// An attempt may be in the middle of moving up to a moment at which the object was there.
#[test]
fn nothing_holds_at_no_moment_before_what_was_given_up_went() {
    let store = Arc::new(Chest(None, 0));
    let (time, settings) = (Arc::new(ManualClock::default()), Settings::default());
    let engine = Engine::new(store, Arc::new(()), time, settings).expect("an empty store");
    let id = ObjectId::new(Space::Object, engine.shared.ids_given());
    let entry = Entry::of_unallocated(id);
    let holds_at = |at| {
        let seated = engine.shared.seats.take();
        let pin = engine.shared.epoch.pin(&engine.shared.seats, seated.seat, &seated.yard);
        entry.still_holds(&engine.shared, false, at, &pin)
    };
    assert!(holds_at(CommitNumber::ZERO));
    let made = committed(&engine, Turn(None));
    assert!(!holds_at(made), "it is there");
    let gone = committed(&engine, Turn(Some(id)));
    assert!(!holds_at(made), "it was there");
    assert!(holds_at(gone), "it is there no more");
    engine.stored(gone);
    let seated = engine.shared.seats.take();
    engine.shared.look_for_gone(&seated);
    drop(seated);
    assert_eq!(engine.counts().objects, 0, "its cell was not given up");
    assert!(!holds_at(made), "it was there");
    assert!(holds_at(gone), "it is there no more");
}
