//! [`World`]: a whole world at one moment, to be looked at and checked.

use std::cell::RefCell;
use std::ops::ControlFlow;

use daystar_model::{Managed, Ref, Space, Store};

use crate::bail;
use crate::game::problems::Problems;
use crate::game::rules::Result;

/// A world as it was at one moment, for [`Game::verify`](crate::Game::verify) and for a [`Survey`](crate::Survey).
pub struct World<'s> {
    store: &'s dyn Store,
    problems: RefCell<Problems>,
    /// Asked for each object that is looked at, so that who looks need not go on to the end in vain.
    may_go_on: &'s dyn Fn() -> Result<()>,
    /// Whether an object that cannot be read makes [`each`](Self::each) fail.
    is_strict: bool,
}

impl<'s> World<'s> {
    /// Of which `verify` has listed what cannot be read; looked at for as long as `may_go_on` does not refuse.
    pub(crate) fn checked(
        store: &'s dyn Store,
        problems_max: usize,
        may_go_on: &'s dyn Fn() -> Result<()>,
    ) -> Self {
        let problems = RefCell::new(Problems::up_to(problems_max));
        Self { store, problems, may_go_on, is_strict: false }
    }

    /// Which nobody has checked; looked at for as long as `may_go_on` does not refuse.
    pub(crate) fn unchecked(
        store: &'s dyn Store,
        problems_max: usize,
        may_go_on: &'s dyn Fn() -> Result<()>,
    ) -> Self {
        Self { is_strict: true, ..Self::checked(store, problems_max, may_go_on) }
    }

    /// Calls `visit` with every object of type `T`, in the order in which they were made.
    ///
    /// # Errors
    /// What `visit` returns, or that the store cannot be read. A damaged object, which may have been of the type, is an error
    /// in a survey; it is passed over in [`Game::verify`](crate::Game::verify), where it is listed anyway.
    pub fn each<T: Managed>(&self, mut visit: impl FnMut(Ref<T>, &T) -> Result<()>) -> Result<()> {
        let mut outcome = Ok(());
        let (first, last) = (Space::Object.first(), Space::Object.last());
        self.store.scan_of(T::TYPE_NAME, first, last, &mut |id, found| {
            outcome = match found {
                Ok((_, value)) => (self.may_go_on)().and_then(|()| {
                    let value = value.as_any().downcast_ref::<T>();
                    value.map_or(Ok(()), |value| visit(Ref::from_id(id), value))
                }),
                Err(cause) if self.is_strict => Err(cause.into()),
                Err(_) => Ok(()),
            };
            // Whoever waits for this to end shall not wait for the rest of the world.
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome
    }

    /// The object, as it was.
    ///
    /// # Errors
    /// There was none, it is of another type, or it cannot be read.
    pub fn get<T: Managed>(&self, object: Ref<T>) -> Result<T> {
        match self.find(object)? {
            Some(value) => Ok(value),
            None => bail!("there was no {} {}", T::TYPE_NAME, object.id()),
        }
    }

    /// The object, as it was; `None` if there was none.
    ///
    /// # Errors
    /// It is of another type, or cannot be read.
    pub fn find<T: Managed>(&self, object: Ref<T>) -> Result<Option<T>> {
        (self.may_go_on)()?;
        let id = object.id();
        // What the framework keeps in other spaces is nobody's object, whoever has made the reference up.
        if id.space() != Space::Object {
            return Ok(None);
        }
        let Some((_, value)) = self.store.load(id)? else { return Ok(None) };
        match value.as_any().downcast_ref::<T>() {
            Some(value) => Ok(Some(value.clone())),
            None => bail!("{id} is of type {}, not {}", value.descriptor().name, T::TYPE_NAME),
        }
    }

    /// Reports that the world breaks a rule, and goes on.
    pub fn problem(&self, problem: impl Into<String>) {
        self.problems.borrow_mut().add(BROKEN_RULES, || problem.into());
    }

    /// What has been reported so far: in a survey the first thousand, of which [`problem_count`](Self::problem_count) may
    /// tell that there are more.
    pub fn problems(&self) -> Vec<String> {
        self.problems.borrow().listed().to_vec()
    }

    /// How many problems have been reported so far.
    pub fn problem_count(&self) -> u64 {
        self.problems.borrow().count()
    }

    pub(crate) fn store(&self) -> &'s dyn Store {
        self.store
    }

    pub(crate) fn into_problems(self) -> Problems {
        self.problems.into_inner()
    }
}

/// What problems of this kind are called.
const BROKEN_RULES: &str = "broken rules of the game";

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use daystar_model::managed::Object;
    use daystar_model::store::{Batch, StoreError, Stored, Visit, VisitUntil};
    use daystar_model::{CommitNumber, ObjectId};

    use super::*;
    use crate::prelude::*;

    #[managed(name = "world.Pebble")]
    struct Pebble {}

    /// A hundred pebbles, and how many of them were gone through.
    struct Beach(AtomicU64);

    impl Store for Beach {
        fn load(&self, _: ObjectId) -> std::result::Result<Option<Stored>, StoreError> {
            Ok(None)
        }
        fn apply(&self, _: &Batch) -> std::result::Result<(), StoreError> {
            Ok(())
        }
        fn scan(
            &self,
            _: ObjectId,
            _: ObjectId,
            _: &mut Visit<'_>,
        ) -> std::result::Result<(), StoreError> {
            Ok(())
        }
        fn scan_of(
            &self,
            _: &str,
            _: ObjectId,
            _: ObjectId,
            visit: &mut VisitUntil<'_>,
        ) -> std::result::Result<(), StoreError> {
            for index in 1..=100 {
                self.0.fetch_add(1, Ordering::Relaxed);
                let pebble: Arc<dyn Object> = Arc::new(Pebble {});
                let id = ObjectId::new(Space::Object, index);
                if visit(id, Ok((CommitNumber(1), pebble))).is_break() {
                    break;
                }
            }
            Ok(())
        }
        fn last_commit(&self) -> std::result::Result<CommitNumber, StoreError> {
            Ok(CommitNumber(1))
        }
        fn next_index(&self) -> std::result::Result<u64, StoreError> {
            Ok(101)
        }
    }

    #[test]
    fn a_look_that_is_refused_goes_through_no_more_of_the_world() {
        let store = Beach(AtomicU64::new(0));
        let asked = AtomicU64::new(0);
        let may_go_on = || match asked.fetch_add(1, Ordering::Relaxed) {
            0..5 => Ok(()),
            _ => bail!("the server is stopping"),
        };
        let world = World::unchecked(&store, 1, &may_go_on);
        let told = world.each::<Pebble>(|_, _| Ok(())).expect_err("it is refused");
        assert!(format!("{told:?}").contains("stopping"), "{told:?}");
        assert_eq!(store.0.load(Ordering::Relaxed), 6);
    }
}
