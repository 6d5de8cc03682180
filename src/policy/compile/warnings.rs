//! What is allowed and dangerous: told at each load, with its place and what would be better.

mod issuers;

use std::time::Duration;

use crate::config::{
    Config, ConfigError, Csrf, DecisionPart, DurationText, Mode, Provider as Given, ProviderKind,
    SecretText,
};
use crate::json::UniqueMap;
use crate::policy::path::MatchPath;
use crate::policy::provider::{Overage, Provider, Source};
use crate::policy::requirement::Requirement;
use crate::policy::{Policy, Rule};
use crate::services::ServiceId;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Everything that an operator should look at twice, beyond what was noticed while compiling.
pub(super) fn of(config: &Config, policy: &Policy) -> Vec<ConfigError> {
    let mut found = Vec::new();
    mode(config.mode, &mut found);
    for (name, provider) in config.providers.iter() {
        self::provider(&format!("providers.{name}"), provider, &mut found);
    }
    for (name, directory) in config.directories.iter() {
        shown(
            &format!("directories.{name}"),
            &directory.headers,
            &mut found,
        );
        let at = format!("directories.{name}.cache_duration");
        let what = "what somebody was granted is theirs for that long after it is taken away";
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
        self::rule(&format!("rules[{index}]"), rule, policy, &mut found);
    }
    if let Some(shared) = &config.shared_data {
        written("shared_data.key".to_owned(), &shared.key, &mut found);
    }
    addresses(config, &mut found);
    unused(policy, &mut found);
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

fn provider(at: &str, provider: &Given, found: &mut Vec<ConfigError>) {
    let algorithms = provider.algorithms.iter().flatten().enumerate();
    for (index, _) in algorithms.filter(|(_, name)| name.starts_with("HS")) {
        warn(
            found,
            format!("{at}.algorithms[{index}]"),
            "one secret signs and verifies: whoever reads this configuration can make tokens; prefer ES256 or EdDSA",
        );
    }
    if provider.require_expiration == Some(false) && provider.kind != ProviderKind::Introspection {
        warn(
            found,
            format!("{at}.require_expiration"),
            "a token without an end is good for ever once it is stolen; let the issuer set exp, or set max_lifetime",
        );
    }
    issuers::of(at, provider, found);
    if let Some(introspection) = &provider.introspection {
        let at = format!("{at}.introspection.client_secret");
        written(at, &introspection.client_secret, found);
    }
    if let Some(verify) = &provider.verify {
        shown(&format!("{at}.verify"), &verify.headers, found);
    }
    let skew = "tokens are good for that long after their end";
    longer(
        &format!("{at}.clock_skew"),
        provider.clock_skew,
        5 * MINUTE,
        skew,
        found,
    );
    if let Some(jwks) = &provider.jwks {
        let withdrawn = "a key that the issuer withdraws verifies for that long";
        let at = format!("{at}.jwks");
        longer(
            &format!("{at}.cache_duration"),
            jwks.cache_duration,
            DAY,
            withdrawn,
            found,
        );
        longer(
            &format!("{at}.stale_for"),
            jwks.stale_for,
            7 * DAY,
            withdrawn,
            found,
        );
        if jwks.uri.as_ref().is_some_and(|uri| is_open(uri)) {
            warn(
                found,
                format!("{at}.uri"),
                "keys that come over http are whoever's is on the way; write https",
            );
        }
    }
    if provider.from_params.is_some() {
        warn(
            found,
            format!("{at}.from_params"),
            "what stands in a URL ends up in logs, histories and Referer; prefer a header or a cookie",
        );
    }
    for (key, given) in [
        ("from_params", &provider.from_params),
        ("from_cookies", &provider.from_cookies),
    ] {
        if given.is_some() && provider.from_headers.is_none() {
            warn(
                found,
                format!("{at}.{key}"),
                "adds to the default header, which is read too and taken out; write \"from_headers\": [] where tokens stand nowhere else, or list the headers",
            );
        }
    }
    if provider.csrf == Some(Csrf::Off) {
        warn(
            found,
            format!("{at}.csrf"),
            "any page on the web can change something in the name of whoever visits it; name the pages that may in {\"origins\": [\"https://…\"]}",
        );
    }
    let believed = "a credential that is withdrawn is good for that long";
    let verify = provider.verify.as_ref().map(|verify| verify.cache_duration);
    let introspection = provider
        .introspection
        .as_ref()
        .map(|endpoint| endpoint.cache_duration);
    for (key, cached) in [("verify", verify), ("introspection", introspection)] {
        let at = format!("{at}.{key}.cache_duration");
        longer(&at, cached.flatten(), HOUR, believed, found);
    }
}

/// Guesses of passwords are told apart by where they come from, and only the operator knows who says that.
fn addresses(config: &Config, found: &mut Vec<ConfigError>) {
    if config.client_address.is_some() {
        return;
    }
    let mut providers = config.providers.iter();
    if let Some((name, _)) = providers.find(|(_, given)| given.kind == ProviderKind::Basic) {
        warn(
            found,
            format!("providers.{name}"),
            "wrong passwords are counted by name only, since nothing says where requests come from; write \"client_address\": \"proxy\" where the proxy knows it (in Envoy: use_remote_address is true), or \"none\"",
        );
    }
}

/// Whether what comes from here can be changed on its way: `http`, and not to this machine.
fn is_open(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let host = rest.split(['/', '?', ':']).next().unwrap_or_default();
    !(host == "localhost" || host.starts_with("127.") || rest.starts_with("[::1]"))
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

fn rule(at: &str, rule: &Rule, policy: &Policy, found: &mut Vec<ConfigError>) {
    let route = &rule.route;
    let everything = match &route.path {
        MatchPath::Any => true,
        MatchPath::Prefix(prefix) => prefix.as_slice() == b"/",
        MatchPath::Exact(_) | MatchPath::Regex(_) | MatchPath::Template(_) => false,
    };
    if rule.requirement == Requirement::Public
        && everything
        && route.hosts.is_empty()
        && route.headers.is_empty()
    {
        warn(
            found,
            format!("{at}.require"),
            "\"public\" opens every path that no rule before it matches; name the open ones",
        );
    }
    let reads = |method: &String| matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
    if rule.requirement == Requirement::Optional
        && (route.methods.is_empty() || !route.methods.iter().all(reads))
    {
        warn(
            found,
            format!("{at}.require"),
            "\"optional\" lets callers without a credential make requests that change things; add \"methods\": [\"GET\", \"HEAD\"]",
        );
    }
    let has_no_body = |method: &String| matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
    let all_have_none = !route.methods.is_empty() && route.methods.iter().all(has_no_body);
    if let Some(signing) = &rule.aws_sigv4
        && !signing.scope.takes_unsigned_bodies()
        && !all_have_none
    {
        warn(
            found,
            format!("{at}.aws_sigv4.service"),
            format!(
                "bodies are not signed (UNSIGNED-PAYLOAD), and most services but S3 refuse requests whose bodies are not, lambda among them; send bodies to {} otherwise, and limit the rule: \"methods\": [\"GET\"]",
                signing.scope.service
            ),
        );
    }
    if excludes(&rule.requirement, false) {
        for id in &rule.accepted {
            let Some(provider) = policy.provider(*id) else {
                continue;
            };
            if loses_quietly(provider) {
                warn(
                    found,
                    format!("{at}.require"),
                    format!(
                        "\"not\" lets pass whom it excludes while a directory of {} is away, which is \"on_error\": \"empty\"; write \"deny\"",
                        provider.name
                    ),
                );
            }
        }
    }
}

/// Whether a list is asked under a `not`: what is not known of it then opens instead of closing.
fn excludes(requirement: &Requirement, turned: bool) -> bool {
    match requirement {
        Requirement::All(parts) | Requirement::Any(parts) => {
            parts.iter().any(|part| excludes(part, turned))
        }
        Requirement::Not(part) => excludes(part, !turned),
        Requirement::Groups(_) | Requirement::Roles(_) | Requirement::Permissions(_) => turned,
        Requirement::Claim(_)
        | Requirement::Decision(_)
        | Requirement::Deny
        | Requirement::Machine(_)
        | Requirement::Optional
        | Requirement::Provider(_)
        | Requirement::Public
        | Requirement::Scopes(_)
        | Requirement::User => false,
    }
}

/// Whether some list of its callers comes from a directory that counts as empty while it is away.
fn loses_quietly(provider: &Provider) -> bool {
    let identity = &provider.identity;
    let lists = [&identity.groups, &identity.roles, &identity.permissions];
    let asked = lists.into_iter().flatten();
    let overage =
        matches!(identity.overage, Some(Overage::Ask(directory)) if directory.empty_on_error);
    overage
        || asked.into_iter().any(
            |source| matches!(source, Source::Directory(directory) if directory.empty_on_error),
        )
}

/// What is described and never asked: a name that was meant otherwise, or a rest of what was.
fn unused(policy: &Policy, found: &mut Vec<ConfigError>) {
    for (id, provider) in (0_u16..).zip(&policy.providers) {
        let taken = |rule: &Rule| rule.accepted.iter().any(|accepted| accepted.0 == id);
        if !policy.rules.iter().any(taken) {
            let at = format!("providers.{}", provider.name);
            warn(found, at, "no rule takes its credentials");
        }
    }
    let mut asked: Vec<ServiceId> = Vec::new();
    for provider in &policy.providers {
        let identity = &provider.identity;
        let lists = [&identity.groups, &identity.roles, &identity.permissions];
        asked.extend(
            lists
                .into_iter()
                .flatten()
                .filter_map(|source| match source {
                    Source::Directory(directory) => Some(directory.service),
                    _ => None,
                }),
        );
        asked.extend(identity.profile.iter().map(|directory| directory.service));
        if let Some(Overage::Ask(directory)) = identity.overage {
            asked.push(directory.service);
        }
    }
    for rule in &policy.rules {
        decisions(&rule.requirement, &mut asked);
    }
    for (id, service) in (0_u16..).zip(&policy.services) {
        let named =
            service.name.starts_with("directories.") || service.name.starts_with("decisions.");
        if named && !asked.contains(&ServiceId(id)) {
            warn(found, service.name.as_str(), "nothing asks it");
        }
    }
}

fn decisions(requirement: &Requirement, asked: &mut Vec<ServiceId>) {
    if let Requirement::Decision(decision) = requirement {
        asked.push(decision.service);
    }
    let parts = requirement.parts().iter();
    parts.for_each(|part| decisions(part, asked));
}
