//! Rules that open more than they seem to.

use super::warn;
use crate::config::ConfigError;
use crate::policy::path::MatchPath;
use crate::policy::provider::{Overage, Provider, Source};
use crate::policy::requirement::Requirement;
use crate::policy::{Policy, Rule};

/// What one rule may do that was hardly meant.
pub(super) fn of(at: &str, rule: &Rule, policy: &Policy, found: &mut Vec<ConfigError>) {
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
                        "under \"not\", an unreachable directory of {} with \"on_error\": \"empty\" lets excluded callers in; use \"deny\"",
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
