//! Secret texts and their sources: the configuration itself, which hosts show to all who may read their own, or the
//! environment of the VM, which they do not show.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::{Config, ConfigError, Provider};
use crate::services::Secret;

/// The prefix of the variables that the filter reads. It keeps those who may write a configuration from sending
/// everything in a proxy's environment to a service of theirs.
const PREFIX: &str = "AUTH_FILTER_";

/// A secret text, or the name of the environment variable that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretText {
    /// The text as the configuration has it.
    Written(Secret),
    /// The text as the environment variable had it.
    Read(Secret),
    /// The name of the environment variable, which has not been read yet.
    Environment(String),
}

/// `shared_data`: how the VMs of a process protect what they share through the host.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SharedDataKey {
    /// The secret, of at least 32 bytes, by which the VMs of a process recognise what they have written themselves.
    pub key: SecretText,
}

/// A secret's place in the environment: `{"env": "NAME"}`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentVariable {
    /// The variable's name, which begins with `AUTH_FILTER_`.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(extend("pattern" = "^AUTH_FILTER_[A-Za-z0-9_]+$"))
    )]
    env: String,
}

/// What a secret text must look like, so that a valid substitute can replace it.
#[derive(Clone, Copy)]
enum Shape {
    Digest,
    Hash,
    Text,
}

impl SecretText {
    /// The secret text.
    ///
    /// # Errors
    /// Where it is in the environment, and that has not been read; `at` is its place in the configuration.
    pub fn reveal(&self, at: &str) -> Result<&Secret, ConfigError> {
        match self {
            Self::Written(secret) | Self::Read(secret) => Ok(secret),
            Self::Environment(name) => Err(ConfigError::new(
                at,
                format!("the environment has not been read, where {name} is"),
            )),
        }
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self::Written(text.into())
    }
}

impl Config {
    /// Replaces each secret that is in the environment by the value that `read` has for its variable. One line end
    /// behind a value is dropped: files have one.
    ///
    /// # Errors
    /// With the place, for a variable that is not there or empty; `missing` says where it should be.
    pub fn read_environment(
        &mut self,
        read: impl Fn(&str) -> Option<String>,
        missing: &str,
    ) -> Result<(), ConfigError> {
        for (at, _, secret) in self.secrets() {
            let SecretText::Environment(name) = secret else {
                continue;
            };
            let value = read(name).unwrap_or_default();
            let value = value.strip_suffix('\n').unwrap_or(&value);
            let value = value.strip_suffix('\r').unwrap_or(value);
            if value.is_empty() {
                return Err(ConfigError::new(
                    at,
                    format!("there is no variable {name}: {missing}"),
                ));
            }
            *secret = SecretText::Read(value.into());
        }
        Ok(())
    }

    /// Replaces each secret that is in the environment by a valid substitute, so that all else can be checked where the
    /// environment is unknown. No decision may rest on the outcome.
    pub fn stand_in_for_environment(&mut self) {
        for (number, (_, shape, secret)) in self.secrets().into_iter().enumerate() {
            if matches!(secret, SecretText::Environment(_)) {
                let digest = format!("{number:064x}");
                *secret = SecretText::Read(match shape {
                    Shape::Digest => format!("sha256:{digest}").as_str().into(),
                    Shape::Hash => digest.as_str().into(),
                    Shape::Text => format!("unread {number:032}").as_str().into(),
                });
            }
        }
    }

    /// All secrets of the configuration, each with its place and its shape.
    fn secrets(&mut self) -> Vec<(String, Shape, &mut SecretText)> {
        let mut all = Vec::new();
        if let Some(shared) = &mut self.shared_data {
            let at = "shared_data.key".to_owned();
            all.push((at, Shape::Text, &mut shared.key));
        }
        for (name, provider) in self.providers.iter_mut() {
            all.extend(of_provider(&format!("providers.{name}"), provider));
        }
        for (name, directory) in self.directories.iter_mut() {
            all.extend(headers(
                &format!("directories.{name}"),
                &mut directory.headers,
            ));
        }
        for (name, decision) in self.decisions.iter_mut() {
            all.extend(headers(&format!("decisions.{name}"), &mut decision.headers));
        }
        all
    }
}

/// The secrets of one provider, each with its place and its shape.
fn of_provider<'c>(
    at: &str,
    provider: &'c mut Provider,
) -> Vec<(String, Shape, &'c mut SecretText)> {
    let mut all = Vec::new();
    let verifier = match provider {
        Provider::ApiKey(own) => {
            for (owner, key) in own.keys.iter_mut().flat_map(|keys| keys.iter_mut()) {
                let at = format!("{at}.keys.{owner}.digest");
                all.push((at, Shape::Digest, &mut key.digest));
            }
            own.verify.as_mut()
        }
        Provider::Basic(own) => {
            for (user, held) in own.users.iter_mut().flat_map(|users| users.iter_mut()) {
                let at = format!("{at}.users.{user}.password_hash");
                all.push((at, Shape::Hash, &mut held.password_hash));
            }
            own.verify.as_mut()
        }
        Provider::Introspection(own) => {
            let at = format!("{at}.introspection.client_secret");
            all.push((at, Shape::Text, &mut own.introspection.client_secret));
            None
        }
        Provider::Http(own) => Some(&mut own.verify),
        Provider::Cognito(_) | Provider::EntraId(_) | Provider::Jwt(_) => None,
    };
    if let Some(verify) = verifier {
        all.extend(headers(&format!("{at}.verify"), &mut verify.headers));
    }
    all
}

