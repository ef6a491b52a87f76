//! The task that writes to one client.

use std::sync::Arc;

use bytes::Bytes;
use daystar_protocol::batch;
use daystar_protocol::close::CloseCode;
use quinn::{SendStream, WriteError};

use crate::net::outbox::Outbox;

/// Writes what is pushed into `outbox`, everything that waits in one go, until the last frame has arrived.
pub(super) async fn write(mut stream: SendStream, outbox: Arc<Outbox>) {
    let mut frames = Vec::new();
    loop {
        let last = outbox.take(&mut frames).await;
        let (count, bytes) = (frames.len(), frames.iter().map(Bytes::len).sum());
        let is_last = last.is_some();
        frames.extend(last);
        batch::join(&mut frames);
        if let Err(error) = stream.write_all_chunks(&mut frames).await {
            if let WriteError::Stopped(_) = error {
                let reason = "it no longer reads what it is sent".to_owned();
                outbox.drop_all(CloseCode::Violation, reason);
            }
            // Otherwise the connection is gone, as the reader is about to find.
            return;
        }
        outbox.written(count, bytes);
        frames.clear();
        if frames.capacity() > FRAMES_KEPT {
            frames = Vec::new();
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
