//! Requests that are refused.

use super::{FLOOD, Load, Ours, Tokens, Variant, native, variant};
use serde_json::json;

/// All of them.
///
/// # Errors
/// When a token is missing.
pub(super) fn all(ours: &Ours, tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let jwks = tokens.jwks("RS256");
    let token = |name: &str| tokens.get(name).map(Load::Token);
    let broken = Load::Token(tokens.get("RS256")?.replace('.', "-"));
    let forged = Load::Forged(tokens.get("forged")?);
    let names = [
        (
            "refused-missing",
            "native-refused-missing",
            "no token",
            Load::Anonymous,
            401,
        ),
        (
            "refused-garbage",
            "native-refused-garbage",
            "not a token",
            broken,
            401,
        ),
        (
            "refused-issuer",
            "native-refused-issuer",
            "another issuer",
            token("wrong-issuer")?,
            401,
        ),
        (
            "refused-expired",
            "native-refused-expired",
            "an expired token",
            token("expired")?,
            401,
        ),
        (
            "refused-forged",
            "native-refused-forged",
            "a new forgery each time",
            forged.clone(),
            401,
        ),
        (
            FLOOD,
            "native-refused-forged",
            "a new forgery each time, most of them unseen",
            forged.clone(),
            401,
        ),
        (
            "refused-repeated",
            "native-refused-repeated",
            "the same forgery",
            token("forged")?,
            401,
        ),
    ];
    let mut all = Vec::new();
    for (own, peer, what, load, expect) in names {
        // Envoy gives listeners of one configuration one state: forgeries at one would be those of another.
        let mut change = json!({ "realm": own });
        // All of them are looked at, or two hundred a second.
        match own {
            "refused-forged" => change["limits"] = json!({ "signature_time": "1h" }),
            FLOOD => change["limits"] = json!({ "signature_time": "5ms" }),
            _ => {}
        }
        let filter = ours.filter(&jwks, &change);
        let mut refused = variant(
            own,
            &format!("auth-filter refuses {what}"),
            vec![filter],
            load.clone(),
        );
        refused.expect = expect;
        refused.peer = Some(peer);
        let title = format!("`jwt_authn` refuses {what}");
        let mut native = variant(peer, &title, vec![native(&jwks, true)], load);
        native.expect = 401;
        all.push(refused);
        if all.iter().all(|known: &Variant| known.name != peer) {
            all.push(native);
        }
    }
    Ok(all)
}
