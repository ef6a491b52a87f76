//! Frames that say they are far too long, and those of the greatest length that never end.

use std::sync::Arc;
use std::time::Duration;

use daystar_protocol::frame::TO_SERVER_BYTES_MAX;
use daystar_protocol::handshake::HELLO_BYTES_MAX;
use tokio::time::sleep;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::notice::{By, Notice};
use crate::hostile::target::Target;
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[
    Notice::new(&["daystar_net_closed_total{reason=\"too_long\"}"], By::Told("is too long")),
    Notice::new(&["daystar_net_closed_total{reason=\"violation\"}"], By::Told("of no bytes")),
];

/// Bytes that frames say they have, kind and body.
const LENGTHS: [u32; 5] = [0, TO_SERVER_BYTES_MAX as u32 + 1, 1 << 20, 100_000_000, u32::MAX];

/// How long a frame that does not end is left as it is.
const UNENDED_FOR: Duration = Duration::from_secs(5);

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(16, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let Ok(endpoint) = target.endpoint() else { return };
            for turn in 0_usize.. {
                toll.tried(1);
                let name = format!("boaster {number}");
                let end = match number % 4 {
                    0 => in_the_greeting(&target, &endpoint).await,
                    1 => unended(&target, &endpoint, &name).await,
                    _ => behind_it(&target, &endpoint, &name, LENGTHS[turn % LENGTHS.len()]).await,
                };
                match end {
                    Ok(words) | Err(words) => toll.ended(&words),
                }
                breathe().await;
            }
        }
    })
    .await;
}

async fn in_the_greeting(target: &Target, endpoint: &quinn::Endpoint) -> Result<String, String> {
    let mut session = target.connect(endpoint).await?;
    session.say(&(HELLO_BYTES_MAX as u32 + 1).to_le_bytes()).await?;
    Ok(session.closed().await)
}

async fn behind_it(
    target: &Target,
    endpoint: &quinn::Endpoint,
    name: &str,
    length: u32,
) -> Result<String, String> {
    let mut session = target.greet(endpoint, name).await?;
    session.say(&length.to_le_bytes()).await?;
    session.say(&[2]).await?;
    Ok(session.closed().await)
}

async fn unended(
    target: &Target,
    endpoint: &quinn::Endpoint,
    name: &str,
) -> Result<String, String> {
    let mut session = target.greet(endpoint, name).await?;
    session.say(&(TO_SERVER_BYTES_MAX as u32).to_le_bytes()).await?;
    session.say(&vec![2; TO_SERVER_BYTES_MAX - 1]).await?;
    sleep(UNENDED_FOR).await;
    Ok("a frame that did not end was waited for".to_owned())
}
