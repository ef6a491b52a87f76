//! What waits to be sent to one client, and what was sent and may have to be sent again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use daystar_protocol::batch;
use daystar_protocol::close::CloseCode;
use daystar_protocol::frame::LENGTH_BYTES;
use daystar_protocol::reject::RejectCode;
use daystar_protocol::retained::{ACK_BYTES, ACK_FRAMES, ReceivedError, Retained};
use daystar_protocol::to_client::{self, ToClient};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::net::limits::Limits;
use crate::net::meters;
use crate::net::resume::{Broken, Ticket};
use crate::net::watermark::{Hold, Watermark};

/// The queue between those who have something for a client, and the one task that writes to it. It outlives the
/// connection: the session may go on over another.
///
/// Nothing here blocks: whoever pushes is never held up by a slow client. A client that lets more pile up
/// than its limit is dropped. Frames leave in the order in which they were pushed: behind one that is held, all wait.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    watermark: Arc<Watermark>,
    /// Wakes the writer: there are frames that may be sent, or there will be no more.
    work: Arc<Notify>,
    /// Wakes the session's task, which watches over the connection: the session is to end.
    ended: Notify,
    /// How the client may come back.
    ticket: Option<Arc<Ticket>>,
    broken: Broken,
    frame_bytes_max: usize,
    bytes_max: usize,
    unreliable_bytes_max: usize,
    slow_bytes: usize,
    /// So much could be sent if the client read that it is not to ask for more.
    is_slow: AtomicBool,
    /// Wakes whoever waits until that is over.
    faster: Notify,
    /// How long what is patient waits.
    patience: Duration,
}

/// A frame and how it is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Say {
    pub(crate) frame: Bytes,
    /// When it may be sent.
    pub(crate) hold: Hold,
    pub(crate) delivery: Delivery,
    /// Whether it may wait a little for what follows it, so that both share a packet.
    pub(crate) is_patient: bool,
}

/// What may become of a frame on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It arrives, in order.
    Ordered,
    /// It may be lost, or be overtaken. Only for frames of events.
    Unreliable,
    /// It arrives, in order, unless one of the same key is pushed while it waits: then only that one does.
    Latest(u64),
}

/// How the server ends a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything queued is sent, then the reason, then the connection is closed.
    Closing(String),
    /// As `Closing`, but the session has never begun.
    Rejected(RejectCode, String),
    /// At once: what is queued is thrown away.
    Dropped(CloseCode, String),
}

/// What the writer sends in one go.
#[derive(Default)]
pub(super) struct Batch {
    /// Pieces of the stream.
    pub(super) frames: Vec<Bytes>,
    pub(super) datagrams: Vec<Bytes>,
    /// How many frames the pieces were made of.
    pub(super) frame_count: usize,
}

/// What became of an attempt to take something.
enum Taken {
    /// There is something in the batch, or a last frame, or both.
    Something(Option<Bytes>),
    /// There is nothing, or nothing but what waits for more until then.
    Nothing(Option<Instant>),
    /// The session's connection is another one.
    Never,
}

impl Outbox {
    /// An outbox whose first connection has the number one. Its client can come back as the ticket says.
    pub(super) fn new(
        limits: &Limits,
        watermark: Arc<Watermark>,
        ticket: Option<Arc<Ticket>>,
        broken: Broken,
    ) -> Self {
        let frame_bytes_max = limits.to_client_bytes_max.saturating_add(LENGTH_BYTES);
        // What a client has received and need not acknowledge yet must not fill it.
        let unacknowledged = 2 * ACK_BYTES + ACK_FRAMES as usize * FRAME_COST;
        let bytes_max = limits.outbox_bytes_max.max(frame_bytes_max.saturating_add(FRAME_COST));
        let bytes_max = bytes_max.saturating_add(unacknowledged);
        Self {
            queue: Mutex::new(Queue::of(1)),
            watermark,
            work: Arc::default(),
            ended: Notify::new(),
            ticket,
            broken,
            frame_bytes_max,
            bytes_max,
            unreliable_bytes_max: limits.unreliable_bytes_max.min(bytes_max),
            slow_bytes: limits.slow_bytes,
            is_slow: AtomicBool::new(false),
            faster: Notify::new(),
            patience: limits.channel_delay,
        }
    }

