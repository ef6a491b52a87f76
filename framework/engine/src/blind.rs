//! Changes that are made without looking: to add, to append. Two tasks that only add to the same object do not conflict,
//! because neither depends on what it adds to; each addition is made when its task commits, at its place in the order.

use std::any::Any;

use daystar_model::{Managed, Object, ObjectId};

use crate::error::{Error, Fault};
use crate::reclaim::{Own, Pin};

/// What is to be done to an object that was not looked at.
pub(crate) trait Blind {
    /// The type of the object that it is to be done to.
    fn type_name(&self) -> &'static str;

    /// Adds what is to be done after it.
    fn push(&mut self, operation: Operation);

    /// The value after all has been done, in order, to a copy of `value`.
    ///
    /// # Errors
    /// There is no value, it is of another type, or an operation was refused.
    fn apply(&self, id: ObjectId, value: Option<&dyn Object>, pin: &Pin<'_>) -> Result<Own, Error>;
}

/// One more thing to be done, to a value of any type.
type Operation = Box<dyn Fn(&mut dyn Object) -> Result<(), Error>>;

/// The first operation on an object, by whose type the object is known, and those after it.
struct Operations<T, F> {
    job: &'static str,
    kind: std::marker::PhantomData<fn(&mut T)>,
    first: F,
    more: Vec<Operation>,
}

/// `operation`, to be done to a `T` for `job`.
pub(crate) fn blind<T: Managed>(
    job: &'static str,
    operation: impl Fn(&mut T) -> Result<(), Error> + 'static,
) -> Box<dyn Blind> {
    Box::new(Operations { job, kind: std::marker::PhantomData, first: operation, more: Vec::new() })
}

/// `operation`, to be done after others.
pub(crate) fn next<T: Managed>(
    id: ObjectId,
    operation: impl Fn(&mut T) -> Result<(), Error> + 'static,
) -> Operation {
    Box::new(move |value| {
        let found = value.descriptor().name;
        match (value as &mut dyn Any).downcast_mut() {
            Some(value) => operation(value),
            None => Err(Fault::WrongType { id, wanted: T::TYPE_NAME, found }.into()),
        }
    })
}

impl<T: Managed, F: Fn(&mut T) -> Result<(), Error>> Blind for Operations<T, F> {
    fn type_name(&self) -> &'static str {
        T::TYPE_NAME
    }

    fn push(&mut self, operation: Operation) {
        self.more.push(operation);
    }

    fn apply(&self, id: ObjectId, value: Option<&dyn Object>, pin: &Pin<'_>) -> Result<Own, Error> {
        let wanted = T::TYPE_NAME;
        let value = value.ok_or(Fault::NotFound { type_name: wanted, id, job: self.job })?;
        let found = value.descriptor().name;
        let typed = (value as &dyn Any).downcast_ref::<T>();
        let mut own = pin.copy(typed.ok_or(Fault::WrongType { id, wanted, found })?);
        let value = own.value_mut();
        if let Some(value) = (value as &mut dyn Any).downcast_mut() {
            (self.first)(value)?;
        }
        for operation in &self.more {
            operation(value)?;
        }
        Ok(own)
    }
}
