//! What waits to be sent to one client.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use daystar_protocol::close::CloseCode;
use daystar_protocol::frame::LENGTH_BYTES;
use daystar_protocol::reject::RejectCode;
use daystar_protocol::to_client::ToClient;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::net::limits::Limits;
use crate::net::watermark::{Hold, Watermark};

/// The queue between those who have something for a client, and the one task that writes to it.
///
/// Nothing here blocks: whoever pushes is never held up by a slow client. A client that lets more pile up
/// than its limit is dropped. Frames leave in the order in which they were pushed: behind one that is held, all wait.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    watermark: Arc<Watermark>,
    /// Wakes the writer: there are frames, or there will be no more.
    work: Notify,
    /// Wakes the reader, which watches over the connection: the session is to end.
    ended: Notify,
    frame_bytes_max: usize,
    bytes_max: usize,
}

/// How the server ends a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything queued is sent, then the reason, then the connection is closed.
    Closing(String),
    /// As `Closing`, but the session has never begun.
    Rejected(String),
    /// At once: what is queued is thrown away.
    Dropped(CloseCode, String),
}

impl Outbox {
    pub(super) fn new(limits: &Limits, watermark: Arc<Watermark>) -> Self {
        Self {
            queue: Mutex::default(),
            watermark,
            work: Notify::new(),
            ended: Notify::new(),
            frame_bytes_max: LENGTH_BYTES + limits.to_client_bytes_max,
            bytes_max: limits.outbox_bytes_max.max(LENGTH_BYTES + limits.to_client_bytes_max),
        }
    }

    /// Queues a frame that may be sent as `hold` says. Does nothing when the session is already ending.
    pub(crate) fn push(&self, frame: Bytes, hold: Hold) {
        let mut queue = self.queue.lock();
        if queue.end.is_some() {
            return;
        }
        let waiting = queue.bytes + frame.len() + FRAME_COST;
        if frame.len() > self.frame_bytes_max || waiting > self.bytes_max {
            let (code, reason) = self.over_limit(frame.len(), waiting, !queue.held.is_empty());
            queue.end(End::Dropped(code, reason), Hold::NONE);
            drop(queue);
            self.ended.notify_one();
            return;
        }
        queue.bytes = waiting;
        let is_first = queue.is_empty();
        if queue.may_go(hold, &self.watermark) {
            queue.ready.push(frame);
        } else {
            queue.held.push_back((frame, hold));
        }
        drop(queue);
        if is_first {
            self.work.notify_one();
        }
    }

    /// Ends the session: what is queued is still sent, then the reason.
    pub(crate) fn close(&self, reason: impl Into<String>, hold: Hold) {
        self.end(End::Closing(reason.into()), hold);
    }

    /// Ends what has not become a session: the client learns that it may not join, and why.
    pub(crate) fn reject(&self, reason: impl Into<String>, hold: Hold) {
        self.end(End::Rejected(reason.into()), hold);
    }

    /// Ends the session at once.
    pub(super) fn drop_all(&self, code: CloseCode, reason: String) {
        self.end(End::Dropped(code, reason), Hold::NONE);
    }

    /// Ends the session. The first end is the one that counts.
    fn end(&self, end: End, hold: Hold) {
        let mut queue = self.queue.lock();
        if queue.end.is_some() {
            return;
        }
        queue.end(end, hold);
        drop(queue);
        self.ended.notify_one();
        self.work.notify_one();
    }

    /// Resolves when the server wants the session to end. For the reader alone.
    pub(super) async fn ended(&self) -> End {
        loop {
            if let Some((end, _)) = &self.queue.lock().end {
                return end.clone();
            }
            self.ended.notified().await;
        }
    }

    /// Whether anything that is queued, the reason of the end included, may not be sent yet.
    pub(super) fn is_held(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.release(&self.watermark);
        queue.held_until(&self.watermark).is_some()
    }

