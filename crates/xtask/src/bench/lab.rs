//! The Envoy that is measured: a listener for each variant, and an answer that costs nothing behind each.

use super::load::{self, Load};
use super::stats::Sample;
use super::variants::Variant;
use lab::client::Request;
use lab::envoy::{Envoy, resources};
use lab::ports;
use lab::process::run;
use lab::tools::{target, workspace};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Connections that are kept busy.
pub(super) const CONNECTIONS: u32 = 8;
/// The path that every request is for.
pub(super) const PATH: &str = "/api/orders";

pub(super) struct Lab {
    envoy: Envoy,
}

impl Lab {
    /// Starts Envoy with so many worker threads.
    ///
    /// # Errors
    /// With Envoy's log, when it refuses the configuration.
    pub(super) fn start(variants: &[Variant], workers: u32) -> Result<Self, String> {
        let ports: Result<Vec<_>, _> = variants.iter().map(|_| ports::free()).collect();
        let (listeners, admin) = (ports?, ports::free()?);
        let authz = super::authz::start()?;
        let bootstrap = json!({
            "node": { "id": "bench", "cluster": "bench" },
            "admin": { "address": resources::address(admin) },
            "static_resources": {
                "clusters": [resources::cluster(super::variants::AUTHZ, authz)],
                "listeners": variants.iter().zip(&listeners)
                    .map(|(variant, addr)| listener(variant, *addr))
                    .collect::<Vec<_>>(),
            },
        });
        let envoy = Envoy::from_text(&bootstrap.to_string(), listeners, admin, workers)?;
        Ok(Self { envoy })
    }

    /// Sends requests to one listener for a while.
    ///
    /// # Errors
    /// When an answer is not the one that the variant is to give.
    pub(super) fn measure(
        &self,
        index: usize,
        variant: &Variant,
        time: Duration,
    ) -> Result<Sample, String> {
        let addr = self.addr(index);
        self.try_one(addr, variant)?;
        let before = self.cpu()?;
        let report = run(&mut load::command(
            addr,
            variant.path,
            &variant.load,
            time,
            CONNECTIONS,
        ))?;
        let cpu = self.cpu()?.saturating_sub(before);
        let seen = load::read(&report)?;
        let refused = if variant.expect < 400 {
            0
        } else {
            seen.requests
        };
        if seen.refused != refused {
            return Err(format!(
                "{} of {} requests were refused, not {refused}",
                seen.refused, seen.requests
            ));
        }
        self.try_one(addr, variant)?;
        Ok(Sample {
            requests: seen.requests,
            time: seen.time,
            cpu,
            p50: seen.p50,
            p99: seen.p99,
        })
    }

    /// Where a listener listens.
    pub(super) fn addr(&self, index: usize) -> SocketAddr {
        self.envoy.addrs()[index]
    }

    /// Envoy's process id.
    pub(super) fn id(&self) -> u32 {
        self.envoy.id()
    }

    /// wrk tells good answers from others only: the exact status is that of one more request.
    pub(super) fn try_one(&self, addr: SocketAddr, variant: &Variant) -> Result<(), String> {
        let request = match &variant.load {
            Load::Anonymous => Request::get(variant.path),
            Load::Token(token) | Load::Forged(token) => Request::get(variant.path).bearer(token),
            Load::Listed(file) => {
                let tokens = fs::read_to_string(file).map_err(|error| error.to_string())?;
                Request::get(variant.path).bearer(tokens.lines().next().unwrap_or_default())
            }
        };
        let answer = request.send(addr)?;
        let throttled = answer.status == 429 && variant.name == super::variants::FLOOD;
        if answer.status == variant.expect || throttled {
            return Ok(());
        }
        Err(format!(
            "the answer is {}, not {}: {}",
            answer.status,
            variant.expect,
            answer.text()
        ))
    }

    /// CPU time of Envoy so far.
    pub(super) fn cpu(&self) -> Result<Duration, String> {
        Ok(lab::load::usage(self.id())?.cpu)
    }
}

fn listener(variant: &Variant, addr: SocketAddr) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    });
    let filters: Vec<_> = variant.filters.iter().cloned().chain([router]).collect();
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": variant.name,
        "http_filters": filters,
        "route_config": { "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{ "match": { "prefix": "" }, "direct_response": { "status": 200 } }],
        }] },
    });
    json!({
        "name": format!("{}-{}", variant.name, addr.port()),
        "address": resources::address(addr),
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }] }],
    })
}

/// The filter that does nothing, compiled once.
///
/// # Errors
/// With the compiler's output.
pub(super) fn empty_filter() -> Result<PathBuf, String> {
    lab::tools::ensure_toolchain()?;
    let path = target().join("bench/empty.wasm");
    run(Command::new("rustc")
        .current_dir(workspace())
        .args(["--edition", "2024", "--target", "wasm32-unknown-unknown"])
        .args(["--crate-type", "cdylib", "-O", "-C", "panic=abort", "-o"])
        .arg(&path)
        .arg("tests/bench/empty.rs"))?;
    Ok(path)
}
