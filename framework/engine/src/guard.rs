//! The guards through which game code sees objects: [`Read`] and [`Write`].

use std::cell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A look at an object, as [`Attempt::get`](crate::Attempt::get) gives it.
pub struct Read<'a, T>(pub(crate) cell::Ref<'a, T>);

impl<T> Deref for Read<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Read<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A private copy of an object, to be changed, as [`Attempt::get_mut`](crate::Attempt::get_mut) gives it. What
/// is changed becomes the object when the job commits.
pub struct Write<'a, T>(pub(crate) cell::RefMut<'a, T>);

impl<T> Deref for Write<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Write<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Write<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
