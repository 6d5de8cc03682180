//! Compiles rules: their routes and their requirements.

mod aws;
mod letters;
mod matching;
mod require;

use std::collections::BTreeMap;

use self::aws::aws;
pub(super) use self::letters::tell_apart_without_case;
use self::matching::route;
use self::require::{Known, requirement};
use crate::config::{self, ConfigError, ProviderId, Resolve};
use crate::credential::Location;
use crate::policy::Rule;
use crate::policy::decision::Decision;
use crate::policy::matcher::{stem, stems};
use crate::policy::path::{MatchPath, expression};
use crate::policy::provider::{ChallengeScheme, Provider};
use crate::policy::requirement::Requirement;

pub(super) fn compile(
    rules: &[config::Rule],
    providers: &[Provider],
    decisions: &[(String, Decision)],
) -> Result<Vec<Rule>, ConfigError> {
    let names: Vec<&str> = providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect();
    let mut compiled: Vec<Rule> = Vec::with_capacity(rules.len());
    let mut all_states = 0_u64;
    let mut by_stem: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        let at = format!("rules[{index}]");
        let route = route(&format!("{at}.match"), &rule.matches)?;
        let given = rule.matches.path_regex.as_deref();
        all_states = all_states.saturating_add(given.map_or(0, expression::states));
        if given.is_some() && all_states > expression::MOST_STATES_OF_ALL {
            return Err(ConfigError::new(
                format!("{at}.match.path_regex"),
                format!(
                    "takes too long for long paths together with those before it: they have {all_states} states, and {} are the most",
                    expression::MOST_STATES_OF_ALL
                ),
            ));
        }
        // Only a rule whose paths begin with no more than this one's can cover it.
        let stem = stem(&route.path);
        let covering = stems(&stem)
            .chain([b"".as_slice()])
            .filter_map(|stem| by_stem.get(stem))
            .flatten()
            .filter_map(|index| compiled.get(*index))
            .find(|earlier| earlier.route.covers(&route));
        if let Some(earlier) = covering {
            return Err(ConfigError::new(
                at,
                format!(
                    "is never reached: {} matches every such request before it",
                    earlier.name
                ),
            ));
        }
        let variables: Vec<&str> = match &route.path {
            MatchPath::Template(template) => template.variables().collect(),
            _ => Vec::new(),
        };
        let known = Known {
            providers: &names,
            variables: &variables,
            decisions,
        };
        let requirement = requirement(&format!("{at}.require"), &rule.require, &known)?;
        if requirement != Requirement::Deny && requirement.never_holds() {
            return Err(ConfigError::new(
                format!("{at}.require"),
                "holds for nobody; write \"deny\"",
            ));
        }
        let everybody: Vec<ProviderId> = (0_u16..)
            .zip(providers)
            .map(|(id, _)| ProviderId(id))
            .collect();
        let accepted = accepted(&requirement, &everybody);
        let needs = !matches!(requirement, Requirement::Public | Requirement::Deny);
        if needs && accepted.is_empty() {
            return Err(ConfigError::new(
                format!("{at}.require"),
                "no provider can vouch for such a caller",
            ));
        }
        by_stem.entry(stem).or_default().push(index);
        let scopes = requirement.scopes().join(" ");
        let aws_sigv4 = aws(&at, rule, &accepted, providers)?;
        compiled.push(Rule {
            challenges: challenges(&accepted, providers),
            aws_credentials: rule.aws_credentials,
            resolve: resolve(&at, rule, &accepted, providers)?,
            aws_sigv4,
            name: rule.name.clone().unwrap_or(at),
            route,
            requirement,
            locations: locations(&accepted, providers),
            accepted: accepted.into(),
            scope: (!scopes.is_empty()).then_some(scopes),
        });
    }
    Ok(compiled)
}

