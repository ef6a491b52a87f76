//! Datagrams within connections (RFC 9221), before a greeting and behind one. The server says that it takes none, and whoever sends
//! one breaks QUIC itself.
//!
//! They are empty: the library that the attackers have QUIC of sends others only to those who take them. The server must refuse them by
//! what they take besides their bytes, or they would pile up.

use std::sync::Arc;

use bytes::Bytes;
use quinn::Connection;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::notice::{By, Notice};
use crate::hostile::target::{Target, WELCOME, words};
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[
    Notice::new(
        &["daystar_net_handshakes_failed_total{reason=\"lost\"}"],
        By::Told("before a greeting: aborted by peer"),
    ),
    // Such a session waits for its client, like one whose connection was lost.
    Notice::new(
        &["daystar_net_not_resumed_total", "daystar_net_not_awaited_total"],
        By::Told("behind a greeting: aborted by peer"),
    ),
];

/// Datagrams in one go: as many as fit into some dozen packets.
const AT_ONCE: u64 = 4096;

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(16, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let Ok(endpoint) = target.endpoint() else { return };
            for turn in 0_u32.. {
                let end = if turn % 2 == 0 {
                    match target.connect(&endpoint).await {
                        Ok(session) => {
                            format!(
                                "before a greeting: {}",
                                flood(&session.connection, &toll).await
                            )
                        }
                        Err(words) => words,
                    }
                } else {
                    match target.greet(&endpoint, &format!("thrower {number} {turn}")).await {
                        Ok(mut session) => match session.verdict().await {
                            end if end == WELCOME => {
                                let end = flood(&session.connection, &toll).await;
                                format!("behind a greeting: {end}")
                            }
                            end => end,
                        },
                        Err(words) => words,
                    }
                };
                toll.ended(&end);
                breathe().await;
            }
        }
    })
    .await;
}

/// Sends until the server ends it, and gives its words.
async fn flood(connection: &Connection, toll: &Toll) -> String {
    loop {
        for _ in 0..AT_ONCE {
            match connection.send_datagram(Bytes::new()) {
                Ok(()) => toll.tried(1),
                Err(quinn::SendDatagramError::ConnectionLost(lost)) => return words(&lost),
                Err(error) => return error.to_string(),
            }
        }
        breathe().await;
    }
}
