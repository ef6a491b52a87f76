//! How far back nothing can be lost any more, and what waits for it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Everything up to this number is safe. It only rises.
pub(crate) struct Watermark {
    /// For those who only look, at every frame that is held.
    mark: AtomicU64,
    /// The same, for those who wait. Never ahead of `mark`.
    rising: watch::Sender<u64>,
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
        Self { mark: AtomicU64::new(number), rising: watch::Sender::new(number) }
    }

    /// Raises the mark to `number`, and wakes whoever has waited for that.
    pub(crate) fn rise(&self, number: u64) {
        self.mark.fetch_max(number, Ordering::Release);
        self.rising.send_if_modified(|mark| {
            let rises = number > *mark;
            *mark = number.max(*mark);
            rises
        });
    }

    /// Whether what is held so may be sent.
    pub(crate) fn has_reached(&self, hold: Hold) -> bool {
        hold == Hold::NONE || self.mark.load(Ordering::Acquire) >= hold.0
    }

    /// Waits until what is held so may be sent.
    pub(crate) async fn reached(&self, hold: Hold) {
        // It ends only with the mark, which is here.
        let _ = self.rising.subscribe().wait_for(|mark| *mark >= hold.0).await;
    }
}
