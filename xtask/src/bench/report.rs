//! Results for people (Markdown), for programs (JSON) and for the eye (SVG).

use super::Options;
use super::chart;
use super::stats::{Sample, Series, Spread, micros};
use super::variants::{PLAIN, Variant};
use crate::process::run;
use crate::tools::{target, workspace};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

/// What a variant came to.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) title: String,
    /// CPU time of a request, in microseconds.
    pub(super) cost: Spread,
    /// The same, less that of a request through no filter.
    pub(super) added: Spread,
    /// How many times as much is added as by Envoy's own filter.
    pub(super) ratio: Option<f64>,
    per_second: Spread,
    p50: Spread,
    p99: Spread,
}

pub(super) struct Report {
    rounds: usize,
    seconds: u64,
    lines: Vec<Line>,
    machine: String,
}

impl Report {
    pub(super) fn new(options: &Options, variants: &[Variant], series: &[Series]) -> Self {
        let find = |name: &str| {
            let at = variants.iter().position(|variant| variant.name == name)?;
            series.get(at)
        };
        let plain = find(PLAIN).cloned().unwrap_or_default();
        let lines = variants.iter().zip(series).map(|(variant, own)| {
            let added = own.added(&plain);
            let peer = variant.peer.and_then(find).map(|peer| peer.added(&plain));
            Line {
                name: variant.name,
                title: variant.title.clone(),
                cost: own.of(Sample::cost),
                added,
                // Below that it would be a ratio of noise.
                ratio: peer
                    .filter(|peer| peer.median > 0.5)
                    .map(|peer| added.median / peer.median),
                per_second: own.of(|sample| sample.requests as f64 / sample.time.as_secs_f64()),
                p50: own.of(|sample| micros(sample.p50)),
                p99: own.of(|sample| micros(sample.p99)),
            }
        });
        Self {
            rounds: options.rounds(),
            seconds: options.slice().as_secs(),
            lines: lines.collect(),
            machine: machine(),
        }
    }

    /// The table.
    pub(super) fn table(&self) -> String {
        let mut out = format!(
            "{}; {} rounds of {} s each; median (least to most).\n\n\
             | variant | CPU per request, µs | added, µs | of native | requests/s | p50, µs | p99, µs |\n\
             |---|--:|--:|--:|--:|--:|--:|\n",
            self.machine, self.rounds, self.seconds
        );
        for line in &self.lines {
            let ratio = line
                .ratio
                .map(|ratio| format!("{ratio:.2}×"))
                .unwrap_or_default();
            let added = if line.name == PLAIN {
                String::new()
            } else {
                range(line.added, 1)
            };
            // Writing to a String does not fail.
            let _ = writeln!(
                out,
                "| {} | {} | {added} | {ratio} | {} | {} | {} |",
                line.title,
                range(line.cost, 1),
                range(line.per_second, 0),
                range(line.p50, 0),
                range(line.p99, 0),
            );
        }
        out
    }

    fn json(&self) -> Value {
        let spread =
            |of: Spread| json!({ "median": of.median, "least": of.least, "most": of.most });
        let lines = self.lines.iter().map(|line| {
            json!({
                "name": line.name,
                "title": line.title,
                "cpu_microseconds": spread(line.cost),
                "added_microseconds": spread(line.added),
                "ratio_to_native": line.ratio,
                "requests_per_second": spread(line.per_second),
                "p50_microseconds": spread(line.p50),
                "p99_microseconds": spread(line.p99),
            })
        });
        json!({
            "machine": self.machine,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "variants": lines.collect::<Vec<_>>(),
        })
    }

    /// Writes the three files: a whole run's where the documentation shows them.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write(&self, is_whole: bool) -> Result<(), String> {
        let folder = if is_whole {
            workspace().join("tests/bench")
        } else {
            target().join("bench")
        };
        let json = serde_json::to_string_pretty(&self.json()).map_err(|error| error.to_string())?;
        for (name, text) in [
            ("results.md", self.table()),
            ("results.json", format!("{json}\n")),
            ("chart.svg", chart::bars(&self.lines)),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            println!("{}", path.display());
        }
        Ok(())
    }
}

fn range(of: Spread, digits: usize) -> String {
    let Spread {
        median,
        least,
        most,
    } = of;
    format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
}

/// What the numbers were taken on.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let threads = info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = run(Command::new("uname").arg("-sr")).unwrap_or_default();
    format!("{threads} threads of {model}, {}", kernel.trim())
}