    /// Queues a frame that may be sent as `hold` says. Does nothing when the session is already ending.
    #[cfg(test)]
    pub(crate) fn push(&self, frame: Bytes, hold: Hold) {
        self.say([Say { frame, hold, delivery: Delivery::Ordered, is_patient: false }]);
    }

    /// Queues frames, in order and in one go: if nothing holds some of them back, they leave in one write.
    pub(crate) fn say(&self, says: impl IntoIterator<Item = Say>) {
        let mut queue = self.queue.lock();
        let (was_ready, was_urgent) = (queue.is_ready(), queue.is_urgent);
        // Also while nobody takes anything: what is on disk by now may be replaced by what comes, and holds nothing back.
        queue.release(&self.watermark);
        let was_held = !queue.held.is_empty();
        for say in says {
            if queue.end.is_some() {
                return;
            }
            if say.delivery == Delivery::Unreliable {
                if queue.connection == 0 {
                    continue;
                }
                if queue.waiting() > self.unreliable_bytes_max {
                    meters::thinned();
                    continue;
                }
            }
            if let Delivery::Latest(key) = say.delivery {
                queue.forget_latest(key);
            }
            let waiting = queue.waiting() + say.frame.len() + FRAME_COST;
            if say.frame.len() > self.frame_bytes_max || waiting > self.bytes_max {
                if say.delivery == Delivery::Unreliable {
                    meters::thinned();
                    continue;
                }
                let is_held = !queue.held.is_empty();
                let (kind, code, reason) = self.over_limit(say.frame.len(), waiting, is_held);
                meters::dropped(kind);
                queue.end(End::Dropped(code, reason), Hold::NONE);
                drop(queue);
                return self.ended.notify_one();
            }
            queue.bytes += say.frame.len() + FRAME_COST;
            if queue.may_go(say.hold, &self.watermark) {
                if !say.is_patient || self.patience.is_zero() {
                    queue.is_urgent = true;
                } else if !queue.is_ready() {
                    queue.due = queue.due_after(Instant::now(), self.patience);
                }
                queue.make_ready(say);
            } else {
                queue.held_bytes += say.frame.len() + FRAME_COST;
                queue.held.push_back(say);
            }
        }
        // Until the writer takes it, if there is one: it comes for what may be sent as soon as it can.
        if queue.has_writer && queue.bytes - queue.held_bytes > self.slow_bytes {
            self.is_slow.store(true, Ordering::Relaxed);
        }
        let is_first = queue.is_ready() && (!was_ready || (queue.is_urgent && !was_urgent));
        // Only the first of what is held is waited for: all behind it wait with it.
        let held = if was_held { None } else { queue.newly_held(&self.watermark) };
        drop(queue);
        if is_first {
            self.work.notify_one();
        }
        if let Some(hold) = held {
            self.watermark.wake(&self.work, hold);
        }
    }

    /// The frame that tells the client that it is in the session of this number, and how to resume that, which it may from now on.
    pub(crate) fn welcome(&self, session: u64) -> Bytes {
        // Under the lock, so that a session that has ended meanwhile is not listed again.
        let queue = self.queue.lock();
        let ticket = self.ticket.as_ref().filter(|_| queue.end.is_none());
        let (secret, window_ms) = ticket.map(|ticket| ticket.issue(session)).unwrap_or_default();
        ToClient::Welcome { session, secret, window_ms }.encode()
    }

    /// Ends the session: what is queued is still sent, then the reason.
    pub(crate) fn close(&self, reason: impl Into<String>, hold: Hold) {
        self.end(End::Closing(reason.into()), hold);
    }

