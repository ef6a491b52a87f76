//! Which world an environment belongs to. Both environments of a world hold the same random number, so that a folder that was
//! put together from two worlds, each of them sound, is not taken for one.

use std::path::Path;

use daystar_model::store::StoreError;

use super::journal::Journal;
use super::objects::Objects;

/// A number that no other world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity([u8; 16]);

impl Identity {
    /// One that has never been before.
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::Io {
            what: "make a new world",
            cause: format!("the system gave no random number: {error}"),
        })?;
        Ok(Self(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// `None` for what is no identity.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// That `journal` and `objects`, both in the folder `world`, belong together.
pub(super) fn check(world: &Path, journal: &Journal, objects: &Objects) -> Result<(), StoreError> {
    let (journal, objects) = (journal.environment().identity()?, objects.environment().identity()?);
    if journal == objects {
        return Ok(());
    }
    Err(StoreError::Foreign {
        path: world.to_owned(),
        found: "the journal of one world and the objects of another; if this was your world, restore it from a \
                backup"
            .to_owned(),
    })
}
