//! Counts as figures that people and programs read: rates and percentiles.

use std::time::Duration;

use serde::Serialize;

use crate::counts::Counts;

/// The figures of one class, or of all, over some time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// How many clients have a session at the end of that time.
    pub clients: u32,
    /// Calls that were answered, refusals included.
    pub requests: u64,
    /// Those in a second.
    pub requests_per_s: f64,
    /// Half of the calls were answered within this.
    pub p50_us: u64,
    /// Nine in ten.
    pub p90_us: u64,
    /// 99 in a hundred.
    pub p99_us: u64,
    /// 999 in a thousand.
    pub p999_us: u64,
    /// All.
    pub max_us: u64,
    /// Calls that the game's rules refused.
    pub refusals: u64,
    /// What must not happen.
    pub errors: u64,
    /// Connects that were tried again.
    pub connect_retries: u64,
    /// Sessions begun again after one was lost.
    pub reconnects: u64,
    /// Sessions that went on over another connection.
    pub resumed: u64,
    /// Events that came without being asked for.
    pub events: u64,
    /// Bytes to the server.
    pub bytes_up: u64,
    /// Bytes from the server.
    pub bytes_down: u64,
}

impl Figures {
    /// What was counted in that time, by so many clients.
    pub fn of(counts: &Counts, time: Duration, clients: u32) -> Self {
        let at = |quantile| counts.latency_us.value_at_quantile(quantile);
        let requests = counts.requests();
        Self {
            clients,
            requests,
            requests_per_s: per_s(requests, time),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: counts.latency_us.max(),
            refusals: counts.refusals,
            errors: counts.errors,
            connect_retries: counts.connect_retries,
            reconnects: counts.reconnects,
            resumed: counts.resumed,
            events: counts.events,
            bytes_up: counts.bytes_up,
            bytes_down: counts.bytes_down,
        }
    }
}

/// So many in that time, in a second; zero in no time.
pub(crate) fn per_s(count: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
