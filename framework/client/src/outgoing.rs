//! Requests on their way to the writer, and those that may have to be sent again.

use std::collections::VecDeque;
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
    /// Wakes those who wait for room.
    room: Notify,
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
    /// Those for which there was no room, in the order in which they were brought, each under the number of whoever waits for that. They
    /// go in by themselves: who waits may be looked after seldom, and must not keep others waiting by that.
    waiting: VecDeque<(u64, Bytes)>,
    /// The last number that was given.
    numbers: u64,
    /// The last of them whose frame went in.
    admitted: u64,
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
    /// It waits for room, under this number.
    Waiting(u64),
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
            waiting: VecDeque::new(),
            numbers: 0,
            admitted: 0,
            retained: Retained::default(),
            receipt: None,
            state: State::Open,
        };
        let (work, room, left) = (Notify::new(), Notify::new(), Notify::new());
        // What the server has received and need not acknowledge yet must not keep the largest frame out for ever.
        let bytes_max = bytes_max.max(frame_bytes_max.saturating_add(2 * ACK_BYTES));
        Self { queue: Mutex::new(queue), work, room, left, bytes_max }
    }

    /// Queues `frame`, waiting for room; false when nothing is sent any more. Frames are sent in the order in which they were brought,
    /// which is when the future is polled first.
    pub(crate) async fn push(&self, frame: Bytes) -> bool {
        let number = match self.with(|queue| queue.push(frame, self.bytes_max)) {
            Pushed::First => {
                self.work.notify_one();
                return true;
            }
            // Whoever pushed the first has woken the writer, which takes all.
            Pushed::Behind => return true,
            Pushed::Over => return false,
            Pushed::Waiting(number) => number,
        };
        let _place = Place { outgoing: self, number };
        loop {
            // Asked for before looking, so that room made in between is not missed.
            let room = self.room.notified();
            match self.with(|queue| (queue.admitted >= number, queue.state)) {
                (true, _) => return true,
                (false, State::Open) => room.await,
                // What waited has been thrown away.
                (false, State::Leaving | State::Over) => return false,
            }
        }
    }

    /// Lets those in who wait for room, as far as there is some.
    fn admit(&self) {
        if self.with(|queue| queue.admit(self.bytes_max)) {
            self.work.notify_one();
        }
        self.room.notify_waiters();
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
        self.admit();
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
        self.admit();
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
            queue.waiting.clear();
        });
        self.work.notify_one();
        self.room.notify_waiters();
    }

    fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        // Nothing under the lock can panic half way.
        act(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The place of a frame that waits for room, for as long as somebody waits for that.
struct Place<'o> {
    outgoing: &'o Outgoing,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let number = self.number;
        let was_there = self.outgoing.with(|queue| {
            let before = queue.waiting.len();
            queue.waiting.retain(|(waiting, _)| *waiting != number);
            queue.waiting.len() < before
        });
        if was_there {
            // What comes behind it may be short enough.
            self.outgoing.admit();
        }
    }
}

impl Queue {
    fn push(&mut self, frame: Bytes, bytes_max: usize) -> Pushed {
        if self.state != State::Open {
            return Pushed::Over;
        }
        if self.waiting.is_empty() && self.has_room(frame.len(), bytes_max) {
            self.let_in(frame);
            return if self.frames.len() == 1 { Pushed::First } else { Pushed::Behind };
        }
        self.numbers += 1;
        self.waiting.push_back((self.numbers, frame));
        Pushed::Waiting(self.numbers)
    }

    fn has_room(&self, bytes: usize, bytes_max: usize) -> bool {
        let there = self.bytes + self.retained.bytes();
        there == 0 || there.saturating_add(bytes) <= bytes_max
    }

    fn let_in(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push(frame);
    }

    /// Queues what waits, as far as there is room; whether the writer has to be woken for it.
    fn admit(&mut self, bytes_max: usize) -> bool {
        let was_empty = self.frames.is_empty();
        while let Some((_, frame)) = self.waiting.front()
            && self.has_room(frame.len(), bytes_max)
            && let Some((number, frame)) = self.waiting.pop_front()
        {
            self.let_in(frame);
            self.admitted = number;
        }
        was_empty && !self.frames.is_empty()
    }

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
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll(future: Pin<&mut impl Future<Output = bool>>) -> Poll<bool> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn frame(bytes: usize) -> Bytes {
        Bytes::from(vec![0; bytes])
    }

    /// As if all that was queued had been sent, and acknowledged but for so many bytes.
    fn free(outgoing: &Outgoing, left: usize) {
        outgoing.with(|queue| (queue.frames, queue.bytes) = (Vec::new(), left));
        outgoing.admit();
    }

    fn lengths(outgoing: &Outgoing) -> Vec<usize> {
        outgoing.with(|queue| queue.frames.iter().map(Bytes::len).collect())
    }

    #[test]
    fn who_waits_for_room_is_not_overtaken_by_who_needs_less() {
        let outgoing = Outgoing::new(100, 50);
        let max = outgoing.bytes_max;
        assert_eq!(poll(pin!(outgoing.push(frame(max)))), Poll::Ready(true));
        let mut large = pin!(outgoing.push(frame(max - 10)));
        let mut small = pin!(outgoing.push(frame(1)));
        assert!(poll(large.as_mut()).is_pending(), "there is no room");
        free(&outgoing, 20);
        assert!(poll(small.as_mut()).is_pending(), "it overtakes who came before");
        free(&outgoing, 0);
        // Whoever is looked after first.
        assert_eq!(poll(small), Poll::Ready(true));
        assert_eq!(poll(large), Poll::Ready(true));
        assert_eq!(lengths(&outgoing), [max - 10, 1]);
    }

    /// As in a `select!` whose other branch sends something.
    #[test]
    fn who_waits_for_room_and_is_not_looked_after_keeps_nobody_waiting() {
        let outgoing = Outgoing::new(100, 50);
        assert_eq!(poll(pin!(outgoing.push(frame(outgoing.bytes_max)))), Poll::Ready(true));
        let mut forgotten = pin!(outgoing.push(frame(40)));
        assert!(poll(forgotten.as_mut()).is_pending());
        let mut other = pin!(outgoing.push(frame(30)));
        assert!(poll(other.as_mut()).is_pending());
        free(&outgoing, 0);
        assert_eq!(poll(other), Poll::Ready(true));
        assert_eq!(lengths(&outgoing), [40, 30]);
        assert_eq!(poll(forgotten), Poll::Ready(true));
    }

    #[test]
    fn who_waits_for_room_and_gives_up_or_comes_too_late_is_not_sent() {
        let outgoing = Outgoing::new(100, 50);
        assert_eq!(poll(pin!(outgoing.push(frame(outgoing.bytes_max)))), Poll::Ready(true));
        let mut given_up = Box::pin(outgoing.push(frame(40)));
        assert!(poll(given_up.as_mut()).is_pending());
        let mut next = pin!(outgoing.push(frame(30)));
        assert!(poll(next.as_mut()).is_pending());
        free(&outgoing, outgoing.bytes_max - 30);
        assert!(poll(next.as_mut()).is_pending(), "the one before it is too long");
        drop(given_up);
        assert_eq!(poll(next), Poll::Ready(true), "and gone now");
        assert_eq!(lengths(&outgoing), [30]);
        let mut late = pin!(outgoing.push(frame(50)));
        assert!(poll(late.as_mut()).is_pending());
        outgoing.stop();
        assert_eq!(poll(late), Poll::Ready(false));
    }
}
