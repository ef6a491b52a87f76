//! What the journal has and the objects do not have yet: where the newest record of each such object lies.
//!
//! Two layers. Epochs go into `active`; a checkpoint freezes it and starts another, so that nothing has to be looked for
//! among what has come since. An object that is in neither layer is among the objects as it is now.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daystar_model::ids::{CommitNumber, ObjectId};
use foldhash::fast::FixedState;
use parking_lot::RwLock;

use super::epoch::Place;
use crate::head::Head;

#[derive(Debug)]
pub(super) struct Recent {
    layers: RwLock<Layers>,
    /// The last commit of which all is among the objects.
    done: AtomicU64,
}

#[derive(Debug)]
struct Layers {
    active: Layer,
    /// What a checkpoint is writing, or has failed to write.
    frozen: Arc<Layer>,
}

#[derive(Debug)]
struct Layer {
    places: HashMap<ObjectId, Place, FixedState>,
    /// Where its last epoch ends.
    head: Head,
    /// Of its epochs in the journal.
    bytes: u64,
}

impl Layer {
    fn new(head: Head) -> Self {
        Self { places: HashMap::default(), head, bytes: 0 }
    }
}

impl Recent {
    /// Nothing, behind objects that are at `head`.
    pub(super) fn new(head: Head) -> Self {
        let layers = Layers { active: Layer::new(head), frozen: Arc::new(Layer::new(head)) };
        Self { layers: RwLock::new(layers), done: AtomicU64::new(head.last.0) }
    }

    /// Adds an epoch of `bytes` bytes, which ends at `head`.
    pub(super) fn add(
        &self,
        head: Head,
        bytes: usize,
        places: impl Iterator<Item = (ObjectId, Place)>,
    ) {
        let mut layers = self.layers.write();
        layers.active.head = head;
        layers.active.bytes += bytes as u64;
        layers.active.places.extend(places);
    }

    /// Calls `begin` with the place of `id`'s newest record, if it is not among the objects. Until it returns nothing is
    /// cut off the journal that is in use here: so a transaction that it begins has the record.
    pub(super) fn find<R>(&self, id: ObjectId, begin: impl FnOnce(Place) -> R) -> Option<R> {
        let layers = self.layers.read();
        let place = layers.active.places.get(&id).or_else(|| layers.frozen.places.get(&id))?;
        Some(begin(*place))
    }

    /// Whether what an object became in commit `number`, and has stayed since, is among the objects.
    pub(super) fn is_done(&self, number: CommitNumber) -> bool {
        number.0 <= self.done.load(Ordering::Acquire)
    }

    /// Where the journal ends.
    pub(super) fn head(&self) -> Head {
        self.layers.read().active.head
    }

    /// Bytes of epochs whose objects have not all been written.
    pub(super) fn bytes(&self) -> u64 {
        let layers = self.layers.read();
        layers.active.bytes + layers.frozen.bytes
    }

    /// What the next checkpoint is to write, in id order, and where it ends: all that there is, or again what the last
    /// one could not write.
    pub(super) fn freeze(&self) -> (Head, Vec<(ObjectId, Place)>) {
        let mut layers = self.layers.write();
        if layers.frozen.bytes == 0 {
            let next = Layer::new(layers.active.head);
            layers.frozen = Arc::new(std::mem::replace(&mut layers.active, next));
        }
        let frozen = Arc::clone(&layers.frozen);
        drop(layers);
        let mut places: Vec<_> = frozen.places.iter().map(|(id, place)| (*id, *place)).collect();
        places.sort_unstable_by_key(|(id, _)| *id);
        (frozen.head, places)
    }

    /// All that was frozen is among the objects.
    pub(super) fn thaw(&self, until: CommitNumber) {
        let mut layers = self.layers.write();
        debug_assert_eq!(layers.frozen.head.last, until, "another checkpoint's end");
        let head = layers.frozen.head;
        let written = std::mem::replace(&mut layers.frozen, Arc::new(Layer::new(head)));
        drop(layers);
        self.done.store(until.0, Ordering::Release);
        drop(written); // a large map takes its time
    }
}