/// Every place where one of these providers looks, once.
fn locations(accepted: &[ProviderId], providers: &[Provider]) -> Box<[Location]> {
    let mut all: Vec<Location> = Vec::new();
    for location in of(accepted, providers).flat_map(|provider| &provider.locations) {
        if !all.contains(location) {
            all.push(location.clone());
        }
    }
    all.into()
}

/// How a client can be asked for one of these providers' credentials: `Bearer` first, each once.
fn challenges(accepted: &[ProviderId], providers: &[Provider]) -> Box<[ChallengeScheme]> {
    let mut all: Vec<ChallengeScheme> = Vec::new();
    for provider in of(accepted, providers) {
        let dpop = provider.dpop();
        let proofs = dpop.map(|dpop| ChallengeScheme::Dpop(dpop.algorithm_names()));
        let own = (!dpop.is_some_and(|dpop| dpop.required)).then(|| provider.challenge());
        for scheme in own.into_iter().chain(proofs) {
            match scheme {
                known if all.contains(&known) => {}
                ChallengeScheme::Bearer => all.insert(0, ChallengeScheme::Bearer),
                other => all.push(other),
            }
        }
    }
    all.into()
}

fn of<'p>(
    accepted: &'p [ProviderId],
    providers: &'p [Provider],
) -> impl Iterator<Item = &'p Provider> {
    (0_u16..)
        .zip(providers)
        .filter(|(id, _)| accepted.contains(&ProviderId(*id)))
        .map(|(_, provider)| provider)
}

/// What is found out for the upstream; some caller must be able to have it.
fn resolve(
    at: &str,
    rule: &config::Rule,
    accepted: &[ProviderId],
    providers: &[Provider],
) -> Result<Box<[Resolve]>, ConfigError> {
    for (index, part) in rule.resolve.iter().enumerate() {
        let at = format!("{at}.resolve[{index}]");
        if rule.resolve.iter().take(index).any(|other| other == part) {
            return Err(ConfigError::new(at, "is listed twice"));
        }
        let gives = |provider: &Provider| {
            let identity = &provider.identity;
            match part {
                Resolve::Groups => !identity.groups.is_empty() || identity.overage.is_some(),
                Resolve::Permissions => !identity.permissions.is_empty(),
                Resolve::Profile => !identity.profile.is_empty(),
                Resolve::Roles => !identity.roles.is_empty(),
            }
        };
        if !of(accepted, providers).any(gives) {
            return Err(ConfigError::new(
                at,
                "no provider whose callers the rule takes says where it comes from",
            ));
        }
    }
    Ok(rule.resolve.clone().into())
}

fn non_empty(at: &str, list: Option<&[String]>) -> Result<(), ConfigError> {
    match list {
        Some([]) => Err(ConfigError::new(
            at,
            "an empty list holds for nothing; leave the key out or fill it",
        )),
        _ => Ok(()),
    }
}

/// The providers whose credentials a requirement can do something with.
fn accepted(requirement: &Requirement, everybody: &[ProviderId]) -> Vec<ProviderId> {
    match requirement {
        Requirement::Provider(named) => named.to_vec(),
        Requirement::Any(branches) | Requirement::All(branches) => {
            let needs_each = matches!(requirement, Requirement::All(_));
            let each: Vec<_> = branches
                .iter()
                .map(|branch| accepted(branch, everybody))
                .collect();
            let serves = |id: &ProviderId| {
                let mut held = each.iter().map(|some| some.contains(id));
                if needs_each {
                    held.all(|holds| holds)
                } else {
                    held.any(|holds| holds)
                }
            };
            everybody.iter().copied().filter(serves).collect()
        }
        Requirement::Deny | Requirement::Public => Vec::new(),
        Requirement::Claim(_)
        | Requirement::Decision(_)
        | Requirement::Groups(_)
        | Requirement::Machine(_)
        | Requirement::Not(_)
        | Requirement::Optional
        | Requirement::Permissions(_)
        | Requirement::Roles(_)
        | Requirement::Scopes(_)
        | Requirement::User => everybody.to_vec(),
    }
}
