//! The UDP socket of one client, or of many.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::udp::UdpSocketState;
use quinn::{EndpointConfig, TokioRuntime};
use tracing::debug;

/// A socket from which any number of clients can reach `server`, and others of its address family. Must be called inside a tokio
/// runtime, which then runs it. A program of many hundred clients does well to spread them over several.
///
/// # Errors
/// Those of the system: no free port, or too many open files.
pub fn endpoint(server: SocketAddr) -> io::Result<quinn::Endpoint> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    let enlarged = UdpSocketState::new((&socket).into()).and_then(|state| {
        state.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER_BYTES)?;
        state.set_send_buffer_size((&socket).into(), SOCKET_BUFFER_BYTES)
    });
    // A small buffer costs speed under load, so it is no error.
    if let Err(error) = enlarged {
        debug!(%error, "the socket's buffers keep their size");
    }
    quinn::Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))
}

/// Room for the packets of many clients that share the socket; the kernel takes it only as they come.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
