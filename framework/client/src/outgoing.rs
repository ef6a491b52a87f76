//! Requests on their way to the writer, and those that may have to be sent again.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use daystar_protocol::batch;
use daystar_protocol::retained::{ACK_BYTES, ReceivedError, Retained};
use daystar_protocol::to_server::ToServer;
use tokio::sync::Notify;

/// The queue between those who send and the one task that writes. It outlives the connection. Who sends too much waits.
pub(crate) struct Outgoing {
    queue: Mutex<Queue>,
    /// Wakes the writer.
    work: Notify,
    /// Wakes who waits for room.
    room: Notify,
    /// Who waits for room has it, and all who come meanwhile queue for it: frames are sent in the order in which they were brought.
    turn: tokio::sync::Mutex<()>,
    /// Tells the session's task that it has only so much time left.
    left: Notify,
    bytes_max: usize,
}

struct Queue {
    /// The number of the connection whose writer may take.
    connection: u32,
    /// What the server lacks, on a new connection. All of it is in `retained`.
    again: Vec<Bytes>,
    frames: Vec<Bytes>,
    /// Of `frames`.
    bytes: usize,
    /// What was sent and has not been acknowledged.
    retained: Retained<ToServer>,
    /// How far the server is to be told that it was received.
    receipt: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// What is queued is written, then goodbye is said.
    Leaving,
    /// Nothing is written any more.
    Over,
}

/// What became of a frame.
enum Pushed {
    /// It is queued, and nothing is before it.
    First,
    /// It is queued behind others.
    Behind,
    /// Nothing is sent any more.
    Over,
}

/// What the writer has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Write the frames.
    Write,
    /// Write the frames, and goodbye.
    WriteLast,
    /// Nothing more.
    Stop,
}

impl Outgoing {
    /// A queue for at most about `bytes_max` bytes of frames, each of at most `frame_bytes_max`. The first connection has the
    /// number one.
    pub(crate) fn new(bytes_max: usize, frame_bytes_max: usize) -> Self {
        let queue = Queue {
            connection: 1,
            again: Vec::new(),
            frames: Vec::new(),
            bytes: 0,
            retained: Retained::default(),
            receipt: None,
            state: State::Open,
        };
        let (work, room, left) = (Notify::new(), Notify::new(), Notify::new());
        // What the server has received and need not acknowledge yet must not keep the largest frame out for ever.
        let bytes_max = bytes_max.max(frame_bytes_max.saturating_add(2 * ACK_BYTES));
        let turn = tokio::sync::Mutex::new(());
        Self { queue: Mutex::new(queue), work, room, turn, left, bytes_max }
    }

    /// Queues `frame`, waiting for room; false when nothing is sent any more.
    pub(crate) async fn push(&self, frame: Bytes) -> bool {
        let mut frame = Some(frame);
        let _turn = self.turn.lock().await;
        loop {
            // Asked for before looking, so that room made in between is not missed.
            let room = self.room.notified();
            let pushed = self.with(|queue| {
                if queue.state != State::Open {
                    return Some(Pushed::Over);
                }
                let bytes = frame.as_ref().map_or(0, Bytes::len);
                let waiting = queue.bytes + queue.retained.bytes();
                if waiting > 0 && waiting.saturating_add(bytes) > self.bytes_max {
                    return None;
                }
                queue.bytes += bytes;
                let is_first = queue.frames.is_empty();
                queue.frames.extend(frame.take());
                Some(if is_first { Pushed::First } else { Pushed::Behind })
            });
            match pushed {
                Some(Pushed::First) => {
                    self.work.notify_one();
                    return true;
                }
                // Whoever pushed the first has woken the writer, which takes all.
                Some(Pushed::Behind) => return true,
                Some(Pushed::Over) => return false,
                None => room.await,
            }
        }
    }

    /// Lets nothing more in, and says goodbye behind what is queued.
    pub(crate) fn leave(&self) {
        self.end(State::Leaving);
        self.left.notify_one();
    }

    /// Resolves when [`leave`](Self::leave) has been called; for the session's task alone.
    pub(crate) async fn left(&self) {
        self.left.notified().await;
    }

    /// Throws away what is queued.
    pub(crate) fn stop(&self) {
        self.end(State::Over);
    }

