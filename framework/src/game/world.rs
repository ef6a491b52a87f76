//! [`World`]: a whole world at rest, to be checked.

use std::cell::RefCell;

use daystar_model::{Managed, Ref, Space, Store, StoreError};

use crate::game::rules::Result;

/// A world that no server is running, for [`Game::verify`](crate::Game::verify).
pub struct World<'s> {
    store: &'s dyn Store,
    problems: RefCell<Vec<String>>,
}

impl<'s> World<'s> {
    pub(crate) fn new(store: &'s dyn Store) -> Self {
        Self { store, problems: RefCell::default() }
    }

    /// Calls `visit` with every object of type `T`.
    ///
    /// # Errors
    /// What `visit` returns, or that the store cannot be read. Damaged objects are passed over here: `verify` lists
    /// them by itself.
    pub fn each<T: Managed>(&self, mut visit: impl FnMut(Ref<T>, &T) -> Result<()>) -> Result<()> {
        let mut outcome = Ok(());
        self.store.scan(Space::Object.first(), Space::Object.last(), &mut |id, found| {
            if let (Ok(()), Ok((_, value))) = (&outcome, &found)
                && let Some(value) = value.as_any().downcast_ref::<T>()
            {
                outcome = visit(Ref::from_id(id), value);
            }
        })?;
        outcome
    }

    /// Reports that the world breaks a rule, and goes on.
    pub fn problem(&self, problem: impl Into<String>) {
        self.problems.borrow_mut().push(problem.into());
    }

    /// Counts all objects, and reports those that cannot be read.
    pub(crate) fn check_records(&self) -> Result<u64, StoreError> {
        let mut objects = 0;
        let [first, .., last] = Space::ALL;
        self.store.scan(first.first(), last.last(), &mut |_, found| {
            objects += 1;
            if let Err(cause) = found {
                self.problem(cause.to_string());
            }
        })?;
        Ok(objects)
    }

    pub(crate) fn into_problems(self) -> Vec<String> {
        self.problems.into_inner()
    }
}
