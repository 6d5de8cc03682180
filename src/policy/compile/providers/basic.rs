//! Providers of kind `basic`: users of the configuration with their password hashes, or a service that knows them.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::identity::{Claims, DESCRIBED};
use super::{Compiled, Own};
use crate::basic::{Throttle, Users};
use crate::config::{BasicProvider, BasicUser, ConfigError};
use crate::credential::Location;
use crate::jose::ClaimSet;
use crate::json::UniqueMap;
use crate::password::PasswordHash;
use crate::policy::provider::{Form, Passwords, Verification};

pub(super) fn compile<'c>(
    compiled: &mut Compiled,
    at: &str,
    name: &str,
    own: &'c BasicProvider,
) -> Result<Own<'c>, ConfigError> {
    let realm = own.realm.as_deref().unwrap_or(name);
    let passwords = Passwords {
        throttle: throttle(at, own)?,
        realm: crate::policy::compile::realm(&format!("{at}.realm"), realm)?,
    };
    let verification = match (&own.users, &own.verify) {
        (Some(given), None) if !given.is_empty() => Verification::Passwords {
            users: Rc::new(compiled.users(at, own, given)?),
            passwords,
        },
        (None, Some(verify)) => Verification::Service {
            service: compiled.verifier(at, verify)?,
            form: Form::Password(passwords),
        },
        _ => return Err(ConfigError::new(at, "takes one of users and verify")),
    };
    Ok(Own {
        verification,
        location: Location::basic(),
        places: None,
        claims: Claims::named(DESCRIBED),
    })
}

fn throttle(at: &str, own: &BasicProvider) -> Result<Throttle, ConfigError> {
    let attempts = own.throttle.and_then(|throttle| throttle.attempts);
    let per = own.throttle.and_then(|throttle| throttle.per);
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
    fn users(
        &mut self,
        at: &str,
        own: &BasicProvider,
        given: &UniqueMap<BasicUser>,
    ) -> Result<Users, ConfigError> {
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
            if hash.is_slow() && own.slow != Some(true) {
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
        Ok(users)
    }
}

/// What the configuration says of a caller, as claims.
pub(super) fn caller(at: &str, claims: &Value) -> Result<ClaimSet, ConfigError> {
    ClaimSet::parse(claims.to_string().as_bytes())
        .map_err(|error| ConfigError::new(at, error.to_string()))
}
