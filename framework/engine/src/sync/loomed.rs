//! Loom's atomics, with two things that loom leaves out.
//!
//! Loom takes `SeqCst` for `AcqRel`, so it would report that both sides of a gate can miss each other. It does order
//! fences, so every access that asks for `SeqCst` stands between two of them. That orders a little more than the
//! language promises; where the engine asks for less, loom sees exactly that.
//!
//! And loom remembers of each place only who came last. A thread that looks before it writes, as all locks here do,
//! makes it forget that another has looked, and the order in which the other looks later is never tried. So
//! every access first takes a turn, at a place of its own, in a manner that orders nothing but is never forgotten.

use loom::sync::atomic::{AtomicU8, Ordering, fence};

#[derive(Debug, Default)]
struct Turns(AtomicU8);

impl Turns {
    /// Does `access` at its turn, in the order that was asked for.
    fn take<R>(&self, order: Ordering, access: impl FnOnce() -> R) -> R {
        self.0.swap(0, Ordering::Relaxed);
        if order != Ordering::SeqCst {
            return access();
        }
        fence(Ordering::SeqCst);
        let result = access();
        fence(Ordering::SeqCst);
        result
    }
}

#[derive(Debug, Default)]
pub(crate) struct AtomicBool {
    value: loom::sync::atomic::AtomicBool,
    turns: Turns,
}

impl AtomicBool {
    pub(crate) fn new(value: bool) -> Self {
        Self { value: loom::sync::atomic::AtomicBool::new(value), turns: Turns::default() }
    }

    pub(crate) fn load(&self, order: Ordering) -> bool {
        self.turns.take(order, || self.value.load(order))
    }

    pub(crate) fn store(&self, value: bool, order: Ordering) {
        self.turns.take(order, || self.value.store(value, order));
    }

    pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
        self.turns.take(order, || self.value.swap(value, order))
    }
}

#[derive(Debug)]
pub(crate) struct AtomicPtr<T> {
    value: loom::sync::atomic::AtomicPtr<T>,
    turns: Turns,
}

impl<T> AtomicPtr<T> {
    pub(crate) fn new(value: *mut T) -> Self {
        Self { value: loom::sync::atomic::AtomicPtr::new(value), turns: Turns::default() }
    }

    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        self.turns.take(order, || self.value.load(order))
    }

    pub(crate) fn store(&self, value: *mut T, order: Ordering) {
        self.turns.take(order, || self.value.store(value, order));
    }

    pub(crate) fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.turns.take(success, || self.value.compare_exchange(current, new, success, failure))
    }
}

#[derive(Debug, Default)]
pub(crate) struct AtomicU64 {
    value: loom::sync::atomic::AtomicU64,
    turns: Turns,
}

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> Self {
        Self { value: loom::sync::atomic::AtomicU64::new(value), turns: Turns::default() }
    }

    pub(crate) fn load(&self, order: Ordering) -> u64 {
        self.turns.take(order, || self.value.load(order))
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        self.turns.take(order, || self.value.store(value, order));
    }

    pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        self.turns.take(order, || self.value.fetch_add(value, order))
    }

    pub(crate) fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        self.turns.take(order, || self.value.fetch_sub(value, order))
    }

    pub(crate) fn fetch_and(&self, value: u64, order: Ordering) -> u64 {
        self.turns.take(order, || self.value.fetch_and(value, order))
    }

    pub(crate) fn fetch_max(&self, value: u64, order: Ordering) -> u64 {
        self.turns.take(order, || self.value.fetch_max(value, order))
    }

    pub(crate) fn fetch_update(
        &self,
        success: Ordering,
        failure: Ordering,
        update: impl FnMut(u64) -> Option<u64>,
    ) -> Result<u64, u64> {
        self.turns.take(success, || self.value.fetch_update(success, failure, update))
    }

    pub(crate) fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.turns.take(success, || self.value.compare_exchange(current, new, success, failure))
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let exchange = || self.value.compare_exchange_weak(current, new, success, failure);
        self.turns.take(success, exchange)
    }
}

#[derive(Debug, Default)]
pub(crate) struct AtomicUsize {
    value: loom::sync::atomic::AtomicUsize,
    turns: Turns,
}

impl AtomicUsize {
    pub(crate) fn new(value: usize) -> Self {
        Self { value: loom::sync::atomic::AtomicUsize::new(value), turns: Turns::default() }
    }

    pub(crate) fn load(&self, order: Ordering) -> usize {
        self.turns.take(order, || self.value.load(order))
    }

    pub(crate) fn fetch_max(&self, value: usize, order: Ordering) -> usize {
        self.turns.take(order, || self.value.fetch_max(value, order))
    }
}
