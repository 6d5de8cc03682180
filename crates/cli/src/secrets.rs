//! What a configuration holds of secrets: hashes of passwords, digests of API keys.

use argon2::{Algorithm, Argon2, Params, Version};
use auth_filter::password::PasswordHash;
use auth_filter::text::hex_text;
use auth_filter::time::UnixTime;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::io::{IsTerminal, stdin};

/// Memory in KiB and passes of argon2id, as OWASP's Password Storage Cheat Sheet has them for one lane.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;

/// Reads a password from standard input and prints the user's entry for `users` of a `basic` provider.
///
/// # Errors
/// For an empty password, an unknown option, or a system without random numbers.
pub fn user(name: &str, options: &[&str]) -> Result<(), String> {
    let options = Options::parse(options, false)?;
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
    let mut entry = Map::new();
    entry.insert("password_hash".to_owned(), json!(hash(password)?));
    print_entry(name, entry, options)
}

/// Makes an API key, says it once on standard error, and prints its entry for `keys` of an `api_key` provider.
///
/// # Errors
/// For an unknown option, a time that is none, or a system without random numbers.
pub fn api_key(owner: &str, options: &[&str]) -> Result<(), String> {
    let options = Options::parse(options, true)?;
    let key = format!("ak_{}", URL_SAFE_NO_PAD.encode(random::<32>()?));
    eprintln!("the key, which is stored nowhere and shown once: {key}");
    let digest = hex_text(&Sha256::digest(&key));
    let mut entry = Map::new();
    entry.insert("digest".to_owned(), json!(format!("sha256:{digest}")));
    print_entry(owner, entry, options)
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

fn print_entry(name: &str, mut entry: Map<String, Value>, options: Options) -> Result<(), String> {
    if !options.groups.is_empty() {
        entry.insert("groups".to_owned(), json!(options.groups));
    }
    if let Some(expires_at) = options.expires_at {
        entry.insert("expires_at".to_owned(), json!(expires_at));
    }
    let entry = serde_json::to_string_pretty(&entry).map_err(|error| error.to_string())?;
    println!("{}: {entry}", json!(name));
    Ok(())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    groups: Vec<String>,
    expires_at: Option<String>,
}

impl Options {
    fn parse(options: &[&str], may_expire: bool) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut rest = options.iter();
        while let Some(option) = rest.next() {
            let value = rest
                .next()
                .ok_or_else(|| format!("{option} needs a value"))?;
            match *option {
                "--group" => parsed.groups.push((*value).to_owned()),
                "--expires" if may_expire => {
                    UnixTime::from_rfc3339(value).ok_or_else(|| {
                        format!("--expires: {value:?} is not a time; write 2027-01-31T00:00:00Z")
                    })?;
                    parsed.expires_at = Some((*value).to_owned());
                }
                other => return Err(format!("unknown option {other:?}")),
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_by_the_filter_and_no_two_are_alike() {
        let (one, two) = (hash("zo\u{eb}").unwrap(), hash("zo\u{eb}").unwrap());
        assert_ne!(one, two);
        assert!(!PasswordHash::parse(&one).unwrap().verify(b"zoe"));
    }

    #[test]
    fn options_are_read_or_refused() {
        let parsed = Options::parse(&["--group", "a", "--expires", "2030-01-01T00:00:00Z"], true);
        let parsed = parsed.unwrap();
        assert_eq!(parsed.groups, ["a"]);
        assert_eq!(parsed.expires_at.as_deref(), Some("2030-01-01T00:00:00Z"));
        for (options, want) in [
            (&["--group"][..], "--group needs a value"),
            (&["--grup", "a"], "unknown option \"--grup\""),
            (&["--expires", "soon"], "--expires: \"soon\" is not a time"),
        ] {
            let error = Options::parse(options, true).unwrap_err();
            assert!(error.starts_with(want), "{error}");
        }
        assert!(Options::parse(&["--expires", "2030-01-01T00:00:00Z"], false).is_err());
    }
}
