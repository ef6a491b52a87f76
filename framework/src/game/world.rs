//! [`World`]: a whole world at one moment, to be checked.

use std::cell::RefCell;

use daystar_model::{Managed, Ref, Space, Store};

use crate::game::problems::Problems;
use crate::game::rules::Result;

/// A world as it was at one moment, for [`Game::verify`](crate::Game::verify).
pub struct World<'s> {
    store: &'s dyn Store,
    problems: RefCell<Problems>,
}

impl<'s> World<'s> {
    pub(crate) fn new(store: &'s dyn Store, problems_max: usize) -> Self {
        Self { store, problems: RefCell::new(Problems::up_to(problems_max)) }
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
        self.problems.borrow_mut().add(BROKEN_RULES, || problem.into());
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
