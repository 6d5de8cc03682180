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

/// The index of a provider in the compiled list of providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(pub u16);

/// The whole configuration: one JSON object.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the filter does with its decisions.
    #[serde(default)]
    pub mode: Mode,
    /// The `realm` of `Bearer` challenges (RFC 9110 §11.5); `"api"` where absent.
    pub realm: Option<String>,
    /// Providers, by the names that rules use. A provider verifies credentials and identifies callers.
    #[serde(default)]
    pub providers: UniqueMap<Provider>,
    /// Services that know callers' groups, roles and permissions, by the name that providers use.
    #[serde(default)]
    pub directories: UniqueMap<Directory>,
    /// Policy decision points, by the name that rules use.
    #[serde(default)]
    pub decisions: UniqueMap<Decision>,
    /// The identity that the upstream receives while `mode` is `disabled`; none where absent.
    pub disabled_identity: Option<DisabledIdentity>,
    /// What callers may do. The first rule that matches a request decides it.
    pub rules: Vec<Rule>,
    /// Tests of the rules. The filter refuses a configuration that fails one of them.
    #[serde(default)]
    pub tests: Vec<SelfTest>,
    /// Whether CORS preflight requests, which carry no credentials, go through without any.
    #[serde(default)]
    pub bypass_cors_preflight: bool,
    /// The metadata that clients may read about the protected resource (RFC 9728); none where absent.
    pub resource_metadata: Option<ResourceMetadata>,
    /// The headers that tell the upstream who the caller is.
    #[serde(default)]
    pub upstream_headers: UpstreamHeaders,
    /// Bounds on what a request may cost.
    #[serde(default)]
    pub limits: Limits,
    /// The source of the client's address; without it the filter does not tell clients apart by their addresses.
    pub client_address: Option<ClientAddress>,
    /// The key that protects the data that the VMs of a process share; without it other plugins of the same `vm_id` can
    /// read and write them.
    pub shared_data: Option<SharedDataKey>,
    /// In which ways the upstream may read a path.
    #[serde(default)]
    pub paths: Paths,
    /// The proxy that runs the filter; the filter recognises it where absent.
    #[serde(default)]
    pub host: HostWord,
    /// The parts of the set-up that an nginx host does itself.
    #[serde(default)]
    pub nginx: NginxHost,
    /// The address of this schema, for editors; the filter ignores it.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,
}

/// `mode`: what the filter does with its decisions; `enforce` where absent.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Pass everything through; only the headers that the filter owns are removed.
    Disabled,
    /// Decide each request, and refuse those that no rule lets pass.
    #[default]
    Enforce,
    /// Decide, count and log each request, but refuse none.
    Shadow,
}

/// `disabled_identity`: the identity that every request has while `mode` is `disabled`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DisabledIdentity {
    /// The caller's identifier, as the upstream receives it.
    pub user_id: String,
    /// The caller's name, for people; none where absent.
    pub user_name: Option<String>,
    /// The caller's e-mail address; none where absent.
    pub user_email: Option<String>,
    /// The caller's groups; none where absent.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The caller's roles; none where absent.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The caller's permissions; none where absent.
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// One rule: the requests that it is for, and what their callers need.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule's name in logs and metrics; `rules[N]` where absent.
    pub name: Option<String>,
    /// The requests that the rule decides.
    #[serde(rename = "match")]
    pub matches: Match,
    /// The requirement that a caller must meet for the request to pass.
    pub require: Require,
    /// Facts about the caller that the upstream receives even where the requirement does not depend on them.
    #[serde(default)]
    pub resolve: Vec<Resolve>,
    /// Whether the upstream gets the caller's temporary AWS credentials as headers.
    #[serde(default)]
    pub aws_credentials: bool,
    /// For which AWS service the request is signed with the caller's temporary credentials.
    pub aws_sigv4: Option<AwsSigV4>,
}

