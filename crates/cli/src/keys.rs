//! What the filter makes of a JSON Web Key Set.

use crate::{Failure, say};
use auth_filter::jose::{KeySet, KeySetError, KeySetLimits, SkippedKey};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write, stdin};

/// Which key set.
#[derive(Debug, clap::Args)]
pub(crate) struct Keys {
    /// A JSON Web Key Set as an issuer publishes it; - for the standard input
    file: String,
}

impl Keys {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let file = self.file.as_str();
        let read = if file == "-" {
            let mut text = Vec::new();
            stdin().read_to_end(&mut text).map(|_| text)
        } else {
            fs::read(file)
        };
        let text = read.map_err(|error| format!("{file}: {error}"))?;
        Ok(say(
            out,
            &lines(&text).map_err(|error| format!("{file}: {error}"))?,
        )?)
    }
}

/// A line for each key in the order of the document, and how many there are of each kind.
fn lines(text: &[u8]) -> Result<Vec<String>, String> {
    let limits = KeySetLimits::MOST;
    let set = KeySet::parse(text, &limits).map_err(|error| error.to_string())?;
    let skipped: BTreeMap<usize, &SkippedKey> =
        set.skipped().iter().map(|key| (key.index, key)).collect();
    // Keys of a configuration are examined whole at once; those of an issuer when they verify for the first time.
    let examined = KeySet::parse_inline(text, &limits);
    let found_out: BTreeMap<usize, &SkippedKey> = match &examined {
        Ok(set) => set.skipped().iter().map(|key| (key.index, key)).collect(),
        Err(KeySetError::NoUsableKey(keys)) => keys.iter().map(|key| (key.index, key)).collect(),
        Err(_) => BTreeMap::new(),
    };
    let mut thumbprints = set.thumbprints();
    let document: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let keys = document.get("keys").and_then(Value::as_array);
    let (mut out, mut used) = (Vec::new(), 0);
    for (index, key) in keys.into_iter().flatten().enumerate() {
        let thumbprint = match skipped.get(&index) {
            Some(_) => None,
            None => thumbprints.next(),
        };
        let refused = skipped.get(&index).or_else(|| found_out.get(&index));
        out.push(match (refused, thumbprint) {
            (Some(key), _) => format!("not used: {key}"),
            (None, thumbprint) => {
                used += 1;
                let pin = thumbprint.map_or_else(String::new, |pin| format!(", pin {pin}"));
                format!("used: keys[{index}]{}{pin}", described(key))
            }
        });
    }
    let unused = out.len().saturating_sub(used);
    out.push(format!("{used} used, {unused} not used"));
    Ok(out)
}

/// The `kid`, `kty`, `crv` and `alg` of a key, those that it has.
fn described(key: &Value) -> String {
    let member = |name: &str| key.get(name).and_then(Value::as_str);
    let kid = member("kid").map_or_else(String::new, |kid| format!(" (kid {kid:?})"));
    let rest = ["kty", "crv", "alg"].into_iter().filter_map(member);
    format!("{kid}: {}", rest.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_used_or_said_why_not() {
        let text = br#"{ "keys": [
            { "kty": "oct", "kid": "secret", "k": "AAAA" },
            { "kty": "EC", "kid": "one", "crv": "P-256", "alg": "ES256",
              "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" },
            { "kty": "EC", "crv": "P-256", "use": "enc",
              "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }
        ] }"#;
        assert_eq!(
            lines(text).unwrap(),
            [
                "not used: keys[0] (kid \"secret\"): a secret is taken from the configuration only",
                "used: keys[1] (kid \"one\"): EC P-256 ES256, pin oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
                "not used: keys[2]: the key is not meant for verification",
                "1 used, 2 not used",
            ]
        );
        let error = lines(br#"{ "jwks_uri": "https://i/k" }"#).unwrap_err();
        assert!(error.contains("an OpenID configuration"), "{error}");
    }
}
