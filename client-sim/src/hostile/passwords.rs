//! Passwords that are guessed, and accounts that are made, from as many networks as there are: each attempt that is let through costs
//! the server a hash, which is made to be dear.
//!
//! Some try a password with one account after another, of which there is none; some one password after another with an account that
//! somebody plays with; some make accounts, and some make that one again.

use std::sync::Arc;

use daystar_protocol::handshake::Credentials;
use quinn::Endpoint;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::notice::{By, Notice};
use crate::hostile::target::{Target, WELCOME};
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[
    Notice::new(
        &["daystar_net_logins_refused_total{reason=\"wrong\"}"],
        By::Told("refused: there is no such account"),
    ),
    Notice::new(
        &["daystar_net_logins_refused_total{reason=\"too_soon\"}"],
        By::Told("refused: too many logins have failed"),
    ),
    Notice::new(
        &["daystar_net_logins_refused_total{reason=\"refused\"}"],
        By::Told("refused: there is an account called"),
    ),
    Notice::new(&["daystar_net_logins_refused_total"], By::Told("refused: ")),
    Notice::new(&["daystar_net_logins_refused_total"], By::Times(1_000)),
    Notice::new(&["daystar_net_logins_total"], By::Told(WELCOME)),
];

/// More than the server computes hashes for at once, and few enough for others, who know their passwords, to get in between.
const GUESSERS: u32 = 16;

/// Attempts from one network, after which the next one is used: more than the server lets one fail.
const ATTEMPTS: u32 = 40;

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(GUESSERS, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            for turn in 0_u32.. {
                let Ok(endpoint) = target.endpoint_in(turn * GUESSERS + number) else { return };
                for attempt in 0..ATTEMPTS {
                    toll.tried(1);
                    let credentials = credentials(&target, (number, turn, attempt));
                    try_with(&target, &endpoint, credentials, &toll).await;
                    breathe().await;
                }
            }
        }
    })
    .await;
}

/// What the hand of that number shows in that turn at that attempt.
fn credentials(target: &Target, (number, turn, attempt): (u32, u32, u32)) -> Credentials {
    let own = format!("mob {number} {turn} {attempt}");
    let (account, password, is_new) = match number % 8 {
        0..4 => (own, "password1".to_owned(), false),
        4..6 => (target.account.clone(), own, false),
        6 => (own, "password1".to_owned(), true),
        _ => (target.account.clone(), own, true),
    };
    Credentials::Password { account, password, is_new }
}

async fn try_with(target: &Target, endpoint: &Endpoint, credentials: Credentials, toll: &Toll) {
    let is_guess = matches!(&credentials, Credentials::Password { is_new: false, .. });
    let end = match target.greet_with(endpoint, credentials).await {
        Ok(mut session) => session.verdict().await,
        Err(words) => words,
    };
    if is_guess && end == WELCOME {
        toll.succeeded("a guessed password");
    }
    toll.ended(&end);
}