    /// Tells the server, with what is sent next, that `received` of its frames have been.
    pub(crate) fn acknowledge(&self, received: u64) {
        self.with(|queue| queue.receipt = Some(received));
        self.work.notify_one();
    }

    /// The server has received `received` frames: they are not kept any longer.
    ///
    /// # Errors
    /// [`ReceivedError`]: so many were not sent.
    pub(crate) fn acknowledged(&self, received: u64) -> Result<(), ReceivedError> {
        self.with(|queue| queue.retained.acknowledge(received))?;
        self.room.notify_waiters();
        Ok(())
    }

    /// The session goes on over its connection with the number `connection`: the server has received `received` frames, and
    /// is sent the others again. It is told that `receipt` of its own have been received.
    ///
    /// # Errors
    /// [`ReceivedError`]: the session cannot go on from there.
    pub(crate) fn resume(
        &self,
        connection: u32,
        received: u64,
        receipt: u64,
    ) -> Result<(), ReceivedError> {
        self.with(|queue| {
            queue.again = queue.retained.resume(received)?;
            queue.connection = connection;
            queue.receipt = Some(receipt);
            Ok(())
        })?;
        self.work.notify_one();
        self.room.notify_waiters();
        Ok(())
    }

    /// Moves all that is to be written into `pieces`, waiting until there is something to do; for the writer of the
    /// session's connection with the number `connection` alone. From now on it is kept until it is acknowledged.
    pub(crate) async fn take(&self, connection: u32, pieces: &mut Vec<Bytes>) -> Work {
        loop {
            match self.with(|queue| queue.take(connection, pieces)) {
                Some(work) => return work,
                None => self.work.notified().await,
            }
        }
    }

    fn end(&self, state: State) {
        self.with(|queue| {
            if state == State::Over {
                (queue.frames, queue.again, queue.bytes) = (Vec::new(), Vec::new(), 0);
                queue.retained = Retained::default();
            }
            if queue.state != State::Over {
                queue.state = state;
            }
        });
        self.work.notify_one();
        self.room.notify_waiters();
    }

    fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        // Nothing under the lock can panic half way.
        act(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Queue {
    fn take(&mut self, connection: u32, pieces: &mut Vec<Bytes>) -> Option<Work> {
        pieces.clear();
        if self.connection != connection {
            // The session goes on elsewhere.
            return Some(Work::Stop);
        }
        std::mem::swap(pieces, &mut self.frames);
        self.bytes = 0;
        batch::join(pieces);
        for piece in &*pieces {
            self.retained.push(piece.clone());
        }
        if !self.again.is_empty() {
            let behind = std::mem::replace(pieces, std::mem::take(&mut self.again));
            pieces.extend(behind);
        }
        if let Some(received) = self.receipt.take() {
            // In front, since it is the first frame of a connection that the session goes on over.
            pieces.insert(0, ToServer::Ack { received }.encode());
        }
        match self.state {
            State::Open if pieces.is_empty() => None,
            State::Open => Some(Work::Write),
            State::Leaving => Some(Work::WriteLast),
            State::Over => Some(Work::Stop),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn who_waits_for_room_is_not_overtaken_by_who_needs_less() {
        let outgoing = Outgoing::new(100, 50);
        let frame = |bytes: usize| Bytes::from(vec![0; bytes]);
        let waker = &mut Context::from_waker(Waker::noop());
        let max = outgoing.bytes_max;
        assert!(pin!(outgoing.push(frame(max))).poll(waker).is_ready());
        let mut large = pin!(outgoing.push(frame(max - 10)));
        assert!(large.as_mut().poll(waker).is_pending(), "there is no room");
        // As if all of it had been sent and received, but for a little.
        outgoing.with(|queue| (queue.frames, queue.bytes) = (vec![frame(20)], 20));
        let mut small = pin!(outgoing.push(frame(1)));
        assert!(small.as_mut().poll(waker).is_pending(), "it overtakes who came before");
        outgoing.with(|queue| (queue.frames, queue.bytes) = (Vec::new(), 0));
        outgoing.room.notify_waiters();
        assert!(large.as_mut().poll(waker).is_ready());
        assert!(small.as_mut().poll(waker).is_ready());
        let lengths =
            outgoing.with(|queue| queue.frames.iter().map(Bytes::len).collect::<Vec<_>>());
        assert_eq!(lengths, [max - 10, 1]);
    }
}
