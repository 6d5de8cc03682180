//! What a configuration holds of secrets: hashes of passwords, digests of API keys.

use crate::Failure;
use argon2::{Algorithm, Argon2, Params, Version};
use auth_filter::password::PasswordHash;
use auth_filter::text::hex_text;
use auth_filter::time::UnixTime;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::io::{IsTerminal as _, Write, stdin};

/// Memory in KiB and passes of argon2id, as OWASP's Password Storage Cheat Sheet has them for one lane.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;

/// Whose entry, and of which groups.
#[derive(Debug, clap::Args)]
pub(crate) struct User {
    /// The user's name
    name: String,
    /// A group of the user; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

impl User {
    /// Reads a password from standard input and prints the user's entry for `users` of a `basic` provider.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let line = if stdin().is_terminal() {
            rpassword::prompt_password("password: ")
        } else {
            let mut line = String::new();
            stdin().read_line(&mut line).map(|_| line)
        };
        let line = line.map_err(|error| format!("the password: {error}"))?;
        let password = line.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            return Err("the password is empty".to_owned().into());
        }
        let secret = ("password_hash", hash(password)?);
        print_entry(out, &self.name, secret, &self.groups, None)
    }
}

/// Whose key, of which groups, and until when.
#[derive(Debug, clap::Args)]
pub(crate) struct ApiKey {
    /// Who calls with the key
    owner: String,
    /// A group of the owner; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// When the key ends, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "RFC 3339", value_parser = time)]
    expires: Option<String>,
}

fn time(text: &str) -> Result<String, String> {
    match UnixTime::from_rfc3339(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!(
            "{text:?} is not a time; write 2027-01-31T00:00:00Z"
        )),
    }
}

impl ApiKey {
    /// Makes an API key, says it once on standard error, and prints its entry for `keys` of an `api_key` provider.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let key = format!("ak_{}", URL_SAFE_NO_PAD.encode(random::<32>()?));
        eprintln!("the key, which is stored nowhere and shown once: {key}");
        let digest = hex_text(&Sha256::digest(&key));
        let secret = ("digest", format!("sha256:{digest}"));
        let expires = self.expires.as_deref();
        print_entry(out, &self.owner, secret, &self.groups, expires)
    }
}

/// A hash in the PHC string format that the filter reads.
fn hash(password: &str) -> Result<String, String> {
    let salt = random::<16>()?;
    let params = Params::new(MEMORY, PASSES, 1, Some(32)).map_err(|error| error.to_string())?;
    let mut made = [0_u8; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), &salt, &mut made)
        .map_err(|error| error.to_string())?;
    let text = format!(
        "$argon2id$v=19$m={MEMORY},t={PASSES},p=1${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(made)
    );
    let read = PasswordHash::parse(&text).map_err(|error| format!("the hash {error}"))?;
    if read.verify(password.as_bytes()) {
        Ok(text)
    } else {
        Err("the filter would not accept this password by its own hash".to_owned())
    }
}

fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(bytes)
}

/// Prints a member of `users` or `keys`: a secret by the name of its key, and what else is said of who has it.
fn print_entry(
    out: &mut dyn Write,
    name: &str,
    (kind, secret): (&str, String),
    groups: &[String],
    expires_at: Option<&str>,
) -> Result<(), Failure> {
    let mut entry = Map::new();
    entry.insert(kind.to_owned(), json!(secret));
    if !groups.is_empty() {
        entry.insert("groups".to_owned(), json!(groups));
    }
    if let Some(expires_at) = expires_at {
        entry.insert("expires_at".to_owned(), json!(expires_at));
    }
    Ok(writeln!(out, "{}: {:#}", json!(name), Value::from(entry))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, FromArgMatches as _};

    #[test]
    fn a_hash_is_read_by_the_filter_and_no_two_are_alike() {
        let (one, two) = (hash("zo\u{eb}").unwrap(), hash("zo\u{eb}").unwrap());
        assert_ne!(one, two);
        assert!(!PasswordHash::parse(&one).unwrap().verify(b"zoe"));
    }

    fn parsed(options: &[&str]) -> Result<ApiKey, String> {
        let line = [&["api-key", "acme"], options].concat();
        let command = ApiKey::augment_args(clap::Command::new("api-key"));
        let matches = command.try_get_matches_from(line);
        let matches = matches.map_err(|error| error.to_string())?;
        Ok(ApiKey::from_arg_matches(&matches).unwrap())
    }

    #[test]
    fn options_are_read_or_refused() {
        let read = parsed(&["--group", "a", "--expires", "2030-01-01T00:00:00Z"]).unwrap();
        assert_eq!(read.groups, ["a"]);
        assert_eq!(read.expires.as_deref(), Some("2030-01-01T00:00:00Z"));
        for (options, want) in [
            (&["--group"][..], "a value is required for '--group"),
            (&["--grup", "a"], "unexpected argument '--grup'"),
            (
                &["--expires", "soon"],
                "invalid value 'soon' for '--expires <RFC 3339>': \"soon\" is not a time",
            ),
        ] {
            let error = parsed(options).unwrap_err();
            assert!(error.starts_with(&format!("error: {want}")), "{error}");
        }
        let line = ["user", "alice", "--expires", "2030-01-01T00:00:00Z"];
        let command = User::augment_args(clap::Command::new("user"));
        assert!(command.try_get_matches_from(line).is_err());
    }
}
