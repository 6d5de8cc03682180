//! Services that are asked about callers.

use serde::Deserialize;

use super::DurationText;
use crate::json::UniqueMap;
use crate::services::Secret;

/// `verify`: a service that verifies a credential.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Where the credential is posted.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// Headers of every question, such as the filter's own credential there.
    #[serde(default = "UniqueMap::default")]
    pub headers: UniqueMap<Secret>,
    /// How long one callout may take; 5 seconds where absent.
    pub timeout: Option<DurationText>,
    /// The longest time that a caller is believed without asking again; a minute where absent.
    pub cache_duration: Option<DurationText>,
    /// The longest time that a refusal serves; 10 seconds where absent.
    pub negative_cache_duration: Option<DurationText>,
}

/// `introspection`: an authorization server's endpoint (RFC 7662 §2).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// Where it is.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// The filter's own client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// How long one callout may take; 5 seconds where absent.
    pub timeout: Option<DurationText>,
    /// The longest time that a token is believed without asking again; a minute where absent.
    pub cache_duration: Option<DurationText>,
    /// The longest time that a refusal serves; 10 seconds where absent.
    pub negative_cache_duration: Option<DurationText>,
}

/// A directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Where a caller's entry is: `{subject}`, `{name}` and `{provider}` are filled in.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// Headers of every question, such as the filter's own credential there.
    #[serde(default = "UniqueMap::default")]
    pub headers: UniqueMap<Secret>,
    /// How long one callout may take; half a second where absent.
    pub timeout: Option<DurationText>,
    /// How long an entry serves; a minute where absent.
    pub cache_duration: Option<DurationText>,
    /// What holds while the directory cannot be asked.
    #[serde(default)]
    pub on_error: OnError,
}

/// A policy decision point.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What it speaks.
    pub protocol: DecisionWord,
    /// Where it is.
    pub uri: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// Headers of every question, such as the filter's own credential there.
    #[serde(default = "UniqueMap::default")]
    pub headers: UniqueMap<Secret>,
    /// How long one callout may take; half a second where absent.
    pub timeout: Option<DurationText>,
    /// How long a decision serves for a question that is alike; a second where absent.
    pub cache_duration: Option<DurationText>,
    /// What of a question a decision depends on; all of it where absent.
    pub cache_by: Option<Vec<DecisionPart>>,
}

/// `protocol` of a decision point.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum DecisionWord {
    /// OpenID AuthZEN 1.0.
    Authzen,
    /// Open Policy Agent.
    Opa,
}

/// A part of a question.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
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
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// How many; 10 where absent.
    pub attempts: Option<u32>,
    /// Within this time; a minute where absent.
    pub per: Option<DurationText>,
}
