//! Who calls in the demonstration, and the tokens they have.

use lab::issuer::{SigningKey, unix_now};
use lab::moto::Moto;
use serde_json::{Value, json};

/// The tokens of the demonstration.
pub(super) struct Identities {
    /// An access token of a user without groups.
    pub(super) user: String,
    /// The same user's ID token.
    pub(super) user_id_token: String,
    /// An access token of a member of `admin`.
    pub(super) admin: String,
    /// Signed by the issuer's own key, and past its time.
    pub(super) expired: String,
    /// With the issuer's key id, signed by another key.
    pub(super) forged: String,
    /// Without a signature.
    pub(super) unsigned: String,
}

impl Identities {
    /// Creates the pool and the users, and signs them in.
    pub(super) fn create(moto: &Moto) -> Result<Self, String> {
        let pool = moto.user_pool("demo")?;
        let configured = configured()?;
        let created = (pool.id.as_str(), pool.client_id.as_str());
        if (configured.0.as_str(), configured.1.as_str()) != created {
            return Err(format!(
                "filter-config/quickstart.json is for {configured:?}, and moto made {created:?}"
            ));
        }
        pool.user("ann", &[])?;
        pool.user("adam", &["admin"])?;
        let user = pool.tokens("ann")?;
        let issuer_key = moto.signing_key()?;
        let claims = |seconds: i64| {
            json!({
                "iss": pool.issuer(), "sub": "ann", "username": "ann", "token_use": "access",
                "client_id": pool.client_id, "cognito:groups": ["admin"],
                "exp": unix_now().saturating_add_signed(seconds),
            })
        };
        let kid = json!({ "kid": issuer_key.kid() });
        let forged = SigningKey::rs256_forger(issuer_key.kid()).sign(kid, &claims(3600));
        let none = issuer_key.sign(json!({ "alg": "none" }), &claims(3600));
        let (content, _) = none.rsplit_once('.').unwrap_or_default();
        Ok(Self {
            admin: pool.tokens("adam")?.access,
            expired: issuer_key.sign(json!({}), &claims(-3600)),
            forged,
            unsigned: format!("{content}."),
            user: user.access,
            user_id_token: user.id,
        })
    }

    /// Lines for a shell.
    pub(super) fn exports(&self) -> String {
        [
            ("USER_TOKEN", &self.user),
            ("ADMIN_TOKEN", &self.admin),
            ("EXPIRED_TOKEN", &self.expired),
            ("FORGED_TOKEN", &self.forged),
        ]
        .map(|(name, token)| format!("export {name}={token}\n"))
        .concat()
    }
}

/// The pool and the client that the configuration names.
fn configured() -> Result<(String, String), String> {
    let text = include_str!("../../../../filter-config/quickstart.json");
    let config: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let users = &config["providers"]["users"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok((text(&users["user_pool_id"]), text(&users["client_ids"][0])))
}
