//! What hosts can do, as data: all in which they differ for this filter, each with its reason.
//!
//! A filter that does not know its host's peculiarities has holes there: a header that was removed reaches the upstream,
//! a path is matched that nobody sent. What follows from each of them for a configuration is said in
//! [`Policy::compile`](crate::policy::Policy::compile); the host adapter reads the rest.

use crate::config::{HostName, NginxHost};

/// What VMs of one process have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedStore {
    /// The VMs share nothing.
    None,
    /// A map; the number stands for "there is no such key yet" where a version is asked for.
    Map {
        /// The version that stands for "there is no such key yet".
        absent: u32,
    },
}

/// How a request that was held goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Any callback may answer or resume it.
    Woken,
    /// By itself, when its own last callout has its answer: so it needs one, and its callback must have answered it, or
    /// called out again, before it returns.
    OwnCallout,
}

/// Where the host tells others about the caller, besides the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityOutput {
    /// In its filter state.
    FilterState,
    /// The host tells no one but the upstream.
    None,
    /// In nginx variables whose names begin so.
    Variables(String),
}

/// What a host can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The word for it in configurations.
    pub host: HostName,
    /// Envoy: versions that it never gives out create a key and nothing else, and 0 overwrites. `ngx_wasm_module`: 0
    /// creates a key and nothing else; without `shm_kv` the first use ends the instance, so that the configuration must
    /// say that it is there. APISIX has none.
    pub shared: SharedStore,
    /// APISIX has no timer: nothing happens but in requests.
    pub tick: bool,
    /// nginx hosts resume the request whose callback runs and know no other.
    pub waiting: Waiting,
    /// How many callouts of a VM may be under way where the configuration does not say: where each request that waits makes
    /// its own, as many as may wait.
    pub callouts: u32,
    /// Whether a request may call out again after a callout without an answer: of two such nginx makes an empty reply.
    pub calls_again: bool,
    /// `ngx_wasm_module` marks a removed header for itself, and `proxy_pass` sends it all the same; of several copies
    /// only the first is replaced.
    pub removes_headers: bool,
    /// Whether headers that the filter sets are sent. Where nginx sets them itself, it does so from variables.
    pub sets_headers: bool,
    /// Whether a target or an authority that is set reaches the upstream. nginx hosts send what the client sent.
    pub sets_target: bool,
    /// The property with the target as the client sent it, where `:path` is not that: `ngx_wasm_module` gives it decoded
    /// and normalised.
    pub target: Option<&'static str>,
    /// Whether `:authority` is what the client asked for. `ngx_wasm_module` gives the server's own name, APISIX nothing;
    /// `host` is right on both.
    pub authority: bool,
    /// The property with the client's address, with or without a port. Envoy's is the address that its connection
    /// manager made of `X-Forwarded-For`, unless `use_remote_address` is true.
    pub address: &'static str,
    /// The property with the SHA-256 of the client's certificate, in hexadecimal. nginx has a SHA-1 only.
    pub certificate: Option<&'static str>,
    /// The property with the host that the server serves the request for, where that may be another than the header's:
    /// nginx takes that of a target in absolute form.
    pub named_host: Option<&'static str>,
    /// Whether clients are shown what an answer is marked with for logs: nginx makes a reason phrase of it.
    pub reason_phrase: bool,
    /// Whether an answer may have one header twice. nginx hosts keep the last.
    pub repeats_headers: bool,
    /// Where facts about the caller go.
    pub identity_output: IdentityOutput,
    /// Whether the filter has an environment that an operator can set: Envoy's `vm_config.environment_variables`.
    pub environment: bool,
}

