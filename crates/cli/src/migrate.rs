//! Other ways to say who may call, as a configuration of this filter.
//!
//! The source is read by a walk that remembers what it read: a key that nobody asked for is in the report by itself,
//! so that nothing is lost in silence. Where the source means less than the filter can promise, the stricter side is
//! taken, and the report says so.

mod auth_middleware;
mod draft;
mod envoy;
mod istio;
mod istio_terms;
mod jwt_authn;
mod matching;
mod need;
mod places;
mod rbac;
mod report;
mod rules;
mod security_policy;
mod source;
mod terms;
mod values;

pub use report::{Differs, NotCarried, Report};

use crate::Failure;
use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::policy::Policy;
use draft::Draft;
use serde_json::Value;
use source::{Ledger, Node};
use std::fs;
use std::io::Write;
use std::path::Path;

/// A configuration, and what there is to say of it.
#[derive(Debug)]
pub struct Migration {
    /// The configuration, which compiles.
    pub configuration: Value,
    /// What was not carried over, or does not do the same.
    pub report: Report,
    /// What the filter itself warns of.
    pub warnings: Vec<String>,
}

/// How much of a source is migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Whole,
    /// Who calls, and not what they may do: the policies stay where they are, behind the filter.
    Beside,
}

/// Which files, and how.
#[derive(Debug, clap::Args)]
pub struct Migrate {
    /// All files that are for one proxy
    #[arg(required = true)]
    files: Vec<String>,
    /// Fails where anything was not carried over
    #[arg(long)]
    strict: bool,
    /// Leaves policies where they are, behind the filter, and migrates only who calls
    #[arg(long)]
    beside: bool,
}

impl Migrate {
    /// Prints the configuration; the report goes to the standard error.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let scope = if self.beside {
            Scope::Beside
        } else {
            Scope::Whole
        };
        let files: Result<Vec<_>, String> = self
            .files
            .iter()
            .map(|name| match fs::read_to_string(name) {
                Ok(text) => Ok((name.clone(), text)),
                Err(error) => Err(format!("{name}: {error}")),
            })
            .collect();
        let migration = migrate(&files?, scope)?;
        writeln!(out, "{:#}", migration.configuration)?;
        eprint!("{}", migration.report);
        for warning in &migration.warnings {
            eprintln!("warning: {warning}");
        }
        eprintln!("the configuration compiles");
        let lost = migration.report.not_carried.len();
        if self.strict && lost > 0 {
            return Err(format!("{lost} not carried over").into());
        }
        Ok(())
    }
}

/// Whether this is no list, or one of nothing.
fn is_empty(list: Option<&Value>) -> bool {
    list.and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// Migrates files, each with its name and its text.
///
/// # Errors
/// For files that say nothing of callers, and for a configuration that does not compile or lets nobody pass.
pub fn migrate(files: &[(String, String)], scope: Scope) -> Result<Migration, String> {
    let mut documents: Vec<(String, Value)> = Vec::new();
    let mut variables = false;
    for (name, text) in files {
        if let Some(value) = auth_middleware::parse(text) {
            variables = true;
            documents.push((name.clone(), value));
            continue;
        }
        let read: Vec<Value> =
            serde_saphyr::from_multiple(text).map_err(|error| format!("{name}: {error}"))?;
        let read: Vec<Value> = read.into_iter().filter(|value| !value.is_null()).collect();
        let many = read.len() > 1;
        documents.extend(read.into_iter().enumerate().map(|(index, value)| {
            let place = if many {
                format!("{name}#{}", index + 1)
            } else {
                name.clone()
            };
            (place, value)
        }));
    }
    let ledger = Ledger::default();
    let roots: Vec<Node<'_>> = documents
        .iter()
        .map(|(name, value)| ledger.root(value, &format!("{name}: ")))
        .collect();
    let Some(first) = roots.first() else {
        return Err("there is nothing to read".into());
    };
    let mut draft = Draft {
        is_beside: scope == Scope::Beside,
        ..Draft::default()
    };
    let resources = documents
        .iter()
        .any(|(_, value)| value.get("kind").is_some() && value.get("apiVersion").is_some());
    let all = || {
        documents
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let is_gateway = |(_, value): &(String, Value)| {
        value
            .get("kind")
            .is_some_and(|kind| kind == security_policy::KIND)
    };
    let read = if resources && documents.iter().any(is_gateway) {
        security_policy::read(&roots, &mut draft)
    } else if resources {
        istio::read(&roots, &mut draft)
    } else if roots.len() > 1 {
        Err("are several configurations; migrate one at a time".into())
    } else if variables {
        auth_middleware::read(first, &mut draft)
    } else {
        let folder = files.first().and_then(|(name, _)| Path::new(name).parent());
        envoy::read(first, &mut draft, folder.unwrap_or_else(|| Path::new("")))
    };
    read.map_err(|error| format!("{}: {error}", all()))?;
    roots.iter().for_each(|root| ledger.report_unread(root));
    let configuration = draft.finish(first)?;
    drop(roots);
    if is_empty(configuration.get("rules")) {
        return Err(format!(
            "{}: of these policies nothing is left that lets anybody pass; --beside migrates who calls, and leaves the policies where they are\n{}",
            all(),
            ledger.into_report()
        ));
    }
    let config = Config::parse(configuration.to_string().as_bytes());
    let policy = config.and_then(|config| Policy::compile(&config, &Capabilities::envoy()));
    let policy = policy.map_err(|error| {
        format!("the configuration does not compile: {error}\n{configuration:#}")
    })?;
    Ok(Migration {
        configuration,
        report: ledger.into_report(),
        warnings: policy.warnings.iter().map(ToString::to_string).collect(),
    })
}

#[cfg(test)]
mod tests;
