//! Providers of kind `api_key`: keys of the configuration, or a service that knows them.

use std::rc::Rc;

use serde_json::json;

use super::basic::caller;
use super::identity::{Claims, DESCRIBED};
use super::{Compiled, Own};
use crate::api_key::ApiKeys;
use crate::config::{ApiKey, ApiKeyProvider, ConfigError};
use crate::credential::Location;
use crate::json::UniqueMap;
use crate::policy::provider::{Form, Verification};
use crate::text::hex_bytes;
use crate::time::UnixTime;

pub(super) fn compile<'c>(
    compiled: &mut Compiled,
    at: &str,
    own: &'c ApiKeyProvider,
) -> Result<Own<'c>, ConfigError> {
    let verification = match (&own.keys, &own.verify) {
        (Some(given), None) if !given.is_empty() => {
            keys(at, given).map(|keys| Verification::ApiKeys(Rc::new(keys)))?
        }
        (None, Some(verify)) => Verification::Service {
            service: compiled.verifier(at, verify)?,
            form: Form::ApiKey,
        },
        _ => return Err(ConfigError::new(at, "takes one of keys and verify")),
    };
    Ok(Own {
        verification,
        location: Location::Header {
            name: "x-api-key".into(),
            prefix: String::new(),
        },
        places: Some(&own.places),
        claims: Claims {
            client_id: own.client_id.as_ref(),
            ..Claims::named(DESCRIBED)
        },
    })
}

fn keys(at: &str, given: &UniqueMap<ApiKey>) -> Result<ApiKeys, ConfigError> {
    let mut keys = ApiKeys::default();
    for (owner, key) in given.iter() {
        let at = format!("{at}.keys.{owner}");
        let digest = key
            .digest
            .reveal(&format!("{at}.digest"))?
            .reveal()
            .strip_prefix("sha256:")
            .and_then(hex_bytes)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or_else(|| {
                ConfigError::new(
                    format!("{at}.digest"),
                    "is not \"sha256:\" and 64 hexadecimal digits; never write the key itself here",
                )
            })?;
        let claims = caller(
            &at,
            &json!({
                "sub": owner,
                "name": key.name.as_deref().unwrap_or(owner),
                "email": key.email,
                "groups": key.groups,
                "roles": key.roles,
                "permissions": key.permissions,
                "scopes": key.scopes,
            }),
        )?;
        let expires_at = key
            .expires_at
            .as_deref()
            .map(|text| time(&format!("{at}.expires_at"), text))
            .transpose()?;
        if !keys.add(digest, claims, expires_at) {
            return Err(ConfigError::new(
                format!("{at}.digest"),
                "another owner has the same key",
            ));
        }
    }
    Ok(keys)
}

fn time(at: &str, text: &str) -> Result<UnixTime, ConfigError> {
    UnixTime::from_rfc3339(text).ok_or_else(|| {
        ConfigError::new(
            at,
            format!("\"{text}\" is not a time; write \"2027-01-31T00:00:00Z\""),
        )
    })
}
