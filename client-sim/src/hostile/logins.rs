//! Clients that join and are gone at once, or may not join at all, over and over.

use std::sync::Arc;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::notice::{By, Notice};
use crate::hostile::target::Target;
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[
    Notice::new(&["daystar_net_logins_refused_total"], By::Told("refused: ")),
    Notice::new(&["daystar_net_logins_refused_total"], By::Times(1_000)),
    Notice::new(
        &["daystar_net_logins_refused_total{reason=\"refused\"}"],
        By::Told("refused: the name has"),
    ),
    Notice::new(&["daystar_net_logins_total"], By::Told("welcome")),
];

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
                let end = match target.greet(&endpoint, &name).await {
                    Ok(mut session) => session.verdict().await,
                    Err(words) => words,
                };
                toll.ended(&end);
                breathe().await;
            }
        }
    })
    .await;
}
