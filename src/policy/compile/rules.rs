//! Rules: routes and requirements.

use std::collections::BTreeMap;

use regex_lite::{Regex, RegexBuilder};

use super::claims;
use crate::config::{self, ConfigError, OneOrMany, Require, RequireObject, RequireWord};
use crate::credential::Location;
use crate::policy::decision::Decision;
use crate::policy::matcher::{stem, stems};
use crate::policy::path::{CanonicalPath, MatchPath, Template};
use crate::policy::provider::{ChallengeScheme, Provider};
use crate::policy::requirement::Requirement;
use crate::policy::route::{MatchHost, Route};
use crate::policy::{AwsSigV4, ProviderId, Rule};
use crate::sigv4::Scope;

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
    let mut by_stem: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        let at = format!("rules[{index}]");
        let route = route(&format!("{at}.match"), &rule.matches)?;
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
        match &provider.challenge {
            known if all.contains(known) => {}
            ChallengeScheme::Bearer => all.insert(0, ChallengeScheme::Bearer),
            other => all.push(other.clone()),
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

/// What AWS is for here; callers of every accepted provider must be able to get credentials.
fn aws(
    at: &str,
    rule: &config::Rule,
    accepted: &[ProviderId],
    providers: &[Provider],
) -> Result<Option<AwsSigV4>, ConfigError> {
    let key = match (rule.aws_credentials, &rule.aws_sigv4) {
        (false, None) => return Ok(None),
        (_, Some(_)) => "aws_sigv4",
        (true, None) => "aws_credentials",
    };
    let poor = of(accepted, providers).find(|provider| provider.identity_pool.is_none());
    if accepted.is_empty() || poor.is_some() {
        let who = poor.map_or("nobody", |provider| provider.name.as_str());
        return Err(ConfigError::new(
            format!("{at}.{key}"),
            format!(
                "{who} has no identity_pool; name the providers that have one in the rule's require"
            ),
        ));
    }
    let Some(signed) = &rule.aws_sigv4 else {
        return Ok(None);
    };
    let sound = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    for (key, text) in [("service", &signed.service), ("region", &signed.region)] {
        if !sound(text) {
            return Err(ConfigError::new(
                format!("{at}.aws_sigv4.{key}"),
                format!("\"{text}\" is not one"),
            ));
        }
    }
    let host = |text: &String| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
    };
    if signed.host.as_ref().is_some_and(|text| !host(text)) {
        return Err(ConfigError::new(
            format!("{at}.aws_sigv4.host"),
            "is not a host",
        ));
    }
    Ok(Some(AwsSigV4 {
        scope: Scope {
            region: signed.region.clone(),
            service: signed.service.clone(),
        },
        host: signed.host.clone(),
    }))
}

fn route(at: &str, matches: &config::Match) -> Result<Route, ConfigError> {
    let path = path(at, matches)?;
    let methods = matches.methods.as_deref().unwrap_or_default();
    non_empty(&format!("{at}.methods"), matches.methods.as_deref())?;
    for (index, method) in methods.iter().enumerate() {
        let at = format!("{at}.methods[{index}]");
        if method.is_empty()
            || !method
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        {
            return Err(ConfigError::new(
                at,
                format!("\"{method}\" is not a method"),
            ));
        }
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(ConfigError::new(
                at,
                format!(
                    "methods are compared with case; write \"{}\"",
                    method.to_ascii_uppercase()
                ),
            ));
        }
    }
    non_empty(&format!("{at}.hosts"), matches.hosts.as_deref())?;
    let hosts = matches.hosts.iter().flatten().enumerate();
    let hosts = hosts.map(|(index, host)| {
        MatchHost::parse(host).ok_or_else(|| {
            ConfigError::new(
                format!("{at}.hosts[{index}]"),
                format!("\"{host}\" is not a host; write \"example.com\" or \"*.example.com\""),
            )
        })
    });
    Ok(Route {
        path,
        methods: methods.into(),
        hosts: hosts.collect::<Result<_, _>>()?,
        headers: claims::headers(&format!("{at}.headers"), &matches.headers)?,
    })
}

