//! The network on a command line: `--delay 50ms --loss 5% --partition 60s,5s`.

use std::time::Duration;

use clap::Args;

use crate::duration;
use crate::network::conditions::{Conditions, Partition};

/// What stands between the clients and the server. What is not set here is as it was: nothing, unless a mix says so.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// How long every packet is on its way, in each direction.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub delay: Option<Duration>,
    /// Up to so much longer, by chance.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub jitter: Option<Duration>,
    /// The share of the packets that are lost.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub loss: Option<f64>,
    /// The share of the packets that come twice.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub duplicate: Option<f64>,
    /// The share of the packets that keep to no order.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub reorder: Option<f64>,
    /// How many bytes pass in a second in each direction, for every 256 clients.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub bytes_per_s: Option<u64>,
    /// How often the network is cut, and for how long, as in `60s,5s`.
    #[arg(long, value_name = "EVERY,FOR", value_parser = parse_partition)]
    pub partition: Option<Partition>,
}

impl NetworkArgs {
    /// The conditions in place of `before`, if there are any.
    pub fn over(&self, before: Option<&Conditions>) -> Option<Conditions> {
        let before = before.cloned().unwrap_or_default();
        let set = Conditions {
            delay: self.delay.unwrap_or(before.delay),
            jitter: self.jitter.unwrap_or(before.jitter),
            loss: self.loss.unwrap_or(before.loss),
            duplicate: self.duplicate.unwrap_or(before.duplicate),
            reorder: self.reorder.unwrap_or(before.reorder),
            bytes_per_s: self.bytes_per_s.or(before.bytes_per_s),
            partition: self.partition.or(before.partition),
        };
        (set != Conditions::default()).then_some(set)
    }
}

/// Reads a share of packets: `5%`, or `0.05`.
pub(crate) fn parse_share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    match number.trim().parse::<f64>().map(|number| number / unit) {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("write a share from 0% to 100%, as in 5% or 0.05".to_owned()),
    }
}

/// Reads how often a network is cut, and for how long.
pub(crate) fn parse_partition(text: &str) -> Result<Partition, String> {
    let (every, lasting) =
        text.split_once(',').ok_or("write how often and for how long, as in 60s,5s")?;
    let (every, lasting) = (duration::parse(every)?, duration::parse(lasting)?);
    if lasting >= every {
        return Err(
            "a cut must end before the next one begins: make the first time longer".to_owned()
        );
    }
    Ok(Partition { every, lasting })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        network: NetworkArgs,
    }

    fn parse(line: &str) -> Result<Option<Conditions>, clap::Error> {
        Command::try_parse_from(line.split(' ')).map(|command| command.network.over(None))
    }

    #[test]
    fn every_option_is_understood() {
        let line = "x --delay 50ms --jitter 100ms --loss 5% --duplicate 0.01 --reorder 10% --bytes-per-s 100000 --partition 60s,5s";
        let expected = Conditions {
            delay: Duration::from_millis(50),
            jitter: Duration::from_millis(100),
            loss: 0.05,
            duplicate: 0.01,
            reorder: 0.1,
            bytes_per_s: Some(100_000),
            partition: Some(Partition {
                every: Duration::from_secs(60),
                lasting: Duration::from_secs(5),
            }),
        };
        assert_eq!(parse(line).expect("understood"), Some(expected));
        assert_eq!(parse("x").expect("understood"), None);
    }

    #[test]
    fn what_is_not_set_stays_and_what_is_set_does_not() {
        let before = Conditions { loss: 0.5, bytes_per_s: Some(7), ..Conditions::default() };
        let set = NetworkArgs { loss: Some(0.0), duplicate: Some(0.1), ..NetworkArgs::default() };
        let expected = Conditions { loss: 0.0, duplicate: 0.1, ..before.clone() };
        assert_eq!(set.over(Some(&before)), Some(expected));
        let nothing = NetworkArgs { loss: Some(0.0), ..NetworkArgs::default() };
        let lossy = Conditions { loss: 0.5, ..Conditions::default() };
        assert_eq!(nothing.over(Some(&lossy)), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "x --loss 101%",
            "x --loss -1",
            "x --loss often",
            "x --partition 5s",
            "x --partition 5s,5s",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
