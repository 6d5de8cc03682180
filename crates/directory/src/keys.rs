//! API keys: only their digests are stored.

use std::time::{SystemTime, UNIX_EPOCH};

use auth_filter::text::hex_text;
use auth_filter::time::UnixTime;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::database::{Database, DatabaseError, Session};
use crate::grants::ChangeError;
use crate::id;
use crate::name::{self, LONGEST_SUBJECT, LONGEST_VALUE};

/// What is stored of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Whose it is.
    pub(crate) owner: String,
    /// Its SHA-256, in hexadecimal.
    pub(crate) digest: String,
    /// The groups of those who use it.
    pub(crate) groups: Vec<String>,
    /// When it ends (RFC 3339).
    pub(crate) expires_at: Option<String>,
}

impl Key {
    /// Refuses what cannot be stored or would never be of use.
    pub(crate) fn check(&self) -> Result<(), String> {
        name::check("the owner", &self.owner, LONGEST_SUBJECT)?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if self.digest.len() != 64 || !self.digest.bytes().all(hex) {
            return Err("the key's digest is not 64 hexadecimal digits in lower case".to_owned());
        }
        let mut groups = self.groups.iter();
        groups.try_for_each(|group| name::check("the group", group, LONGEST_VALUE))?;
        match &self.expires_at {
            Some(text) if UnixTime::from_rfc3339(text).is_none() => Err(format!(
                "{text:?} is not a time; write 2027-01-31T00:00:00Z"
            )),
            _ => Ok(()),
        }
    }
}

/// A new secret, and its digest.
///
/// # Errors
/// On a system without random numbers.
pub(crate) fn secret(prefix: &str) -> Result<(String, String), String> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|error| format!("no random numbers: {error}"))?;
    let secret = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random));
    let digest = digest(&secret);
    Ok((secret, digest))
}

/// The SHA-256 of a text, in hexadecimal.
pub(crate) fn digest(text: &str) -> String {
    hex_text(&Sha256::digest(text))
}

/// Adds a key; false where one with this digest is there, which then is as given.
pub(crate) async fn set(session: &mut Session, key: &Key) -> Result<bool, ChangeError> {
    key.check()?;
    let revoked = session
        .run(
            "DELETE FROM authz_api_keys WHERE digest = ?",
            &[Some(&key.digest)],
        )
        .await?;
    let (id, groups) = (id::new()?, json!(key.groups).to_string());
    let insert = "INSERT INTO authz_api_keys (id, username, digest, key_groups, expires_at) VALUES (?, ?, ?, ?, ?)";
    let values = [
        Some(&*id),
        Some(&*key.owner),
        Some(&*key.digest),
        Some(&*groups),
        key.expires_at.as_deref(),
    ];
    session.run(insert, &values).await?;
    Ok(revoked == 0)
}

/// Removes the keys of which the digest begins so; how many there were.
pub(crate) async fn revoke(session: &mut Session, digest: &str) -> Result<u64, ChangeError> {
    let found: Vec<_> = list(session).await?;
    let found: Vec<_> = found
        .iter()
        .filter(|key| key.digest.starts_with(digest))
        .collect();
    if found.len() > 1 {
        let count = found.len();
        return Err(ChangeError::Input(format!(
            "{count} keys have digests that begin with {digest:?}"
        )));
    }
    let mut revoked = 0;
    for key in found {
        let delete = "DELETE FROM authz_api_keys WHERE digest = ?";
        revoked = session.run(delete, &[Some(&key.digest)]).await?;
    }
    Ok(revoked)
}

/// All keys, in order of their owners.
pub(crate) async fn list(session: &mut Session) -> Result<Vec<Key>, DatabaseError> {
    let query = "SELECT exact(username), digest, exact(key_groups), expires_at FROM authz_api_keys";
    let rows = session.rows(query, &[]).await?;
    let mut keys: Vec<_> = rows
        .into_iter()
        .filter_map(|row| {
            let [owner, digest, groups, expires_at] = row.try_into().ok()?;
            Some(Key {
                owner: owner?,
                digest: digest?,
                groups: read_groups(groups.as_deref()),
                expires_at,
            })
        })
        .collect();
    keys.sort_unstable_by(|one, other| {
        (&one.owner, &one.digest).cmp(&(&other.owner, &other.digest))
    });
    Ok(keys)
}

fn read_groups(stored: Option<&str>) -> Vec<String> {
    stored
        .and_then(|stored| serde_json::from_str(stored).ok())
        .unwrap_or_default()
}

/// The claims of a key's owner, while it holds. A key is as random as a digest: looking its digest up tells by its time
/// nothing that would help to guess one.
pub(crate) async fn verify(database: &Database, key: &str) -> Result<Option<Value>, DatabaseError> {
    let query = "SELECT exact(k.username), exact(k.key_groups), k.expires_at, exact(u.name), exact(u.email) \
                 FROM authz_api_keys k LEFT JOIN authz_users u ON key(u.username) = exact(k.username) \
                 WHERE key(k.digest) = ?";
    let rows = database.rows(query, &[Some(&digest(key))]).await?;
    let Some([Some(owner), groups, expires_at, name, email]) = rows
        .into_iter()
        .next()
        .and_then(|row| <[_; 5]>::try_from(row).ok())
    else {
        return Ok(None);
    };
    let mut claims = json!({ "sub": owner, "groups": read_groups(groups.as_deref()) });
    if let Some(expires_at) = expires_at {
        // What is no time is no time to come.
        let ends = UnixTime::from_rfc3339(&expires_at).unwrap_or(UnixTime::from_secs(0));
        if now() >= ends {
            return Ok(None);
        }
        set_claim(&mut claims, "exp", json!(ends.as_secs()));
    }
    for (key, value) in [("name", name), ("email", email)] {
        if let Some(value) = value {
            set_claim(&mut claims, key, json!(value));
        }
    }
    Ok(Some(claims))
}

fn set_claim(claims: &mut Value, key: &str, value: Value) {
    if let Some(claims) = claims.as_object_mut() {
        claims.insert(key.to_owned(), value);
    }
}

fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime::from_secs(now.map_or(0, |now| now.as_secs()))
}
