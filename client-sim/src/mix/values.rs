//! The values in a mix: times, shares and rates as people write them, with words for what is none.

use std::fmt;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use crate::duration;
use crate::network::arguments::{parse_partition, parse_share};
use crate::network::conditions::Partition;

/// What is read from a text, a number, or either.
struct Value<T> {
    expected: &'static str,
    from_text: fn(&str) -> Result<T, String>,
    from_number: fn(f64) -> Result<T, String>,
}

impl<T> Visitor<'_> for Value<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        (self.from_text)(text).map(Some).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<T>, E> {
        (self.from_number)(number).map(Some).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<T>, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<T>, E> {
        self.visit_f64(number as f64)
    }
}

/// `"50ms"`.
pub(super) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    from.deserialize_any(Value {
        expected: "a time, as in \"50ms\"",
        from_text: duration::parse,
        from_number: |number| duration::parse(&number.to_string()),
    })
}

/// `"5%"` or `0.05`.
pub(super) fn share_of_packets<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<f64>, D::Error> {
    from.deserialize_any(Value {
        expected: "a share of the packets, as in \"5%\" or 0.05",
        from_text: parse_share,
        from_number: |number| parse_share(&number.to_string()),
    })
}

/// `"60s,5s"`.
pub(super) fn partition<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Partition>, D::Error> {
    from.deserialize_any(Value {
        expected: "how often and for how long, as in \"60s,5s\"",
        from_text: parse_partition,
        from_number: |number| parse_partition(&number.to_string()),
    })
}

/// `3`.
pub(super) fn share<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    from.deserialize_any(Value {
        expected: "a number, as in 3",
        from_text: |text| Err(format!("a share is a number, as in 3, and \"{text}\" is a text")),
        from_number: |number| match number {
            share if share.is_finite() && share > 0.0 => Ok(share),
            share => Err(format!("a share is a number above 0, as in 3, and not {share}")),
        },
    })
}

/// `2.5`.
pub(super) fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    from.deserialize_any(Value {
        expected: "acts in a second, as in 2.5",
        from_text: parse_rate,
        from_number: |number| parse_rate(&number.to_string()),
    })
}

/// `"100/s"` or `100`.
pub(super) fn ramp<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    from.deserialize_any(Value {
        expected: "clients in a second, as in \"100/s\"",
        from_text: parse_ramp,
        from_number: |number| parse_ramp(&number.to_string()),
    })
}

/// Reads how many acts a client does in a second.
pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(rate) if (0.001..=1000.0).contains(&rate) => Ok(rate),
        _ => Err("write a number from 0.001 to 1000".to_owned()),
    }
}

/// Reads how many clients join in a second.
pub(crate) fn parse_ramp(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix("/s").unwrap_or(text);
    match number.trim().parse() {
        Ok(per_s) if (0.001..=100_000.0).contains(&per_s) => Ok(per_s),
        _ => Err("write clients in a second, from 0.001/s to 100000/s, as in 100/s".to_owned()),
    }
}
