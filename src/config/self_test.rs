//! `tests`: requests with the decisions that a configuration must come to.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

use crate::json::{StrictObject, UniqueMap};

/// A test: a request, its caller, and the decision that the rules must come to.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// A sentence about what the test shows; messages about a failure name it.
    pub name: String,
    /// The request that the rules decide in this test.
    pub request: TestRequest,
    /// The provider that authenticates the caller; optional where there is only one provider.
    pub provider: Option<String>,
    /// The caller's claims; the test takes them as verified.
    pub claims: Option<StrictObject>,
    /// Whether the request comes without a credential.
    #[serde(default)]
    pub anonymous: bool,
    /// The entry that every directory has for the caller.
    #[serde(default)]
    pub directory: TestEntry,
    /// The answer of every decision point: `true` permits.
    pub decision: Option<bool>,
    /// The decision that the rules must come to.
    pub expect: Expectation,
}

/// The request of a test.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// The method; `GET` where absent.
    pub method: Option<String>,
    /// The path of the request, with its query where it has one.
    pub path: String,
    /// The host that the request names; empty where absent.
    #[serde(default)]
    pub host: String,
    /// Headers of the request besides the host, by name.
    #[serde(default)]
    pub headers: UniqueMap<String>,
}

/// The entry that directories have for a test's caller.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TestEntry {
    /// The groups that directories know of the caller.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The roles that directories know of the caller.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The permissions that directories know of the caller.
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// The decision that a test expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The status of the refusal; none where the request goes upstream.
    pub status: Option<u16>,
    /// The name of the rule that must decide; any rule where absent.
    pub rule: Option<String>,
}

/// The decision that a test expects, as an object.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectationObject {
    /// The HTTP status of the refusal; the request must pass where absent.
    status: Option<u16>,
    /// The name of the rule that must decide; any rule where absent.
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
