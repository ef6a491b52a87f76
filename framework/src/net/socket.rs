//! The server's UDP socket, and the thread that reads it.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;
use quinn::udp::UdpSocketState;
use quinn::{
    AsyncTimer, AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, ServerConfig, TokioRuntime,
};
use tokio::runtime::Builder;
use tracing::debug;

/// Listens on `listen`. The connections run where they are accepted; the socket is read by a thread of its own.
///
/// On a shared runtime the task that reads the socket takes its turn among those of a thousand connections, at fifty
/// microseconds a turn, and a burst overflows the socket's buffer meanwhile. Measured with a thousand clients joining at once on
/// two busy cores, the buffer being Debian's: 500 to 1,000 packets lost and calls held up for ten seconds by QUIC's timeouts; with
/// the thread 50 to 150 packets and half a second. A few clients alone pay for it with a wake-up more.
///
/// # Errors
/// Those of the system.
pub(super) fn listen(
    listen: SocketAddr,
    endpoint: EndpointConfig,
    config: ServerConfig,
) -> io::Result<Endpoint> {
    let socket = UdpSocket::bind(listen)?;
    enlarge_buffers(&socket);
    let reading = Builder::new_current_thread().enable_io().build()?;
    let runtime = Arc::new(ReadApart::default());
    let endpoint = {
        let _inside = reading.enter();
        let runtime = Arc::clone(&runtime);
        Endpoint::new(endpoint, Some(config), socket, runtime)?
    };
    if let Some(reader) = runtime.reader() {
        // Ends when the endpoint is dropped and its last connection is over.
        thread::Builder::new()
            .name("daystar-socket".to_owned())
            .spawn(move || reading.block_on(reader))?;
    }
    Ok(endpoint)
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

/// Tokio as quinn's runtime, except that the endpoint's task, which quinn spawns first, is handed out instead.
#[derive(Default)]
struct ReadApart {
    reader: Mutex<Reader>,
}

#[derive(Default)]
enum Reader {
    #[default]
    Expected,
    Spawned(Task),
    HandedOut,
}

impl ReadApart {
    fn reader(&self) -> Option<Task> {
        match std::mem::replace(&mut *self.reader.lock(), Reader::HandedOut) {
            Reader::Spawned(task) => Some(task),
            Reader::Expected | Reader::HandedOut => None,
        }
    }
}

impl Runtime for ReadApart {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, task: Task) {
        let mut reader = self.reader.lock();
        if let Reader::Expected = *reader {
            *reader = Reader::Spawned(task);
        } else {
            drop(reader);
            TokioRuntime.spawn(task);
        }
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }
}

impl std::fmt::Debug for ReadApart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadApart")
    }
}

/// The packets of all connections pass one socket; the system's default holds about a hundred.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
