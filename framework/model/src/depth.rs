//! How deep the parts of a stored value may be nested.
//!
//! Reading a value, checking it, copying it and dropping it go down into its parts, and each level takes a piece of the
//! thread's stack; a stack that is used up ends the whole process. So what is read is limited, because bytes from
//! a disk may claim any depth; and nothing is written that could not be read again.

use std::num::NonZeroUsize;

use rkyv::rancor::{Error, fail};
use rkyv::ser::{Positional, Writer};
use rkyv::validation::Validator;
use rkyv::validation::archive::ArchiveValidator;
use rkyv::validation::shared::SharedValidator;

use crate::breaks::{self, Break};

/// Where a value is written to, with a count of how deep the writing is.
#[derive(Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// Where the value begins.
    start: usize,
    depth: usize,
    deepest: usize,
}

impl Output {
    /// Nothing yet, behind bytes that are no part of the value: it is laid out as if it began at its first byte.
    pub fn behind(front: Vec<u8>) -> Self {
        Self { start: front.len(), bytes: front, ..Self::default() }
    }

    /// To be called before a field is written, whatever it holds.
    ///
    /// # Errors
    /// It lies deeper than could be read again.
    pub fn enter(&mut self) -> Result<(), Error> {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        if self.depth > DEPTH_MAX {
            fail!(TooDeep);
        }
        Ok(())
    }

    /// To be called after the field has been written.
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Whether it takes a look at the bytes to know that they are not nested too deep.
    pub fn may_be_too_deep(&self) -> bool {
        self.deepest > FIELDS_MAX
    }

    /// What has been written, behind what was there before.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Positional for Output {
    fn pos(&self) -> usize {
        self.bytes.len() - self.start
    }
}

impl Writer<Error> for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// What checks `bytes`, and refuses those that are nested deeper than [`DEPTH_MAX`].
pub(crate) fn validator(bytes: &[u8]) -> Validator<ArchiveValidator<'_>, SharedValidator> {
    // The value itself is the first level.
    let limit = (!breaks::is_on(Break::DepthUnlimited))
        .then_some(NonZeroUsize::MIN.saturating_add(DEPTH_MAX));
    Validator::new(ArchiveValidator::with_max_depth(bytes, limit), SharedValidator::new())
}

/// Why a value is not written.
#[derive(Debug, thiserror::Error)]
#[error(
    "its parts are nested more than {DEPTH_MAX} deep; make some of them objects of their own, or keep them in a list"
)]
pub(crate) struct TooDeep;

/// How often one may go from a value into what it keeps elsewhere: from a `Box` into its content, from a list into its
/// elements. Without optimisations each level takes up to 6 KiB of stack, when it is a map; a worker has 2 MiB, and
/// the task that touches the value needs a part of them.
pub(crate) const DEPTH_MAX: usize = 128;

/// How deep fields of managed types may lie within one another without a look at the bytes. No field's type goes so
/// often from one container into the next that this many of them would pass [`DEPTH_MAX`].
const FIELDS_MAX: usize = 8;
