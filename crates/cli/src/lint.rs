//! What stands around the filter in the file of its proxy, and lets requests go past it.
//!
//! The filter decides about the requests that its chain or location hands to it, as they come. What is read here is the
//! rest of the file: chains and locations without it, filters and directives that act before or after it, and settings
//! under which it believes what clients say.

mod envoy;
mod kubernetes;
mod nginx;

use serde_json::Value;
use std::fmt;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Requests go past the filter.
    Error,
    /// They may, by what else the file or the upstream does.
    Warning,
}

/// Something in a proxy's file that an operator should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// How much it weighs.
    pub(crate) weight: Weight,
    /// Where in the file: a path of YAML, or a line.
    pub(crate) place: String,
    /// What becomes of requests there, and what to write instead.
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Error => "error",
            Weight::Warning => "warning",
        };
        write!(formatter, "{weight}: {}: {}", self.place, self.message)
    }
}

/// A configuration of the filter that stands in a proxy's file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Embedded {
    /// Where it stands.
    pub(crate) place: String,
    /// Its text.
    pub(crate) text: String,
    /// Of which host it is.
    pub(crate) host: Host,
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// Envoy's bootstrap, or a part of its configuration.
    Envoy,
    /// nginx's.
    Nginx,
}

/// What was found in one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Findings {
    /// In the order of the file.
    pub(crate) findings: Vec<Finding>,
    /// The filter's own configurations.
    pub(crate) configurations: Vec<Embedded>,
    /// Whether the file is of settings alone, and never holds one.
    pub(crate) is_settings: bool,
}

impl Findings {
    fn add(&mut self, weight: Weight, place: impl Into<String>, message: impl Into<String>) {
        let finding = Finding {
            weight,
            place: place.into(),
            message: message.into(),
        };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// The findings that let requests past.
    #[must_use]
    pub(crate) fn errors(&self) -> usize {
        let errors = self.findings.iter();
        errors.filter(|found| found.weight == Weight::Error).count()
    }
}

/// Reads a proxy's file; `None` for one that is no proxy's, but a configuration of the filter itself.
///
/// # Errors
/// With the place that cannot be read.
pub(crate) fn read(name: &str, text: &str) -> Result<Option<Findings>, String> {
    let located = |error: String| format!("{name}: {error}");
    if name.ends_with(".conf") {
        return nginx::lint(text).map(Some).map_err(located);
    }
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    if !is_yaml && !is_bootstrap(text) {
        return Ok(None);
    }
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| format!("{name}: {error}"))?;
    let mut findings = Findings::default();
    for document in &documents {
        envoy::lint(document, &mut findings);
        kubernetes::lint(document, &mut findings);
    }
    Ok(Some(findings))
}

/// Whether this is Envoy's configuration in JSON.
fn is_bootstrap(text: &str) -> bool {
    let parsed = serde_json::from_str::<Value>(text);
    parsed.is_ok_and(|value| value.get("static_resources").is_some())
}

#[cfg(test)]
mod tests;
