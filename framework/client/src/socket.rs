//! UDP sockets of clients: of one, or of many with a thread that reads it.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use quinn::udp::UdpSocketState;
use quinn::{AsyncTimer, AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, TokioRuntime};
use tokio::runtime::Builder;
use tracing::debug;

use crate::traffic::{Counted, Traffic};

/// A socket that any number of clients may share, from which `server` and others of its address family can be reached.
///
/// The clients run where they connect; a thread of its own reads the socket, since with hundreds of clients the task that reads
/// would wait for its turn among theirs, and packets would be lost meanwhile.
///
/// # Errors
/// Those of the system: no free port, no more threads or open files.
pub fn shared(server: SocketAddr) -> io::Result<Endpoint> {
    shared_counted(server).map(|(endpoint, _)| endpoint)
}

/// Like [`shared`], with what passes through the socket.
///
/// # Errors
/// Those of [`shared`].
pub fn shared_counted(server: SocketAddr) -> io::Result<(Endpoint, Arc<Traffic>)> {
    let socket = unbound(server)?;
    let reading = Builder::new_current_thread().enable_io().build()?;
    let runtime = Arc::new(ReadApart::default());
    let endpoint = {
        let _inside = reading.enter();
        Endpoint::new(EndpointConfig::default(), None, socket, Arc::<ReadApart>::clone(&runtime))?
    };
    if let Some(reader) = runtime.reader() {
        // Ends when the endpoint is dropped and its last connection is over.
        thread::Builder::new()
            .name("daystar-socket".to_owned())
            .spawn(move || reading.block_on(reader))?;
    }
    Ok((endpoint, Arc::clone(&runtime.traffic)))
}

/// The socket of a single client, read by a task beside its others.
pub(crate) fn own(server: SocketAddr) -> io::Result<Endpoint> {
    let socket = unbound(server)?;
    Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))
}

/// Any free port, of the server's family.
fn unbound(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    enlarge_buffers(&socket);
    Ok(socket)
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

/// Tokio as quinn's runtime, except that the endpoint's task, which quinn spawns first, is handed out instead, and that what passes
/// through the socket is counted.
#[derive(Default)]
struct ReadApart {
    reader: Mutex<Reader>,
    traffic: Arc<Traffic>,
}

#[derive(Default)]
enum Reader {
    #[default]
    Expected,
    Spawned(Task),
    HandedOut,
}

impl ReadApart {
    fn lock(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> Option<Task> {
        match std::mem::replace(&mut *self.lock(), Reader::HandedOut) {
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
        let mut reader = self.lock();
        if let Reader::Expected = *reader {
            *reader = Reader::Spawned(task);
        } else {
            drop(reader);
            TokioRuntime.spawn(task);
        }
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let socket = TokioRuntime.wrap_udp_socket(socket)?;
        Ok(Arc::new(Counted { socket, traffic: Arc::clone(&self.traffic) }))
    }
}

impl std::fmt::Debug for ReadApart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadApart")
    }
}

/// Room for the packets of many clients; the system's default holds about a hundred, and takes memory only for those that come.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
