//! The configuration as operators write it: one type per JSON object, no behaviour.
//!
//! What a key means and which combinations hold together is decided by
//! [`Policy::compile`](crate::policy::Policy::compile), the only validator. Here a text becomes types, and
//! what is not a known key, a known word or the right JSON type is refused with its place.

mod claim_condition;
mod client_address;
mod csrf;
mod duration;
mod encoding;
mod error;
mod filter_state;
mod groups_overage;
mod host;
mod paths;
mod possession;
mod provider;
mod reader;
mod require;
mod resource_metadata;
#[cfg(not(target_arch = "wasm32"))]
mod schema;
mod secret;
mod self_test;
mod service;
mod share;

pub use self::claim_condition::{ClaimCondition, ClaimConditionObject, Literal};
pub use self::client_address::ClientAddress;
pub use self::csrf::Csrf;
pub use self::duration::DurationText;
pub use self::error::ConfigError;
pub use self::filter_state::FilterState;
pub use self::groups_overage::GroupsOverage;
pub use self::host::{HostName, HostWord, NginxHost};
pub use self::paths::{
    DecidedReadings, EncodedSlashes, Oddity, OverrideHeaders, Paths, Slashes, Spelling,
    TrailingSlash,
};
pub use self::possession::{Dpop, Mtls, ProofOfPossession};
pub use self::provider::*;
pub use self::require::{
    DecisionObject, OneOrMany, Require, RequireDecision, RequireObject, RequireWord, ResourceId,
    ResourceObject,
};
pub use self::resource_metadata::ResourceMetadata;
pub use self::secret::{SecretText, SharedDataKey};
pub use self::self_test::{Expectation, SelfTest, TestEntry, TestRequest};
pub use self::service::{
    Decision, DecisionBatch, DecisionPart, DecisionWord, Directory, DirectoryResponse, Extract,
    ExtractItems, Introspection, OnError, ProfileExtract, Service, Throttle,
};
pub use self::share::Share;

use serde::Deserialize;

use self::encoding::Encoding;
use crate::json::UniqueMap;

/// A provider's place among the providers of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(pub u16);

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the filter does with its decisions.
    #[serde(default)]
    pub mode: Mode,
    /// The `realm` of `Bearer` challenges (RFC 9110 §11.5); `"api"` where absent.
    pub realm: Option<String>,
    /// Who vouches for callers, by the name that rules use.
    #[serde(default)]
    pub providers: UniqueMap<Provider>,
    /// Services that know callers' groups, roles and permissions, by the name that providers use.
    #[serde(default)]
    pub directories: UniqueMap<Directory>,
    /// Policy decision points, by the name that rules use.
    #[serde(default)]
    pub decisions: UniqueMap<Decision>,
    /// Whom the upstream is told of while `mode` is `disabled`; nobody where absent.
    pub disabled_identity: Option<DisabledIdentity>,
    /// What callers may do: the first rule that matches decides.
    pub rules: Vec<Rule>,
    /// What the rules must come to: a configuration that fails one of its tests is refused.
    #[serde(default)]
    pub tests: Vec<SelfTest>,
    /// Whether CORS preflight requests, which carry no credentials, go through without any.
    #[serde(default)]
    pub bypass_cors_preflight: bool,
    /// What clients may know of the protected resource (RFC 9728); nothing where absent.
    pub resource_metadata: Option<ResourceMetadata>,
    /// What the upstream is told about the caller.
    #[serde(default)]
    pub upstream_headers: UpstreamHeaders,
    /// Bounds on what a request may cost.
    #[serde(default)]
    pub limits: Limits,
    /// Who says where a request comes from; without it clients are not told apart by their addresses.
    pub client_address: Option<ClientAddress>,
    /// What the VMs of a process share; readable and writable by other plugins of the same `vm_id` where absent.
    pub shared_data: Option<SharedDataKey>,
    /// In which ways the upstream may read a path.
    #[serde(default)]
    pub paths: Paths,
    /// The proxy that runs the filter.
    #[serde(default)]
    pub host: HostWord,
    /// What an nginx host does on its side.
    #[serde(default)]
    pub nginx: NginxHost,
    /// Where editors find the schema of this text; it says nothing to the filter.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,
}

/// `mode`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Pass everything through; only the headers that the filter owns are removed.
    Disabled,
    /// Decide and refuse.
    #[default]
    Enforce,
    /// Decide, count and log, never refuse.
    Shadow,
}

/// `disabled_identity`: a caller who is nobody.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DisabledIdentity {
    /// The identifier.
    pub user_id: String,
    /// The name.
    pub user_name: Option<String>,
    /// The e-mail address.
    pub user_email: Option<String>,
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

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule's name in logs and metrics; `rules[N]` where absent.
    pub name: Option<String>,
    /// Which requests it is for.
    #[serde(rename = "match")]
    pub matches: Match,
    /// What they need.
    pub require: Require,
    /// What the upstream is told of the caller even where the requirement does not depend on it.
    #[serde(default)]
    pub resolve: Vec<Resolve>,
    /// Whether the upstream gets the caller's temporary AWS credentials as headers.
    #[serde(default)]
    pub aws_credentials: bool,
    /// For which AWS service the request is signed with the caller's temporary credentials.
    pub aws_sigv4: Option<AwsSigV4>,
}