fn path(at: &str, matches: &config::Match) -> Result<MatchPath, ConfigError> {
    let given = [
        ("path", &matches.path),
        ("path_prefix", &matches.path_prefix),
        ("path_template", &matches.path_template),
        ("path_regex", &matches.path_regex),
    ];
    let mut given = given
        .iter()
        .filter_map(|(key, value)| Some((*key, value.as_deref()?)));
    let (Some((key, text)), rest) = (given.next(), given.next()) else {
        return Ok(MatchPath::Any);
    };
    if rest.is_some() {
        return Err(ConfigError::new(
            at,
            "takes one of path, path_prefix, path_template and path_regex",
        ));
    }
    let at = format!("{at}.{key}");
    match key {
        "path" => path_bytes(&at, text).map(MatchPath::Exact),
        "path_prefix" => path_bytes(&at, text).map(MatchPath::Prefix),
        "path_template" => template(&at, text).map(MatchPath::Template),
        _ => regex(&at, text).map(MatchPath::Regex),
    }
}

fn template(at: &str, text: &str) -> Result<Template, ConfigError> {
    // Braces and stars are the template's own; what remains must be canonical.
    let plain = path_bytes(at, text)?;
    let plain =
        String::from_utf8(plain).map_err(|_| ConfigError::new(at, "is not UTF-8 when decoded"))?;
    Template::parse(&plain).map_err(|error| ConfigError::new(at, error.to_string()))
}

/// An expression for the whole path: anchors of one's own are not needed, and change nothing.
fn regex(at: &str, text: &str) -> Result<Regex, ConfigError> {
    RegexBuilder::new(&format!("^(?:{text})$"))
        .size_limit(1 << 20)
        .build()
        .map_err(|error| ConfigError::new(at, format!("is not an expression: {error}")))
}

fn path_bytes(at: &str, path: &str) -> Result<Vec<u8>, ConfigError> {
    if path.contains([';', '?']) {
        return Err(ConfigError::new(
            at,
            "a path without query and parameters is matched; leave out what follows ? and ;",
        ));
    }
    CanonicalPath::parse(path.as_bytes())
        .map(|path| path.as_bytes().to_vec())
        .map_err(|_| {
            ConfigError::new(
                at,
                format!(
                    "\"{path}\" is not a path that starts with / and can be read in one way only"
                ),
            )
        })
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

/// What a requirement may name.
struct Known<'k> {
    providers: &'k [&'k str],
    /// Of the rule's path.
    variables: &'k [&'k str],
    decisions: &'k [(String, Decision)],
}

fn requirement(at: &str, require: &Require, known: &Known<'_>) -> Result<Requirement, ConfigError> {
    match require {
        Require::Word(RequireWord::Deny) => Ok(Requirement::Deny),
        Require::Word(RequireWord::Optional) => Ok(Requirement::Optional),
        Require::Word(RequireWord::Public) => Ok(Requirement::Public),
        Require::Word(RequireWord::User) => Ok(Requirement::User),
        Require::Object(object) => object_requirement(at, object, known),
    }
}

