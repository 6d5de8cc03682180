//! What it costs that a request is judged by every reading that an upstream may take of it.

use super::load::Load;
use super::tokens::Tokens;
use super::variants::{Ours, PLAIN, Variant, configuration, variant};
use lab::process::run;
use lab::tools::{node, shipped_without_readings, target, wasm, workspace};
use serde_json::{Value, json};
use std::fs;

/// Its word for `--only`.
pub(super) const NAME: &str = "readings";
/// What it shows, for readers.
pub(super) const TITLE: &str = "readings of a path; the token was seen before (RS256)";
/// A path with doubled slashes, an encoded one and parameters.
const MANY: &str = "/api//orders%2F7;v=1";

/// The listener without a filter, a clean path without and with readings, and a path that has several.
///
/// # Errors
/// When a module cannot be built.
pub(super) fn variants(tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let (load, jwks) = (Load::Token(tokens.get("RS256")?), tokens.jwks("RS256"));
    let (ours, off) = (Ours::new()?, Ours::of(shipped_without_readings()?));
    let of = |title, module: &Ours, path| Variant {
        path,
        ..variant(
            NAME,
            title,
            vec![module.filter(&jwks, &json!({}))],
            load.clone(),
        )
    };
    let plain = variant(PLAIN, "no filter", Vec::new(), load.clone());
    let clean = plain.path;
    Ok(vec![
        plain,
        of("a clean path, built without readings", &off, clean),
        of("a clean path", &ours, clean),
        of(MANY, &ours, MANY),
    ])
}

/// What all readings of a clean request may cost beside its first one, in nanoseconds.
const MOST: f64 = 100.0;

/// A request in a hot loop of V8, without a proxy around it: the module that ships beside the one without readings.
///
/// # Errors
/// When a module cannot be built or does not let the request through, and when the readings cost more than they may.
pub(super) fn hot_loop(tokens: &Tokens) -> Result<String, String> {
    let modules = [shipped_without_readings()?, wasm()?];
    let authorization = format!("Bearer {}", tokens.get("RS256")?);
    let head = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "127.0.0.1:10000"),
        (":path", "/api/orders"),
        ("accept", "*/*"),
        ("user-agent", "wrk"),
        ("authorization", &authorization),
        ("x-forwarded-proto", "http"),
        ("x-request-id", "0f6f2a5e-5a3c-4c6b-9a1f-3e1f6d2b7c11"),
    ];
    let configuration = configuration(&tokens.jwks("RS256"), &json!({}));
    let job = json!({
        "modules": modules,
        "configuration": configuration.to_string(),
        "head": head,
        "requests": 2000,
        "turns": 500,
    });
    let file = target().join("bench/hot.json");
    fs::write(&file, job.to_string()).map_err(|error| format!("{}: {error}", file.display()))?;
    let said = run(node()?
        .node()
        .arg("--no-liftoff")
        .arg(workspace().join("tests/bench/hot.mjs"))
        .arg(file))?;
    let times: Vec<Value> = serde_json::from_str(&said).map_err(|error| error.to_string())?;
    let [Some(without), Some(with)] = [0, 1].map(|at| times.get(at).and_then(Value::as_f64)) else {
        return Err(format!("no times: {said}"));
    };
    let more = with - without;
    if more > MOST {
        return Err(format!(
            "readings cost a clean request {more:.0} ns; {MOST} are the most"
        ));
    }
    Ok(format!(
        "| a clean request whose token was seen before, in a hot loop of V8 | ns |\n|:--|--:|\n\
         | built without readings | {without:.0} |\n| the module that ships | {with:.0} |\n| the readings | {more:.0} |\n"
    ))
}
