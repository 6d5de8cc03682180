//! Issuers that a provider's preset or kind is not made for.

use super::warn;
use crate::config::{ConfigError, OneOrMany, Preset, Provider};
use crate::policy::compile::providers::entra_misfit;

/// Each issuer whose tokens or keys will hardly be what the provider takes them for.
pub(super) fn of(at: &str, provider: &Provider, found: &mut Vec<ConfigError>) {
    if let Provider::EntraId(own) = provider
        && let Some(what) = entra_misfit(own)
    {
        warn(found, format!("{at}.authority"), what);
    }
    if let Provider::Jwt(own) = provider
        && let Some(preset) = own.preset
    {
        let issuers = own.issuer.iter().flat_map(|OneOrMany(issuers)| issuers);
        let misfits = issuers.filter_map(|issuer| misfit(preset, issuer));
        misfits.for_each(|what| warn(found, format!("{at}.issuer"), what));
    }
}

/// How the issuers of a make are named.
enum Named {
    Begins(&'static str),
    Has(&'static str),
    Ends(&'static str),
}

/// What at least one of holds of each of its issuers; nothing where they have any name.
const fn names(preset: Preset) -> &'static [Named] {
    use Named::{Begins, Ends, Has};
    match preset {
        Preset::Adfs => &[Ends("/adfs")],
        Preset::Apple => &[Begins("https://appleid.apple.com")],
        Preset::Auth0 => &[Ends("/")],
        Preset::CloudflareAccess => &[Ends(".cloudflareaccess.com")],
        Preset::EntraB2c => &[Ends("/v2.0/")],
        Preset::EntraExternalId => &[Ends("/v2.0")],
        Preset::Firebase => &[Begins("https://securetoken.google.com/")],
        Preset::GithubActions => &[Begins("https://token.actions."), Ends("/_services/token")],
        Preset::Google => &[Ends("accounts.google.com")],
        Preset::GoogleIap => &[Ends("https://cloud.google.com/iap")],
        Preset::Keycloak => &[Has("/realms/")],
        Preset::Okta => &[Has("/oauth2/")],
        Preset::Supabase => &[Ends("/auth/v1")],
        Preset::Clerk | Preset::Gitlab | Preset::Kubernetes | Preset::Ping | Preset::Zitadel => &[],
    }
}

/// What is wrong with an issuer that a preset is not made for.
fn misfit(preset: Preset, issuer: &str) -> Option<String> {
    let names = names(preset);
    let fits = names.iter().any(|name| match name {
        Named::Begins(text) => issuer.starts_with(text),
        Named::Has(text) => issuer.contains(text),
        Named::Ends(text) => issuer.ends_with(text),
    });
    if names.is_empty() || fits {
        return None;
    }
    let wanted = names.iter().map(|name| match name {
        Named::Begins(text) => format!("begins with \"{text}\""),
        Named::Has(text) => format!("has \"{text}\" in it"),
        Named::Ends(text) => format!("ends with \"{text}\""),
    });
    let wanted = wanted.collect::<Vec<_>>().join(" or ");
    Some(format!(
        "\"{issuer}\" does not look like an issuer of this preset, which {wanted}; another's keys and claims are elsewhere"
    ))
}
