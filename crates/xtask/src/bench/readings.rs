//! What it costs that a request is judged by every reading that an upstream may take of it.

use super::load::Load;
use super::tokens::Tokens;
use super::variants::{Ours, PLAIN, Variant, variant};
use lab::tools::shipped_without_readings;
use serde_json::json;

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