fn object_requirement(
    at: &str,
    object: &RequireObject,
    known: &Known<'_>,
) -> Result<Requirement, ConfigError> {
    let mut parts = Vec::new();
    if let Some(OneOrMany(names)) = &object.provider {
        let at = format!("{at}.provider");
        non_empty(&at, Some(names))?;
        parts.push(Requirement::Provider(
            names
                .iter()
                .map(|name| provider(&at, name, known.providers))
                .collect::<Result<_, _>>()?,
        ));
    }
    type Make = fn(Box<[String]>) -> Requirement;
    let lists: [(&str, &Option<Vec<String>>, Make); 4] = [
        ("groups", &object.groups, Requirement::Groups),
        ("roles", &object.roles, Requirement::Roles),
        ("permissions", &object.permissions, Requirement::Permissions),
        ("scopes", &object.scopes, Requirement::Scopes),
    ];
    for (key, list, make) in lists {
        non_empty(&format!("{at}.{key}"), list.as_deref())?;
        if let Some(list) = list {
            parts.push(make(list.clone().into()));
        }
    }
    for scope in object.scopes.iter().flatten() {
        // RFC 6749 §3.3: the challenge quotes them.
        if scope.is_empty()
            || !scope
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
        {
            return Err(ConfigError::new(
                format!("{at}.scopes"),
                format!("\"{scope}\" is not a scope"),
            ));
        }
    }
    if let Some(tests) = &object.claims {
        let at = format!("{at}.claims");
        let rules = claims::compile(&at, tests, Some(known.variables))?;
        if rules.is_empty() {
            return Err(ConfigError::new(
                at,
                "an empty object holds for everybody; leave the key out or fill it",
            ));
        }
        parts.extend(rules.into_iter().map(Requirement::Claim));
    }
    if let Some(name) = &object.decision {
        parts.push(Requirement::Decision(decision(
            &format!("{at}.decision"),
            name,
            known.decisions,
        )?));
    }
    if let Some(wanted) = object.m2m {
        parts.push(Requirement::Machine(wanted));
    }
    type Combine = fn(Vec<Requirement>) -> Requirement;
    let trees: [(&str, &Option<Vec<Require>>, Combine); 2] = [
        ("any", &object.any, Requirement::Any),
        ("all", &object.all, Requirement::All),
    ];
    for (key, branches, combine) in trees {
        if let Some(branches) = branches {
            parts.push(combine(nested(&format!("{at}.{key}"), branches, known)?));
        }
    }
    if let Some(branch) = &object.not {
        let at = format!("{at}.not");
        refuse_public(&at, branch)?;
        parts.push(Requirement::Not(Box::new(requirement(&at, branch, known)?)));
    }
    match parts.len() {
        0 => Err(ConfigError::new(
            at,
            "an empty object requires nothing; write \"user\" or \"public\"",
        )),
        1 => Ok(parts.swap_remove(0)),
        _ => Ok(Requirement::All(parts)),
    }
}

fn decision(
    at: &str,
    name: &str,
    decisions: &[(String, Decision)],
) -> Result<Decision, ConfigError> {
    decisions
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, decision)| decision.clone())
        .ok_or_else(|| {
            ConfigError::unknown(
                at,
                &format!("\"{name}\" is not a decision point"),
                decisions.iter().map(|(known, _)| known.as_str()),
            )
        })
}

fn nested(
    at: &str,
    branches: &[Require],
    known: &Known<'_>,
) -> Result<Vec<Requirement>, ConfigError> {
    if branches.is_empty() {
        return Err(ConfigError::new(
            at,
            "an empty list is refused: it would hold for everybody or for nobody",
        ));
    }
    let branches = branches.iter().enumerate().map(|(index, branch)| {
        let at = format!("{at}[{index}]");
        refuse_public(&at, branch)?;
        requirement(&at, branch, known)
    });
    branches.collect()
}

/// `public` says that credentials are not looked at, which holds for a whole rule or not at all.
fn refuse_public(at: &str, branch: &Require) -> Result<(), ConfigError> {
    match branch {
        Require::Word(RequireWord::Public) => Err(ConfigError::new(
            at,
            "\"public\" stands alone as a rule's require; \"optional\" may be a part",
        )),
        _ => Ok(()),
    }
}

fn provider(at: &str, name: &str, providers: &[&str]) -> Result<ProviderId, ConfigError> {
    (0_u16..)
        .zip(providers)
        .find(|(_, known)| **known == name)
        .map(|(id, _)| ProviderId(id))
        .ok_or_else(|| {
            ConfigError::unknown(
                at,
                &format!("\"{name}\" is not a provider"),
                providers.iter().copied(),
            )
        })
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
        _ => everybody.to_vec(),
    }
}
