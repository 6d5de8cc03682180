//! All that is known of Microsoft Entra ID: tenants, whose tokens a provider of kind `entra_id` takes, and the presets of
//! issuers that Entra makes in other forms.

use super::identity::{Claims, JWT, Names, directory};
use super::tokens::{audience, listed, named};
use super::{Compiled, Own};
use crate::config::{ConfigError, EntraIdProvider, GroupsOverage, Preset};
use crate::credential::Location;
use crate::jose::ClaimSet;
use crate::policy::provider::{Machine, Overage, Verification};

/// The host of Entra's public cloud, the default of `authority`.
const PUBLIC: &str = "login.microsoftonline.com";
/// The cloud of China, whose v1.0 issuer is another.
const CHINA: &str = "login.partner.microsoftonline.cn";

const NAMES: Names = Names {
    name: &["preferred_username", "upn", "sub"],
    client_id: &["azp", "appid"],
    groups: &["groups"],
    roles: &["roles"],
    scopes: &["scp"],
    ..JWT
};

pub(super) fn compile<'c>(
    compiled: &mut Compiled,
    at: &str,
    own: &'c EntraIdProvider,
) -> Result<Own<'c>, ConfigError> {
    let authority = authority(at, own)?;
    let tenants = tenants(at, own)?;
    let audience = audience(at, own.audiences.as_deref())?;
    compiled.warn_of_any_audience(at, &audience, "audiences");
    let issuers = issuers(authority, &tenants);
    let mut rules = compiled.token_rules(at, &own.tokens, issuers, audience)?;
    rules.made = Some(has_tenant_of_issuer);
    let keys = keys_uri(authority, &tenants);
    let signed = compiled.signed(at, &own.signatures, rules, Some(keys))?;
    let overage = match &own.groups_overage {
        Some(GroupsOverage::Directory(name)) => {
            let at = format!("{at}.groups_overage.directory");
            directory(&at, "groups", name, &compiled.directories).map(Overage::Ask)?
        }
        Some(GroupsOverage::Deny) | None => Overage::Deny,
    };
    Ok(Own {
        verification: Verification::Signature(signed),
        location: Location::bearer(),
        places: Some(&own.places),
        claims: Claims {
            client_id: own.tokens.client_id.as_ref(),
            machine: MACHINE,
            overage: Some(overage),
            ..Claims::named(NAMES)
        },
    })
}

/// Both forms of issuers have the tenant as the path's first segment. All tenants share their keys: a token whose tenant and
/// issuer differ was not issued as it says.
fn has_tenant_of_issuer(claims: &ClaimSet) -> bool {
    let tenant = || claims.issuer()?.split('/').nth(3);
    let tid = claims.text_of("tid");
    tid.is_some_and(|tid| !tid.is_empty() && tenant() == Some(tid))
}

const MACHINE: Machine = Machine::Made {
    is: is_app,
    reads: &[
        "idtyp",
        "oid",
        "preferred_username",
        "scp",
        "sub",
        "unique_name",
        "upn",
    ],
};

/// `idtyp` says it where the application asks for that optional claim. Elsewhere an app-only token is one without
/// `scp` whose subject is the service principal itself; a user's `sub` is never its `oid`.
fn is_app(claims: &ClaimSet) -> bool {
    match claims.text_of("idtyp") {
        Some(kind) => kind == "app",
        None => {
            let of_user = |name: &&str| claims.members().contains_key(*name);
            !["scp", "upn", "preferred_username", "unique_name"]
                .iter()
                .any(of_user)
                && claims.subject().is_some()
                && claims.subject() == claims.text_of("oid")
        }
    }
}

/// Both issuers of each tenant.
fn issuers(authority: &str, tenants: &[String]) -> Vec<String> {
    let sts = if authority == CHINA {
        "sts.chinacloudapi.cn"
    } else {
        "sts.windows.net"
    };
    let both = tenants.iter().flat_map(|tenant| {
        [
            format!("https://{authority}/{tenant}/v2.0"),
            format!("https://{sts}/{tenant}/"),
        ]
    });
    both.collect()
}

/// Where the keys are: the tenant's own address, or the one of all organizations.
fn keys_uri(authority: &str, tenants: &[String]) -> String {
    let tenant = match tenants {
        [one] => one,
        _ => "organizations",
    };
    format!("https://{authority}/{tenant}/discovery/v2.0/keys")
}

fn tenants(at: &str, own: &EntraIdProvider) -> Result<Vec<String>, ConfigError> {
    match (&own.tenant_id, &own.tenants) {
        (Some(_), Some(_)) => Err(ConfigError::new(at, "takes one of tenant_id and tenants")),
        (None, None) => Err(ConfigError::new(
            format!("{at}.tenant_id"),
            "this key is missing",
        )),
        (Some(tenant), None) => tenant_id(at, "tenant_id", tenant).map(|tenant| vec![tenant]),
        (None, Some(tenants)) => {
            let at_list = format!("{at}.tenants");
            listed(&at_list, Some(tenants))?
                .iter()
                .enumerate()
                .map(|(index, tenant)| tenant_id(at, &format!("tenants[{index}]"), tenant))
                .collect()
        }
    }
}

/// A tenant's id, and not one of the words that stand for many tenants.
fn tenant_id(at: &str, key: &str, value: &str) -> Result<String, ConfigError> {
    let tenant = named(at, key, value)?;
    if ["common", "consumers", "organizations"].contains(&tenant) {
        return Err(ConfigError::new(
            format!("{at}.{key}"),
            format!(
                "\"{tenant}\" stands for tenants that anybody can make; list the ids in tenants"
            ),
        ));
    }
    Ok(tenant.to_owned())
}

fn authority<'c>(at: &str, own: &'c EntraIdProvider) -> Result<&'c str, ConfigError> {
    let authority = own.authority.as_deref().unwrap_or(PUBLIC);
    let sound = !authority.is_empty()
        && authority
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
    if sound {
        Ok(authority)
    } else {
        Err(ConfigError::new(
            format!("{at}.authority"),
            format!("\"{authority}\" is not a host; write \"login.microsoftonline.us\""),
        ))
    }
}

/// What is wrong with an authority that has a preset of its own.
pub(in crate::policy::compile) fn misfit(own: &EntraIdProvider) -> Option<String> {
    let authority = own.authority.as_deref().unwrap_or_default();
    let others = [
        ("b2clogin.com", "entra_b2c"),
        ("ciamlogin.com", "entra_external_id"),
    ];
    let (host, preset) = others
        .into_iter()
        .find(|(host, _)| authority.ends_with(host))?;
    Some(format!(
        "{host} issues in another form; write \"kind\": \"jwt\", \"preset\": \"{preset}\""
    ))
}

/// How the tokens of a preset tell machines, and that they may leave groups out, where they are Entra's in that.
pub(super) fn of_preset(preset: Preset) -> Option<(Machine, Option<Overage>)> {
    (preset == Preset::EntraExternalId).then_some((MACHINE, Some(Overage::Deny)))
}

/// Refuses an issuer of Azure AD B2C that does not say which keys are its own.
pub(super) fn needs_flow(at: &str, preset: Preset, issuers: &[String]) -> Result<(), ConfigError> {
    let flowless = |issuer: &String| !issuer.contains("/tfp/");
    if preset == Preset::EntraB2c && issuers.iter().any(flowless) {
        return Err(ConfigError::new(
            format!("{at}.jwks.uri"),
            "this key is missing: the issuer does not say which user flow's keys are meant; write \"https://TENANT.b2clogin.com/TENANT.onmicrosoft.com/POLICY/discovery/v2.0/keys\"",
        ));
    }
    Ok(())
}
