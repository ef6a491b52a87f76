//! Clients that join and are gone at once, or may not join at all, over and over.

use std::sync::Arc;

use daystar_protocol::client_session::FromServer;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::target::Target;
use crate::hostile::toll::Toll;

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(16, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let Ok(endpoint) = target.endpoint() else { return };
            for turn in 0_u32.. {
                toll.tried(1);
                let name = match turn % 3 {
                    0 => format!("mob {number} {turn}"),
                    // A name that is too long, and one that is in use.
                    1 => "x".repeat(100),
                    _ => "mob".to_owned(),
                };
                match target.greet(&endpoint, &name).await {
                    Ok(mut session) => match session.hear().await {
                        Ok(FromServer::Welcome { .. }) => toll.ended("welcome"),
                        Ok(FromServer::Rejected { reason, .. }) => toll.ended(&reason),
                        Ok(other) => toll.ended(&format!("{other:?}")),
                        Err(words) => toll.ended(&words),
                    },
                    Err(words) => toll.ended(&words),
                }
                breathe().await;
            }
        }
    })
    .await;
}