/// An item of `resolve`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resolve {
    /// Groups.
    Groups,
    /// Permissions.
    Permissions,
    /// The profile.
    Profile,
    /// Roles.
    Roles,
}

/// `aws_sigv4`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AwsSigV4 {
    /// The service's name in credential scopes, such as `execute-api` or `s3`.
    pub service: String,
    /// Its region.
    pub region: String,
    /// The host that is signed and set as the request's authority; the request's own where absent.
    pub host: Option<String>,
}

/// `match`: keys are ANDed, lists mean any-of.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The whole path.
    pub path: Option<String>,
    /// The path's first segments.
    pub path_prefix: Option<String>,
    /// The path with variables: `{name}` is one segment, `**` the rest.
    pub path_template: Option<String>,
    /// An expression for the whole path.
    pub path_regex: Option<String>,
    /// Methods (RFC 9110 §9.1).
    pub methods: Option<Vec<String>>,
    /// Hosts, exact or `*.example.com`.
    pub hosts: Option<Vec<String>>,
    /// Headers with the tests of their values.
    #[serde(default)]
    pub headers: UniqueMap<ClaimCondition>,
}

/// `upstream_headers`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpstreamHeaders {
    /// What the identity headers' names begin with; `x-auth-` where absent.
    pub prefix: Option<String>,
    /// Further headers, each with the claim that fills it.
    #[serde(default)]
    pub claims: UniqueMap<String>,
    /// Further headers, each with the member of the caller's profile that fills it.
    #[serde(default)]
    pub profile: UniqueMap<String>,
    /// The header that carries the token's payload as it was received: base64url JSON.
    pub payload: Option<String>,
    /// Which of the same facts become filter state of the host, for access logs and later filters; all by default.
    #[serde(default)]
    pub filter_state: FilterState,
}

/// `limits`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The longest token that is looked at; 16384 where absent.
    pub token_bytes: Option<u32>,
    /// Callouts in flight per VM; 64 where absent.
    pub callouts: Option<u32>,
    /// How long a request may wait for keys; 10 seconds where absent.
    pub hold: Option<DurationText>,
    /// Requests that may wait at one time per VM; 1024 where absent.
    pub held_requests: Option<u32>,
    /// Bytes that requests which wait may take per VM, with the questions that they wait for; 32 MiB where absent.
    pub held_bytes: Option<u32>,
    /// Answers of services that are kept per VM; 10000 where absent.
    pub service_cache_entries: Option<u32>,
    /// Bytes that answers of services may take per VM, with the questions that wait for one and what is made of them; 32 MiB where absent.
    pub service_cache_bytes: Option<u32>,
    /// Entries of directories that the VMs of a process share; 1024 where absent.
    pub shared_entries: Option<u32>,
    /// Verified tokens that are kept per VM, 0 for none; 1000 where absent.
    pub token_cache_entries: Option<u32>,
    /// Bytes that they may take; 4 MiB where absent.
    pub token_cache_bytes: Option<u32>,
    /// Time for hashing passwords per second and VM; 250 milliseconds where absent.
    pub hash_time: Option<DurationText>,
    /// How much time of a second, in each VM, signatures of new tokens may take that turn out to be bad; 500ms where absent.
    pub signature_time: Option<DurationText>,
    /// The same for proofs of possession of tokens that were seen before; 250ms where absent.
    pub proof_time: Option<DurationText>,
}

impl Config {
    /// Reads a configuration as the host hands it over: JSON text, a JSON string that holds such text, or the
    /// bytes of a `google.protobuf.Struct`.
    ///
    /// # Errors
    /// The first thing that is not a configuration, with its JSON path; in text also its line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        match Encoding::of(bytes) {
            Some(Encoding::Text(text)) => Self::parse_text(text.trim_ascii()),
            // By way of text, so that there is one reader; its lines and columns are nobody's.
            Some(Encoding::Object(object)) => Self::parse_object(object.to_string().as_bytes())
                .map_err(ConfigError::without_position),
            None => Err(ConfigError::new(
                "",
                "the configuration is neither JSON nor a google.protobuf.Struct",
            )),
        }
    }

    fn parse_text(text: &[u8]) -> Result<Self, ConfigError> {
        match text.first() {
            None => Err(ConfigError::new(
                "",
                "the configuration is empty; it is one JSON object with \"rules\"",
            )),
            Some(b'"') => {
                let inner: String =
                    serde_json::from_slice(text).map_err(|error| ConfigError::from_json(&error))?;
                Self::parse_object(inner.as_bytes())
            }
            Some(_) => Self::parse_object(text),
        }
    }

    fn parse_object(text: &[u8]) -> Result<Self, ConfigError> {
        reader::read(text)
    }
}

#[cfg(test)]
mod tests;
