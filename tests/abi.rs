//! The module that ships: what it asks of a host, what it offers one, and its size.
#![allow(
    clippy::unwrap_used,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::BTreeSet;

use wasmparser::{Parser, Payload};

/// What the filter calls.
const IMPORTS: &[&str] = &[
    "env.proxy_continue_stream",
    "env.proxy_define_metric",
    "env.proxy_get_buffer_bytes",
    "env.proxy_get_current_time_nanoseconds",
    "env.proxy_get_header_map_pairs",
    "env.proxy_get_property",
    "env.proxy_get_shared_data",
    "env.proxy_http_call",
    "env.proxy_increment_metric",
    "env.proxy_log",
    "env.proxy_remove_header_map_value",
    "env.proxy_replace_header_map_value",
    "env.proxy_send_local_response",
    "env.proxy_set_effective_context",
    "env.proxy_set_property",
    "env.proxy_set_shared_data",
    "env.proxy_set_tick_period_milliseconds",
    "wasi_snapshot_preview1.clock_time_get",
    "wasi_snapshot_preview1.environ_get",
    "wasi_snapshot_preview1.environ_sizes_get",
    "wasi_snapshot_preview1.fd_write",
    "wasi_snapshot_preview1.proc_exit",
    "wasi_snapshot_preview1.random_get",
];

/// What is imported only because the SDK's traits mention it; the filter never calls these. Together with
/// the above they are what Envoy, ngx_wasm_module and wasm-nginx-module each have by name: a function outside
/// both lists (`proxy_get_log_level` is one) keeps the module from loading somewhere.
const IMPORTS_OF_THE_SDK: &[&str] = &[
    "env.proxy_add_header_map_value",
    "env.proxy_close_stream",
    "env.proxy_dequeue_shared_queue",
    "env.proxy_done",
    "env.proxy_get_header_map_value",
    "env.proxy_get_status",
    "env.proxy_grpc_cancel",
    "env.proxy_grpc_close",
    "env.proxy_grpc_send",
    "env.proxy_register_shared_queue",
    "env.proxy_set_buffer_bytes",
    "env.proxy_set_header_map_pairs",
];

/// The callbacks that a host looks for.
const EXPORTS: &[&str] = &[
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_done",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

/// 1,920 KiB: what a control plane can hand to many proxies.
const SIZE: usize = 1920 * 1024;

fn module() -> Vec<u8> {
    std::fs::read(lab::tools::wasm().unwrap()).unwrap()
}

fn names() -> (BTreeSet<String>, BTreeSet<String>) {
    let module = module();
    let (mut imports, mut exports) = (BTreeSet::new(), BTreeSet::new());
    for payload in Parser::new(0).parse_all(&module) {
        match payload.unwrap() {
            Payload::ImportSection(section) => {
                imports.extend(section.into_imports().map(|import| {
                    let import = import.unwrap();
                    format!("{}.{}", import.module, import.name)
                }))
            }
            Payload::ExportSection(section) => {
                exports.extend(
                    section
                        .into_iter()
                        .map(|export| export.unwrap().name.to_owned()),
                );
            }
            _ => {}
        }
    }
    (imports, exports)
}

#[test]
fn the_module_asks_for_nothing_that_a_host_lacks() {
    let (imports, _) = names();
    let known: BTreeSet<String> = [IMPORTS, IMPORTS_OF_THE_SDK]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(imports, known);
}

#[test]
fn the_module_offers_what_a_host_calls() {
    let (_, exports) = names();
    let missing: Vec<_> = EXPORTS
        .iter()
        .filter(|export| !exports.contains(**export))
        .collect();
    assert!(missing.is_empty(), "{missing:?} of {exports:?}");
}

#[test]
fn the_module_is_small() {
    let size = module().len();
    assert!(size < SIZE, "{size} bytes");
}
