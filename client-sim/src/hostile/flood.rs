//! Clients that send as fast as the server takes it, a hundred times what it allows and more, and read and acknowledge every answer:
//! nothing is wrong with them but that. Half of them send requests, half what costs the server next to nothing, so that
//! the limit on messages is what stops them, not the game's pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use daystar_protocol::client_session::{ClientSession, FromServer};
use daystar_protocol::to_server::ToServer;
use quinn::RecvStream;
use tokio::time::sleep;

use crate::hostile::attack::hands;
use crate::hostile::notice::{By, Notice};
use crate::hostile::target::{Session, Target, words};
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[
    // Each flooder that stays is held many times in a second.
    Notice::new(&["daystar_net_rate_limited_total"], By::Times(FLOODERS as u64 * 10)),
    Notice::new(
        &["daystar_net_closed_total{reason=\"rate_limit\"}"],
        By::Told("more is sent than this server allows"),
    ),
];

const FLOODERS: u32 = 32;

/// Frames in one write.
const FRAMES: usize = 64;

/// Who was thrown out comes back after this.
const COME_BACK_AFTER: Duration = Duration::from_millis(200);

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(FLOODERS, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let Ok(endpoint) = target.endpoint() else { return };
            let frame = match number % 2 {
                0 => ToServer::Send { payload: target.request.clone() },
                _ => ToServer::Ack { received: 0 },
            };
            let frames = frame.encode().repeat(FRAMES);
            loop {
                let end = match target.greet(&endpoint, &format!("flooder {number}")).await {
                    Ok(session) => flood(session, &frames, &toll).await,
                    Err(words) => words,
                };
                toll.ended(&end);
                sleep(COME_BACK_AFTER).await;
            }
        }
    })
    .await;
}

/// Sends the frames over and over until the server ends it, and gives its words.
async fn flood(session: Session, frames: &[u8], toll: &Toll) -> String {
    let Session { connection, mut send, recv, heard } = session;
    let received = AtomicU64::new(0);
    let writing = async {
        loop {
            let received = received.load(Ordering::Relaxed);
            let ack = ToServer::Ack { received }.encode();
            // However long the server holds it back.
            if send.write_all(frames).await.is_err() || send.write_all(&ack).await.is_err() {
                return;
            }
            toll.tried(FRAMES as u64);
        }
    };
    tokio::join!(read(recv, heard, &received), writing);
    words(&connection.closed().await)
}

/// Reads all that comes, and counts what is to be acknowledged.
async fn read(mut stream: RecvStream, mut heard: ClientSession, received: &AtomicU64) {
    let mut buffer = [0; 8192];
    while let Ok(Some(count)) = stream.read(&mut buffer).await {
        let mut rest = &buffer[..count];
        while let Ok(Some(said)) = heard.handle_bytes(&mut rest) {
            let counts = matches!(
                said,
                FromServer::Event { .. } | FromServer::Reply { .. } | FromServer::Refused { .. }
            );
            received.fetch_add(u64::from(counts), Ordering::Relaxed);
        }
    }
}