    /// Ends what has not become a session: the client learns that it may not join, and why.
    pub(crate) fn reject(&self, code: RejectCode, reason: impl Into<String>, hold: Hold) {
        self.end(End::Rejected(code, reason.into()), hold);
    }

    /// Ends the session at once, since its client has joined from elsewhere: what is queued waits for one that is gone, or that is not
    /// to go on.
    pub(crate) fn replace(&self) {
        self.drop_all(CloseCode::Replaced, "you have joined from elsewhere".to_owned());
    }

    /// Ends the session at once.
    pub(super) fn drop_all(&self, code: CloseCode, reason: String) {
        self.end(End::Dropped(code, reason), Hold::NONE);
    }

    /// The same, if its connection is the one with the number `connection`.
    pub(super) fn drop_all_of(&self, connection: u32, code: CloseCode, reason: String) {
        if self.queue.lock().connection == connection {
            self.drop_all(code, reason);
        }
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

    /// Whether so much could be sent if the client read that it is not to ask for more.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// The writer of the connection with the number `connection` has ended: whoever reads is to find out why.
    pub(super) fn left(&self, connection: u32) {
        let mut queue = self.queue.lock();
        if queue.connection == connection {
            queue.has_writer = false;
            self.goes_on();
        }
    }

    /// Something can be sent again, or nothing ever will.
    fn goes_on(&self) {
        if self.is_slow.swap(false, Ordering::Relaxed) {
            self.faster.notify_waiters();
        }
    }

    /// Resolves when something could be sent.
    pub(super) async fn is_fast(&self) {
        loop {
            // Made before the look, so that no news in between is missed.
            let faster = self.faster.notified();
            if !self.is_slow() {
                return;
            }
            faster.await;
        }
    }

    /// Resolves when the server wants the session to end. For the session's task alone.
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

    /// Tells the client, with what is sent next, that `received` of its frames have been.
    pub(super) fn acknowledge(&self, received: u64) {
        self.queue.lock().receipt = Some(received);
        self.work.notify_one();
    }

    /// The client has received `received` frames: they are not kept any longer.
    ///
    /// # Errors
    /// [`ReceivedError`]: so many were not sent.
    pub(super) fn acknowledged(&self, received: u64) -> Result<(), ReceivedError> {
        let mut queue = self.queue.lock();
        match queue.end {
            // Nothing is kept any more, and the client does not know that yet.
            Some((End::Dropped(..), _)) => Ok(()),
            _ => queue.retained.acknowledge(received),
        }
    }

    /// What is kept for the client until it has acknowledged it, in bytes.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.queue.lock().waiting()
    }

    /// Whether the client has been sent what it needs to resume the session.
    pub(super) fn is_resumable(&self) -> bool {
        self.queue.lock().is_welcomed
    }

    /// There is no connection for the time being.
    pub(super) fn detach(&self) {
        let mut queue = self.queue.lock();
        self.goes_on();
        queue.has_writer = false;
        queue.connection = 0;
        queue.drop_datagrams();
    }

