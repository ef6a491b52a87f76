//! The book's code is compiled and run with the documentation's, so that what it shows works.

#[doc = include_str!("../../docs/book/src/getting-started.md")]
mod getting_started {}

#[doc = include_str!("../../docs/book/src/objects.md")]
mod objects {}

#[doc = include_str!("../../docs/book/src/sessions.md")]
mod sessions {}

#[doc = include_str!("../../docs/book/src/login.md")]
mod login {}

#[doc = include_str!("../../docs/book/src/collections.md")]
mod collections {}
#[doc = include_str!("../../docs/book/src/tasks.md")]
mod tasks {}
