//! The hosts that can be played, and how they differ before any function of theirs is called.

/// A host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Personality {
    /// APISIX: wasm-nginx-module.
    Apisix,
    /// Envoy, and what is built on it.
    Envoy,
    /// Kong's `ngx_wasm_module`.
    Nginx {
        /// Whether `shm_kv` is configured. Without it the first use of shared data ends the instance.
        shared_data: bool,
        /// Whether nginx sets the identity headers from variables and takes the credential's header out.
        strips_headers: bool,
    },
}

impl Personality {
    /// Every host, nginx as it comes and as it is recommended.
    pub(crate) const ALL: [Self; 4] = [Self::Envoy, Self::NGINX, Self::NGINX_BARE, Self::Apisix];
    /// nginx with all that the filter can make use of.
    pub(crate) const NGINX: Self = Self::Nginx {
        shared_data: true,
        strips_headers: true,
    };
    /// nginx with nothing but the filter.
    pub(crate) const NGINX_BARE: Self = Self::Nginx {
        shared_data: false,
        strips_headers: false,
    };

    pub(crate) fn is_nginx(self) -> bool {
        matches!(self, Self::Nginx { .. })
    }

    /// Whether nginx applies `proxy_set_header` lines to what the filter lets through.
    pub(crate) fn strips_headers(self) -> bool {
        matches!(
            self,
            Self::Nginx {
                strips_headers: true,
                ..
            }
        )
    }

    /// Whether VMs have a store in common.
    pub(crate) fn shares_data(self) -> bool {
        matches!(
            self,
            Self::Envoy
                | Self::Nginx {
                    shared_data: true,
                    ..
                }
        )
    }

    /// Whether the credential can be kept from the upstream.
    pub(crate) fn removes_credentials(self) -> bool {
        self != Self::NGINX_BARE
    }

    /// The root context's id: `ngx_wasm_module` takes a checksum, the others count.
    pub(crate) fn root(self) -> u32 {
        if self.is_nginx() { 0x9e37_79b9 } else { 1 }
    }
}
