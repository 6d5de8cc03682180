//! Locations of nginx, and the settings of Kong.
//!
//! The filter decides in the access phase of the location that it stands in: what leaves that location, or runs before
//! that phase, goes past it.

mod parse;

use self::parse::Directive;
use super::{Embedded, Findings, Host, Weight};
use std::collections::BTreeSet;

/// A `proxy_wasm` line takes so many bytes of configuration.
const LONGEST: usize = 4096;

/// Looks through one file.
pub(super) fn lint(text: &str) -> Result<Findings, String> {
    if is_kong(text) {
        return Ok(Findings {
            is_settings: true,
            ..kong(text)
        });
    }
    let file = Directive {
        block: Some(parse::parse(text)?),
        ..Directive::default()
    };
    let mut findings = Findings::default();
    let names = modules(&file);
    let reader = Reader { names };
    reader.blocks(&file, Chain::default(), &mut findings);
    reader.servers(&file, &mut findings);
    Ok(findings)
}

/// `kong.conf` has lines of `name = value`, and nothing else.
fn is_kong(text: &str) -> bool {
    let lines = text.lines().map(str::trim);
    let mut lines = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .peekable();
    let is_setting = |line: &str| {
        let name = line.split_once('=').map(|(name, _)| name.trim());
        name.is_some_and(|name| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    lines.peek().is_some() && lines.all(is_setting)
}

fn kong(text: &str) -> Findings {
    let mut findings = Findings::default();
    let lines = text.lines().enumerate().filter_map(|(at, line)| {
        let (name, value) = line.trim().split_once('=')?;
        (!name.starts_with('#')).then(|| (at + 1, name.trim(), value.trim()))
    });
    let settings: Vec<_> = lines.collect();
    for (line, name, _) in &settings {
        if name.starts_with("nginx_wasm_shm_kv_") {
            findings.add(
                Weight::Error,
                format!("line {line}"),
                format!("`{name}` makes a zone that the filter does not find, and its first look at shared data is a trap; write nginx_wasm_shm_kv (Kong 3.7 and later)"),
            );
        }
    }
    let set = |wanted: &str| {
        settings
            .iter()
            .any(|(_, name, value)| *name == wanted && !matches!(*value, "" | "off"))
    };
    for (wanted, message) in [
        (
            "nginx_wasm_shm_kv",
            "without it each worker fetches keys for itself, and `shared_data: true` ends requests with 500",
        ),
        (
            "nginx_wasm_tls_verify_cert",
            "off by default: then anybody may answer in the issuer's name",
        ),
        (
            "nginx_wasm_tls_verify_host",
            "off by default: then whoever has any certificate may answer in the issuer's name",
        ),
        (
            "nginx_wasm_tls_trusted_certificate",
            "without it no certificate can be checked",
        ),
    ] {
        if set("wasm") && !set(wanted) {
            findings.add(Weight::Warning, wanted, format!("not set: {message}"));
        }
    }
    findings
}

/// The names under which the filter's module is loaded.
fn modules(file: &Directive) -> BTreeSet<String> {
    let modules = file.all("wasm").flat_map(|wasm| wasm.all("module"));
    let own = modules.filter(|module| module.argument(1).contains("auth_filter"));
    let mut names: BTreeSet<String> = own.map(|module| module.argument(0).to_owned()).collect();
    names.insert("auth_filter".to_owned());
    names
}

/// The filters of a block, which inherits those around it unless it has its own.
#[derive(Clone, Copy, Default)]
struct Chain {
    guarded: bool,
    strips: bool,
}

struct Reader {
    names: BTreeSet<String>,
}

/// What stands in the way of each server.
const SCOPES: [&str; 3] = ["http", "server", "location"];

impl Reader {
    fn blocks(&self, block: &Directive, outer: Chain, findings: &mut Findings) {
        let chain = self.chain(block, outer, findings);
        match block.name.as_str() {
            "server" | "location" => self.locations(block, chain, findings),
            _ => {}
        }
        if block.name == "location" && chain.guarded {
            self.guarded(block, chain, findings);
        }
        for held in block.block.iter().flatten() {
            if SCOPES.contains(&held.name.as_str()) {
                self.blocks(held, chain, findings);
            }
        }
    }

    /// Servers that go upstream without the filter, beside others that have it.
    fn servers(&self, file: &Directive, findings: &mut Findings) {
        let blocks = std::iter::once(file).chain(file.all("http"));
        let servers: Vec<_> = blocks
            .flat_map(|block| block.all("server").map(move |server| (block, server)))
            .collect();
        let has_filter = |(block, server): &(&Directive, &Directive)| {
            self.holds_filter(server) || block.all("proxy_wasm").any(|filter| self.is_own(filter))
        };
        if !servers.iter().any(has_filter) {
            return;
        }
        for (_, server) in servers.iter().filter(|held| !has_filter(held)) {
            if goes_upstream(server) {
                findings.add(
                    Weight::Error,
                    format!("line {}", server.line),
                    "this server goes upstream without the filter, and others have it: add it, or let nobody but yourself reach this port",
                );
            }
        }
    }

    fn holds_filter(&self, block: &Directive) -> bool {
        let mut held = block.block.iter().flatten();
        held.any(|held| self.is_own(held) || self.holds_filter(held))
    }

    fn is_own(&self, directive: &Directive) -> bool {
        directive.name == "proxy_wasm" && self.names.contains(directive.argument(0))
    }

    fn chain(&self, block: &Directive, outer: Chain, findings: &mut Findings) -> Chain {
        let mut filters = block.all("proxy_wasm").peekable();
        if filters.peek().is_none() {
            return outer;
        }
        let mut chain = Chain::default();
        for own in filters.filter(|filter| self.is_own(filter)) {
            chain.guarded = true;
            let text = own.argument(1);
            let parsed: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            chain.strips =
                parsed.pointer("/nginx/strips_headers") == Some(&serde_json::Value::Bool(true));
            let place = format!("line {}", own.line);
            if text.len() > LONGEST {
                findings.add(
                    Weight::Error,
                    place.clone(),
                    format!(
                        "a configuration of {} bytes: nginx takes {LONGEST} in a directive",
                        text.len()
                    ),
                );
            }
            findings.configurations.push(Embedded {
                place,
                text: text.to_owned(),
                host: Host::Nginx,
            });
        }
        chain
    }

    /// The locations of a server, or within another one: which are left out, and where guarded ones lead.
    fn locations(&self, server: &Directive, outer: Chain, findings: &mut Findings) {
        if outer.guarded && server.name == "server" {
            early(server, "server", findings);
        }
        let is_guarded = |location: &&Directive| {
            self.chain(location, outer, &mut Findings::default())
                .guarded
        };
        let guarded: Vec<_> = server.all("location").filter(is_guarded).collect();
        if guarded.is_empty() && !outer.guarded {
            return;
        }
        for other in server.all("location").filter(|other| !is_guarded(other)) {
            let mut held = other.block.iter().flatten();
            if held.any(|held| held.name.ends_with("_pass")) {
                findings.add(
                    Weight::Warning,
                    format!("line {}", other.line),
                    format!("location {} of the same server goes upstream without the filter: guard it, or the server", name(other)),
                );
            }
        }
        // Where all are guarded, each request is asked about wherever it is led.
        let all = outer.guarded && server.all("location").all(|location| is_guarded(&location));
        let names: BTreeSet<&str> = guarded.iter().map(|location| name(location)).collect();
        for location in guarded.iter().filter(|_| !all) {
            leads(location, &names, findings);
        }
    }

    /// What a guarded location does beside the filter.
    fn guarded(&self, location: &Directive, chain: Chain, findings: &mut Findings) {
        early(location, "location", findings);
        let proxies = location.all("proxy_pass").next();
        let headers: Vec<_> = location
            .all("proxy_set_header")
            .chain(location.all("include"))
            .collect();
        let Some(proxies) = proxies.filter(|_| chain.strips) else {
            return;
        };
        let empties = |name: &str| {
            headers.iter().any(|line| {
                line.name == "include" && line.argument(0).contains("auth_filter")
                    || line.argument(0).eq_ignore_ascii_case(name)
            })
        };
        for name in [
            "authorization",
            "x-auth-user-id",
            "x-auth-groups",
            "x-auth-roles",
            "x-auth-permissions",
        ] {
            if !empties(name) {
                findings.add(
                    Weight::Warning,
                    format!("line {}", proxies.line),
                    format!("`strips_headers` promises a `proxy_set_header {name} …;` in each guarded location, and this one has none"),
                );
            }
        }
    }
}

fn goes_upstream(block: &Directive) -> bool {
    let mut held = block.block.iter().flatten();
    held.any(|held| held.name.ends_with("_pass") || goes_upstream(held))
}

/// Where a guarded location hands its requests to.
fn leads(location: &Directive, guarded: &BTreeSet<&str>, findings: &mut Findings) {
    let goes_past = |target: &str| !guarded.contains(target);
    for held in location.block.iter().flatten() {
        let target = held
            .arguments
            .last()
            .map(String::as_str)
            .unwrap_or_default();
        let past = match held.name.as_str() {
            "try_files" => !target.starts_with('=') && goes_past(target),
            "error_page" => {
                (target.starts_with('@') || target.starts_with('/')) && goes_past(target)
            }
            // Without a flag the changed path is looked up among the locations anew.
            "rewrite" => !matches!(held.argument(2), "break" | "redirect" | "permanent"),
            _ => false,
        };
        if past {
            findings.add(
                Weight::Warning,
                format!("line {}", held.line),
                format!("`{}` hands requests to another location, where this one's filter is not asked: guard the location that it leads to, or the server", held.name),
            );
        }
    }
}

/// Directives of a guarded block that run before the filter, or beside it.
fn early(block: &Directive, what: &str, findings: &mut Findings) {
    let line = |directive: &Directive| format!("line {}", directive.line);
    for held in block.block.iter().flatten() {
        match held.name.as_str() {
            "return" => findings.add(
                Weight::Warning,
                line(held),
                format!("`return` in a guarded {what} answers everybody, before the filter is asked"),
            ),
            "if" => {
                for inner in held.block.iter().flatten() {
                    if matches!(inner.name.as_str(), "return" | "rewrite") || inner.name.ends_with("_pass") {
                        findings.add(
                            Weight::Error,
                            line(inner),
                            format!("`{}` in an `if` of a guarded {what} goes past the filter, or loses its refusal", inner.name),
                        );
                    }
                }
            }
            "mirror" if held.argument(0) != "off" => findings.add(
                Weight::Warning,
                line(held),
                "`mirror` sends a copy before the filter decides, with the credential: mirror behind the filter's upstream",
            ),
            "auth_request" if held.argument(0) != "off" => findings.add(
                Weight::Warning,
                line(held),
                "`auth_request` beside the filter runs `set` anew, and the filter's variables are empty again: one of the two",
            ),
            _ => {}
        }
    }
}

fn name(location: &Directive) -> &str {
    location
        .arguments
        .last()
        .map(String::as_str)
        .unwrap_or_default()
}
