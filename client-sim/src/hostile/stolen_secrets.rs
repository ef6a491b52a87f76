//! Secrets of sessions that are guessed, or that somebody has used before: none of them may open a session.

use std::sync::Arc;

use daystar_protocol::client_session::FromServer;
use daystar_protocol::close::CloseCode;
use daystar_protocol::handshake::{Credentials, Secret};
use daystar_protocol::to_server::ToServer;
use quinn::{Endpoint, VarInt};
use rand::RngExt;
use rand_pcg::Pcg32;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::notice::{By, Notice};
use crate::hostile::target::{Session, Target};
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[
    Notice::new(
        &["daystar_net_logins_refused_total{reason=\"session_over\"}"],
        By::Told("the session is over, or was never yours"),
    ),
    Notice::new(&["daystar_net_resumed_total"], By::Told("the session went on")),
];

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(8, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let Ok(endpoint) = target.endpoint() else { return };
            let mut rng = Pcg32::new(11, number.into());
            for turn in 0_u32.. {
                let thief = Thief { target: &target, endpoint: &endpoint, toll: &toll };
                if let Err(words) = thief.steal(&format!("victim {number} {turn}"), &mut rng).await
                {
                    toll.ended(&words);
                }
                breathe().await;
            }
        }
    })
    .await;
}

struct Thief<'a> {
    target: &'a Target,
    endpoint: &'a Endpoint,
    toll: &'a Toll,
}

impl Thief<'_> {
    /// Plays a client whose connection is lost and resumed, and then what somebody would do who has listened.
    async fn steal(&self, name: &str, rng: &mut Pcg32) -> Result<(), String> {
        let mut first = self.target.greet(self.endpoint, name).await?;
        let FromServer::Welcome { session, secret, .. } = first.hear().await? else {
            return Err("not welcome".to_owned());
        };
        lose(&first);
        for guess in 0..4 {
            self.try_with(
                session + guess,
                Secret::new(std::array::from_fn(|_| rng.random())),
                "a guess",
            )
            .await?;
        }
        let mut second = self.resume(session, secret).await?;
        let FromServer::Resumed { .. } = second.hear().await? else {
            return Err("the session could not go on".to_owned());
        };
        self.toll.ended("the session went on");
        // With this frame the first secret becomes void.
        second.say(&ToServer::Ack { received: 0 }.encode()).await?;
        second.say(&ToServer::Send { payload: self.target.request.clone() }.encode()).await?;
        second.hear().await?;
        lose(&second);
        self.try_with(session, secret, "a secret that was used before").await
    }

    async fn try_with(&self, session: u64, secret: Secret, what: &str) -> Result<(), String> {
        self.toll.tried(1);
        match self.resume(session, secret).await?.hear().await? {
            FromServer::Rejected { reason, .. } => self.toll.ended(&reason),
            _ => self.toll.succeeded(what),
        }
        Ok(())
    }

    async fn resume(&self, session: u64, secret: Secret) -> Result<Session, String> {
        let secret = secret.to_bytes();
        let credentials = Credentials::Resume { session, secret, received: 0 };
        self.target.greet_with(self.endpoint, credentials).await
    }
}

fn lose(session: &Session) {
    session.connection.close(VarInt::from_u32(CloseCode::Detached.to_raw()), b"lost");
}
