//! The options of `client-sim hostile` and `client-sim attack`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::duration;
use crate::hostile::attack::Attack;

/// How to see what a server bears.
#[derive(Clone, Debug, Args)]
pub struct HostileArgs {
    /// How many honest clients play meanwhile.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub clients: u32,
    /// How long the honest clients play during each attack, and in the calm between two. An attack goes on until the server has counted
    /// it.
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration::parse)]
    pub duration: Duration,
    /// Which attacks, one after another; all unless set.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST", default_values_t = Attack::value_variants().to_vec(), hide_default_value = true)]
    pub attacks: Vec<Attack>,
    /// What the honest clients' names and random choices come from.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// Shows how much slower the honest clients' requests become, and leaves it to you what to make of it; the attackers give way to
    /// nobody, and what the server counts only after half a minute is not waited for. For a machine that does other things as well.
    #[arg(long)]
    pub p99_is_only_shown: bool,
    /// The program that serves and attacks; this one unless set.
    #[arg(skip)]
    pub program: Option<PathBuf>,
}

/// How to attack a server that runs already, which must be one's own.
#[derive(Clone, Debug, Args)]
pub struct AttackArgs {
    /// Which attack.
    #[arg(value_enum)]
    pub attack: Attack,
    /// Where the server listens: host and port.
    #[arg(long, value_name = "ADDR")]
    pub server: SocketAddr,
    /// The attackers' own address.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    pub from: IpAddr,
    /// The account whose password is guessed.
    #[arg(long, value_name = "NAME", default_value = "ann")]
    pub account: String,
    /// How long.
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration::parse)]
    pub duration: Duration,
    /// Ends before, when the standard input does, and tells all the time what it has come to. For whoever starts it as a process of
    /// its own.
    #[arg(long, hide = true)]
    pub until_input_ends: bool,
}