impl Capabilities {
    /// What to do about a variable of the environment that is not there.
    #[must_use]
    pub const fn missing_variable(&self) -> &'static str {
        if self.environment {
            "set it, not empty, for the proxy and hand it on (Envoy: vm_config.environment_variables.host_env_keys; Istio: vmConfig.env, valueFrom HOST)"
        } else {
            "nginx hosts give the filter no environment; write the text itself"
        }
    }

    /// What this host can do, as far as its own configuration goes along.
    #[must_use]
    pub fn of(host: HostName, nginx: &NginxHost) -> Self {
        match host {
            HostName::Apisix => Self::apisix(),
            HostName::Envoy => Self::envoy(),
            HostName::Nginx => Self::nginx(nginx),
        }
    }

    /// Envoy, and what has it in itself.
    #[must_use]
    pub const fn envoy() -> Self {
        Self {
            host: HostName::Envoy,
            shared: SharedStore::Map { absent: u32::MAX },
            tick: true,
            waiting: Waiting::Woken,
            callouts: 64,
            calls_again: true,
            removes_headers: true,
            sets_headers: true,
            sets_target: true,
            target: None,
            authority: true,
            named_host: None,
            reason_phrase: false,
            address: "source\0address",
            certificate: Some("connection\0sha256_peer_certificate_digest"),
            repeats_headers: true,
            identity_output: IdentityOutput::FilterState,
            environment: true,
        }
    }

    fn nginx(own: &NginxHost) -> Self {
        Self {
            host: HostName::Nginx,
            shared: if own.shared_data {
                SharedStore::Map { absent: 0 }
            } else {
                SharedStore::None
            },
            tick: true,
            waiting: Waiting::OwnCallout,
            callouts: 256,
            calls_again: false,
            removes_headers: false,
            sets_headers: !own.strips_headers,
            sets_target: false,
            target: Some("request\0path"),
            authority: false,
            named_host: Some("ngx\0host"),
            reason_phrase: true,
            address: "source\0address",
            certificate: None,
            repeats_headers: false,
            identity_output: IdentityOutput::Variables(own.variables().to_owned()),
            environment: false,
        }
    }

    fn apisix() -> Self {
        Self {
            host: HostName::Apisix,
            shared: SharedStore::None,
            tick: false,
            waiting: Waiting::OwnCallout,
            callouts: 256,
            calls_again: true,
            removes_headers: true,
            sets_headers: true,
            sets_target: false,
            target: None,
            authority: false,
            named_host: Some("host"),
            reason_phrase: false,
            address: "remote_addr",
            certificate: None,
            repeats_headers: false,
            identity_output: IdentityOutput::None,
            environment: false,
        }
    }
}

/// The first root context of a VM has a small number in a host that counts, and a checksum of 32 bits in
/// `ngx_wasm_module`.
const COUNTED: u32 = 1024;

/// Tells hosts apart without a call, because what is harmless in one ends the worker in another: by the number of the
/// VM's first root context, and, of those with a small one, by whether `on_vm_start` came before the configuration: APISIX
/// leaves it out.
#[must_use]
pub const fn recognise(first_root: u32, started: bool) -> HostName {
    // nginx starts a VM once, and rebuilds its instances without saying so again.
    if first_root >= COUNTED {
        HostName::Nginx
    } else if started {
        HostName::Envoy
    } else {
        HostName::Apisix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_its_first_context_and_its_start() {
        for (root, started, want) in [
            (1, true, HostName::Envoy),
            (2, true, HostName::Envoy),
            (0x9e37_79b9, true, HostName::Nginx),
            (0x9e37_79b9, false, HostName::Nginx),
            (1, false, HostName::Apisix),
        ] {
            assert_eq!(recognise(root, started), want, "{root} {started}");
        }
    }

    #[test]
    fn nginx_shares_data_only_where_the_configuration_says_so() {
        let own = |shared_data| NginxHost {
            shared_data,
            ..NginxHost::default()
        };
        let shared = |shared_data| Capabilities::of(HostName::Nginx, &own(shared_data)).shared;
        assert_eq!(shared(false), SharedStore::None);
        assert_eq!(shared(true), SharedStore::Map { absent: 0 });
    }
}
