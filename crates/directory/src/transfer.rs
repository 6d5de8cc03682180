//! Files of grants, users and keys: one record for each, the same in CSV and JSON.
//!
//! A record is a kind, a holder and a value. Kinds are those of [`Grant`], whose value is a name; `user`, whose value is
//! a JSON object of what is known; and `key`, whose holder is the owner and whose value is a JSON object too.

mod csv;
mod json;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use auth_filter::json::StrictObject;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::database::{Database, DatabaseError, Session};
use crate::grants::{self, ChangeError, Grant};
use crate::keys::{self, Key};
use crate::users::{self, User};

/// How many grants go into one statement.
const BATCH: usize = 500;

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values (RFC 4180), with a first line of names.
    Csv,
    /// An array of objects.
    Json,
}

/// What a file holds, by its lines.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Contents {
    pub(crate) grants: Vec<Grant>,
    pub(crate) users: Vec<User>,
    pub(crate) keys: Vec<Key>,
}

/// What an import came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Grants that were not there.
    pub(crate) grants: usize,
    /// Users, new or changed.
    pub(crate) users: usize,
    /// Keys, new or changed.
    pub(crate) keys: usize,
}

/// A record as it stands in a file.
struct Record<'r> {
    kind: &'r str,
    holder: &'r str,
    value: Held<'r>,
}

/// A record's value.
enum Held<'r> {
    Text(&'r str),
    Object(Map<String, Value>),
}

/// Counts lines onwards through a text.
struct Lines<'t> {
    text: &'t [u8],
    line: u64,
    counted: usize,
}

impl<'t> Lines<'t> {
    const fn of(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            line: 1,
            counted: 0,
        }
    }

    /// The line of a byte, which is not before the last one that was asked for.
    fn at(&mut self, offset: usize) -> u64 {
        let passed = self.text.get(self.counted..offset).unwrap_or_default();
        let breaks = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u64::try_from(breaks).unwrap_or(0));
        self.counted = offset;
        self.line
    }
}

/// Reads a file. Nothing of it counts where something is wrong.
///
/// # Errors
/// What is wrong first, with its line.
pub(crate) fn read(format: Format, text: &str) -> Result<Contents, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut contents = Contents::default();
    let mut seen = BTreeSet::new();
    let mut take = |line: u64, record: Record<'_>| {
        contents
            .take(record, &mut seen)
            .map_err(|error| format!("line {line}: {error}"))
    };
    match format {
        Format::Csv => csv::read(text, &mut take)?,
        Format::Json => json::read(text, &mut take)?,
    }
    Ok(contents)
}

/// Writes a file that [`read`] reads back.
///
/// # Errors
/// None that a sound system has.
pub(crate) fn write(format: Format, contents: &Contents) -> Result<String, String> {
    match format {
        Format::Csv => csv::write(&contents.rows()),
        Format::Json => Ok(json::write(&contents.rows())),
    }
}