    /// The session goes on over its connection with the number `connection`, whose client has received `received` frames: it
    /// is sent `first`, then what it lacks, then what waits. What another connection's writer still has goes nowhere.
    ///
    /// # Errors
    /// [`ReceivedError`]: the session cannot go on from there. Nothing has changed.
    pub(super) fn resume(
        &self,
        connection: u32,
        received: u64,
        first: Bytes,
    ) -> Result<(), ReceivedError> {
        let mut queue = self.queue.lock();
        let received =
            if self.broken.received_is_ignored { queue.retained.acknowledged() } else { received };
        let mut again = queue.retained.resume(received)?;
        if self.broken.retained_is_forgotten {
            again.clear();
        }
        again.insert(0, first);
        queue.again = again;
        self.goes_on();
        queue.has_writer = true;
        queue.connection = connection;
        // What the client was told on the old connection it may not have heard; the first frame says it again.
        queue.receipt = None;
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    /// Moves all that may be sent into `batch`, waiting until there is something; for the writer of the session's connection
    /// with the number `connection` alone. `Some` is the frame to send behind it as the last one.
    ///
    /// From now on the frames count as sent, and are kept until they are acknowledged.
    pub(super) async fn take(
        &self,
        connection: u32,
        datagram_bytes_max: impl Fn() -> Option<usize> + Send + Sync,
        batch: &mut Batch,
    ) -> Option<Bytes> {
        loop {
            let until = match self.take_now(connection, &datagram_bytes_max, batch) {
                Taken::Something(last) => return last,
                Taken::Nothing(until) => until,
                // The session goes on elsewhere, and this writer is about to be ended.
                Taken::Never => return std::future::pending().await,
            };
            match until {
                // More may come, or something that is not patient.
                Some(due) => tokio::select! {
                    () = sleep_until(due) => {}
                    () = self.work.notified() => {}
                },
                None => self.work.notified().await,
            }
        }
    }

    /// What [`take`](Self::take) does without waiting. If nothing is taken, the writer will be woken for what is held.
    fn take_now(
        &self,
        connection: u32,
        datagram_bytes_max: &dyn Fn() -> Option<usize>,
        batch: &mut Batch,
    ) -> Taken {
        let mut queue = self.queue.lock();
        if queue.connection != connection {
            return Taken::Never;
        }
        self.goes_on();
        queue.release(&self.watermark);
        let patient_until = queue.patient_until();
        if let Some((End::Dropped(..), _)) = queue.end {
            // The session's task closes the connection; until then there is nothing to do.
            *batch = Batch::default();
        } else if patient_until.is_none() {
            queue.fill(batch, datagram_bytes_max);
        }
        let is_held = queue.held_until(&self.watermark).is_some();
        let last = match &queue.end {
            Some((End::Closing(reason), _)) if !is_held => {
                Some(ToClient::Closing { reason: reason.clone() }.encode())
            }
            Some((End::Rejected(code, reason), _)) if !is_held => {
                Some(ToClient::Rejected { code: *code, reason: reason.clone() }.encode())
            }
            Some(_) | None => None,
        };
        let held = queue.newly_held(&self.watermark);
        drop(queue);
        if let Some(hold) = held {
            self.watermark.wake(&self.work, hold);
        }
        if last.is_some() || !batch.frames.is_empty() || !batch.datagrams.is_empty() {
            Taken::Something(last)
        } else {
            Taken::Nothing(patient_until)
        }
    }

    /// For who counts, for the client's program, and for a person.
    fn over_limit(
        &self,
        frame_bytes: usize,
        waiting: usize,
        is_held: bool,
    ) -> (&'static str, CloseCode, String) {
        if frame_bytes > self.frame_bytes_max {
            let max = self.frame_bytes_max;
            let reason = format!(
                "the server wanted to send a frame of {frame_bytes} bytes, over its limit of {max}"
            );
            return ("too_long", CloseCode::Closing, reason);
        }
        let max = self.bytes_max;
        if is_held {
            let reason = format!(
                "the server cannot store what it has to say as fast as it happens: {waiting} bytes are waiting, {max} are \
                 allowed"
            );
            return ("not_stored", CloseCode::Busy, reason);
        }
        let reason =
            format!("does not read fast enough: {waiting} bytes are waiting, {max} are allowed");
        ("too_slow", CloseCode::TooSlow, reason)
    }
}

/// What a frame that waits takes beside its bytes: its place in the queue, and what keeps its bytes. Counted too, because
/// many frames are nearly nothing but that.
const FRAME_COST: usize = 96;

struct Queue {
    /// Something that may be sent is not to wait any longer.
    is_urgent: bool,
    /// If not, until when the oldest waits.
    due: Instant,
    /// When something was taken last.
    taken_at: Instant,
    /// The number of the connection whose writer may take; zero: there is none.
    connection: u32,
    /// What goes out first: the answer to a client that has come back, and what it lacks. All of it is in `retained`.
    again: Vec<Bytes>,
    /// What may be sent by stream. An empty one has been replaced by one further back.
    ready: Vec<Bytes>,
    /// Where in `ready` the newest of each key is.
    latest: HashMap<u64, usize>,
    /// How many in `ready` have been replaced.
    replaced: usize,
    /// What may be sent by datagram: frames of events.
    datagrams: Vec<Bytes>,
    /// What comes behind: the first was held when it came, so all after it wait with it.
    held: VecDeque<Say>,
    /// Of `ready`, `datagrams` and `held`, with what keeping them costs.
    bytes: usize,
    /// Of `held` alone.
    held_bytes: usize,
    /// There is a writer that comes for what may be sent.
    has_writer: bool,
    /// What was sent and has not been acknowledged.
    retained: Retained<ToClient>,
    /// How far the client is to be told that it was received.
    receipt: Option<u64>,
    /// The first frame, which is the welcome, has been taken.
    is_welcomed: bool,
    /// What the watermark has been asked to wake the writer for.
    woken_at: Option<Hold>,
    /// How the session ends, and what the reason waits for.
    end: Option<(End, Hold)>,
    #[cfg(test)]
    is_broken: bool,
}

impl Queue {
    /// Empty, for the writer of the connection with this number.
    fn of(connection: u32) -> Self {
        Self {
            is_urgent: false,
            due: Instant::now(),
            taken_at: Instant::now(),
            connection,
            again: Vec::new(),
            ready: Vec::new(),
            latest: HashMap::new(),
            replaced: 0,
            datagrams: Vec::new(),
            held: VecDeque::new(),
            bytes: 0,
            held_bytes: 0,
            has_writer: true,
            retained: Retained::default(),
            receipt: None,
            is_welcomed: false,
            woken_at: None,
            end: None,
            #[cfg(test)]
            is_broken: false,
        }
    }

