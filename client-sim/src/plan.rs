//! What is to be run: which clients, how many of each class, on which server, for how long.

use std::net::SocketAddr;
use std::time::Duration;

use daystar_client::builder::Trust;
use daystar_protocol::handshake::Credentials;
use rand::RngExt;
use rand_pcg::Pcg32;
use serde::{Deserialize, Serialize};

use crate::network::conditions::Conditions;

/// How long an answer may take, unless a run needs another time.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What is to be run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Where the server listens.
    pub server: SocketAddr,
    /// Whom to believe to be that server.
    #[serde(with = "trust")]
    pub trust: Trust,
    /// How the clients show who they are.
    pub login: Login,
    /// How long the clients play once they are all connected.
    pub duration: Duration,
    /// What names and random numbers come from.
    pub seed: u64,
    /// How long an answer may take before the session counts as broken; as much more as the network may take is added.
    pub patience: Duration,
    /// How many clients join in a second, to play at once. Unless set here or for a class, all join as fast as they can and play
    /// when everyone is in.
    pub ramp: Option<f64>,
    /// The server is killed on purpose: connects that fail are no errors, nor are sessions that are lost with a server which was killed,
    /// and in the end every client that was in comes back to compare.
    pub server_may_crash: bool,
    /// Over how many processes the clients are spread. More than one needs a program that has the command `part`.
    pub processes: u32,
    /// The clients.
    pub classes: Vec<Class>,
}

/// Clients that are alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// What the report calls it. No two of a plan have the same name.
    pub name: String,
    /// What its clients do, as the cast calls it.
    pub behaviour: String,
    /// How many they are.
    pub clients: u32,
    /// How many acts each does in a second, on average.
    pub rate: f64,
    /// How the times between two acts differ.
    pub think: Think,
    /// How many of them join in a second, where that is fewer than the whole run's.
    pub ramp: Option<f64>,
    /// After how long, on average, each one's connection is broken without a goodbye. Its session must go on over another.
    pub break_every: Option<Duration>,
    /// The network between them and the server; packets go straight there unless set.
    pub network: Option<Conditions>,
    /// Whether each call waits until its outcome is on the server's disk.
    pub durable: bool,
}

/// How clients show who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Login {
    /// By their names alone.
    #[default]
    Name,
    /// By the passwords of their accounts, which must be there, and which anybody can tell who knows the names.
    Password,
}

/// How the times between a client's acts differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Think {
    /// Not at all.
    Fixed,
    /// From half the average to one and a half of it, each as likely.
    #[default]
    Uniform,
    /// As those between visitors who know nothing of one another: mostly short, now and then long.
    Exponential,
}

impl Plan {
    /// Those clients, for half a minute, in this process.
    pub fn new(server: SocketAddr, trust: Trust, classes: Vec<Class>) -> Self {
        Self {
            server,
            trust,
            login: Login::default(),
            duration: Duration::from_secs(30),
            seed: 1,
            patience: PATIENCE,
            ramp: None,
            server_may_crash: false,
            processes: 1,
            classes,
        }
    }

    /// How many clients there are altogether.
    pub fn clients(&self) -> u32 {
        self.classes.iter().map(|class| class.clients).sum()
    }

    /// Whether clients play as soon as they are in, instead of waiting for the others.
    pub fn is_ramped(&self) -> bool {
        self.ramp.is_some() || self.classes.iter().any(|class| class.ramp.is_some())
    }
}

impl Class {
    /// So many clients who play `behaviour` with nothing in between, two acts a second.
    pub fn new(behaviour: impl Into<String>, clients: u32) -> Self {
        let behaviour = behaviour.into();
        Self {
            name: behaviour.clone(),
            behaviour,
            clients,
            rate: RATE,
            think: Think::default(),
            ramp: None,
            break_every: None,
            network: None,
            durable: false,
        }
    }
}

impl Login {
    /// What the client of that name shows.
    pub(crate) fn credentials(self, name: &str) -> Credentials {
        let account = name.to_owned();
        match self {
            Self::Name => Credentials::Name(account),
            Self::Password => {
                let password = format!("the password of {name}");
                Credentials::Password { account, password, is_new: false }
            }
        }
    }
}

impl Think {
    /// The time to the next act, as a multiple of the average.
    pub(crate) fn draw(self, rng: &mut Pcg32) -> f64 {
        match self {
            Self::Fixed => 1.0,
            Self::Uniform => rng.random_range(0.5..1.5),
            // The share of the longer ones falls with their length by the natural logarithm; from 1 to 0, so never of zero.
            Self::Exponential => -(1.0 - rng.random::<f64>()).ln(),
        }
    }
}

/// Acts of a client in a second, unless something else is said.
pub const RATE: f64 = 2.0;

/// Trust as an optional fingerprint in hexadecimal digits.
mod trust {
    use daystar_client::builder::Trust;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(trust: &Trust, to: S) -> Result<S::Ok, S::Error> {
        match trust {
            Trust::Anyone => None,
            Trust::Fingerprint(fingerprint) => Some(fingerprint.to_string()),
        }
        .serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Trust, D::Error> {
        match Option::<String>::deserialize(from)? {
            None => Ok(Trust::Anyone),
            Some(text) => text.parse().map(Trust::Fingerprint).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn think_times_have_the_average_that_was_asked_for() {
        for think in [Think::Fixed, Think::Uniform, Think::Exponential] {
            let mut rng = Pcg32::new(1, 2);
            let draws: Vec<f64> = (0..20_000).map(|_| think.draw(&mut rng)).collect();
            let average = draws.iter().sum::<f64>() / draws.len() as f64;
            assert!((0.97..1.03).contains(&average), "{think:?}: {average}");
            assert!(draws.iter().all(|draw| draw.is_finite() && *draw >= 0.0), "{think:?}");
        }
    }

    #[test]
    fn a_plan_can_be_handed_to_another_process() {
        let class = Class {
            network: Some(Conditions { loss: 0.05, ..Conditions::default() }),
            ..Class::new("walker", 7)
        };
        let trust = Trust::Fingerprint("ab".repeat(32).parse().expect("a fingerprint"));
        let plan = Plan::new(([127, 0, 0, 1], 4433).into(), trust, vec![class]);
        let plan = Plan { seed: u64::MAX, ramp: Some(0.1), server_may_crash: true, ..plan };
        let text = serde_json::to_string(&plan).expect("written");
        let read: Plan = serde_json::from_str(&text).expect("read");
        assert_eq!(format!("{read:?}"), format!("{plan:?}"));
    }
}
