//! Users: who may sign in with a password, and what else is known of them.

use auth_filter::password::PasswordHash;
use serde_json::{Map, Value, json};

use crate::database::{Database, DatabaseError, Session};
use crate::entry;
use crate::grants::ChangeError;
use crate::id;
use crate::name::{self, LONGEST_SUBJECT};
use crate::password::{self, Checker, Unchecked};

/// A user; what is absent is not known, or, in a change, stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) username: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    /// A JSON object.
    pub(crate) profile: Option<String>,
}

impl User {
    /// Refuses what cannot be stored or would never be of use.
    pub(crate) fn check(&self) -> Result<(), String> {
        name::check("the user", &self.username, LONGEST_SUBJECT)?;
        if self.username.contains(':') {
            return Err(format!(
                "the user {:?} has a colon, which no name has in Basic credentials",
                self.username
            ));
        }
        for (what, text) in [
            ("the name", &self.name),
            ("the e-mail address", &self.email),
        ] {
            text.iter()
                .try_for_each(|text| name::check(what, text, LONGEST_SUBJECT))?;
        }
        if let Some(hash) = &self.password_hash {
            password::parse(hash)?;
        }
        if let Some(profile) = &self.profile {
            serde_json::from_str::<Map<String, Value>>(profile)
                .map_err(|error| format!("the profile is not a JSON object: {error}"))?;
        }
        Ok(())
    }

    fn values(&self) -> [Option<&str>; 4] {
        [
            self.password_hash.as_deref(),
            self.name.as_deref(),
            self.email.as_deref(),
            self.profile.as_deref(),
        ]
    }
}

/// All users, in order.
pub(crate) async fn list(session: &mut Session) -> Result<Vec<User>, DatabaseError> {
    let query = "SELECT exact(username), password_hash, exact(name), exact(email), exact(profile) FROM authz_users";
    let rows = session.rows(query, &[]).await?;
    let mut users: Vec<_> = rows
        .into_iter()
        .filter_map(|row| {
            let [username, password_hash, name, email, profile] = row.try_into().ok()?;
            Some(User {
                username: username?,
                password_hash,
                name,
                email,
                profile,
            })
        })
        .collect();
    users.sort_unstable_by(|one, other| one.username.cmp(&other.username));
    Ok(users)
}

/// Adds a user, or changes what is given of one who is there; whether it is a new one.
pub(crate) async fn set(session: &mut Session, user: &User) -> Result<bool, ChangeError> {
    user.check()?;
    let given = [
        ("password_hash", user.password_hash.as_deref()),
        ("name", user.name.as_deref()),
        ("email", user.email.as_deref()),
        ("profile", user.profile.as_deref()),
    ];
    if let Some(id) = row(session, &user.username).await? {
        for (column, value) in given {
            if value.is_some() {
                let update = format!("UPDATE authz_users SET {column} = ? WHERE id = ?");
                session.run(&update, &[value, Some(&id)]).await?;
            }
        }
        return Ok(false);
    }
    let id = id::new()?;
    let [hash, name, email, profile] = user.values();
    let insert = "INSERT INTO authz_users (id, username, password_hash, name, email, profile) VALUES (?, ?, ?, ?, ?, ?)";
    let values = [
        Some(&*id),
        Some(&*user.username),
        hash,
        name,
        email,
        profile,
    ];
    session.run(insert, &values).await?;
    Ok(true)
}

/// Removes a user, whose grants and keys stay; false where there is none.
pub(crate) async fn remove(session: &mut Session, username: &str) -> Result<bool, ChangeError> {
    let Some(id) = row(session, username).await? else {
        return Ok(false);
    };
    let delete = "DELETE FROM authz_users WHERE id = ?";
    Ok(session.run(delete, &[Some(&id)]).await? > 0)
}

/// The row of exactly this user.
pub(crate) async fn row(
    session: &mut Session,
    username: &str,
) -> Result<Option<String>, DatabaseError> {
    let query = "SELECT id, exact(username) FROM authz_users WHERE key(username) = ?";
    let rows = session.rows(query, &[Some(username)]).await?;
    let own = |row: Vec<Option<String>>| {
        let [id, found] = <[_; 2]>::try_from(row).ok()?;
        id.filter(|_| found.as_deref() == Some(username))
    };
    Ok(rows.into_iter().find_map(own))
}

/// Why no caller came of a name and a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The check.
    #[error(transparent)]
    Unchecked(#[from] Unchecked),
}

/// The claims of the user whose password this is. Nobody and a wrong password are the same, also in time: a hash is made
/// for both, and nothing is looked up afterwards.
pub(crate) async fn verify(
    database: &Database,
    checker: &Checker,
    username: &str,
    given: &str,
) -> Result<Option<Value>, VerifyError> {
    let stored = if name::is_nobodys(username) {
        None
    } else {
        stored_hash(database, username).await?
    };
    let hash = stored
        .as_deref()
        .and_then(|hash| PasswordHash::parse(hash).ok());
    let (right, other_cost) = checker.check(hash, given.as_bytes().to_vec()).await?;
    if !right {
        return Ok(None);
    }
    if other_cost {
        renew(database, username, stored.as_deref(), given).await;
    }
    claims(database, username).await.map(Some)
}

async fn stored_hash(database: &Database, username: &str) -> Result<Option<String>, DatabaseError> {
    let query = "SELECT exact(username), password_hash FROM authz_users WHERE key(username) = ?";
    let rows = database.rows(query, &[Some(username)]).await?;
    let own = |row: Vec<Option<String>>| {
        let [found, hash] = <[_; 2]>::try_from(row).ok()?;
        hash.filter(|_| found.as_deref() == Some(username))
    };
    Ok(rows.into_iter().find_map(own))
}

async fn claims(database: &Database, username: &str) -> Result<Value, VerifyError> {
    let entry = entry::find(database, username).await?.unwrap_or_default();
    let mut claims = entry.to_json();
    if let Some(claims) = claims.as_object_mut() {
        claims.remove("profile");
        claims.insert("sub".to_owned(), json!(username));
        for key in ["name", "email"] {
            if let Some(value) = entry.profile.get(key).filter(|value| value.is_string()) {
                claims.insert(key.to_owned(), value.clone());
            }
        }
    }
    Ok(claims)
}

/// Replaces a hash of another method by one of this service's, now that the password is known. Where that fails, the next
/// time will do.
async fn renew(database: &Database, username: &str, stored: Option<&str>, given: &str) {
    let password = given.as_bytes().to_vec();
    let made = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    let Ok(Ok(made)) = made else {
        return;
    };
    let renewed = async {
        let mut session = database.begin().await?;
        if let Some(id) = row(&mut session, username).await? {
            // Not where the password was changed in the meantime.
            let update =
                "UPDATE authz_users SET password_hash = ? WHERE id = ? AND password_hash = ?";
            session
                .run(update, &[Some(&made), Some(&id), stored])
                .await?;
        }
        session.commit().await
    };
    let result: Result<(), DatabaseError> = renewed.await;
    if let Err(error) = result {
        crate::log::warn(&format!("a password's hash was not renewed: {error}"));
    }
}