impl Contents {
    fn take(&mut self, record: Record<'_>, seen: &mut BTreeSet<String>) -> Result<(), String> {
        let object = |value: Held<'_>| match value {
            Held::Object(object) => Ok(object),
            Held::Text(text) => serde_json::from_str::<StrictObject>(text)
                .map(|object| object.0)
                .map_err(|error| format!("the value is not a JSON object: {error}")),
        };
        match (record.kind, record.value) {
            ("user", value) => {
                let user = user(record.holder, object(value)?)?;
                user.check()?;
                if !seen.insert(format!("user {}", user.username)) {
                    return Err(format!("the user {:?} is listed twice", user.username));
                }
                self.users.push(user);
            }
            ("key", value) => {
                let key = key(record.holder, object(value)?)?;
                key.check()?;
                if !seen.insert(format!("key {}", key.digest)) {
                    return Err("a key with this digest is listed twice".to_owned());
                }
                self.keys.push(key);
            }
            (kind, Held::Text(value)) => {
                self.grants
                    .push(Grant::from_word(kind, record.holder, value)?);
            }
            (_, Held::Object(_)) => return Err("the value is not a name".to_owned()),
        }
        Ok(())
    }

    /// Kind, holder and value of each record.
    fn rows(&self) -> Vec<(&str, &str, Value)> {
        let grants = self.grants.iter();
        let grants = grants.map(|grant| (grant.word(), &*grant.holder, Value::from(&*grant.value)));
        let users = self.users.iter();
        let users = users.map(|user| ("user", &*user.username, user_object(user)));
        let keys = self.keys.iter();
        let keys = keys.map(|key| ("key", &*key.owner, key_object(key)));
        grants.chain(users).chain(keys).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserObject {
    password_hash: Option<String>,
    name: Option<String>,
    email: Option<String>,
    profile: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyObject {
    digest: String,
    #[serde(default)]
    groups: Vec<String>,
    expires_at: Option<String>,
}

fn user(username: &str, object: Map<String, Value>) -> Result<User, String> {
    let object: UserObject =
        serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())?;
    Ok(User {
        username: username.to_owned(),
        password_hash: object.password_hash,
        name: object.name,
        email: object.email,
        profile: object
            .profile
            .map(|profile| Value::Object(profile).to_string()),
    })
}

fn user_object(user: &User) -> Value {
    let mut object = Map::new();
    for (key, value) in [
        ("password_hash", &user.password_hash),
        ("name", &user.name),
        ("email", &user.email),
    ] {
        if let Some(value) = value {
            object.insert(key.to_owned(), Value::from(&**value));
        }
    }
    let profile = user
        .profile
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    if let Some(profile) = profile {
        object.insert("profile".to_owned(), Value::Object(profile));
    }
    Value::Object(object)
}

fn key(owner: &str, object: Map<String, Value>) -> Result<Key, String> {
    let object: KeyObject =
        serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())?;
    Ok(Key {
        owner: owner.to_owned(),
        digest: object.digest,
        groups: object.groups,
        expires_at: object.expires_at,
    })
}

fn key_object(key: &Key) -> Value {
    let mut object = Map::new();
    object.insert("digest".to_owned(), Value::from(&*key.digest));
    if !key.groups.is_empty() {
        object.insert("groups".to_owned(), Value::from(key.groups.clone()));
    }
    if let Some(expires_at) = &key.expires_at {
        object.insert("expires_at".to_owned(), Value::from(&**expires_at));
    }
    Value::Object(object)
}

/// Brings all of it in, or nothing.
pub(crate) async fn import(
    database: &Database,
    contents: Contents,
) -> Result<Imported, ChangeError> {
    let mut session = database.begin().await?;
    let mut imported = Imported::default();
    let mut by_kind: BTreeMap<_, Vec<Grant>> = BTreeMap::new();
    for grant in contents.grants {
        let kind = (grant.holder_kind, grant.kind);
        by_kind.entry(kind).or_default().push(grant);
    }
    let mut there: HashSet<Grant> = grants::list(&mut session, None)
        .await?
        .into_iter()
        .collect();
    for (_, mut grants) in by_kind {
        grants.retain(|grant| there.insert(grant.clone()));
        for batch in grants.chunks(BATCH) {
            grants::insert(&mut session, batch).await?;
        }
        imported.grants = imported.grants.saturating_add(grants.len());
    }
    for user in &contents.users {
        users::set(&mut session, user).await?;
    }
    for key in &contents.keys {
        keys::set(&mut session, key).await?;
    }
    session.commit().await?;
    imported.users = contents.users.len();
    imported.keys = contents.keys.len();
    Ok(imported)
}

/// Everything that is there; hashes of passwords and digests of keys only where they are asked for.
pub(crate) async fn export(
    database: &Database,
    credentials: bool,
) -> Result<Contents, ChangeError> {
    let mut session = database.begin().await?;
    let contents = everything(&mut session, credentials).await;
    session.commit().await?;
    contents
}

async fn everything(session: &mut Session, credentials: bool) -> Result<Contents, ChangeError> {
    let mut users = users::list(session).await?;
    let mut keys: Vec<Key> = keys::list(session).await?;
    if !credentials {
        users.iter_mut().for_each(|user| user.password_hash = None);
        keys.clear();
    }
    Ok(Contents {
        grants: grants::list(session, None).await?,
        users,
        keys,
    })
}

impl From<ChangeError> for String {
    fn from(error: ChangeError) -> Self {
        error.to_string()
    }
}

impl From<DatabaseError> for String {
    fn from(error: DatabaseError) -> Self {
        error.to_string()
    }
}

#[cfg(test)]
mod tests;
