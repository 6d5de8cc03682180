//! Results for people (Markdown), for programs (JSON) and for the eye (SVG).

use super::Options;
use super::chart;
use super::stats::{Sample, Series, Spread, micros};
use super::variants::{PLAIN, Variant};
use lab::process::run;
use lab::tools::{target, workspace};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

/// Between these marks the README shows the last whole run.
const BEGIN: &str = "<!-- cargo xtask bench -->";
const END: &str = "<!-- /cargo xtask bench -->";
/// What it shows.
const SHOWN: &[&str] = &[
    "empty",
    "ext-authz",
    "warm-rs256",
    "native-cached-rs256",
    "cold-rs256",
    "native-rs256",
    "cold-es256",
    "native-es256",
    "cold-eddsa",
    "native-eddsa",
    "refused-missing",
    "refused-expired",
    "refused-repeated",
    "native-refused-repeated",
];

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

/// Everything that one run found out.
pub(super) struct Report {
    rounds: usize,
    seconds: u64,
    machine: String,
    /// The comparison.
    lines: Vec<Line>,
    /// Further sections: heading and table.
    sections: Vec<(String, String)>,
    grown: Vec<Value>,
}

impl Report {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            rounds: options.rounds(),
            seconds: super::SLICE.as_secs(),
            machine: machine(),
            lines: Vec::new(),
            sections: Vec::new(),
            grown: Vec::new(),
        }
    }

    /// Takes the comparison in.
    pub(super) fn compare(&mut self, variants: &[Variant], series: &[Series]) {
        self.lines = lines(variants, series);
    }

    /// Takes in what a thing that grows does to the cost of a request.
    pub(super) fn grow(&mut self, title: &str, variants: &[Variant], series: &[Series]) {
        let lines = lines(variants, series);
        let points = lines.get(1..).unwrap_or_default();
        let least = points.first().map_or(1.0, |line| line.added.median);
        let mut table = format!("| {title} | added, µs | of the least |\n|--:|--:|--:|\n");
        for line in points {
            let ratio = line.added.median / least;
            // Writing to a String does not fail.
            let _ = writeln!(
                table,
                "| {} | {} | {ratio:.2}× |",
                line.title,
                range(line.added, 1)
            );
        }
        self.sections.push((String::new(), table));
        self.grown.push(json!({
            "what": title,
            "points": points.iter().map(Line::json).collect::<Vec<_>>(),
        }));
    }

    /// Takes in a table.
    pub(super) fn add(&mut self, heading: &str, table: &str) {
        self.sections.push((heading.to_owned(), table.to_owned()));
    }

    /// All of it, for readers.
    pub(super) fn markdown(&self) -> String {
        let mut out = format!("{}.\n", self.machine);
        if !self.lines.is_empty() {
            let _ = write!(
                out,
                "{} rounds of {} s each; median (least to most).\n\n{}",
                self.rounds,
                self.seconds,
                self.table()
            );
        }
        for (heading, table) in &self.sections {
            if !heading.is_empty() {
                let _ = write!(out, "\n**{heading}**\n");
            }
            let _ = write!(out, "\n{table}");
        }
        out
    }

    fn table(&self) -> String {
        let mut out = String::from(
            "| variant | CPU per request, µs | added, µs | of native | requests/s | p50, µs | p99, µs |\n\
             |---|--:|--:|--:|--:|--:|--:|\n",
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
        let json = json!({
            "machine": self.machine,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "variants": self.lines.iter().map(Line::json).collect::<Vec<_>>(),
            "growing": self.grown,
        });
        let json = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?;
        for (name, text) in [
            ("results.md", self.markdown()),
            ("results.json", format!("{json}\n")),
            ("chart.svg", chart::bars(&self.lines)),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            println!("{}", path.display());
        }
        if is_whole {
            self.show_in_readme()?;
        }
        Ok(())
    }

    /// Puts the most telling lines between the marks in the README.
    fn show_in_readme(&self) -> Result<(), String> {
        let path = workspace().join("README.md");
        let io = |error| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(io)?;
        let (before, rest) = text.split_once(BEGIN).ok_or("the README has no mark")?;
        let (_, after) = rest
            .split_once(END)
            .ok_or("the README has no second mark")?;
        let table = self.excerpt();
        fs::write(&path, format!("{before}{BEGIN}\n{table}{END}{after}")).map_err(io)
    }

    fn excerpt(&self) -> String {
        let mut out = String::from(
            "| | added CPU per request, µs | of native | requests/s |\n|---|--:|--:|--:|\n",
        );
        let shown = |line: &&Line| SHOWN.contains(&line.name);
        for line in self.lines.iter().filter(shown) {
            let ratio = line
                .ratio
                .map(|ratio| format!("{ratio:.2}×"))
                .unwrap_or_default();
            // Writing to a String does not fail.
            let _ = writeln!(
                out,
                "| {} | {:.1} | {ratio} | {:.0} |",
                line.title, line.added.median, line.per_second.median
            );
        }
        out
    }
}

impl Line {
    fn json(&self) -> Value {
        let spread =
            |of: Spread| json!({ "median": of.median, "least": of.least, "most": of.most });
        json!({
            "name": self.name,
            "title": self.title,
            "cpu_microseconds": spread(self.cost),
            "added_microseconds": spread(self.added),
            "ratio_to_native": self.ratio,
            "requests_per_second": spread(self.per_second),
            "p50_microseconds": spread(self.p50),
            "p99_microseconds": spread(self.p99),
        })
    }
}

fn lines(variants: &[Variant], series: &[Series]) -> Vec<Line> {
    let find = |name: &str| {
        let at = variants.iter().position(|variant| variant.name == name)?;
        series.get(at)
    };
    let plain = find(PLAIN).cloned().unwrap_or_default();
    let line = |(variant, own): (&Variant, &Series)| {
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
    };
    variants.iter().zip(series).map(line).collect()
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
pub(crate) fn machine() -> String {
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