/// An item of `resolve`: a fact about the caller to find out for the upstream.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resolve {
    /// The groups of the caller.
    Groups,
    /// The permissions of the caller.
    Permissions,
    /// The profile of the caller, from the directories.
    Profile,
    /// The roles of the caller.
    Roles,
}

/// `aws_sigv4`: the scope in which the filter signs requests to AWS (Signature Version 4).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AwsSigV4 {
    /// The service's name in credential scopes, such as `execute-api` or `s3`.
    pub service: String,
    /// The service's AWS region, such as `eu-central-1`.
    pub region: String,
    /// The host that is signed and set as the request's authority; the request's own where absent.
    pub host: Option<String>,
}

/// `match`: keys are ANDed, lists mean any-of.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The whole path, compared for equality.
    pub path: Option<String>,
    /// The path's first segments, compared whole: `/a` matches `/a/b` and not `/ab`.
    pub path_prefix: Option<String>,
    /// The path with variables: `{name}` is one segment, `**` the rest.
    pub path_template: Option<String>,
    /// A regular expression that must match the whole path.
    pub path_regex: Option<String>,
    /// Request methods, any of which matches (RFC 9110 §9.1); all where absent.
    pub methods: Option<Vec<String>>,
    /// Hosts, exact or `*.example.com`, any of which matches; all where absent.
    pub hosts: Option<Vec<String>>,
    /// Headers with the tests that their values must pass, all of them.
    #[serde(default)]
    pub headers: UniqueMap<ClaimCondition>,
}

/// `upstream_headers`: the headers and the filter state that carry the caller's identity.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpstreamHeaders {
    /// The prefix of the identity headers' names; `x-auth-` where absent.
    pub prefix: Option<String>,
    /// Further headers, each with the claim that fills it.
    #[serde(default)]
    pub claims: UniqueMap<String>,
    /// Further headers, each with the member of the caller's profile that fills it.
    #[serde(default)]
    pub profile: UniqueMap<String>,
    /// The header that carries the token's payload as it was received: base64url JSON.
    pub payload: Option<String>,
    /// Which of the same facts the filter also writes into the host's filter state, for access logs and later filters;
    /// all where absent.
    #[serde(default)]
    pub filter_state: FilterState,
}

/// `limits`: bounds on the memory, the time and the callouts that requests may cost.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The longest token that the filter reads, in bytes; 16384 where absent.
    pub token_bytes: Option<u32>,
    /// Callouts in flight per VM; 64 where absent.
    pub callouts: Option<u32>,
    /// How long a request may wait for keys; 10 seconds where absent.
    pub hold: Option<DurationText>,
    /// Requests that may wait at one time per VM; 1024 where absent.
    pub held_requests: Option<u32>,
    /// Bytes per VM that waiting requests may take, together with the questions that they wait for; 32 MiB where
    /// absent.
    pub held_bytes: Option<u32>,
    /// Answers of services that one VM keeps; 10000 where absent.
    pub service_cache_entries: Option<u32>,
    /// Bytes per VM that answers of services may take, together with the questions in flight and what is made of the
    /// answers; 32 MiB where absent.
    pub service_cache_bytes: Option<u32>,
    /// Entries of directories that the VMs of a process share; 1024 where absent.
    pub shared_entries: Option<u32>,
    /// Verified tokens that one VM keeps, 0 for none; 1000 where absent.
    pub token_cache_entries: Option<u32>,
    /// Bytes per VM that verified tokens may take; 4 MiB where absent.
    pub token_cache_bytes: Option<u32>,
    /// Time for hashing passwords per second and VM; 250 milliseconds where absent.
    pub hash_time: Option<DurationText>,
    /// Time per second and VM that the filter may spend on signatures of new tokens that turn out to be bad; 500ms
    /// where absent.
    pub signature_time: Option<DurationText>,
    /// Time per second and VM that the filter may spend on bad proofs of possession of tokens that it has seen before;
    /// 250ms where absent.
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
