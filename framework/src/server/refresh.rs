//! Has files read again that may have changed: certificates and keys.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::server::network::Network;

/// Calls `refresh` every few seconds, on a thread that may be blocked, until the network ends.
pub(crate) fn refresh_now_and_then(network: &Network, refresh: impl Fn() + Send + Sync + 'static) {
    let refresh = Arc::new(refresh);
    let _entered = network.enter();
    tokio::spawn(async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let refresh = Arc::clone(&refresh);
            if tokio::task::spawn_blocking(move || refresh()).await.is_err() {
                tracing::error!(
                    "certificates and keys could not be looked at: they stay as they are"
                );
            }
        }
    });
}

/// Soon after a file was replaced, and cheap: a look at its date.
const EVERY: Duration = Duration::from_secs(2);
