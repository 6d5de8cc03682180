//! Providers and services that are described and never asked.

use super::warn;
use crate::config::ConfigError;
use crate::policy::provider::{Overage, Source};
use crate::policy::requirement::Requirement;
use crate::policy::{Policy, Rule};
use crate::services::ServiceId;

/// What is described and never asked: a name that was meant otherwise, or a rest of what was.
pub(super) fn of(policy: &Policy, found: &mut Vec<ConfigError>) {
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
