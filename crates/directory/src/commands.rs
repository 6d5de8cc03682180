//! What each command does.

mod serve;

use std::fs;
use std::io::{IsTerminal as _, Write as _, stdin, stdout};
use std::path::Path;
use std::time::Duration;

use crate::cli::{Cli, Command, GrantCommand, Grants, Holder, KeyCommand, UserCommand};
use crate::database::{Database, Limits, Session};
use crate::grants::{self, Grant, HolderKind, Kind};
use crate::keys::{self, Key};
use crate::transfer::{self, Contents, Format};
use crate::users::{self, User};
use crate::{log, password};

/// Commands take the time that they need: somebody waits who can end them.
const LIMITS: Limits = Limits {
    connections: 1,
    statement: None,
    acquire: Duration::from_secs(30),
};

/// Runs a command.
///
/// # Errors
/// What kept it from being done.
pub(crate) async fn run(cli: &Cli) -> Result<(), String> {
    let url = cli.database.as_str();
    match &cli.command {
        Command::Serve(options) => return serve::serve(url, options).await,
        Command::Token => return token(),
        _ => {}
    }
    let database = migrated(url).await?;
    let done = match &cli.command {
        Command::Serve(_) | Command::Token | Command::Migrate => Ok(()),
        Command::Grant(command) => grant(&database, command).await,
        Command::User(command) => user(&database, command).await,
        Command::Key(command) => key(&database, command).await,
        Command::Import { file, format } => import(&database, file, *format).await,
        Command::Export {
            format,
            credentials,
        } => export(&database, *format, *credentials).await,
    };
    database.close().await;
    done
}

/// The database, with all tables.
async fn migrated(url: &str) -> Result<Database, String> {
    let database = Database::open(url, LIMITS)?;
    database.migrate().await?;
    Ok(database)
}

fn token() -> Result<(), String> {
    let (token, digest) = keys::secret("ad_")?;
    eprintln!("the token, which is stored nowhere and shown once: {token}");
    say(&format!("sha256:{digest}\n"))
}

async fn grant(database: &Database, command: &GrantCommand) -> Result<(), String> {
    match command {
        GrantCommand::Add(given) => {
            let grants = all(given)?;
            let mut session = database.begin().await?;
            let mut added = 0_usize;
            for grant in &grants {
                added = added.saturating_add(usize::from(grants::add(&mut session, grant).await?));
            }
            session.commit().await?;
            let there = grants.len().saturating_sub(added);
            log::info(&format!("{added} added, {there} there already"));
            Ok(())
        }
        GrantCommand::Remove(given) => {
            let grants = all(given)?;
            let mut session = database.begin().await?;
            for grant in &grants {
                if !grants::remove(&mut session, grant).await? {
                    let (word, holder, value) = (grant.word(), &grant.holder, &grant.value);
                    return Err(format!(
                        "{holder:?} has no {word} {value:?}; nothing is removed"
                    ));
                }
            }
            session.commit().await?;
            log::info(&format!("{} removed", grants.len()));
            Ok(())
        }
        GrantCommand::List { holder } => {
            let mut session = database.begin().await?;
            let grants = grants::list(&mut session, holder.as_deref()).await?;
            session.commit().await?;
            let lines = grants
                .iter()
                .map(|grant| [grant.word(), &grant.holder, &grant.value].join("\t") + "\n");
            say(&lines.collect::<String>())
        }
    }
}

/// Every grant that is named.
fn all(given: &Grants) -> Result<Vec<Grant>, String> {
    let holder_kind = match given.to {
        Holder::Subject => HolderKind::Subject,
        Holder::Group => HolderKind::Group,
        Holder::Role => HolderKind::Role,
    };
    let mut grants = Vec::new();
    for (kind, values) in [
        (Kind::Group, &given.group),
        (Kind::Role, &given.role),
        (Kind::Permission, &given.permission),
    ] {
        for value in values {
            grants.push(Grant::new(holder_kind, &given.holder, kind, value)?);
        }
    }
    if grants.is_empty() {
        return Err("name a --group, a --role or a --permission".to_owned());
    }
    Ok(grants)
}

async fn user(database: &Database, command: &UserCommand) -> Result<(), String> {
    match command {
        UserCommand::Add {
            username,
            name,
            email,
            profile,
            no_password,
        } => {
            let user = User {
                username: username.clone(),
                password_hash: None,
                name: name.clone(),
                email: email.clone(),
                profile: profile.clone(),
            };
            put_user(database, user, *no_password, false).await
        }
        UserCommand::Password { username } => {
            let username = username.clone();
            let user = User {
                username,
                ..User::default()
            };
            put_user(database, user, false, true).await
        }
        UserCommand::Remove { username } => {
            let mut session = database.begin().await?;
            if !users::remove(&mut session, username).await? {
                return Err(format!("there is no user {username:?}"));
            }
            Ok(session.commit().await?)
        }
        UserCommand::List => list_users(database).await,
    }
}

