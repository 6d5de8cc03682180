//! How claims become a caller, as the configuration says or as the provider's kind implies.

use crate::config::{self, ConfigError, FromGroups, OneOrMany, ProviderKind};
use crate::json::ClaimPath;
use crate::policy::provider::{Identity, Source};

use super::listed;

pub(in crate::policy::compile) fn claim_path(
    at: &str,
    claim: &str,
) -> Result<ClaimPath, ConfigError> {
    ClaimPath::parse(claim).map_err(|error| ConfigError::new(at, error.to_string()))
}

pub(super) fn compile(at: &str, provider: &config::Provider) -> Result<Identity, ConfigError> {
    let cognito = provider.kind == ProviderKind::Cognito;
    let names: &[&str] = if cognito {
        &["username", "cognito:username", "sub"]
    } else {
        &["preferred_username", "name", "sub"]
    };
    let groups: &[&str] = if cognito { &["cognito:groups"] } else { &[] };
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
                .map(|(index, source)| value_source(&format!("{at}[{index}]"), key, source))
                .collect(),
            None => fallback
                .iter()
                .map(|name| claim_path(&at, name).map(Source::Claim))
                .collect(),
        }
    };
    Ok(Identity {
        subject: paths("subject", &provider.subject, &["sub"])?,
        name: paths("name", &provider.name, names)?,
        email: paths("email", &provider.email, &["email"])?,
        groups: sources("groups", &provider.groups, groups)?,
        roles: sources("roles", &provider.roles, &[])?,
        permissions: sources("permissions", &provider.permissions, &[])?,
        scopes: sources("scopes", &provider.scopes, &["scope", "scp"])?,
        cognito,
    })
}

fn value_source(at: &str, key: &str, source: &config::Source) -> Result<Source, ConfigError> {
    match (&source.claim, &source.from_groups, &source.fixed) {
        (Some(claim), None, None) => claim_path(&format!("{at}.claim"), claim).map(Source::Claim),
        (None, Some(_), None) if key == "groups" => Err(ConfigError::new(
            format!("{at}.from_groups"),
            "groups cannot come from groups",
        )),
        (None, Some(FromGroups::Same), None) => Ok(Source::Groups),
        (None, Some(FromGroups::Mapped(map)), None) => Ok(Source::MappedGroups(
            map.iter()
                .map(|(group, given)| (group.to_owned(), given.clone()))
                .collect(),
        )),
        (None, None, Some(given)) => Ok(Source::Static(given.clone().into())),
        _ => Err(ConfigError::new(
            at,
            "takes exactly one of claim, from_groups, static",
        )),
    }
}
