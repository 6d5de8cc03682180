//! Microsoft Entra ID: whose tokens, and where their keys are.

use super::{audience, listed, named};
use crate::config::{self, ConfigError};
use crate::policy::provider::Audience;

/// The public cloud.
const PUBLIC: &str = "login.microsoftonline.com";
/// The cloud of China, whose v1.0 issuer is another.
const CHINA: &str = "login.partner.microsoftonline.cn";

/// Both issuers of each tenant, and the audience.
pub(super) fn vouching(
    at: &str,
    provider: &config::Provider,
) -> Result<(Vec<String>, Audience), ConfigError> {
    let authority = authority(at, provider)?;
    let sts = if authority == CHINA {
        "sts.chinacloudapi.cn"
    } else {
        "sts.windows.net"
    };
    let issuers = tenants(at, provider)?
        .iter()
        .flat_map(|tenant| {
            [
                format!("https://{authority}/{tenant}/v2.0"),
                format!("https://{sts}/{tenant}/"),
            ]
        })
        .collect();
    Ok((issuers, audience(at, provider)?))
}

/// Where the keys are: the tenant's own address, or the one of all organizations.
pub(super) fn keys_uri(at: &str, provider: &config::Provider) -> Result<String, ConfigError> {
    let authority = authority(at, provider)?;
    let tenants = tenants(at, provider)?;
    let tenant = match tenants.as_slice() {
        [one] => one,
        _ => "organizations",
    };
    Ok(format!("https://{authority}/{tenant}/discovery/v2.0/keys"))
}

fn tenants(at: &str, provider: &config::Provider) -> Result<Vec<String>, ConfigError> {
    match (&provider.tenant_id, &provider.tenants) {
        (Some(_), Some(_)) => Err(ConfigError::new(at, "takes one of tenant_id and tenants")),
        (tenant, None) => tenant_id(at, "tenant_id", tenant.as_ref()).map(|tenant| vec![tenant]),
        (None, Some(tenants)) => {
            let at_list = format!("{at}.tenants");
            listed(&at_list, Some(tenants))?
                .iter()
                .enumerate()
                .map(|(index, tenant)| tenant_id(at, &format!("tenants[{index}]"), Some(tenant)))
                .collect()
        }
    }
}

/// A tenant's id, and not one of the words that stand for many tenants.
fn tenant_id(at: &str, key: &str, value: Option<&String>) -> Result<String, ConfigError> {
    let tenant = named(at, key, value)?;
    if ["common", "consumers", "organizations"].contains(&tenant.as_str()) {
        return Err(ConfigError::new(
            format!("{at}.{key}"),
            format!(
                "\"{tenant}\" stands for tenants that anybody can make; list the ids in tenants"
            ),
        ));
    }
    Ok(tenant)
}

fn authority(at: &str, provider: &config::Provider) -> Result<String, ConfigError> {
    let authority = provider.authority.as_deref().unwrap_or(PUBLIC);
    let sound = !authority.is_empty()
        && authority
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
    if sound {
        Ok(authority.to_owned())
    } else {
        Err(ConfigError::new(
            format!("{at}.authority"),
            format!("\"{authority}\" is not a host; write \"login.microsoftonline.us\""),
        ))
    }
}
