//! A mix: a file that says which classes of clients a crowd is made of.
//!
//! ```toml
//! clients = 500          # altogether
//! ramp = "50/s"          # so many join in a second
//!
//! [[class]]
//! behaviour = "wanderer"
//! share = 3              # three for every one of a class with share 1
//!
//! [[class]]
//! name = "far trader"
//! behaviour = "trader"
//! clients = 20           # exactly
//! rate = 5
//! delay = "80ms"
//! loss = "2%"
//! ```

mod division;
mod values;

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::cast::Cast;
use crate::mix::division::{Want, divide};
use crate::network::arguments::NetworkArgs;
use crate::network::conditions::Partition;
use crate::plan::{Class, RATE, Think};

pub(crate) use values::{parse_ramp, parse_rate};

/// More clients are not run.
pub const CLIENTS_MAX: u32 = 100_000;

/// How many clients there are when nobody says.
const CLIENTS: u32 = 1000;

/// Classes of clients that behaviours are known for.
#[derive(Clone, Debug)]
pub struct Mix {
    clients: Option<u32>,
    ramp: Option<f64>,
    classes: Vec<Entry>,
}

/// What takes the place of what a mix says of every class.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// How many clients there are altogether.
    pub clients: Option<u32>,
    /// How many acts each does in a second.
    pub rate: Option<f64>,
    /// How the times between acts differ.
    pub think: Option<Think>,
    /// After how long connections are broken.
    pub break_every: Option<Duration>,
    /// Calls wait until they are on the server's disk.
    pub durable: bool,
    /// What stands between clients and server.
    pub network: NetworkArgs,
}

/// What is wrong with a mix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MixError {
    /// The file cannot be read.
    #[error("the mix {file} could not be read: {cause}")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It is no mix. The cause shows the line.
    #[error("the mix is not understood: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A class that cannot be.
    #[error("the mix's class {class} in line {line}: {what}")]
    Class {
        /// Its name, or what it would have been.
        class: String,
        /// The line in which it begins.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A requirement on the run is about a class that is not in it.
    #[error("a requirement cannot be met: {0}")]
    Requirement(String),
    /// The classes together cannot be.
    #[error("the mix: {0}")]
    Classes(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    clients: Option<u32>,
    #[serde(default, deserialize_with = "values::ramp")]
    ramp: Option<f64>,
    #[serde(default)]
    class: Vec<Spanned<Entry>>,
}

/// One class as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    behaviour: String,
    name: Option<String>,
    #[serde(default, deserialize_with = "values::share")]
    share: Option<f64>,
    clients: Option<u32>,
    #[serde(default, deserialize_with = "values::rate")]
    rate: Option<f64>,
    think: Option<Think>,
    #[serde(default, deserialize_with = "values::ramp")]
    ramp: Option<f64>,
    #[serde(default)]
    durable: bool,
    #[serde(default, deserialize_with = "values::time")]
    break_every: Option<Duration>,
    #[serde(default, deserialize_with = "values::time")]
    delay: Option<Duration>,
    #[serde(default, deserialize_with = "values::time")]
    jitter: Option<Duration>,
    #[serde(default, deserialize_with = "values::share_of_packets")]
    loss: Option<f64>,
    #[serde(default, deserialize_with = "values::share_of_packets")]
    duplicate: Option<f64>,
    #[serde(default, deserialize_with = "values::share_of_packets")]
    reorder: Option<f64>,
    bytes_per_s: Option<std::num::NonZeroU64>,
    #[serde(default, deserialize_with = "values::partition")]
    partition: Option<Partition>,
}

impl Mix {
    /// The mix in that file, or the cast's own.
    ///
    /// # Errors
    /// The file cannot be read, and what [`parse`](Self::parse) says.
    pub fn named(file: Option<&Path>, cast: &Cast) -> Result<Self, MixError> {
        let text = match file {
            None => cast.standard_mix(),
            Some(file) => std::fs::read_to_string(file).map_err(|cause| MixError::Unreadable {
                file: file.display().to_string(),
                cause,
            })?,
        };
        Self::parse(&text, cast)
    }

