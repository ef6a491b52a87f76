//! What a crash has left on disk, read from outside while no server runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use daystar_model::{Object, ObjectId, Space, Store};
use daystar_store::{Moment, Options};

use crate::game::{Account, Deed, Numbers, Receipt, Tile, padding};

/// Everything there is in a world.
#[derive(Default)]
pub(crate) struct Remains {
    pub(crate) last: u64,
    pub(crate) plans: u64,
    pub(crate) gold: BTreeMap<u64, u64>,
    /// How many tiles have which colour.
    pub(crate) tiles: BTreeMap<u64, u64>,
    pub(crate) receipts: BTreeMap<u64, Deed>,
    pub(crate) sessions: BTreeSet<String>,
    pub(crate) tasks: u64,
    pub(crate) names: u64,
    /// What cannot be read, or is not what was written.
    pub(crate) problems: Vec<String>,
}

impl Remains {
    /// Reads the world in `data`.
    ///
    /// # Errors
    /// It cannot be opened, or read as a whole.
    pub(crate) fn read(data: &Path) -> Result<Self, String> {
        let moment = Moment::open(data, Options::default()).map_err(|error| error.to_string())?;
        let mut remains = Self::default();
        let [first, .., last] = Space::ALL;
        let read = moment.scan(first.first(), last.last(), &mut |id, found| match found {
            Ok((_, value)) => remains.add(id, &*value),
            Err(cause) => remains.problems.push(cause.to_string()),
        });
        read.map_err(|error| error.to_string())?;
        Ok(remains)
    }

    fn add(&mut self, id: ObjectId, value: &dyn Object) {
        match id.space() {
            Space::Session => {
                self.sessions.insert(id.to_string());
            }
            Space::Task => self.tasks += 1,
            // What the framework keeps there besides has no name: how far the clock may go, and which kinds of task there are.
            Space::Name if value.descriptor().name != "daystar.Names" => {}
            Space::Name => self.names += 1,
            _ => self.add_object(id, value),
        }
    }

    fn add_object(&mut self, id: ObjectId, value: &dyn Object) {
        let value = value.as_any();
        let twice = if let Some(Numbers { last, plans }) = value.downcast_ref() {
            (self.last, self.plans) = (*last, *plans);
            false
        } else if let Some(Account { place, gold }) = value.downcast_ref() {
            self.gold.insert(*place, *gold).is_some()
        } else if let Some(Tile { colour }) = value.downcast_ref() {
            *self.tiles.entry(*colour).or_default() += 1;
            false
        } else if let Some(receipt) = value.downcast_ref::<Receipt>() {
            if receipt.padding != padding(receipt.number) {
                self.problems.push(format!("receipt {} is not what was written", receipt.number));
            }
            self.receipts.insert(receipt.number, receipt.deed.clone()).is_some()
        } else {
            false
        };
        if twice {
            self.problems.push(format!("object {id} is another one's double"));
        }
    }
}
