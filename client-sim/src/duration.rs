//! Durations as people write them: `250us`, `100ms`, `30s`, `2m`, `1h`.

use std::time::Duration;

/// The units, with their lengths in microseconds. No unit's name is the end of a later one's.
const UNITS: [(&str, f64); 5] = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6), ("h", 3600e6)];

/// Reads a number with its unit.
///
/// # Errors
/// What is wrong with the text, and what would be right.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let Some((_, unit_us)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!(
            "`{text}` is not a time: write a number and one of us, ms, s, m, h, as in 30s"
        ));
    };
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| format!("`{text}` is not a time: `{number}` is not a number"))?;
    Duration::try_from_secs_f64(number * unit_us / 1e6)
        .map_err(|_| format!("`{text}` is not a time: it must not be negative, nor endless"))
}

/// Writes a latency with three digits that count: `870 µs`, `12.3 ms`, `1.25 s`.
pub fn show(duration: Duration) -> String {
    let us = duration.as_secs_f64() * 1e6;
    let (value, unit) = match us {
        ..999.5 => return format!("{us:.0} µs"),
        ..999_500.0 => (us / 1e3, "ms"),
        _ => (us / 1e6, "s"),
    };
    let digits = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// The same of microseconds.
pub fn show_us(us: u64) -> String {
    show(Duration::from_micros(us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        assert_eq!(parse("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse(" 1.5 s "), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse("1h"), Ok(Duration::from_secs(3600)));
    }

    #[test]
    fn what_is_no_time_is_refused_with_advice() {
        for text in ["", "30", "s", "3 days", "-1s", "1e99h", "nans", "infs", "1s2"] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("is not a time"), "{text}: {error}");
        }
    }

    #[test]
    fn latencies_are_shown_with_three_digits() {
        let shown = |us| show(Duration::from_micros(us));
        assert_eq!(shown(0), "0 µs");
        assert_eq!(shown(870), "870 µs");
        assert_eq!(shown(1_234), "1.23 ms");
        assert_eq!(shown(12_345), "12.3 ms");
        assert_eq!(shown(123_456), "123 ms");
        assert_eq!(shown(999_900), "1.00 s");
        assert_eq!(shown(1_250_000), "1.25 s");
    }
}
