//! How far back nothing can be lost any more, and what waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Everything up to this number is safe. It only rises.
pub(crate) struct Watermark {
    mark: AtomicU64,
    /// Who is to be woken when the mark has reached which number. Each waits for a number of its own, so a rise wakes only
    /// those who can go on.
    waiting: Mutex<BTreeMap<u64, Vec<Arc<Notify>>>>,
}

/// Up to where the [`Watermark`] must have risen before a frame may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hold(u64);

impl Hold {
    /// The frame may be sent at once.
    pub(crate) const NONE: Self = Self(0);

    /// The frame may be sent when the mark has reached `number`.
    pub(crate) fn until(number: u64) -> Self {
        Self(number)
    }
}

impl Watermark {
    /// A mark that starts at `number`.
    pub(crate) fn new(number: u64) -> Self {
        Self { mark: AtomicU64::new(number), waiting: Mutex::default() }
    }

    /// Raises the mark to `number`, and wakes whoever has waited for that.
    pub(crate) fn rise(&self, number: u64) {
        // Before the lock is taken, so that whoever asks to be woken sees the mark or is seen here.
        self.mark.fetch_max(number, Ordering::AcqRel);
        let mut waiting = self.waiting.lock();
        let reached = match number.checked_add(1) {
            Some(next) => {
                let later = waiting.split_off(&next);
                std::mem::replace(&mut *waiting, later)
            }
            None => std::mem::take(&mut *waiting),
        };
        drop(waiting);
        for one in reached.into_values().flatten() {
            one.notify_one();
        }
    }

    /// Whether what is held so may be sent.
    pub(crate) fn has_reached(&self, hold: Hold) -> bool {
        hold == Hold::NONE || self.mark.load(Ordering::Acquire) >= hold.0
    }

    /// Wakes `one`, once, when what is held so may be sent; at once if it may be already.
    pub(crate) fn wake(&self, one: &Arc<Notify>, hold: Hold) {
        let mut waiting = self.waiting.lock();
        if !self.has_reached(hold) {
            waiting.entry(hold.0).or_default().push(Arc::clone(one));
            return;
        }
        drop(waiting);
        one.notify_one();
    }

    /// Waits until what is held so may be sent.
    pub(crate) async fn reached(&self, hold: Hold) {
        let reached = Arc::new(Notify::new());
        self.wake(&reached, hold);
        reached.notified().await;
    }
}
