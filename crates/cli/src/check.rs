//! What a configuration says, without a proxy: the filter's own core, compiled natively.

use crate::lint::{self, Findings};
use crate::{Failure, say};
use auth_filter::capabilities::Capabilities;
use auth_filter::config::{Config, ConfigError, HostName};
use auth_filter::policy::Policy;
use std::fs;
use std::io::Write;

/// Which file to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// A configuration of the filter, or a proxy's file: envoy.yaml, a Kubernetes manifest, nginx.conf, kong.conf
    file: String,
    /// Reads the secrets that come by `env` from this environment; without it they count as set
    #[arg(long)]
    env: bool,
}

impl Check {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let file = self.file.as_str();
        let text = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        let found = match std::str::from_utf8(&text) {
            Ok(text) => lint::read(file, text)?,
            Err(_) => None,
        };
        match found {
            Some(found) => self.proxy(&found, out),
            None => Ok(say(out, &checked(file, text, None, self.env)?)?),
        }
    }

    /// What was found in a proxy's file, and what of the filter stands in it.
    fn proxy(&self, found: &Findings, out: &mut dyn Write) -> Result<(), Failure> {
        let file = self.file.as_str();
        for finding in &found.findings {
            writeln!(out, "{file}: {finding}")?;
        }
        if found.configurations.is_empty() && !found.is_settings {
            writeln!(
                out,
                "{file}: warning: no configuration of the filter is in this file: what is in others, or comes from elsewhere, was not looked at"
            )?;
        }
        let mut refused = found.errors();
        for own in &found.configurations {
            let name = format!("{file}: {}", own.place);
            let host = match own.host {
                lint::Host::Envoy => HostName::Envoy,
                lint::Host::Nginx => HostName::Nginx,
            };
            let text = own.text.clone().into_bytes();
            match checked(&name, text, Some(host), self.env) {
                Ok(lines) => say(out, &lines)?,
                Err(error) => {
                    writeln!(out, "{error}")?;
                    refused += 1;
                }
            }
        }
        writeln!(
            out,
            "{file}: {}, {} of the filter",
            counted(found.findings.len(), "finding"),
            counted(found.configurations.len(), "configuration"),
        )?;
        if refused > 0 {
            return Err(format!("{file}: {}", counted(refused, "error")).into());
        }
        Ok(())
    }
}

/// The warnings and which hosts refuse it, with line and column, and a summary. The host is the one that the file is of,
/// where that is known.
fn checked(
    file: &str,
    text: Vec<u8>,
    host: Option<HostName>,
    environment: bool,
) -> Result<Vec<String>, String> {
    let Loaded {
        text,
        config,
        policy,
        refusals,
    } = compile(file, text, host, environment)?;
    let warnings = [policy.warnings.clone(), policy.advice(&config)].concat();
    let mut lines: Vec<String> = warnings
        .iter()
        .cloned()
        .map(|warning| format!("{file}: warning: {}", warning.located(&text)))
        .collect();
    lines.extend(refusals.into_iter().map(|(host, error)| {
        format!(
            "{file}: {} refuses it: {}",
            host.word(),
            error.located(&text)
        )
    }));
    lines.push(format!(
        "{file}: {}, {}, {}, {}",
        counted(policy.providers.len(), "provider"),
        counted(policy.rules.len(), "rule"),
        counted(config.tests.len(), "test"),
        counted(warnings.len(), "warning"),
    ));
    Ok(lines)
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// A file that is a configuration of the filter.
pub(crate) fn load(file: &str, environment: bool) -> Result<Loaded, String> {
    let text = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    compile(file, text, None, environment)
}

fn compile(
    file: &str,
    text: Vec<u8>,
    host: Option<HostName>,
    environment: bool,
) -> Result<Loaded, String> {
    let mut config = Config::parse(&text).map_err(|error| format!("{file}: {error}"))?;
    if environment {
        let read = |name: &str| std::env::var(name).ok();
        let refused = |error: ConfigError| format!("{file}: {}", error.located(&text));
        config
            .read_environment(read, "set it, not empty, in this environment")
            .map_err(refused)?;
    } else {
        // What the proxy's environment holds is not here, and nothing that is told depends on it.
        config.stand_in_for_environment();
    }
    let refused = |error: ConfigError| format!("{file}: {}", error.located(&text));
    // Where nothing says which host loads it, any may: what one of them refuses is of use on the others.
    let hosts = match config.host.named().or(host) {
        Some(host) => vec![host],
        None => vec![HostName::Envoy, HostName::Nginx, HostName::Apisix],
    };
    let mut taken = None;
    let mut refusals = Vec::new();
    for host in hosts {
        match Policy::compile(&config, &Capabilities::of(host, &config.nginx)) {
            Ok(policy) => taken = taken.or(Some(policy)),
            Err(error) => refusals.push((host, error)),
        }
    }
    match (taken, refusals.first()) {
        (Some(policy), _) => Ok(Loaded {
            text,
            config,
            policy,
            refusals,
        }),
        (None, Some((_, error))) => Err(refused(error.clone())),
        (None, None) => Err(format!("{file}: no host is named")),
    }
}

/// A configuration that at least one host takes.
pub(crate) struct Loaded {
    text: Vec<u8>,
    config: Config,
    /// As the first host that takes it has it.
    pub(crate) policy: Policy,
    /// Hosts that refuse it, and why.
    refusals: Vec<(HostName, ConfigError)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked_file(file: &str) -> Result<Vec<String>, String> {
        checked(file, fs::read(file).unwrap(), None, false)
    }

    #[test]
    fn a_check_says_what_is_wrong_or_doubtful_and_where() {
        let file = |name: &str, text: &str| {
            let path = std::env::temp_dir().join(format!("check-{}-{name}", std::process::id()));
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let doubtful = file(
            "doubtful.json",
            "{ \"$schema\": \"x\",\n  \"rules\": [{ \"match\": {}, \"require\": \"public\" }] }",
        );
        assert_eq!(
            checked_file(&doubtful).unwrap(),
            [
                format!(
                    "{doubtful}: warning: rules[0].require: \"public\" opens every path that no rule before it matches; name the open ones (line 2 column 39)"
                ),
                format!("{doubtful}: 0 providers, 1 rule, 0 tests, 1 warning"),
            ]
        );
        let wrong = file(
            "wrong.json",
            "{ \"rules\": [\n  { \"match\": {}, \"reqire\": \"public\" }] }",
        );
        let error = checked_file(&wrong).unwrap_err();
        assert!(
            error.starts_with(&format!(
                "{wrong}: rules[0].reqire: unknown key; known: name, match, require"
            )) && error.ends_with("; did you mean \"require\"? (line 2 column 28)"),
            "{error}"
        );
        let unknown = file(
            "unknown.json",
            "{ \"rules\": [\n  { \"match\": {}, \"require\": { \"decision\": \"pdp\" } }] }",
        );
        assert_eq!(
            checked_file(&unknown).unwrap_err(),
            format!(
                "{unknown}: rules[0].require.decision: \"pdp\" is not a decision point; known: none (line 2 column 43)"
            )
        );
        for path in [doubtful, wrong, unknown] {
            fs::remove_file(path).unwrap();
        }
    }
}
