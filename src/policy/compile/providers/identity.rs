//! How claims become a caller, as the configuration says or as the provider's kind implies.

use super::listed;
use crate::config::{
    self, ConfigError, FromGroups, GroupsOverage, OneOrMany, Preset, ProfileSource, ProviderKind,
};
use crate::json::ClaimPath;
use crate::policy::claim::{ClaimCondition, ClaimRule};
use crate::policy::compile::claims;
use crate::policy::provider::{Directory, IdentityClaims, Machine, Overage, Source};

pub(in crate::policy::compile) fn claim_path(
    at: &str,
    claim: &str,
) -> Result<ClaimPath, ConfigError> {
    ClaimPath::parse(claim).map_err(|error| ConfigError::new(at, error.to_string()))
}

/// What each kind of provider calls things, where the configuration does not say it.
struct Names {
    subject: &'static [&'static str],
    name: &'static [&'static str],
    client_id: &'static [&'static str],
    groups: &'static [&'static str],
    roles: &'static [&'static str],
    permissions: &'static [&'static str],
    scopes: &'static [&'static str],
}

const JWT: Names = Names {
    subject: &["sub"],
    name: &["preferred_username", "name", "sub"],
    client_id: &["client_id", "azp"],
    groups: &[],
    roles: &[],
    permissions: &[],
    scopes: &["scope", "scp"],
};

const COGNITO: Names = Names {
    name: &["username", "cognito:username", "sub"],
    client_id: &["client_id", "azp", "aud"],
    groups: &["cognito:groups"],
    ..JWT
};

const ENTRA: Names = Names {
    name: &["preferred_username", "upn", "sub"],
    client_id: &["azp", "appid"],
    groups: &["groups"],
    roles: &["roles"],
    scopes: &["scp"],
    ..JWT
};

const INTROSPECTION: Names = Names {
    subject: &["sub", "username"],
    name: &["username", "sub"],
    scopes: &["scope"],
    ..JWT
};

/// Users and keys of the configuration, and callers as a service describes them.
const DESCRIBED: Names = Names {
    name: &["name", "sub"],
    client_id: &["client_id"],
    groups: &["groups"],
    roles: &["roles"],
    permissions: &["permissions"],
    scopes: &["scopes", "scope"],
    ..JWT
};

const fn names(kind: ProviderKind) -> Names {
    match kind {
        ProviderKind::ApiKey | ProviderKind::Basic | ProviderKind::Http => DESCRIBED,
        ProviderKind::Cognito => COGNITO,
        ProviderKind::EntraId => ENTRA,
        ProviderKind::Introspection => INTROSPECTION,
        ProviderKind::Jwt => JWT,
    }
}

