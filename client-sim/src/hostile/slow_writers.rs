//! Clients that send one byte in a second: half of them a greeting, half of them a request behind it.

use std::sync::Arc;
use std::time::Duration;

use daystar_protocol::to_server::ToServer;
use tokio::time::sleep;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::notice::{By, Notice};
use crate::hostile::target::{Session, Target};
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[Notice::new(
    &["daystar_net_closed_total{reason=\"hello_timeout\"}"],
    By::Told("no Hello within"),
)];

/// Between two bytes.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(128, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let Ok(endpoint) = target.endpoint() else { return };
            let name = format!("slow writer {number}");
            let request = ToServer::Send { payload: target.request.clone() }.encode();
            loop {
                toll.tried(1);
                let end = if number % 2 == 0 {
                    match target.connect(&endpoint).await {
                        Ok(session) => trickle(session, &target.hello(&name)).await,
                        Err(words) => words,
                    }
                } else {
                    match target.greet(&endpoint, &name).await {
                        Ok(session) => trickle(session, &request.repeat(100)).await,
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

async fn trickle(mut session: Session, bytes: &[u8]) -> String {
    for byte in bytes {
        if let Err(words) = session.say(&[*byte]).await {
            return words;
        }
        sleep(PAUSE).await;
    }
    "the server took it all".to_owned()
}