    /// Reads a mix of behaviours that `cast` knows.
    ///
    /// # Errors
    /// What is wrong, and in which line or class.
    pub fn parse(text: &str, cast: &Cast) -> Result<Self, MixError> {
        let File { clients, ramp, class } = toml::from_str(text)?;
        if class.is_empty() {
            let what = "it has no class: write [[class]], and a behaviour below it";
            return Err(MixError::Classes(what.to_owned()));
        }
        let mut classes: Vec<Entry> = Vec::new();
        for entry in class {
            let line = text[..entry.span().start].matches('\n').count() + 1;
            let entry = entry.into_inner();
            if let Err(what) = entry.check(cast, &classes) {
                return Err(MixError::Class { class: entry.name().to_owned(), line, what });
            }
            classes.push(entry);
        }
        Ok(Self { clients, ramp, classes })
    }

    /// How many clients join in a second, if it says.
    pub fn ramp(&self) -> Option<f64> {
        self.ramp
    }

    /// The classes, with what is to take the place of what the mix says.
    ///
    /// # Errors
    /// The numbers of clients do not fit together.
    pub fn classes(&self, overrides: &Overrides) -> Result<Vec<Class>, MixError> {
        let wants: Vec<Want> = self.classes.iter().map(Entry::want).collect();
        let clients = divide(overrides.clients.or(self.clients), CLIENTS, &wants);
        let clients = clients.map_err(MixError::Classes)?;
        let total: u64 = clients.iter().map(|clients| u64::from(*clients)).sum();
        if total > CLIENTS_MAX.into() {
            let what = format!("{total} clients are too many: at most {CLIENTS_MAX} are run");
            return Err(MixError::Classes(what));
        }
        let classes = self.classes.iter().zip(clients);
        Ok(classes.map(|(entry, clients)| entry.class(clients, overrides)).collect())
    }
}

impl Entry {
    fn name(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.behaviour)
    }

    fn check(&self, cast: &Cast, before: &[Self]) -> Result<(), String> {
        let name = self.name();
        if !cast.names().any(|known| known == self.behaviour) {
            let known = cast.names().collect::<Vec<_>>().join(", ");
            return Err(format!("nobody plays `{}`; who is known: {known}", self.behaviour));
        }
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err("a name has letters, digits, spaces, - and _".to_owned());
        }
        if before.iter().any(|other| other.name() == name) {
            return Err("there is one before it; give this one another `name`".to_owned());
        }
        match (self.share, self.clients) {
            (Some(_), Some(_)) => {
                Err("it has a share and a number of clients: leave one out".to_owned())
            }
            (None, Some(0)) => Err("it has no clients".to_owned()),
            _ => Ok(()),
        }
    }

    fn want(&self) -> Want {
        match self.clients {
            Some(clients) => Want::Exactly(clients),
            None => Want::Share(self.share.unwrap_or(1.0)),
        }
    }

    fn class(&self, clients: u32, overrides: &Overrides) -> Class {
        let own = NetworkArgs {
            delay: self.delay,
            jitter: self.jitter,
            loss: self.loss,
            duplicate: self.duplicate,
            reorder: self.reorder,
            bytes_per_s: self.bytes_per_s.map(Into::into),
            partition: self.partition,
        };
        Class {
            name: self.name().to_owned(),
            behaviour: self.behaviour.clone(),
            clients,
            rate: overrides.rate.or(self.rate).unwrap_or(RATE),
            think: overrides.think.or(self.think).unwrap_or_default(),
            ramp: self.ramp,
            break_every: overrides.break_every.or(self.break_every),
            network: overrides.network.over(own.over(None).as_ref()),
            durable: overrides.durable || self.durable,
        }
    }
}

#[cfg(test)]
mod tests;
