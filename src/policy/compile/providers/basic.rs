//! Users with passwords, and owners of API keys.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Compiled;
use crate::api_key::ApiKeys;
use crate::basic::{Throttle, Users};
use crate::config::{self, ConfigError};
use crate::jose::ClaimSet;
use crate::password::PasswordHash;
use crate::policy::provider::{Form, Verification};
use crate::text::hex_bytes;
use crate::time::UnixTime;

/// The protection space: printable, and without what would end a quoted string.
pub(super) fn realm(
    at: &str,
    name: &str,
    provider: &config::Provider,
) -> Result<String, ConfigError> {
    let realm = provider.realm.as_deref().unwrap_or(name);
    crate::policy::compile::realm(&format!("{at}.realm"), realm)
}

fn throttle(at: &str, provider: &config::Provider) -> Result<Throttle, ConfigError> {
    let attempts = provider.throttle.and_then(|throttle| throttle.attempts);
    let per = provider.throttle.and_then(|throttle| throttle.per);
    let throttle = Throttle {
        attempts: attempts.unwrap_or(10),
        per: per.map_or(Duration::from_secs(60), |per| per.0),
    };
    if throttle.attempts == 0 || throttle.per.is_zero() {
        return Err(ConfigError::new(
            format!("{at}.throttle"),
            "lets nobody in: attempts is at least 1, and per at least 1ms",
        ));
    }
    Ok(throttle)
}

impl Compiled {
    pub(super) fn passwords(
        &mut self,
        at: &str,
        provider: &config::Provider,
    ) -> Result<Verification, ConfigError> {
        let throttle = throttle(at, provider)?;
        let given = match (&provider.users, &provider.verify) {
            (Some(users), None) if !users.is_empty() => users,
            (None, Some(verify)) => {
                let service = self.verifier(at, verify)?;
                let form = Form::Password(throttle);
                return Ok(Verification::Service { service, form });
            }
            _ => return Err(ConfigError::new(at, "takes one of users and verify")),
        };
        let mut users = Users::default();
        for (name, user) in given.iter() {
            let at = format!("{at}.users.{name}");
            if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
                return Err(ConfigError::new(
                    at,
                    "a user's name is not empty and has no colon and no control character (RFC 7617 §2)",
                ));
            }
            let at = format!("{at}.password_hash");
            let hash = PasswordHash::parse(user.password_hash.reveal(&at)?.reveal())
                .map_err(|error| ConfigError::new(at.as_str(), error.to_string()))?;
            if hash.is_slow() && provider.slow != Some(true) {
                return Err(ConfigError::new(
                    at,
                    "blocks a worker of the proxy for some 100 ms and more; make a cheaper hash, or write \"slow\": true in the provider",
                ));
            }
            if hash.is_legacy() {
                self.warnings.push(ConfigError::new(
                    at.as_str(),
                    "a bare SHA-256 is guessed within hours; it is read for a migration only",
                ));
            }
            let claims = caller(
                &at,
                &json!({
                    "sub": user.user_id.as_deref().unwrap_or(name),
                    "name": user.name.as_deref().unwrap_or(name),
                    "email": user.email,
                    "groups": user.groups,
                    "roles": user.roles,
                    "permissions": user.permissions,
                }),
            )?;
            users.add(name, hash, claims);
        }
        if !users.cost_alike() {
            self.warnings.push(ConfigError::new(
                format!("{at}.users"),
                "hashes cost differently, so the time of an answer tells names apart",
            ));
        }
        let users = Rc::new(users);
        Ok(Verification::Passwords { users, throttle })
    }

    pub(super) fn api_keys(
        &mut self,
        at: &str,
        provider: &config::Provider,
    ) -> Result<Verification, ConfigError> {
        let given = match (&provider.keys, &provider.verify) {
            (Some(keys), None) if !keys.is_empty() => keys,
            (None, Some(verify)) => {
                let service = self.verifier(at, verify)?;
                let form = Form::ApiKey;
                return Ok(Verification::Service { service, form });
            }
            _ => return Err(ConfigError::new(at, "takes one of keys and verify")),
        };
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
        Ok(Verification::ApiKeys(Rc::new(keys)))
    }
}

fn caller(at: &str, claims: &Value) -> Result<ClaimSet, ConfigError> {
    ClaimSet::parse(claims.to_string().as_bytes())
        .map_err(|error| ConfigError::new(at, error.to_string()))
}

fn time(at: &str, text: &str) -> Result<UnixTime, ConfigError> {
    UnixTime::from_rfc3339(text).ok_or_else(|| {
        ConfigError::new(
            at,
            format!("\"{text}\" is not a time; write \"2027-01-31T00:00:00Z\""),
        )
    })
}
