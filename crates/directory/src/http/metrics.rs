//! Counters in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;

/// What is told apart.
const ENDPOINTS: [&str; 5] = ["subject", "verify", "page", "health", "other"];
/// Statuses by their first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Upper bounds of the histogram: microseconds, and the same in seconds as text.
const BOUNDS: [(u64, &str); 11] = [
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (500_000, "0.5"),
    (2_500_000, "2.5"),
];

/// Counters of one endpoint.
#[derive(Debug, Default)]
struct Endpoint {
    statuses: [AtomicU64; CLASSES.len()],
    buckets: [AtomicU64; BOUNDS.len()],
    micros: AtomicU64,
}

/// All counters.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    endpoints: [Endpoint; ENDPOINTS.len()],
}

/// The place of a path among the endpoints. Paths themselves would name people.
pub(super) fn endpoint(path: &str) -> usize {
    match path {
        "/v1/verify" => 1,
        "/" | "/subject" => 2,
        "/healthz" | "/readyz" | "/metrics" => 3,
        path if path.starts_with("/v1/subjects/") => 0,
        _ => 4,
    }
}

impl Metrics {
    pub(super) fn count(&self, endpoint: usize, status: StatusCode, took: Duration) {
        let Some(counters) = self.endpoints.get(endpoint) else {
            return;
        };
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|(bound, _)| micros <= *bound);
        let bucket = bucket.and_then(|bucket| counters.buckets.get(bucket));
        for counter in counters.statuses.get(class).into_iter().chain(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        counters.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn text(&self, connections: u32, idle: usize) -> String {
        let mut out = String::new();
        self.requests(&mut out);
        self.seconds(&mut out);
        head(
            &mut out,
            "database_connections",
            "gauge",
            "Connections to the database.",
        );
        let idle = u32::try_from(idle).unwrap_or(u32::MAX);
        line(&mut out, "database_connections", "state=\"idle\"", idle);
        let used = connections.saturating_sub(idle);
        line(&mut out, "database_connections", "state=\"used\"", used);
        out
    }

    fn endpoints(&self) -> impl Iterator<Item = (&'static str, &Endpoint)> {
        ENDPOINTS.iter().copied().zip(&self.endpoints)
    }

    fn requests(&self, out: &mut String) {
        let help = "Requests, by what was asked and the answer's status.";
        head(out, "requests_total", "counter", help);
        for (name, counters) in self.endpoints() {
            for (class, count) in CLASSES.iter().zip(&counters.statuses) {
                let labels = format!("endpoint=\"{name}\",status=\"{class}\"");
                line(
                    out,
                    "requests_total",
                    &labels,
                    count.load(Ordering::Relaxed),
                );
            }
        }
    }

    fn seconds(&self, out: &mut String) {
        head(
            out,
            "request_seconds",
            "histogram",
            "How long answers took.",
        );
        for (name, counters) in self.endpoints() {
            let own = format!("endpoint=\"{name}\"");
            let mut below = 0_u64;
            for ((_, bound), count) in BOUNDS.iter().zip(&counters.buckets) {
                below = below.saturating_add(count.load(Ordering::Relaxed));
                let labels = format!("{own},le=\"{bound}\"");
                line(out, "request_seconds_bucket", &labels, below);
            }
            let statuses = counters.statuses.iter();
            let all: u64 = statuses.map(|count| count.load(Ordering::Relaxed)).sum();
            line(
                out,
                "request_seconds_bucket",
                &format!("{own},le=\"+Inf\""),
                all,
            );
            line(out, "request_seconds_count", &own, all);
            let sum = Duration::from_micros(counters.micros.load(Ordering::Relaxed));
            line(out, "request_seconds_sum", &own, sum.as_secs_f64());
        }
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "# HELP auth_directory_{name} {help}\n# TYPE auth_directory_{name} {kind}"
    );
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "auth_directory_{name}{{{labels}}} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_cumulative_and_by_endpoint() {
        let metrics = Metrics::default();
        for (path, status, micros) in [
            ("/v1/subjects/a", 200, 100),
            ("/v1/subjects/b", 404, 600),
            ("/v1/subjects/c", 503, 9_000_000),
            ("/v1/verify", 401, 30_000),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            metrics.count(endpoint(path), status, Duration::from_micros(micros));
        }
        let text = metrics.text(3, 2);
        for want in [
            "auth_directory_requests_total{endpoint=\"subject\",status=\"2xx\"} 1\n",
            "auth_directory_requests_total{endpoint=\"subject\",status=\"5xx\"} 1\n",
            "auth_directory_requests_total{endpoint=\"verify\",status=\"4xx\"} 1\n",
            "auth_directory_request_seconds_bucket{endpoint=\"subject\",le=\"0.0005\"} 1\n",
            "auth_directory_request_seconds_bucket{endpoint=\"subject\",le=\"2.5\"} 2\n",
            "auth_directory_request_seconds_bucket{endpoint=\"subject\",le=\"+Inf\"} 3\n",
            "auth_directory_request_seconds_sum{endpoint=\"subject\"} 9.0007\n",
            "auth_directory_database_connections{state=\"used\"} 1\n",
        ] {
            assert!(text.contains(want), "{want}{text}");
        }
    }
}
