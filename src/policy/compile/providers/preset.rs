//! What issuers of a make are known to do: defaults, each of which a key of the configuration replaces.

use super::entra_id;
use crate::config::{ConfigError, Jwks, JwtProvider, OneOrMany, Preset, Provider, Source};
use crate::keys::Endpoint;

/// The provider with its preset's defaults where it says nothing itself.
pub(super) fn fill(at: &str, provider: &JwtProvider) -> Result<JwtProvider, ConfigError> {
    let mut filled = provider.clone();
    let Some(preset) = provider.preset else {
        return Ok(filled);
    };
    let Provider::Jwt(defaults) = Provider::parse(defaults(preset).as_bytes())? else {
        return Ok(filled);
    };
    let own = defaults
        .issuer
        .as_ref()
        .map(|OneOrMany(own)| own.as_slice());
    let own = own.unwrap_or_default();
    keys(at, &mut filled, preset, own, defaults.signatures.jwks)?;
    issuers(at, &mut filled, own)?;
    macro_rules! fill {
        ($($part:ident.$key:ident)*) => { $(filled.$part.$key = filled.$part.$key.or(defaults.$part.$key);)* };
    }
    fill!(signatures.algorithms places.from_headers tokens.client_id);
    fill!(common.subject common.name common.email common.groups common.permissions common.scopes);
    filled.machine = filled.machine.or(defaults.machine);
    filled.common.roles = filled.common.roles.or_else(|| {
        let roles = defaults.common.roles?.into_iter();
        let audiences = provider.audiences.as_deref().unwrap_or_default();
        Some(roles.flat_map(|role| of_each(role, audiences)).collect())
    });
    Ok(filled)
}

/// The defaults, as a configuration would say them. `{issuer}` is the issuer that it does say, without a final slash;
/// `{host}` is that issuer's; `{audience}` is each audience.
const fn defaults(preset: Preset) -> &'static str {
    match preset {
        Preset::Adfs => include_str!("preset/adfs.json"),
        Preset::Apple => include_str!("preset/apple.json"),
        Preset::Auth0 => include_str!("preset/auth0.json"),
        Preset::Clerk => include_str!("preset/clerk.json"),
        Preset::CloudflareAccess => include_str!("preset/cloudflare_access.json"),
        Preset::EntraB2c => include_str!("preset/entra_b2c.json"),
        Preset::EntraExternalId => include_str!("preset/entra_external_id.json"),
        Preset::Firebase => include_str!("preset/firebase.json"),
        Preset::GithubActions => include_str!("preset/github_actions.json"),
        Preset::Gitlab => include_str!("preset/gitlab.json"),
        Preset::Google => include_str!("preset/google.json"),
        Preset::GoogleIap => include_str!("preset/google_iap.json"),
        Preset::Keycloak => include_str!("preset/keycloak.json"),
        Preset::Kubernetes => include_str!("preset/kubernetes.json"),
        Preset::Okta => include_str!("preset/okta.json"),
        Preset::Ping => include_str!("preset/ping.json"),
        Preset::Supabase => include_str!("preset/supabase.json"),
        Preset::Zitadel => include_str!("preset/zitadel.json"),
    }
}

/// Where an issuer's own text goes.
const ISSUER: &str = "{issuer}";

fn issuers(at: &str, filled: &mut JwtProvider, own: &[String]) -> Result<(), ConfigError> {
    let is_made = own.iter().any(|issuer| issuer == ISSUER);
    match &filled.issuer {
        None if own.is_empty() || is_made => Err(ConfigError::new(
            format!("{at}.issuer"),
            "this key is missing: the preset does not say it",
        )),
        None => {
            filled.issuer = Some(OneOrMany(own.to_vec()));
            Ok(())
        }
        // One that signs under two names.
        Some(OneOrMany(given)) if is_made => {
            if let [given] = given.as_slice() {
                let made = own.iter().map(|template| of_issuer(template, given));
                filled.issuer = Some(OneOrMany(made.collect()));
            }
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

/// Where the keys are: at the address of the preset where the issuer is its own, or the address follows from the issuer;
/// else where the issuer's OpenID configuration says.
fn keys(
    at: &str,
    filled: &mut JwtProvider,
    preset: Preset,
    own: &[String],
    defaults: Option<Jwks>,
) -> Result<(), ConfigError> {
    let given = filled
        .issuer
        .as_ref()
        .map(|OneOrMany(given)| given.as_slice());
    let given = given.unwrap_or_default();
    let keys = filled.signatures.jwks.get_or_insert_with(Jwks::default);
    if keys.inline.is_some() || keys.uri.is_some() || keys.discovery.is_some() {
        return Ok(());
    }
    entra_id::needs_flow(at, preset, given)?;
    let uri = defaults.and_then(|defaults| defaults.uri);
    let follows = |uri: &String| {
        own.is_empty() || uri.contains(ISSUER) || given.iter().all(|issuer| own.contains(issuer))
    };
    let uri = uri.filter(follows);
    let hosts = given.iter().filter_map(|issuer| host_of(issuer));
    let is_one = hosts.collect::<std::collections::BTreeSet<_>>().len() <= 1;
    if uri.as_ref().is_some_and(|uri| uri.contains(ISSUER)) && !is_one {
        return Err(ConfigError::new(
            format!("{at}.issuer"),
            "names several hosts, each with keys of its own; write a provider for each",
        ));
    }
    let secure = given.iter().find(|issuer| issuer.starts_with("https:"));
    match (uri, secure.or_else(|| given.first())) {
        (Some(uri), Some(issuer)) => keys.uri = Some(of_issuer(&uri, issuer)),
        (Some(uri), None) => keys.uri = Some(uri),
        (None, _) => keys.discovery = Some(true),
    }
    Ok(())
}

/// The host of an address, without its port.
fn host_of(address: &str) -> Option<String> {
    let authority = Endpoint::parse(address)?.authority;
    let host = authority.rsplit_once(':').map(|(host, _)| host.to_owned());
    Some(host.unwrap_or(authority))
}

fn of_issuer(template: &str, issuer: &str) -> String {
    let host = host_of(issuer).unwrap_or_default();
    let whole = template == ISSUER;
    let issuer = if whole {
        issuer
    } else {
        issuer.trim_end_matches('/')
    };
    template.replace(ISSUER, issuer).replace("{host}", &host)
}

/// A source that names the audience is one for each.
fn of_each(source: Source, audiences: &[String]) -> Vec<Source> {
    const AUDIENCE: &str = "{audience}";
    let Some(claim) = source
        .claim
        .as_deref()
        .filter(|claim| claim.contains(AUDIENCE))
    else {
        return vec![source];
    };
    let names = audiences
        .iter()
        .map(|audience| audience.replace('~', "~0").replace('/', "~1"));
    names
        .map(|name| Source::claim(&claim.replace(AUDIENCE, &name)))
        .collect()
}
