//! Clients that ask for long answers and read none of them, for as long as the server bears it.

use std::sync::Arc;

use daystar_protocol::to_server::ToServer;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::notice::{By, Notice};
use crate::hostile::target::{Session, Target, words};
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[
    // Each is not read from sooner or later. Who is dropped then has been for half a minute.
    Notice::new(&["daystar_net_slowed_total"], By::Times(READERS as u64)),
    Notice::new(&["daystar_net_closed_total{reason=\"too_slow\"}"], By::Told("does not read"))
        .late(),
];

const READERS: u32 = 40;

/// Calls in one go, some fifty times a second. Enough for the answers to pile up in seconds, and no more: it is that they do not read
/// which is to do no harm. Of those who ask for too much there is `flood`.
const CALLS: usize = 4;

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(READERS, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let Ok(endpoint) = target.endpoint() else { return };
            let call = ToServer::Call { call: 1, level: None, payload: target.request.clone() };
            let calls = call.encode().repeat(CALLS);
            loop {
                let end = match target.greet(&endpoint, &format!("slow reader {number}")).await {
                    Ok(session) => ask(session, &calls, &toll).await,
                    Err(words) => words,
                };
                toll.ended(&end);
                breathe().await;
            }
        }
    })
    .await;
}

/// Asks until the server ends it, and gives its words.
async fn ask(mut session: Session, calls: &[u8], toll: &Toll) -> String {
    // However long the server takes nothing.
    while session.send.write_all(calls).await.is_ok() {
        toll.tried(CALLS as u64);
        breathe().await;
    }
    words(&session.connection.closed().await)
}
