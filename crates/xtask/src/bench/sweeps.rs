//! What a request costs as one thing grows: rules, remembered tokens, the token, the key set.

use super::load::Load;
use super::tokens::Tokens;
use super::variants::{Ours, PLAIN, Variant, variant};
use serde_json::json;

/// One thing that grows.
pub(super) struct Sweep {
    /// Its word for `--only`.
    pub(super) name: &'static str,
    /// What grows, for readers.
    pub(super) title: &'static str,
    /// The listener without a filter, then the smallest to the largest.
    pub(super) variants: Vec<Variant>,
}

/// The most tokens that are kept in one VM.
pub(super) const MOST_TOKENS: usize = 100_000;

/// All sweeps.
///
/// # Errors
/// When the module cannot be built or a file cannot be written.
pub(super) fn all(tokens: &Tokens) -> Result<Vec<Sweep>, String> {
    let ours = Ours::new()?;
    let sweep = |name, title, points: Vec<Variant>| {
        let plain = variant(
            PLAIN,
            "no filter",
            Vec::new(),
            Load::Token(tokens.get("RS256")?),
        );
        Ok::<_, String>(Sweep {
            name,
            title,
            variants: std::iter::once(plain).chain(points).collect(),
        })
    };
    Ok(vec![
        sweep(
            "sweep-rules",
            "rules; the last one matches; the token was seen before",
            rules(&ours, tokens)?,
        )?,
        sweep(
            "sweep-tokens",
            "remembered tokens, in turn",
            remembered(&ours, tokens)?,
        )?,
        sweep(
            "sweep-size",
            "bytes of a token that was seen before (RS256)",
            sizes(&ours, tokens)?,
        )?,
        sweep(
            "sweep-jwks",
            "keys in the set; ES256 verified each time, by the last one",
            key_sets(&ours, tokens)?,
        )?,
    ])
}

fn rules(ours: &Ours, tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let jwks = tokens.jwks("RS256");
    let mut points = Vec::new();
    for many in [1, 10, 100, 1000, 10_000] {
        let mut rules: Vec<_> = (1..many)
            .map(|each| {
                json!({
                    "match": { "path_prefix": format!("/api/{each}/things"), "methods": ["GET", "POST"] },
                    "require": { "groups": [format!("team-{each}")] },
                })
            })
            .collect();
        rules.push(json!({ "match": { "path_prefix": "/" }, "require": "user" }));
        let load = Load::Token(tokens.get("RS256")?);
        let filters = vec![ours.filter(&jwks, &json!({ "rules": rules }))];
        points.push(variant("rules", &many.to_string(), filters, load));
    }
    Ok(points)
}

fn remembered(ours: &Ours, tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let jwks = tokens.jwks("EdDSA");
    let mut points = Vec::new();
    for many in [1, 10, 100, 1000, 10_000, MOST_TOKENS] {
        let limits = json!({ "token_cache_entries": many, "token_cache_bytes": 1 << 30 });
        let load = Load::Listed(tokens.first(many)?);
        let filters = vec![ours.filter(&jwks, &json!({ "limits": limits }))];
        points.push(variant("tokens", &many.to_string(), filters, load));
    }
    Ok(points)
}

fn sizes(ours: &Ours, tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let jwks = tokens.jwks("RS256");
    let mut points = Vec::new();
    for size in [750, 1000, 2000, 4000, 8000, 16_000] {
        let token = tokens.get(&format!("size-{size}"))?;
        let filters = vec![ours.filter(&jwks, &json!({}))];
        points.push(variant(
            "size",
            &token.len().to_string(),
            filters,
            Load::Token(token),
        ));
    }
    Ok(points)
}

fn key_sets(ours: &Ours, tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let mut points = Vec::new();
    for others in [0, 9, 99, 255] {
        let jwks = tokens.jwks_among("ES256", others);
        let load = Load::Token(tokens.get("ES256")?);
        let filters = vec![ours.filter(&jwks, &super::variants::uncached())];
        points.push(variant("jwks", &(others + 1).to_string(), filters, load));
    }
    Ok(points)
}
