//! The server's UDP socket, and who reads it.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quinn::udp::UdpSocketState;
use quinn::{
    AsyncTimer, AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, ServerConfig, TokioRuntime,
};
use tokio::sync::Notify;
use tokio::task::unconstrained;
use tracing::debug;

/// Listens on `listen`. The connections run where they are accepted, and so does what reads the socket: one task among theirs,
/// whose turn the others take for it when it comes late.
///
/// A thread that does nothing but read would be woken by each packet that comes alone, which costs more than reading it. A task
/// alone would wait for its turn behind those of a thousand connections, at fifty microseconds a turn, and a burst overflows the
/// socket's buffer meanwhile: measured with a thousand clients joining at once on two busy cores, the buffer being Debian's, 500 to
/// 1,000 packets were lost, and calls held up for ten seconds by QUIC's timeouts.
///
/// Tokio waits for sockets on one of its threads, and the others sleep until there is something for them. When the one that waited is
/// held up, so is everybody, until `stand_in` is notified: then another wakes, reads what has come, and waits in its place.
///
/// # Errors
/// Those of the system.
pub(super) fn listen(
    listen: SocketAddr,
    endpoint: EndpointConfig,
    config: ServerConfig,
    stand_in: Arc<Notify>,
) -> io::Result<Endpoint> {
    let socket = UdpSocket::bind(listen)?;
    enlarge_buffers(&socket);
    let runtime = Arc::new(ReadByAll { reading: Mutex::default(), stand_in });
    Endpoint::new(endpoint, Some(config), socket, runtime)
}

/// Asks for more room than systems give by default. Not being given it costs speed under load, so it is no error.
fn enlarge_buffers(socket: &UdpSocket) {
    let enlarged = UdpSocketState::new(socket.into()).and_then(|state| {
        state.set_recv_buffer_size(socket.into(), SOCKET_BUFFER_BYTES)?;
        state.set_send_buffer_size(socket.into(), SOCKET_BUFFER_BYTES)
    });
    if let Err(error) = enlarged {
        debug!(%error, "the socket's buffers keep their size");
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tokio as quinn's runtime, except that each task lends a hand to the endpoint's, which quinn spawns first.
struct ReadByAll {
    reading: Mutex<Option<Arc<Reading>>>,
    stand_in: Arc<Notify>,
}

/// The task that reads the socket.
struct Reading {
    began: Instant,
    /// When it was last polled, in microseconds since it began.
    polled_us: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// `None` when it has ended.
    task: Option<Task>,
    /// Of the task of its own: whoever polls it, that one is to be woken.
    waker: Option<Waker>,
}

impl Reading {
    fn of(task: Task) -> Self {
        // It limits itself, and what another task may still do in its turn says nothing about it.
        let task = Box::pin(unconstrained(task));
        let state = Mutex::new(State { task: Some(task), waker: None });
        Self { began: Instant::now(), polled_us: AtomicU64::new(0), state }
    }

    /// Reads what has come, and some of what comes meanwhile.
    fn poll(&self, state: &mut State, context: &mut Context<'_>) -> Poll<()> {
        if let Some(task) = &mut state.task {
            ready!(task.as_mut().poll(context));
        }
        state.task = None;
        Poll::Ready(())
    }

    /// Reads, unless somebody has of late, or does.
    fn lend_a_hand(&self) {
        let now_us = self.now_us();
        if now_us < self.polled_us.load(Ordering::Relaxed) + LATE.as_micros() as u64 {
            return;
        }
        let Some(mut state) = self.state.try_lock() else { return };
        let Some(waker) = state.waker.clone() else { return };
        if self.poll(&mut state, &mut Context::from_waker(&waker)).is_ready() {
            waker.wake();
        }
        self.polled_us.store(self.now_us(), Ordering::Relaxed);
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The endpoint's task, in its own right.
struct Reader(Arc<Reading>);

impl Future for Reader {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state.lock();
        state.waker.get_or_insert_with(|| context.waker().clone()).clone_from(context.waker());
        let polled = self.0.poll(&mut state, context);
        self.0.polled_us.store(self.0.now_us(), Ordering::Relaxed);
        polled
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It has the socket, and the socket's owner has what lends it a hand.
        let task = self.0.state.lock().task.take();
        drop(task);
    }
}

/// Reads whenever it is told to, as long as there is something to be read.
async fn stand_in(reading: Weak<Reading>, told: Arc<Notify>) {
    loop {
        told.notified().await;
        let Some(reading) = reading.upgrade() else { return };
        reading.lend_a_hand();
    }
}

/// A connection's task.
struct Helper {
    task: Task,
    reading: Arc<Reading>,
}

impl Future for Helper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let polled = self.task.as_mut().poll(context);
        self.reading.lend_a_hand();
        polled
    }
}

impl Runtime for ReadByAll {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, task: Task) {
        let mut reading = self.reading.lock();
        match &*reading {
            Some(reading) => {
                let reading = Arc::clone(reading);
                tokio::spawn(Helper { task, reading });
            }
            None => {
                let new = Arc::new(Reading::of(task));
                *reading = Some(Arc::clone(&new));
                tokio::spawn(stand_in(Arc::downgrade(&new), Arc::clone(&self.stand_in)));
                tokio::spawn(Reader(new));
            }
        }
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }
}

