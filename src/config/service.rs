//! Services that are asked about callers.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

use super::{DurationText, SecretText};
use crate::json::UniqueMap;

/// `verify`: a service that verifies a credential.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Where the credential is posted.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// Headers of every question, such as the filter's own credential there.
    #[serde(default)]
    pub headers: UniqueMap<SecretText>,
    /// How long one callout may take; 5 seconds where absent.
    pub timeout: Option<DurationText>,
    /// The longest time that a caller is believed without asking again; a minute where absent.
    pub cache_duration: Option<DurationText>,
    /// The longest time that a refusal serves; 10 seconds where absent.
    pub negative_cache_duration: Option<DurationText>,
}

/// `introspection`: an authorization server's endpoint (RFC 7662 §2).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// Where it is.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// The filter's own client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretText,
    /// How long one callout may take; 5 seconds where absent.
    pub timeout: Option<DurationText>,
    /// The longest time that a token is believed without asking again; a minute where absent.
    pub cache_duration: Option<DurationText>,
    /// The longest time that a refusal serves; 10 seconds where absent.
    pub negative_cache_duration: Option<DurationText>,
}

/// A directory.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Where a caller's entry is: `{subject}`, `{name}` and `{provider}` are filled in.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// Headers of every question, such as the filter's own credential there.
    #[serde(default)]
    pub headers: UniqueMap<SecretText>,
    /// How long one callout may take; half a second where absent.
    pub timeout: Option<DurationText>,
    /// How long an entry serves; a minute where absent.
    pub cache_duration: Option<DurationText>,
    /// How long it serves that the directory knows nothing of somebody; as long as an entry where absent.
    pub negative_cache_duration: Option<DurationText>,
    /// What holds while the directory cannot be asked.
    #[serde(default)]
    pub on_error: OnError,
    /// Where in the answer the parts of an entry stand, for an API that answers in a form of its own.
    pub response: Option<DirectoryResponse>,
    /// Whether the VMs of a process share its answers through the host's shared data; true by default.
    pub share: Option<bool>,
}

/// `response` of a directory: JSON Pointers (RFC 6901) into its answers. Nothing else is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DirectoryResponse {
    /// Where the groups are.
    pub groups: Option<Extract>,
    /// Where the roles are.
    pub roles: Option<Extract>,
    /// Where the permissions are.
    pub permissions: Option<Extract>,
    /// Where the profile is: an object, or each of its members.
    pub profile: Option<ProfileExtract>,
}

/// Where a list stands in an answer.
#[derive(Clone, Debug)]
pub enum Extract {
    /// At this pointer, each item being a value.
    Values(String),
    /// At a pointer, with the values within its items.
    Items(ExtractItems),
}

/// A list of objects, each with a value.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExtractItems {
    /// Where the list is.
    pub list: String,
    /// Where in each item the value is.
    pub item: String,
}

/// Where a profile stands in an answer.
#[derive(Clone, Debug)]
pub enum ProfileExtract {
    /// At this pointer, an object.
    Whole(String),
    /// Each member at a pointer of its own, by its name.
    Members(UniqueMap<String>),
}

impl<'de> Deserialize<'de> for Extract {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExtractVisitor;

        impl<'de> Visitor<'de> for ExtractVisitor {
            type Value = Extract;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON Pointer, or an object with list and item")
            }

            fn visit_str<E: de::Error>(self, pointer: &str) -> Result<Extract, E> {
                Ok(Extract::Values(pointer.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Extract, A::Error> {
                ExtractItems::deserialize(MapAccessDeserializer::new(map)).map(Extract::Items)
            }
        }

        deserializer.deserialize_any(ExtractVisitor)
    }
}

impl<'de> Deserialize<'de> for ProfileExtract {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ProfileVisitor;

        impl<'de> Visitor<'de> for ProfileVisitor {
            type Value = ProfileExtract;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON Pointer, or an object of names with pointers")
            }

            fn visit_str<E: de::Error>(self, pointer: &str) -> Result<ProfileExtract, E> {
                Ok(ProfileExtract::Whole(pointer.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ProfileExtract, A::Error> {
                UniqueMap::deserialize(MapAccessDeserializer::new(map)).map(ProfileExtract::Members)
            }
        }

        deserializer.deserialize_any(ProfileVisitor)
    }
}

/// A policy decision point.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What it speaks.
    pub protocol: DecisionWord,
    /// Where it is.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// Headers of every question, such as the filter's own credential there.
    #[serde(default)]
    pub headers: UniqueMap<SecretText>,
    /// How long one callout may take; half a second where absent.
    pub timeout: Option<DurationText>,
    /// How long a decision serves for a question that is alike; a second where absent.
    pub cache_duration: Option<DurationText>,
    /// What of a question a decision depends on; all of it where absent.
    pub cache_by: Option<Vec<DecisionPart>>,
    /// Where several questions go at once; each goes alone where absent.
    pub batch: Option<DecisionBatch>,
}

/// `batch`: AuthZEN's endpoint for access evaluations.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecisionBatch {
    /// Where it is; the callout goes where those for single questions go.
    pub uri: String,
    /// How many questions go at once; 16 where absent.
    pub most: Option<u32>,
}

/// `protocol` of a decision point.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecisionWord {
    /// OpenID AuthZEN 1.0.
    Authzen,
    /// Open Policy Agent.
    Opa,
}

/// A part of a question.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecisionPart {
    /// All claims.
    Claims,
    /// The host.
    Host,
    /// The method.
    Method,
    /// The path.
    Path,
    /// The rule's name.
    Rule,
    /// Who the caller is, and who vouches.
    Subject,
}

/// `on_error`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The request is refused.
    #[default]
    Deny,
    /// The directory knows nothing of the caller.
    Empty,
}

/// `throttle`: wrong passwords that are looked at, for one user name and for one client address.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// How many; 10 where absent.
    pub attempts: Option<u32>,
    /// Within this time; a minute where absent.
    pub per: Option<DurationText>,
}