    /// What counts against the limit.
    fn waiting(&self) -> usize {
        self.bytes + self.retained.bytes()
    }

    /// Whether anything may be sent.
    fn is_ready(&self) -> bool {
        !self.ready.is_empty() || !self.datagrams.is_empty()
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
            *self = Self::of(self.connection);
        }
        self.end = Some((end, hold));
    }

    /// Puts what may be sent where it is sent from.
    fn make_ready(&mut self, say: Say) {
        match say.delivery {
            Delivery::Ordered => self.ready.push(say.frame),
            Delivery::Unreliable if self.connection == 0 => {
                self.bytes -= say.frame.len() + FRAME_COST;
            }
            Delivery::Unreliable => self.datagrams.push(say.frame),
            Delivery::Latest(key) => {
                self.forget_latest(key);
                self.latest.insert(key, self.ready.len());
                self.ready.push(say.frame);
            }
        }
    }

    /// Takes back what waits under `key`. Its successor comes at the end, so that it does not overtake what was said before it.
    fn forget_latest(&mut self, key: u64) {
        let Some(place) = self.latest.remove(&key) else { return };
        self.bytes -= std::mem::take(&mut self.ready[place]).len() + FRAME_COST;
        self.replaced += 1;
        // A place costs little, but one key can be replaced any number of times.
        if self.replaced > 64 + self.ready.len() / 2 {
            let mut next = 0;
            let places: Vec<usize> = self
                .ready
                .iter()
                .map(|frame| {
                    let place = next;
                    next += usize::from(!frame.is_empty());
                    place
                })
                .collect();
            self.latest.values_mut().for_each(|place| *place = places[*place]);
            self.ready.retain(|frame| !frame.is_empty());
            self.replaced = 0;
        }
    }