impl std::fmt::Debug for ReadByAll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadByAll")
    }
}

/// A task's turn that is so late is taken by others.
const LATE: Duration = Duration::from_micros(200);

/// The packets of all connections pass one socket; the system's default holds about a hundred.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc::channel;

    use tokio::runtime::{Builder, Handle};
    use tokio::time::sleep;

    use super::*;

    /// Has the thread that waits for timers, as it does for sockets, be held up; whether another timer rings within `patience`.
    fn rings_while_one_is_held_up(is_told: bool, patience: Duration) -> bool {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build();
        let runtime = runtime.expect("a runtime");
        let (reading, told) =
            (Arc::new(Reading::of(Box::pin(pending()))), Arc::<Notify>::default());
        runtime.spawn(stand_in(Arc::downgrade(&reading), Arc::clone(&told)));
        let ((ring, rung), (hold, held_up)) = (channel(), channel());
        let (leave, to_leave) = channel::<()>();
        runtime.spawn(async move {
            sleep(RINGS_AFTER).await;
            let _nobody_waits = ring.send(());
        });
        runtime.spawn(async move {
            let sleeps = |worker: &usize| {
                !Handle::current().metrics().worker_park_unpark_count(*worker).is_multiple_of(2)
            };
            // Until the other thread sleeps, and this one is woken by its timer alone.
            sleep(RINGS_AFTER / 20).await;
            while (0..2).filter(sleeps).count() != 1 {
                sleep(RINGS_AFTER / 20).await;
            }
            let _nobody_waits = hold.send(());
            let _released = to_leave.recv();
        });
        held_up.recv().expect("a thread");
        if rung.try_recv().is_ok() {
            // So busy a machine says nothing.
            drop(leave);
            return rings_while_one_is_held_up(is_told, patience);
        }
        let deadline = Instant::now() + patience;
        let mut has_rung = false;
        while !has_rung && Instant::now() < deadline {
            has_rung = rung.recv_timeout(Duration::from_millis(10)).is_ok();
            if is_told {
                told.notify_one();
            }
        }
        drop(leave);
        has_rung
    }

    const RINGS_AFTER: Duration = Duration::from_secs(1);

    #[test]
    fn somebody_waits_in_place_of_a_thread_that_is_held_up_if_told_to() {
        assert!(rings_while_one_is_held_up(true, Duration::from_secs(20)));
        assert!(!rings_while_one_is_held_up(false, 2 * RINGS_AFTER), "nobody need be told");
    }
}
