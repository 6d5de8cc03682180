//! Tests that a configuration carries and must pass.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

use crate::json::{StrictObject, UniqueMap};

/// A test: a request, who makes it, and what must become of it.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// What it shows.
    pub name: String,
    /// The request.
    pub request: TestRequest,
    /// Who vouches for the caller; may be left out where there is one provider.
    pub provider: Option<String>,
    /// The caller's claims, verified already.
    pub claims: Option<StrictObject>,
    /// Whether the request comes without a credential.
    #[serde(default)]
    pub anonymous: bool,
    /// What every directory says of the caller.
    #[serde(default)]
    pub directory: TestEntry,
    /// What every decision point says.
    pub decision: Option<bool>,
    /// What must become of it.
    pub expect: Expectation,
}

/// The request of a test.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// The method; `GET` where absent.
    pub method: Option<String>,
    /// Path and query.
    pub path: String,
    /// The host.
    #[serde(default)]
    pub host: String,
    /// Further headers.
    #[serde(default)]
    pub headers: UniqueMap<String>,
}

/// What directories say of a test's caller.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TestEntry {
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// What must become of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The status of the refusal; none where the request goes upstream.
    pub status: Option<u16>,
    /// The rule that decides, where the test cares.
    pub rule: Option<String>,
}

/// The object form of an expectation.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectationObject {
    /// The status.
    status: Option<u16>,
    /// The rule's name.
    rule: Option<String>,
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExpectationVisitor;

        impl<'de> Visitor<'de> for ExpectationVisitor {
            type Value = Expectation;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("\"allow\", or an object with status and rule")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Expectation, E> {
                if word == "allow" {
                    Ok(Expectation::default())
                } else {
                    Err(E::custom(format!(
                        "\"{word}\" is not known; known: allow, or an object such as {{\"status\": 403}}"
                    )))
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expectation, A::Error> {
                let ExpectationObject { status, rule } =
                    ExpectationObject::deserialize(MapAccessDeserializer::new(map))?;
                // 200 is how some would write that it goes upstream.
                let status = status.filter(|status| *status != 200);
                Ok(Expectation { status, rule })
            }
        }

        deserializer.deserialize_any(ExpectationVisitor)
    }
}
