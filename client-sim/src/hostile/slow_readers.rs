//! Clients that ask for long answers and read none of them.

use std::sync::Arc;

use bytes::Bytes;
use daystar_protocol::to_server::ToServer;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::target::Target;
use crate::hostile::toll::Toll;

/// Calls in one go. As many as the server's limit of messages lets through, so that the answers pile up in seconds.
const CALLS: usize = 64;

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(8, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let Ok(endpoint) = target.endpoint() else { return };
            loop {
                let name = format!("slow reader {number}");
                match target.greet(&endpoint, &name).await {
                    Ok(mut session) => loop {
                        let payload = target.request.clone();
                        let call = ToServer::Call { call: 1, is_durable: false, payload }.encode();
                        let calls = vec![call; CALLS];
                        toll.tried(calls.len() as u64);
                        if let Err(words) = session.say(&Bytes::from(calls.concat())).await {
                            toll.ended(&words);
                            break;
                        }
                        breathe().await;
                    },
                    Err(words) => toll.ended(&words),
                }
                breathe().await;
            }
        }
    })
    .await;
}
