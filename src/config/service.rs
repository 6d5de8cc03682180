//! Services that the filter asks about callers.

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
    /// The `http` or `https` URI that the filter posts the credential to.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// Headers of every question, such as the filter's own credential there.
    #[serde(default)]
    pub headers: UniqueMap<SecretText>,
    /// How long one callout may take; 5 seconds where absent.
    pub timeout: Option<DurationText>,
    /// The longest time that the filter uses a good answer without asking again; a minute where absent. A revoked
    /// credential stays valid for as long.
    pub cache_duration: Option<DurationText>,
    /// The longest time that the filter uses a refusal without asking again; 10 seconds where absent.
    pub negative_cache_duration: Option<DurationText>,
}

/// `introspection`: an authorization server's endpoint (RFC 7662 §2).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// The `http` or `https` URI of the introspection endpoint.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// The identifier of the client as which the filter asks (RFC 6749 §2.2).
    pub client_id: String,
    /// The secret of the filter's client.
    pub client_secret: SecretText,
    /// How long one callout may take; 5 seconds where absent.
    pub timeout: Option<DurationText>,
    /// The longest time that the filter uses a good answer without asking again; a minute where absent. A revoked token
    /// stays valid for as long.
    pub cache_duration: Option<DurationText>,
    /// The longest time that the filter uses a refusal without asking again; 10 seconds where absent.
    pub negative_cache_duration: Option<DurationText>,
}

/// A directory: a service that knows callers' groups, roles, permissions and profiles.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The URI of a caller's entry; the filter fills in `{subject}`, `{name}` and `{provider}`.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// Headers of every question, such as the filter's own credential there.
    #[serde(default)]
    pub headers: UniqueMap<SecretText>,
    /// How long one callout may take; half a second where absent.
    pub timeout: Option<DurationText>,
    /// How long the filter uses an entry without asking again; a minute where absent.
    pub cache_duration: Option<DurationText>,
    /// How long the filter uses the answer that the directory does not know a caller; as long as an entry where absent.
    pub negative_cache_duration: Option<DurationText>,
    /// What the filter does while the directory cannot be reached.
    #[serde(default)]
    pub on_error: OnError,
    /// The places of an entry's parts in the answer, for an API with a format of its own.
    pub response: Option<DirectoryResponse>,
    /// Whether the VMs of a process share the directory's answers through the host's shared data; true where absent.
    pub share: Option<bool>,
}

/// `response` of a directory: JSON Pointers (RFC 6901) into its answers. The filter reads nothing else of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DirectoryResponse {
    /// The place of the groups in the answer; none are read where absent.
    pub groups: Option<Extract>,
    /// The place of the roles in the answer; none are read where absent.
    pub roles: Option<Extract>,
    /// The place of the permissions in the answer; none are read where absent.
    pub permissions: Option<Extract>,
    /// The place of the profile: of one object, or of each of its members.
    pub profile: Option<ProfileExtract>,
}

/// The place of a list in an answer.
#[derive(Clone, Debug)]
pub enum Extract {
    /// The list at this pointer; each item is a value.
    Values(String),
    /// The list at a pointer; each item contains a value.
    Items(ExtractItems),
}

/// A list whose items are objects that each contain a value.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExtractItems {
    /// The JSON Pointer to the list in the answer.
    pub list: String,
    /// The JSON Pointer to the value in each item.
    pub item: String,
}

/// The place of a profile in an answer.
#[derive(Clone, Debug)]
pub enum ProfileExtract {
    /// The object at this pointer is the profile.
    Whole(String),
    /// Each member of the profile, by its name, with a pointer of its own.
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

/// A policy decision point: a service that permits or denies requests.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The protocol of the decision point.
    pub protocol: DecisionWord,
    /// The `http` or `https` URI that the filter posts questions to.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// Headers of every question, such as the filter's own credential there.
    #[serde(default)]
    pub headers: UniqueMap<SecretText>,
    /// How long one callout may take; half a second where absent.
    pub timeout: Option<DurationText>,
    /// How long the filter uses a decision for equal questions; a second where absent.
    pub cache_duration: Option<DurationText>,
    /// The parts of a question that its decision depends on; all of them where absent.
    pub cache_by: Option<Vec<DecisionPart>>,
    /// The endpoint that takes several questions in one callout; each question is a callout of its own where absent.
    pub batch: Option<DecisionBatch>,
}

/// `batch`: AuthZEN's endpoint for access evaluations.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecisionBatch {
    /// The URI of the endpoint; its callouts go where those for single questions go.
    pub uri: String,
    /// The most questions in one callout; 16 where absent.
    pub most: Option<u32>,
}

/// `protocol` of a decision point.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecisionWord {
    /// OpenID AuthZEN 1.0, its access evaluation API.
    Authzen,
    /// Open Policy Agent, its REST API for data.
    Opa,
}

/// A part of a question to a decision point.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecisionPart {
    /// All claims of the caller.
    Claims,
    /// The host that the request names.
    Host,
    /// The method of the request.
    Method,
    /// The path of the request.
    Path,
    /// The name of the rule that asks.
    Rule,
    /// The caller's identifier, and the provider that authenticated the caller.
    Subject,
}

/// `on_error`: what the filter does while a directory cannot be reached.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The filter refuses requests that need the directory.
    #[default]
    Deny,
    /// The filter goes on as if the directory did not know the caller.
    Empty,
}

/// `throttle`: how many wrong passwords the filter verifies, for one user name and for one client address.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// The number of wrong passwords; 10 where absent.
    pub attempts: Option<u32>,
    /// The time in which that many may come; a minute where absent.
    pub per: Option<DurationText>,
}