fn headers<'c>(
    at: &str,
    headers: &'c mut crate::json::UniqueMap<SecretText>,
) -> impl Iterator<Item = (String, Shape, &'c mut SecretText)> {
    let headers = headers.iter_mut();
    headers.map(move |(name, value)| (format!("{at}.headers.{name}"), Shape::Text, value))
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = SecretText;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or {\"env\": \"AUTH_FILTER_…\"}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretText, E> {
                Ok(text.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretText, A::Error> {
                let variable = EnvironmentVariable::deserialize(MapAccessDeserializer::new(map))?;
                let suffix = variable.env.strip_prefix(PREFIX).unwrap_or_default();
                let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                if suffix.is_empty() || !suffix.bytes().all(is_word) {
                    return Err(de::Error::custom(
                        "a variable's name begins with AUTH_FILTER_, with letters, digits and _ behind it",
                    ));
                }
                Ok(SecretText::Environment(variable.env))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use crate::capabilities::Capabilities;
    use serde_json::json;

    use super::*;
    use crate::policy::Policy;

    fn config() -> Config {
        let of = |name: &str| json!({ "env": format!("AUTH_FILTER_{name}") });
        let headers = |name: &str| json!({ "x-key": of(name) });
        let text = json!({
            "providers": {
                "people": { "kind": "basic", "users": { "ann": { "password_hash": of("ANN") } } },
                "keys": { "kind": "api_key", "keys": { "ci": { "digest": of("CI") } } },
                "opaque": { "kind": "introspection", "audiences": ["a"], "from_headers": [{ "name": "x-token" }],
                    "introspection": { "uri": "http://i/", "client_id": "c", "client_secret": of("CLIENT") } },
                "asked": { "kind": "http", "from_headers": [{ "name": "x-other" }],
                    "verify": { "uri": "http://v/", "headers": headers("VERIFY") } },
            },
            "directories": { "people": { "uri": "http://d/{subject}", "headers": headers("PEOPLE") } },
            "shared_data": { "key": of("SHARED_DATA") },
            "decisions": { "pdp": { "protocol": "authzen", "uri": "http://p/", "headers": headers("PDP") } },
            "rules": [{ "match": {}, "require": { "provider": ["people", "keys", "opaque", "asked"] } }],
        });
        Config::parse(text.to_string().as_bytes()).unwrap()
    }

    fn value(name: &str) -> Option<String> {
        Some(match name {
            "AUTH_FILTER_ANN" => format!("{}\n", "1".repeat(64)),
            "AUTH_FILTER_CI" => format!("sha256:{}", "2".repeat(64)),
            other => format!("of {other}{}\r\n", "x".repeat(32)),
        })
    }

    #[test]
    fn every_secret_may_be_in_the_environment() {
        let mut config = config();
        let places: Vec<String> = config.secrets().into_iter().map(|(at, ..)| at).collect();
        assert_eq!(
            places,
            [
                "shared_data.key",
                "providers.asked.verify.headers.x-key",
                "providers.keys.keys.ci.digest",
                "providers.opaque.introspection.client_secret",
                "providers.people.users.ann.password_hash",
                "directories.people.headers.x-key",
                "decisions.pdp.headers.x-key",
            ]
        );
        let unread = Policy::compile(&config, &Capabilities::envoy())
            .unwrap_err()
            .to_string();
        assert!(unread.contains("AUTH_FILTER_"), "{unread}");
        config.read_environment(value, "it is not there").unwrap();
        let texts = config.secrets().into_iter();
        let texts: Vec<String> = texts
            .map(|(at, _, secret)| secret.reveal(&at).unwrap().reveal().to_owned())
            .collect();
        assert_eq!(texts[1], format!("of AUTH_FILTER_VERIFY{}", "x".repeat(32)));
        assert_eq!(texts[4], "1".repeat(64));
        Policy::compile(&config, &Capabilities::envoy()).unwrap();
    }

    #[test]
    fn what_is_missing_or_empty_is_named_with_its_place_and_without_its_value() {
        for missing in ["AUTH_FILTER_CI", "AUTH_FILTER_PDP"] {
            for instead in [None, Some(String::new()), Some("\n".to_owned())] {
                let read = |name: &str| {
                    if name == missing {
                        instead.clone()
                    } else {
                        value(name)
                    }
                };
                let error = config().read_environment(read, "set it").unwrap_err();
                let error = error.to_string();
                assert!(
                    error.contains(&format!("no variable {missing}: set it")),
                    "{error}"
                );
                assert!(!error.contains("of AUTH_FILTER"), "{error}");
            }
        }
    }

    #[test]
    fn all_else_can_be_looked_at_without_the_environment() {
        let mut config = config();
        config.stand_in_for_environment();
        Policy::compile(&config, &Capabilities::envoy()).unwrap();
    }

    #[test]
    fn other_variables_are_out_of_reach() {
        for name in [
            "DB_PASSWORD",
            "AUTH_FILTER_",
            "auth_filter_x",
            "AUTH_FILTER_A B",
            "",
        ] {
            let text = json!({ "directories": { "d": { "uri": "http://d/", "headers": { "x": { "env": name } } } }, "rules": [] });
            let error = Config::parse(text.to_string().as_bytes()).unwrap_err();
            assert!(
                error.to_string().contains("directories.d.headers.x"),
                "{error}"
            );
        }
    }
}
