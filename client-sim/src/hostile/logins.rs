//! Clients that join and are gone at once, or may not join at all, over and over.

use std::sync::Arc;

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
                    Ok(mut session) => {
                        let mut answer = [0; 64];
                        let first = session.recv.read(&mut answer).await;
                        if let Err(error) = first {
                            toll.ended(&error.to_string());
                        } else if answer[4] == WELCOME {
                            toll.ended("welcome");
                        } else {
                            toll.ended(&session.closed().await);
                        }
                    }
                    Err(words) => toll.ended(&words),
                }
                breathe().await;
            }
        }
    })
    .await;
}

/// The kind of the frame that says that a client has joined.
const WELCOME: u8 = 0x81;
