//! What waits to be sent to one client.

use bytes::Bytes;
use daystar_protocol::close::CloseCode;
use daystar_protocol::frame::LENGTH_BYTES;
use daystar_protocol::to_client::ToClient;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::net::limits::Limits;

/// The queue between those who have something for a client, and the one task that writes to it.
///
/// Nothing here blocks: whoever pushes is never held up by a slow client. A client that lets more pile up
/// than its limit is dropped.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
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
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            queue: Mutex::new(Queue { frames: Vec::new(), bytes: 0, end: None }),
            work: Notify::new(),
            ended: Notify::new(),
            frame_bytes_max: LENGTH_BYTES + limits.to_client_bytes_max,
            bytes_max: limits.outbox_bytes_max.max(LENGTH_BYTES + limits.to_client_bytes_max),
        }
    }

    /// Queues a frame. Does nothing when the session is already ending.
    pub(crate) fn push(&self, frame: Bytes) {
        let mut queue = self.queue.lock();
        if queue.end.is_some() {
            return;
        }
        let waiting = queue.bytes + frame.len();
        if frame.len() > self.frame_bytes_max || waiting > self.bytes_max {
            let (code, reason) = self.over_limit(frame.len(), waiting);
            queue.end = Some(End::Dropped(code, reason));
            queue.frames = Vec::new();
            drop(queue);
            self.ended.notify_one();
            return;
        }
        queue.bytes = waiting;
        queue.frames.push(frame);
        let first = queue.frames.len() == 1;
        drop(queue);
        if first {
            self.work.notify_one();
        }
    }

    /// Ends the session: what is queued is still sent, then the reason.
    pub(crate) fn close(&self, reason: impl Into<String>) {
        self.end(End::Closing(reason.into()));
    }

    /// Ends what has not become a session: the client learns that it may not join, and why.
    pub(crate) fn reject(&self, reason: impl Into<String>) {
        self.end(End::Rejected(reason.into()));
    }

    /// Ends the session. The first end is the one that counts.
    pub(super) fn end(&self, end: End) {
        let mut queue = self.queue.lock();
        if queue.end.is_some() {
            return;
        }
        if matches!(end, End::Dropped(..)) {
            queue.frames = Vec::new();
        }
        queue.end = Some(end);
        drop(queue);
        self.ended.notify_one();
        self.work.notify_one();
    }

    /// Resolves when the server wants the session to end. For the reader alone.
    pub(super) async fn ended(&self) -> End {
        loop {
            if let Some(end) = &self.queue.lock().end {
                return end.clone();
            }
            self.ended.notified().await;
        }
    }

    /// Moves all queued frames into `frames`, waiting until there are some; for the writer alone. `Some` is the frame to
    /// send behind them as the last one.
    ///
    /// The frames count against the limit until [`written`](Self::written) is told of them.
    pub(super) async fn take(&self, frames: &mut Vec<Bytes>) -> Option<Bytes> {
        loop {
            {
                let mut queue = self.queue.lock();
                std::mem::swap(frames, &mut queue.frames);
                match &queue.end {
                    Some(End::Closing(reason)) => {
                        return Some(ToClient::Closing { reason: reason.clone() }.encode());
                    }
                    Some(End::Rejected(reason)) => {
                        return Some(ToClient::Rejected { reason: reason.clone() }.encode());
                    }
                    // The reader closes the connection; until then there is nothing to do.
                    Some(End::Dropped(..)) => frames.clear(),
                    None => {}
                }
            }
            if !frames.is_empty() {
                return None;
            }
            self.work.notified().await;
        }
    }

    /// The transport has taken over `bytes` of frames.
    pub(super) fn written(&self, bytes: usize) {
        let mut queue = self.queue.lock();
        queue.bytes = queue.bytes.saturating_sub(bytes);
    }

    fn over_limit(&self, frame_bytes: usize, waiting: usize) -> (CloseCode, String) {
        if frame_bytes > self.frame_bytes_max {
            let max = self.frame_bytes_max;
            let reason = format!(
                "the server wanted to send a frame of {frame_bytes} bytes, over its limit of {max}"
            );
            return (CloseCode::Closing, reason);
        }
        let max = self.bytes_max;
        let reason =
            format!("does not read fast enough: {waiting} bytes are waiting, {max} are allowed");
        (CloseCode::TooSlow, reason)
    }
}

struct Queue {
    frames: Vec<Bytes>,
    /// Of `frames`, and of those that the writer has taken but not written.
    bytes: usize,
    end: Option<End>,
}
