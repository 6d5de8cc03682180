//! The parts of a bootstrap, as Envoy's own JSON.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

/// An address of a socket.
pub fn address(addr: SocketAddr) -> Value {
    json!({ "socket_address": { "address": addr.ip().to_string(), "port_value": addr.port() } })
}

/// A cluster of one endpoint that speaks HTTP/1.1.
pub fn cluster(name: &str, addr: SocketAddr) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(addr) } }] }],
        },
    })
}

/// The cluster behind the filter.
pub fn upstream(addr: SocketAddr, trailers: bool) -> Value {
    let mut cluster = cluster("upstream", addr);
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {
                "http_protocol_options": { "enable_trailers": trailers },
            },
        },
    });
    cluster
}

/// The Wasm filter with its configuration, a typed message.
pub fn wasm(module: &Path, vm_id: &str, configuration: &Value) -> Value {
    json!({
        "name": "auth_filter",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "auth_filter",
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "vm_id": vm_id,
                    "code": { "local": { "filename": module } },
                },
                "configuration": configuration,
            },
        },
    })
}
