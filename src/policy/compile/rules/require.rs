//! Compiles `require`: what a caller needs for a rule to let a request pass.

use super::non_empty;
use crate::config::{
    self, ConfigError, DecisionObject, OneOrMany, ProviderId, Require, RequireDecision,
    RequireObject, RequireWord,
};
use crate::policy::compile::claims;
use crate::policy::decision::{Decision, Resource, ResourceId};
use crate::policy::requirement::Requirement;

/// What a requirement may name.
pub(super) struct Known<'k> {
    pub(super) providers: &'k [&'k str],
    /// Of the rule's path.
    pub(super) variables: &'k [&'k str],
    pub(super) decisions: &'k [(String, Decision)],
}

pub(super) fn requirement(
    at: &str,
    require: &Require,
    known: &Known<'_>,
) -> Result<Requirement, ConfigError> {
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
    if let Some(asked) = &object.decision {
        let at = format!("{at}.decision");
        parts.push(Requirement::Decision(match asked {
            RequireDecision::Point(name) => decision(&at, name, known.decisions)?,
            RequireDecision::Object(object) => named_decision(&at, object, known)?,
        }));
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

/// A decision about something that the rule names.
fn named_decision(
    at: &str,
    object: &DecisionObject,
    known: &Known<'_>,
) -> Result<Decision, ConfigError> {
    let point = decision(&format!("{at}.point"), &object.point, known.decisions)?;
    let text = |at: String, text: &String| {
        if text.is_empty() {
            Err(ConfigError::new(
                at,
                "is empty; leave the key out or fill it",
            ))
        } else {
            Ok(text.clone())
        }
    };
    let action = object
        .action
        .as_ref()
        .map(|action| text(format!("{at}.action"), action))
        .transpose()?;
    let resource = match &object.resource {
        None => None,
        Some(resource) => {
            let at = format!("{at}.resource");
            Some(Resource {
                kind: text(format!("{at}.type"), &resource.kind)?,
                id: match &resource.id {
                    config::ResourceId::Text(id) => ResourceId::Text(text(format!("{at}.id"), id)?),
                    config::ResourceId::PathVariable(name) => {
                        claims::variable(&format!("{at}.id.path_variable"), name, known.variables)?;
                        ResourceId::PathVariable(name.clone())
                    }
                },
            })
        }
    };
    if action.is_none() && resource.is_none() {
        return Err(ConfigError::new(
            at,
            "names neither action nor resource; write the decision point's name",
        ));
    }
    Ok(Decision {
        action,
        resource,
        ..point
    })
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