pub(super) fn compile(
    at: &str,
    provider: &config::Provider,
    directories: &[(String, Directory)],
) -> Result<IdentityClaims, ConfigError> {
    let names = names(provider.kind);
    let paths = |key: &str,
                 given: &Option<OneOrMany>,
                 fallback: &[&str]|
     -> Result<Box<[ClaimPath]>, ConfigError> {
        let at = format!("{at}.{key}");
        let given = listed(&at, given.as_ref().map(|OneOrMany(names)| names.as_slice()))?;
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
    let overage = overage(at, provider, directories)?;
    let groups = sources("groups", &provider.groups, names.groups)?;
    let roles = sources("roles", &provider.roles, names.roles)?;
    let permissions = sources("permissions", &provider.permissions, names.permissions)?;
    let profile = match &provider.profile {
        Some(given) => profile(at, given, directories)?,
        None => named([&groups, &roles, &permissions], overage),
    };
    Ok(IdentityClaims {
        subject: paths("subject", &provider.subject, names.subject)?,
        name: paths("name", &provider.name, names.name)?,
        email: paths("email", &provider.email, &["email"])?,
        client_id: paths("client_id", &provider.client_id, names.client_id)?,
        groups,
        roles,
        permissions,
        profile,
        scopes: sources("scopes", &provider.scopes, names.scopes)?,
        machine: machine(at, provider)?,
        overage,
    })
}

fn machine(at: &str, provider: &config::Provider) -> Result<Machine, ConfigError> {
    let at = format!("{at}.machine");
    match (&provider.machine, provider.kind) {
        (Some(tests), _) if tests.is_empty() => Err(ConfigError::new(
            at,
            "without a test nothing would tell a machine; leave the key out",
        )),
        (Some(tests), _) => claims::compile(&at, tests, None).map(Machine::Claims),
        (None, ProviderKind::Cognito) => Ok(Machine::Cognito),
        (None, ProviderKind::EntraId) => Ok(Machine::Entra),
        (None, _) if provider.preset == Some(Preset::EntraExternalId) => Ok(Machine::Entra),
        // Tokens of the client-credentials grant are nobody's (RFC 7662 §2.2: `sub` is usually the resource owner).
        (None, ProviderKind::Introspection) => ["sub", "username"]
            .into_iter()
            .map(|claim| {
                Ok(ClaimRule {
                    path: claim_path(&at, claim)?,
                    test: ClaimCondition::Present(false),
                })
            })
            .collect::<Result<_, _>>()
            .map(Machine::Claims),
        (None, _) => Ok(Machine::Claims(Box::new([]))),
    }
}

fn overage(
    at: &str,
    provider: &config::Provider,
    directories: &[(String, Directory)],
) -> Result<Option<Overage>, ConfigError> {
    match (&provider.groups_overage, provider.kind) {
        (Some(GroupsOverage::Directory(name)), _) => {
            let at = format!("{at}.groups_overage.directory");
            directory(&at, "groups", name, directories)
                .map(|directory| Some(Overage::Ask(directory)))
        }
        (Some(GroupsOverage::Deny), _) | (None, ProviderKind::EntraId) => Ok(Some(Overage::Deny)),
        (None, _) if provider.preset == Some(Preset::EntraExternalId) => Ok(Some(Overage::Deny)),
        (None, _) => Ok(None),
    }
}

/// The directories whose profiles a provider's callers have.
fn profile(
    at: &str,
    given: &[ProfileSource],
    directories: &[(String, Directory)],
) -> Result<Box<[Directory]>, ConfigError> {
    if given.is_empty() {
        return Err(ConfigError::new(
            format!("{at}.profile"),
            "an empty list gives nothing; leave the key out or fill it",
        ));
    }
    let named = given.iter().enumerate().map(|(index, source)| {
        let at = format!("{at}.profile[{index}].directory");
        directory(&at, "profile", &source.directory, directories)
    });
    named.collect()
}

/// Each directory that some list comes from, once, where it knows profiles.
fn named(lists: [&[Source]; 3], overage: Option<Overage>) -> Box<[Directory]> {
    let mut all: Vec<Directory> = Vec::new();
    let sources = lists.into_iter().flatten();
    let sources = sources.filter_map(|source| match source {
        Source::Directory(directory) => Some(*directory),
        _ => None,
    });
    let overage = overage.and_then(|overage| match overage {
        Overage::Ask(directory) => Some(directory),
        Overage::Deny => None,
    });
    for directory in sources.chain(overage) {
        let known = |other: &Directory| other.service == directory.service;
        if directory.knows.profile && !all.iter().any(known) {
            all.push(directory);
        }
    }
    all.into()
}

/// A directory by its name, of which this part is wanted.
fn directory(
    at: &str,
    part: &str,
    name: &str,
    directories: &[(String, Directory)],
) -> Result<Directory, ConfigError> {
    let found = by_name(at, name, directories)?;
    if found.knows.has(part) {
        Ok(found)
    } else {
        Err(ConfigError::new(
            at,
            format!("directories.{name}.response says nothing of {part}"),
        ))
    }
}

fn by_name(
    at: &str,
    name: &str,
    directories: &[(String, Directory)],
) -> Result<Directory, ConfigError> {
    directories
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, directory)| *directory)
        .ok_or_else(|| {
            ConfigError::unknown(
                at,
                &format!("\"{name}\" is not a directory"),
                directories.iter().map(|(known, _)| known.as_str()),
            )
        })
}

fn value_source(
    at: &str,
    key: &str,
    source: &config::Source,
    directories: &[(String, Directory)],
) -> Result<Source, ConfigError> {
    let config::Source {
        claim,
        directory: named,
        from_groups,
        fixed,
    } = source;
    match (claim, named, from_groups, fixed) {
        (Some(claim), None, None, None) => {
            claim_path(&format!("{at}.claim"), claim).map(Source::Claim)
        }
        (None, Some(_), None, None) if key == "scopes" => Err(ConfigError::new(
            format!("{at}.directory"),
            "scopes are the token's; a directory has groups, roles and permissions",
        )),
        (None, Some(name), None, None) => {
            directory(&format!("{at}.directory"), key, name, directories).map(Source::Directory)
        }
        (None, None, Some(_), None) if key == "groups" => Err(ConfigError::new(
            format!("{at}.from_groups"),
            "groups cannot come from groups",
        )),
        (None, None, Some(FromGroups::Same), None) => Ok(Source::Groups),
        (None, None, Some(FromGroups::Mapped(map)), None) => {
            let map = map.iter();
            let mut map: Box<[_]> = map
                .map(|(group, given)| (group.to_owned(), given.clone()))
                .collect();
            map.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            Ok(Source::MappedGroups(map))
        }
        (None, None, None, Some(given)) => Ok(Source::Static(given.clone().into())),
        _ => Err(ConfigError::new(
            at,
            "takes exactly one of claim, directory, from_groups, static",
        )),
    }
}
