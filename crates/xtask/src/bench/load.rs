//! wrk: requests as fast as they are answered.

use lab::tools::workspace;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Which token the requests bring.
#[derive(Clone, Debug)]
pub(super) enum Load {
    /// None.
    Anonymous,
    /// This one.
    Token(String),
    /// This one, each time with another signature.
    Forged(String),
    /// Those of a file in turn.
    Listed(PathBuf),
}

impl Load {
    /// Whether it takes more than a moment until every token was seen once.
    pub(super) fn is_long(&self) -> bool {
        let Self::Listed(file) = self else {
            return false;
        };
        // A token is half a kilobyte.
        std::fs::metadata(file).is_ok_and(|file| file.len() > 10_000_000)
    }
}

/// What wrk saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) requests: u64,
    pub(super) refused: u64,
    pub(super) time: Duration,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

impl Seen {
    /// Requests a second.
    pub(super) fn per_second(&self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64()
    }
}

/// A wrk that will walk one listener.
pub(super) fn command(
    addr: SocketAddr,
    path: &str,
    load: &Load,
    time: Duration,
    connections: u32,
) -> Command {
    let mut command = Command::new("wrk");
    command
        .args(["--latency", "-t1"])
        .arg(format!("-c{connections}"))
        .arg(format!("-d{}s", time.as_secs().max(1)));
    if let Load::Token(token) = load {
        command.args(["-H", &format!("authorization: Bearer {token}")]);
    }
    let script = workspace().join("tests/bench/wrk.lua");
    if matches!(load, Load::Forged(_) | Load::Listed(_)) {
        command.arg("-s").arg(script);
    }
    command.arg(format!("http://{addr}{path}"));
    match load {
        Load::Forged(token) => {
            command.args(["--", "forged", token]);
        }
        Load::Listed(file) => {
            command.args(["--", "list"]).arg(file);
        }
        Load::Anonymous | Load::Token(_) => {}
    }
    command
}

/// Reads wrk's report.
///
/// # Errors
/// With the report, when a request got no answer at all, or none was sent.
pub(super) fn read(report: &str) -> Result<Seen, String> {
    let wrong = || format!("wrk failed:\n{report}");
    let line = |marker: &str| report.lines().find(|line| line.contains(marker));
    if line("Socket errors").is_some() || line("PANIC").is_some() {
        return Err(wrong());
    }
    let total = line(" requests in ").ok_or_else(wrong)?;
    let words: Vec<&str> = total
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .collect();
    let [requests, _, _, time, ..] = words.as_slice() else {
        return Err(wrong());
    };
    let requests = requests.parse().ok().filter(|count| *count > 0);
    let percentile = |share: &str| {
        let line = report.lines().find(|line| line.trim().starts_with(share))?;
        duration(line.split_whitespace().nth(1)?)
    };
    let refused = line("Non-2xx or 3xx responses").map_or(Some(0), |line| {
        line.rsplit(' ').next().and_then(|count| count.parse().ok())
    });
    Some(Seen {
        requests: requests.ok_or_else(wrong)?,
        refused: refused.ok_or_else(wrong)?,
        time: duration(time).ok_or_else(wrong)?,
        p50: percentile("50%").ok_or_else(wrong)?,
        p99: percentile("99%").ok_or_else(wrong)?,
    })
    .ok_or_else(wrong)
}

/// `612.00us`, `1.20ms`, `2.00s`, `1.00m`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
Running 2s test @ http://127.0.0.1:1/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   262.26us  180.32us   5.73ms   94.03%
    Req/Sec    29.90k     3.36k   33.56k    85.71%
  Latency Distribution
     50%  236.00us
     75%  279.00us
     90%  353.00us
     99%    1.02ms
  62438 requests in 2.10s, 4.88MB read
  Non-2xx or 3xx responses: 12
Requests/sec:  29738.35
Transfer/sec:      2.33MB
";

    #[test]
    fn the_report_is_read() {
        let seen = read(REPORT).unwrap();
        assert_eq!((seen.requests, seen.refused), (62_438, 12));
        assert_eq!(seen.time, Duration::from_millis(2100));
        assert_eq!(seen.p50, Duration::from_micros(236));
        assert_eq!(seen.p99, Duration::from_micros(1020));
        let clean = REPORT.replace("  Non-2xx or 3xx responses: 12\n", "");
        assert_eq!(read(&clean).unwrap().refused, 0);
    }

    #[test]
    fn a_broken_run_is_none() {
        let broken = REPORT.replace(
            "  Non-2xx",
            "  Socket errors: connect 0, read 3, write 0, timeout 0\n  Non-2xx",
        );
        assert!(read(&broken).is_err());
        assert!(read(&REPORT.replace("62438 requests", "0 requests")).is_err());
        assert!(read("unable to connect").is_err());
    }
}