    fn drop_datagrams(&mut self) {
        let bytes: usize = self.datagrams.iter().map(|frame| frame.len() + FRAME_COST).sum();
        self.bytes -= bytes;
        self.datagrams = Vec::new();
    }

    /// Moves all that may be sent into `batch`.
    fn fill(&mut self, batch: &mut Batch, datagram_bytes_max: &dyn Fn() -> Option<usize>) {
        self.is_urgent = false;
        self.taken_at = Instant::now();
        batch.datagrams.clear();
        if !self.datagrams.is_empty() {
            let bytes_max = datagram_bytes_max().unwrap_or(0);
            for frame in std::mem::take(&mut self.datagrams) {
                if frame.len() - LENGTH_BYTES > bytes_max {
                    self.ready.push(frame);
                } else {
                    self.bytes -= frame.len() + FRAME_COST;
                    batch.datagrams.push(to_client::datagram(&frame));
                }
            }
        }
        batch.frames.clear();
        std::mem::swap(&mut batch.frames, &mut self.ready);
        if self.replaced > 0 {
            batch.frames.retain(|frame| !frame.is_empty());
            self.replaced = 0;
        }
        self.latest.clear();
        // The welcome is the first frame there is.
        self.is_welcomed |= !batch.frames.is_empty();
        self.bytes -= batch.frames.iter().map(|frame| frame.len() + FRAME_COST).sum::<usize>();
        batch.frame_count = batch.frames.len();
        batch::join(&mut batch.frames);
        for piece in &batch.frames {
            self.retained.push(piece.clone());
        }
        if !self.again.is_empty() {
            batch.frame_count += self.again.len();
            let behind = std::mem::replace(&mut batch.frames, std::mem::take(&mut self.again));
            batch.frames.extend(behind);
        }
        if self.is_welcomed
            && let Some(received) = self.receipt.take()
        {
            batch.frames.push(ToClient::Ack { received }.encode());
            batch.frame_count += 1;
        }
    }

    /// Moves what is held no longer to what may be sent.
    fn release(&mut self, watermark: &Watermark) {
        while let Some(say) = self.held.pop_front_if(|say| watermark.has_reached(say.hold)) {
            // It has waited for the disk.
            self.is_urgent = true;
            self.held_bytes -= say.frame.len() + FRAME_COST;
            self.make_ready(say);
        }
    }

    /// Until when something patient waits that comes now and is the first. Around whom little happens would wait in vain for more to
    /// come, and sees each of it: for them it is a quarter of the time.
    fn due_after(&self, now: Instant, patience: Duration) -> Instant {
        let is_quiet = now.saturating_duration_since(self.taken_at) > patience;
        now + if is_quiet { patience / 4 } else { patience }
    }

    /// Until when all that may be sent is to wait for more; `None` if something is not patient, or there is nothing. To be asked
    /// after [`release`](Self::release).
    fn patient_until(&self) -> Option<Instant> {
        let is_patient = self.is_ready()
            && !self.is_urgent
            && self.end.is_none()
            && self.again.is_empty()
            && self.receipt.is_none();
        Some(self.due).filter(|due| is_patient && *due > Instant::now())
    }

    /// What the first that is held waits for; to be asked after [`release`](Self::release).
    fn held_until(&self, watermark: &Watermark) -> Option<Hold> {
        let first = self.held.front().map(|say| say.hold);
        first.or_else(|| Some(self.end.as_ref()?.1).filter(|hold| !watermark.has_reached(*hold)))
    }

    /// The same, if the writer is not going to be woken for it yet. Whoever asks has it woken.
    fn newly_held(&mut self, watermark: &Watermark) -> Option<Hold> {
        let held = self.held_until(watermark);
        let is_new = held.is_some() && held != self.woken_at;
        self.woken_at = held;
        held.filter(|_| is_new)
    }
}

#[cfg(test)]
mod tests;
