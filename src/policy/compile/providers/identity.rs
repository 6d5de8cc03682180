//! How claims become a caller, as the configuration says or as the provider's kind implies.

mod sources;

pub(super) use self::sources::directory;

use self::sources::{named, profile, value_source};
use super::tokens::listed;
use crate::config::{self, ClaimCondition, ConfigError, OneOrMany};
use crate::json::{ClaimPath, UniqueMap};
use crate::policy::compile::claims;
use crate::policy::provider::{Directory, IdentityClaims, Machine, Overage, Source};

pub(in crate::policy::compile) fn claim_path(
    at: &str,
    claim: &str,
) -> Result<ClaimPath, ConfigError> {
    ClaimPath::parse(claim).map_err(|error| ConfigError::new(at, error.to_string()))
}

/// What a kind of provider calls things, where the configuration does not say it.
pub(super) struct Names {
    pub(super) subject: &'static [&'static str],
    pub(super) name: &'static [&'static str],
    pub(super) client_id: &'static [&'static str],
    pub(super) groups: &'static [&'static str],
    pub(super) roles: &'static [&'static str],
    pub(super) permissions: &'static [&'static str],
    pub(super) scopes: &'static [&'static str],
}

/// The claims of JSON Web Tokens (RFC 7519 §4.1, RFC 9068 §2.2, OpenID Connect Core §5.1).
pub(super) const JWT: Names = Names {
    subject: &["sub"],
    name: &["preferred_username", "name", "sub"],
    client_id: &["client_id", "azp"],
    groups: &[],
    roles: &[],
    permissions: &[],
    scopes: &["scope", "scp"],
};

/// Users and keys of the configuration, and callers as a service describes them.
pub(super) const DESCRIBED: Names = Names {
    name: &["name", "sub"],
    client_id: &["client_id"],
    groups: &["groups"],
    roles: &["roles"],
    permissions: &["permissions"],
    scopes: &["scopes", "scope"],
    ..JWT
};

/// What a kind of provider knows of its callers' claims.
pub(super) struct Claims<'c> {
    /// What they are called, where the configuration does not say it.
    pub(super) names: Names,
    /// The claims that the configuration names as `client_id`; `None` where it names none.
    pub(super) client_id: Option<&'c OneOrMany>,
    /// The test that recognises a machine by its claims.
    pub(super) machine: Machine,
    /// Whether groups and roles are of users only.
    pub(super) machines_are_in_no_group: bool,
    /// What holds where a token may leave groups out.
    pub(super) overage: Option<Overage>,
}

impl Claims<'_> {
    /// Claims of these names, none of which tells a machine or leaves groups out.
    pub(super) fn named(names: Names) -> Self {
        Self {
            names,
            client_id: None,
            machine: Machine::default(),
            machines_are_in_no_group: false,
            overage: None,
        }
    }
}

pub(super) fn compile(
    at: &str,
    common: &config::Common,
    claims: Claims<'_>,
    directories: &[(String, Directory)],
) -> Result<IdentityClaims, ConfigError> {
    let Claims {
        names,
        client_id,
        machine,
        machines_are_in_no_group,
        overage,
    } = claims;
    let paths = |key: &str,
                 given: Option<&OneOrMany>,
                 fallback: &[&str]|
     -> Result<Box<[ClaimPath]>, ConfigError> {
        let at = format!("{at}.{key}");
        let given = listed(&at, given.map(|OneOrMany(names)| names.as_slice()))?;
        let names = if given.is_empty() {
            fallback.iter().map(|name| (*name).to_owned()).collect()
        } else {
            given
        };
        names.iter().map(|name| claim_path(&at, name)).collect()
    };
    let sources = |key: &str,
                   given: &Option<Vec<config::Source>>,
                   fallback: &[&str]|
     -> Result<Box<[Source]>, ConfigError> {
        let at = format!("{at}.{key}");
        match given {
            Some(given) => given
                .iter()
                .enumerate()
                .map(|(index, source)| {
                    value_source(&format!("{at}[{index}]"), key, source, directories)
                })
                .collect(),
            None => fallback
                .iter()
                .map(|name| claim_path(&at, name).map(Source::Claim))
                .collect(),
        }
    };
    let groups = sources("groups", &common.groups, names.groups)?;
    let roles = sources("roles", &common.roles, names.roles)?;
    let permissions = sources("permissions", &common.permissions, names.permissions)?;
    let profile = match &common.profile {
        Some(given) => profile(at, given, directories)?,
        None => named([&groups, &roles, &permissions], overage),
    };
    Ok(IdentityClaims {
        subject: paths("subject", common.subject.as_ref(), names.subject)?,
        name: paths("name", common.name.as_ref(), names.name)?,
        email: paths("email", common.email.as_ref(), &["email"])?,
        client_id: paths("client_id", client_id, names.client_id)?,
        groups,
        roles,
        permissions,
        profile,
        scopes: sources("scopes", &common.scopes, names.scopes)?,
        machine,
        machines_are_in_no_group,
        overage,
    })
}

/// What tells a machine, where the configuration says it.
pub(super) fn machine(
    at: &str,
    given: Option<&UniqueMap<ClaimCondition>>,
) -> Result<Option<Machine>, ConfigError> {
    let at = format!("{at}.machine");
    match given {
        Some(tests) if tests.is_empty() => Err(ConfigError::new(
            at,
            "without a test nothing would tell a machine; leave the key out",
        )),
        Some(tests) => claims::compile(&at, tests, None).map(|tests| Some(Machine::Claims(tests))),
        None => Ok(None),
    }
}
