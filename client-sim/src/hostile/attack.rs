//! The attacks by name.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::hostile::notice::Notice;
use crate::hostile::target::Target;
use crate::hostile::toll::Toll;
use crate::hostile::{
    datagrams, flood, garbage, half_open, huge_lengths, logins, passwords, slow_readers,
    slow_writers, stolen_secrets,
};
use crate::plan::Login;

/// One way to harm a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Attack {
    /// Bytes that mean nothing: as packets, as greetings, and behind greetings.
    Garbage,
    /// Datagrams within connections, of which the server takes none.
    Datagrams,
    /// Thousands of handshakes that are begun, from as many ports, and never gone on with.
    HalfOpen,
    /// Clients that ask for much and read nothing.
    SlowReaders,
    /// Clients that send a byte in a second.
    SlowWriters,
    /// Clients that send as fast as they can.
    Flood,
    /// Frames that say they are far too long, and long ones that never end.
    HugeLengths,
    /// Secrets of sessions, guessed and used a second time.
    StolenSecrets,
    /// Clients that join and leave, or try to join and may not, over and over.
    Logins,
    /// Passwords that are guessed, and accounts that are made, from many networks.
    Passwords,
}

impl Attack {
    /// How it must show in the server's metrics.
    pub fn notices(self) -> &'static [Notice] {
        match self {
            Self::Garbage => garbage::NOTICES,
            Self::Datagrams => datagrams::NOTICES,
            Self::HalfOpen => half_open::NOTICES,
            Self::SlowReaders => slow_readers::NOTICES,
            Self::SlowWriters => slow_writers::NOTICES,
            Self::Flood => flood::NOTICES,
            Self::HugeLengths => huge_lengths::NOTICES,
            Self::StolenSecrets => stolen_secrets::NOTICES,
            Self::Logins => logins::NOTICES,
            Self::Passwords => passwords::NOTICES,
        }
    }

    /// What the server asks for that is attacked so.
    pub fn login(self) -> Login {
        match self {
            Self::Passwords => Login::Password,
            _ => Login::Name,
        }
    }

    /// Does it for so long, with `toll` keeping count.
    pub async fn run(self, target: &Target, duration: Duration, toll: &Arc<Toll>) {
        let (target, toll) = (target.clone(), Arc::clone(toll));
        let attack: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = match self {
            Self::Garbage => Box::pin(garbage::attack(target, toll)),
            Self::Datagrams => Box::pin(datagrams::attack(target, toll)),
            Self::HalfOpen => Box::pin(half_open::attack(target, toll)),
            Self::SlowReaders => Box::pin(slow_readers::attack(target, toll)),
            Self::SlowWriters => Box::pin(slow_writers::attack(target, toll)),
            Self::Flood => Box::pin(flood::attack(target, toll)),
            Self::HugeLengths => Box::pin(huge_lengths::attack(target, toll)),
            Self::StolenSecrets => Box::pin(stolen_secrets::attack(target, toll)),
            Self::Logins => Box::pin(logins::attack(target, toll)),
            Self::Passwords => Box::pin(passwords::attack(target, toll)),
        };
        // An attack that ends by itself has found no socket, and has counted nothing, which is noticed.
        let _ = timeout(duration, attack).await;
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every one has a name; those that had none could not be asked for.
        self.to_possible_value().map_or(Ok(()), |name| f.write_str(name.get_name()))
    }
}

/// Has so many hands do the same over and over, until the future is dropped.
pub(super) async fn hands<F>(count: u32, hand: impl Fn(u32) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut hands = JoinSet::new();
    for number in 0..count {
        hands.spawn(hand(number));
    }
    while hands.join_next().await.is_some() {}
}

/// Between one attempt and the next of the same hand: attackers pay for what they do, too.
pub(super) async fn breathe() {
    sleep(Duration::from_millis(20)).await;
}
