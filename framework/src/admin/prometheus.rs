//! The metrics, for Prometheus to collect.

use std::net::SocketAddr;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

/// Shows the metrics of this process at `http://ADDRESS/metrics` from now on, on a thread of its own. Anyone who can reach the
/// address can read them.
///
/// # Errors
/// Nobody can listen there, or metrics are collected by somebody else already.
pub(crate) fn listen(address: SocketAddr) -> Result<(), BuildError> {
    let times = Matcher::Suffix("_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(times, &SECONDS)?
        .with_http_listener(address)
        .install()
}

/// Where the histograms of times are divided: from a cached write to a disk that hangs.
const SECONDS: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_is_counted_can_be_read() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = free.local_addr().expect("its number");
        assert!(listen(address).is_err(), "the port is in use");
        drop(free);
        listen(address).expect("now it is free");
        metrics::counter!("daystar_test_total").increment(3);
        metrics::histogram!("daystar_test_seconds").record(0.003);
        let mut stream = TcpStream::connect(address).expect("somebody listens");
        let request = "GET /metrics HTTP/1.1\r\nHost: daystar\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("daystar_test_total 3"), "{answer}");
        assert!(answer.contains("daystar_test_seconds_bucket{le=\"0.005\"} 1"), "{answer}");
    }
}
