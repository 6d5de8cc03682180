//! Keys and tokens of every algorithm, made by an independent library.

use lab::tools::{ensure_venv, target};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

const MAKER: &str = include_str!("../../../../tests/bench/tokens.py");

/// What the maker left in a folder.
pub(super) struct Tokens {
    folder: PathBuf,
    jwks: Value,
    by_name: BTreeMap<String, String>,
}

impl Tokens {
    /// New keys, and tokens of them; so many of different callers, and so many more.
    pub(super) fn make(distinct: usize, ever_new: usize) -> Result<Self, String> {
        let folder = target().join("bench");
        let io = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(io)?;
        let arguments = [
            folder.display().to_string(),
            distinct.to_string(),
            ever_new.to_string(),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        ensure_venv()?.script(MAKER, &arguments)?;
        let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(io);
        let wrong = |error: serde_json::Error| error.to_string();
        Ok(Self {
            jwks: serde_json::from_str(&read("jwks.json")?).map_err(wrong)?,
            by_name: serde_json::from_str(&read("tokens.json")?).map_err(wrong)?,
            folder,
        })
    }

    /// The token of this name.
    pub(super) fn get(&self, name: &str) -> Result<String, String> {
        let token = self.by_name.get(name).cloned();
        token.ok_or_else(|| format!("no token {name}"))
    }

    /// The key of this name behind so many others.
    pub(super) fn jwks_among(&self, kid: &str, others: usize) -> Value {
        let keys = self.jwks["keys"].as_array().into_iter().flatten();
        let is_other = |key: &&Value| {
            key["kid"]
                .as_str()
                .is_some_and(|kid| kid.starts_with("other"))
        };
        let mut keys: Vec<&Value> = keys.filter(is_other).take(others).collect();
        let own = self.jwks(kid);
        keys.extend(own["keys"].as_array().into_iter().flatten());
        json!({ "keys": keys })
    }

    /// A file with the first so many tokens of different callers.
    pub(super) fn first(&self, many: usize) -> Result<PathBuf, String> {
        let all = self.file("distinct");
        let io = |error: std::io::Error| format!("{}: {error}", all.display());
        let text = fs::read_to_string(&all).map_err(io)?;
        let lines: Vec<&str> = text.lines().take(many).collect();
        let path = self.folder.join(format!("first-{many}.txt"));
        fs::write(&path, lines.join("\n") + "\n").map_err(io)?;
        Ok(path)
    }

    /// The file with tokens of different callers (`distinct`) or with further ones (`new`).
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.txt"))
    }

    /// The public key of this name as a key set.
    pub(super) fn jwks(&self, kid: &str) -> Value {
        let keys = self.jwks["keys"].as_array().into_iter().flatten();
        json!({ "keys": keys.filter(|key| key["kid"] == kid).collect::<Vec<_>>() })
    }
}
