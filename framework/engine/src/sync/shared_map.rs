//! A map that many share, locked in parts; while a checker stands in, it is one lock of the checker's.
//!
//! What is looked at is looked at under the lock, so that whoever takes it out of the map knows that nobody is looking.

use std::hash::Hash;

use foldhash::fast::FixedState;

#[cfg(not(any(feature = "shuttle", feature = "loom")))]
pub(crate) struct SharedMap<K: Eq + Hash, V>(dashmap::DashMap<K, V, FixedState>);

#[cfg(not(any(feature = "shuttle", feature = "loom")))]
impl<K: Eq + Hash, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self(dashmap::DashMap::with_hasher(FixedState::default()))
    }
}

#[cfg(not(any(feature = "shuttle", feature = "loom")))]
impl<K: Copy + Eq + Hash, V: Default> SharedMap<K, V> {
    #[inline]
    pub(crate) fn look<R>(&self, key: &K, look: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.get(key).map(|value| look(&value))
    }

    /// As [`look`](Self::look), at what is made if there is none; nobody else looks at the same time.
    pub(crate) fn look_or_make<R>(&self, key: K, look: impl FnOnce(&V) -> R) -> R {
        look(&self.0.entry(key).or_default())
    }

    /// Takes out what is there.
    pub(crate) fn take(&self, key: &K) -> Option<V> {
        self.0.remove(key).map(|(_, value)| value)
    }

    pub(crate) fn keys(&self) -> Vec<K> {
        self.0.iter().map(|entry| *entry.key()).collect()
    }

    /// Gives back memory if there is room for four times as much as there is, and for `room` more.
    pub(crate) fn shrink(&self, room: usize) {
        if self.0.capacity() > 4 * self.0.len() + room {
            self.0.shrink_to_fit();
        }
    }
}

#[cfg(any(feature = "shuttle", feature = "loom"))]
pub(crate) struct SharedMap<K, V>(super::Mutex<std::collections::HashMap<K, V, FixedState>>);

#[cfg(any(feature = "shuttle", feature = "loom"))]
impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self(super::Mutex::new(std::collections::HashMap::with_hasher(FixedState::default())))
    }
}

#[cfg(any(feature = "shuttle", feature = "loom"))]
impl<K: Copy + Eq + Hash, V: Default> SharedMap<K, V> {
    pub(crate) fn look<R>(&self, key: &K, look: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.lock().get(key).map(look)
    }

    pub(crate) fn look_or_make<R>(&self, key: K, look: impl FnOnce(&V) -> R) -> R {
        look(self.0.lock().entry(key).or_default())
    }

    pub(crate) fn take(&self, key: &K) -> Option<V> {
        self.0.lock().remove(key)
    }

    pub(crate) fn keys(&self) -> Vec<K> {
        self.0.lock().keys().copied().collect()
    }

    /// Nothing that a schedule could change.
    pub(crate) fn shrink(&self, _room: usize) {}
}