/// Stores a user with a password that is read first, who must be there already or must not.
async fn put_user(
    database: &Database,
    mut user: User,
    no_password: bool,
    there: bool,
) -> Result<(), String> {
    // Before anybody types a password in vain.
    user.check()?;
    let mut session = database.begin().await?;
    must_be(&mut session, &user.username, there).await?;
    session.commit().await?;
    if !no_password {
        user.password_hash = Some(password::hash(read_password()?.as_bytes())?);
    }
    let mut session = database.begin().await?;
    must_be(&mut session, &user.username, there).await?;
    users::set(&mut session, &user).await?;
    Ok(session.commit().await?)
}

async fn list_users(database: &Database) -> Result<(), String> {
    let mut session = database.begin().await?;
    let users = users::list(&mut session).await?;
    session.commit().await?;
    let lines = users.iter().map(|user| {
        let password = match user.password_hash {
            Some(_) => "password",
            None => "no password",
        };
        let name = user.name.as_deref().unwrap_or_default();
        let email = user.email.as_deref().unwrap_or_default();
        [&*user.username, password, name, email].join("\t") + "\n"
    });
    say(&lines.collect::<String>())
}

/// Refuses a user who is not there, or one who is.
async fn must_be(session: &mut Session, username: &str, there: bool) -> Result<(), String> {
    let found = users::row(session, username).await?.is_some();
    match (found, there) {
        (true, false) => Err(format!("there is a user {username:?} already")),
        (false, true) => Err(format!("there is no user {username:?}")),
        _ => Ok(()),
    }
}

/// A password from the terminal, unseen, or the first line of whatever else standard input is.
fn read_password() -> Result<String, String> {
    let line = if stdin().is_terminal() {
        rpassword::prompt_password("password: ")
    } else {
        let mut line = String::new();
        stdin().read_line(&mut line).map(|_| line)
    };
    let line = line.map_err(|error| format!("the password: {error}"))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err("the password is empty".to_owned());
    }
    Ok(password.to_owned())
}

async fn key(database: &Database, command: &KeyCommand) -> Result<(), String> {
    let mut session = database.begin().await?;
    match command {
        KeyCommand::Add {
            owner,
            group,
            expires,
        } => {
            let (secret, digest) = keys::secret("ak_")?;
            let key = Key {
                owner: owner.clone(),
                digest: digest.clone(),
                groups: group.clone(),
                expires_at: expires.clone(),
            };
            keys::set(&mut session, &key).await?;
            session.commit().await?;
            eprintln!("the key, which is stored nowhere and shown once:");
            say(&format!("{secret}\n"))
        }
        KeyCommand::Revoke { digest } => {
            if digest.len() < 8 || keys::revoke(&mut session, digest).await? == 0 {
                return Err(format!(
                    "there is no key of which the digest begins with {digest:?} (at least 8 digits)"
                ));
            }
            Ok(session.commit().await?)
        }
        KeyCommand::List => {
            let keys = keys::list(&mut session).await?;
            session.commit().await?;
            let lines = keys.iter().map(|key| {
                let expires = key.expires_at.as_deref().unwrap_or("does not end");
                [&*key.owner, &*key.digest, expires, &key.groups.join(",")].join("\t") + "\n"
            });
            say(&lines.collect::<String>())
        }
    }
}

async fn import(database: &Database, file: &Path, format: Option<Format>) -> Result<(), String> {
    let shown = file.display();
    let by_ending = match file.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => Some(Format::Csv),
        Some("json") => Some(Format::Json),
        _ => None,
    };
    let format = format
        .or(by_ending)
        .ok_or_else(|| format!("{shown}: its ending says no format; give --format csv or json"))?;
    let text = fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    let contents: Contents = transfer::read(format, &text)
        .map_err(|error| format!("{shown}: {error}; nothing is imported"))?;
    let imported = transfer::import(database, contents).await?;
    log::info(&format!(
        "{} new grants, {} users, {} keys",
        imported.grants, imported.users, imported.keys
    ));
    Ok(())
}

async fn export(database: &Database, format: Format, credentials: bool) -> Result<(), String> {
    let contents = transfer::export(database, credentials).await?;
    say(&transfer::write(format, &contents)?)
}

/// Writes to standard output, of which the reader may be gone.
fn say(text: &str) -> Result<(), String> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("standard output: {error}"))
}
