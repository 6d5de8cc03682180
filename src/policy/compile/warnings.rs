//! Warnings of what is allowed and dangerous: the filter logs them at each load, each with its place and a better way.

mod issuers;
mod providers;
mod rules;
mod unused;

use std::time::Duration;

use crate::config::{Config, ConfigError, DecisionPart, DurationText, Mode, Provider, SecretText};
use crate::json::UniqueMap;
use crate::policy::Policy;

const HOUR: Duration = Duration::from_secs(3600);

/// Everything that an operator should look at twice, beyond what was noticed while compiling.
pub(super) fn of(config: &Config, policy: &Policy) -> Vec<ConfigError> {
    let mut found = Vec::new();
    mode(config.mode, &mut found);
    for (name, provider) in config.providers.iter() {
        providers::of(&format!("providers.{name}"), provider, &mut found);
    }
    for (name, directory) in config.directories.iter() {
        shown(
            &format!("directories.{name}"),
            &directory.headers,
            &mut found,
        );
        let at = format!("directories.{name}.cache_duration");
        let what = "revoked grants stay effective for up to cache_duration";
        longer(&at, directory.cache_duration, HOUR, what, &mut found);
    }
    for (name, decision) in config.decisions.iter() {
        let at = format!("decisions.{name}");
        shown(&at, &decision.headers, &mut found);
        let what = "a decision that is withdrawn holds for that long";
        let cached = decision.cache_duration;
        longer(
            &format!("{at}.cache_duration"),
            cached,
            HOUR,
            what,
            &mut found,
        );
        shared_decisions(&at, decision.cache_by.as_deref(), &mut found);
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        rules::of(&format!("rules[{index}]"), rule, policy, &mut found);
    }
    if let Some(shared) = &config.shared_data {
        written("shared_data.key".to_owned(), &shared.key, &mut found);
    }
    addresses(config, &mut found);
    unused::of(policy, &mut found);
    found
}

fn warn(found: &mut Vec<ConfigError>, at: impl Into<String>, what: impl Into<String>) {
    found.push(ConfigError::new(at, what));
}

/// What a header's name has in it that carries a secret.
const SECRETS: [&str; 5] = ["authorization", "key", "password", "secret", "token"];

fn shown(at: &str, headers: &UniqueMap<SecretText>, found: &mut Vec<ConfigError>) {
    for (name, value) in headers.iter() {
        let lower = name.to_ascii_lowercase();
        if SECRETS.iter().any(|word| lower.contains(word)) {
            written(format!("{at}.headers.{name}"), value, found);
        }
    }
}

fn written(at: String, secret: &SecretText, found: &mut Vec<ConfigError>) {
    if matches!(secret, SecretText::Written(_)) {
        warn(
            found,
            at,
            "whoever may see the proxy's configuration sees this (Envoy: /config_dump); {\"env\": \"AUTH_FILTER_…\"} keeps it out of that",
        );
    }
}

fn mode(mode: Mode, found: &mut Vec<ConfigError>) {
    match mode {
        Mode::Disabled => warn(
            found,
            "mode",
            "\"disabled\" checks nothing: every request goes through; \"enforce\" refuses",
        ),
        Mode::Shadow => warn(
            found,
            "mode",
            "\"shadow\" refuses nothing: every request goes through; \"enforce\" refuses",
        ),
        Mode::Enforce => {}
    }
}

fn longer(
    at: &str,
    given: Option<DurationText>,
    most: Duration,
    what: &str,
    found: &mut Vec<ConfigError>,
) {
    if given.is_some_and(|given| given.0 > most) {
        let most = most.as_secs() / 60;
        warn(found, at, format!("{what}; {most}m is long already"));
    }
}

/// Guesses of passwords are told apart by where they come from, and only the operator knows who says that.
fn addresses(config: &Config, found: &mut Vec<ConfigError>) {
    if config.client_address.is_some() {
        return;
    }
    let mut providers = config.providers.iter();
    if let Some((name, _)) = providers.find(|(_, given)| matches!(given, Provider::Basic(_))) {
        warn(
            found,
            format!("providers.{name}"),
            "wrong passwords are counted by name only, since nothing says where requests come from; write \"client_address\": \"proxy\" where the proxy knows it (in Envoy: use_remote_address is true), or \"none\"",
        );
    }
}

/// A decision that does not depend on who calls, or on what is called, is everybody's or everything's.
fn shared_decisions(at: &str, parts: Option<&[DecisionPart]>, found: &mut Vec<ConfigError>) {
    let Some(parts) = parts else {
        return;
    };
    let has = |part| parts.contains(&part);
    let at = format!("{at}.cache_by");
    if !has(DecisionPart::Subject) && !has(DecisionPart::Claims) {
        warn(
            found,
            at.as_str(),
            "has neither subject nor claims: what is decided for one caller holds for all",
        );
    }
    if !has(DecisionPart::Path) && !has(DecisionPart::Rule) {
        warn(
            found,
            at.as_str(),
            "has neither path nor rule: what is decided for one path holds for all",
        );
    }
    if !has(DecisionPart::Method) && !has(DecisionPart::Rule) {
        warn(
            found,
            at,
            "has neither method nor rule: what is decided for reading holds for writing",
        );
    }
}
