//! Clients that send requests as fast as the server takes them, and read every answer.

use std::sync::Arc;
use std::time::Duration;

use daystar_protocol::to_server::ToServer;
use tokio::time::sleep;

use crate::hostile::attack::hands;
use crate::hostile::target::{Session, Target};
use crate::hostile::toll::Toll;

/// Frames in one write.
const FRAMES: usize = 64;

/// Who was thrown out comes back after this.
const COME_BACK_AFTER: Duration = Duration::from_millis(200);

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(4, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let Ok(endpoint) = target.endpoint() else { return };
            let frame = ToServer::Send { payload: target.request.clone() }.encode();
            let frames = frame.repeat(FRAMES);
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

async fn flood(mut session: Session, frames: &[u8], toll: &Toll) -> String {
    let mut buffer = [0; 8192];
    let mut recv = session.recv;
    let reading = async { while let Ok(Some(_)) = recv.read(&mut buffer).await {} };
    let writing = async {
        loop {
            // However long the server holds it back.
            if session.send.write_all(frames).await.is_err() {
                return;
            }
            toll.tried(FRAMES as u64);
        }
    };
    tokio::join!(reading, writing);
    session.connection.close_reason().map_or_else(String::new, |lost| lost.to_string())
}
