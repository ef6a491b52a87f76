//! The task that writes to one client over one connection.

use std::sync::Arc;

use bytes::Bytes;
use daystar_protocol::close::CloseCode;
use quinn::{Connection, SendStream, WriteError};

use crate::net::meters::Meters;
use crate::net::outbox::{Batch, Outbox};

/// Writes what is pushed into `outbox`, everything that waits in one go, until the last frame has arrived. The connection
/// is the session's with the number `number`.
pub(super) async fn write(
    connection: Connection,
    mut stream: SendStream,
    outbox: Arc<Outbox>,
    number: u32,
    meters: Arc<Meters>,
) {
    let mut batch = Batch::default();
    loop {
        let last = outbox.take(number, || connection.max_datagram_size(), &mut batch).await;
        for datagram in batch.datagrams.drain(..) {
            // What cannot be sent is lost, as it may be.
            let _ = connection.send_datagram(datagram);
        }
        let is_last = last.is_some();
        batch.frames.extend(last);
        meters.sent_messages.increment((batch.frame_count + usize::from(is_last)) as u64);
        meters.sent_bytes.increment(batch.frames.iter().map(Bytes::len).sum::<usize>() as u64);
        if let Err(error) = stream.write_all_chunks(&mut batch.frames).await {
            if let WriteError::Stopped(_) = error {
                let reason = "it no longer reads what it is sent".to_owned();
                outbox.drop_all_of(number, CloseCode::Violation, reason);
            }
            // Otherwise the connection is gone, as the reader is about to find.
            return outbox.left(number);
        }
        batch.frames.clear();
        batch.frame_count = 0;
        if batch.frames.capacity() > FRAMES_KEPT {
            batch.frames = Vec::new();
        }
        if is_last {
            // Resolves when the client has everything, or is gone.
            if stream.finish().is_ok() {
                let _ = stream.stopped().await;
            }
            return;
        }
    }
}

/// Room kept between two writes: enough for what a commit or two says, little enough for an idle client.
const FRAMES_KEPT: usize = 64;