    /// Moves all queued frames that may be sent into `frames`, waiting until there are some; for the writer alone. `Some` is
    /// the frame to send behind them as the last one.
    ///
    /// The frames count against the limit until [`written`](Self::written) is told of them.
    pub(super) async fn take(&self, frames: &mut Vec<Bytes>) -> Option<Bytes> {
        loop {
            let held_until = {
                let mut queue = self.queue.lock();
                queue.release(&self.watermark);
                std::mem::swap(frames, &mut queue.ready);
                let held_until = queue.held_until(&self.watermark);
                match &queue.end {
                    Some((End::Closing(reason), _)) if held_until.is_none() => {
                        return Some(ToClient::Closing { reason: reason.clone() }.encode());
                    }
                    Some((End::Rejected(reason), _)) if held_until.is_none() => {
                        return Some(
                            ToClient::Rejected { code: RejectCode::Other, reason: reason.clone() }
                                .encode(),
                        );
                    }
                    // The reader closes the connection; until then there is nothing to do.
                    Some((End::Dropped(..), _)) => frames.clear(),
                    Some(_) | None => {}
                }
                held_until
            };
            if !frames.is_empty() {
                return None;
            }
            match held_until {
                // What comes meanwhile waits behind it.
                Some(hold) => self.watermark.reached(hold).await,
                None => self.work.notified().await,
            }
        }
    }

    /// The transport has taken over so many frames, of `bytes` together.
    pub(super) fn written(&self, frames: usize, bytes: usize) {
        let mut queue = self.queue.lock();
        queue.bytes = queue.bytes.saturating_sub(bytes + frames * FRAME_COST);
    }

    fn over_limit(&self, frame_bytes: usize, waiting: usize, is_held: bool) -> (CloseCode, String) {
        if frame_bytes > self.frame_bytes_max {
            let max = self.frame_bytes_max;
            let reason = format!(
                "the server wanted to send a frame of {frame_bytes} bytes, over its limit of {max}"
            );
            return (CloseCode::Closing, reason);
        }
        let max = self.bytes_max;
        if is_held {
            let reason = format!(
                "the server cannot store what it has to say as fast as it happens: {waiting} bytes are waiting, {max} are \
                 allowed"
            );
            return (CloseCode::Busy, reason);
        }
        let reason =
            format!("does not read fast enough: {waiting} bytes are waiting, {max} are allowed");
        (CloseCode::TooSlow, reason)
    }
}

/// What a frame that waits takes beside its bytes: its place in the queue, and what keeps its bytes. Counted too, because
/// many frames are nearly nothing but that.
const FRAME_COST: usize = 96;

#[derive(Default)]
struct Queue {
    /// What may be sent.
    ready: Vec<Bytes>,
    /// What comes behind: the first was held when it came, so all after it wait with it.
    held: VecDeque<(Bytes, Hold)>,
    /// Of both, and of those that the writer has taken but not written.
    bytes: usize,
    /// How the session ends, and what the reason waits for.
    end: Option<(End, Hold)>,
    #[cfg(test)]
    is_broken: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.held.is_empty()
    }

    /// Whether what is pushed now may be sent at once.
    fn may_go(&self, hold: Hold, watermark: &Watermark) -> bool {
        (self.held.is_empty() || self.lets_overtake()) && watermark.has_reached(hold)
    }

    /// Broken on purpose, to see the tests catch it: what need not wait goes past what must.
    fn lets_overtake(&self) -> bool {
        #[cfg(test)]
        return self.is_broken;
        #[cfg(not(test))]
        false
    }

    fn end(&mut self, end: End, hold: Hold) {
        if matches!(end, End::Dropped(..)) {
            self.ready = Vec::new();
            self.held = VecDeque::new();
        }
        self.end = Some((end, hold));
    }

    /// Moves what is held no longer to what may be sent.
    fn release(&mut self, watermark: &Watermark) {
        while let Some((frame, _)) =
            self.held.pop_front_if(|(_, hold)| watermark.has_reached(*hold))
        {
            self.ready.push(frame);
        }
    }

    /// What the first that is held waits for; to be asked after [`release`](Self::release).
    fn held_until(&self, watermark: &Watermark) -> Option<Hold> {
        let first = self.held.front().map(|(_, hold)| *hold);
        first.or_else(|| Some(self.end.as_ref()?.1).filter(|hold| !watermark.has_reached(*hold)))
    }
}

#[cfg(test)]
mod tests;
