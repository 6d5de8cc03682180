//! The proxy that runs the filter, and the parts of its set-up that the operator must declare.

use serde::Deserialize;

/// `host`: the proxy that runs the filter.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HostWord {
    /// APISIX, by its `wasm-nginx-module`.
    Apisix,
    /// The proxy that the filter recognises when it starts.
    #[default]
    Auto,
    /// Envoy, Istio and others that are built on it.
    Envoy,
    /// nginx with `ngx_wasm_module`, such as Kong.
    Nginx,
}

impl HostWord {
    /// The named host; `None` for [`Self::Auto`].
    #[must_use]
    pub const fn named(self) -> Option<HostName> {
        match self {
            Self::Apisix => Some(HostName::Apisix),
            Self::Auto => None,
            Self::Envoy => Some(HostName::Envoy),
            Self::Nginx => Some(HostName::Nginx),
        }
    }
}

/// A proxy that runs the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostName {
    /// APISIX, by its `wasm-nginx-module`.
    Apisix,
    /// Envoy, Istio and others that are built on it.
    Envoy,
    /// nginx with `ngx_wasm_module`, such as Kong.
    Nginx,
}

impl HostName {
    /// The word for this host in configurations.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Apisix => "apisix",
            Self::Envoy => "envoy",
            Self::Nginx => "nginx",
        }
    }
}

/// `nginx`: what the configuration of an nginx host does for the filter. Other hosts ignore it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NginxHost {
    /// Whether `proxy_set_header` sets every header that the filter owns from its variable, and empties the one with
    /// the credential. Without it, requests that bring such headers are refused.
    #[serde(default)]
    pub strips_headers: bool,
    /// Whether nginx declares an `shm_kv` for the filter's keys.
    #[serde(default)]
    pub shared_data: bool,
    /// The prefix of the variables' names; `auth_filter_` where absent.
    pub variables: Option<String>,
}

impl NginxHost {
    /// The prefix of the variables' names, with its default.
    #[must_use]
    pub fn variables(&self) -> &str {
        self.variables.as_deref().unwrap_or("auth_filter_")
    }
}
