//! The configuration while it is put together.

use super::matching::{Header, Matching};
use super::need::Need;
use super::rules::{self, Entry, Gate};
use super::source::Node;
use serde_json::{Map, Value, json};

/// What was read of a source.
#[derive(Default)]
pub(super) struct Draft {
    /// Providers that a configuration can have.
    pub(super) providers: Map<String, Value>,
    /// Providers of which something is missing that makes them safe; nobody passes by them.
    pub(super) broken: Vec<String>,
    /// Which requests need which credentials, in order.
    pub(super) entries: Vec<Entry>,
    /// What is asked of the caller then.
    pub(super) gates: Vec<Gate>,
    /// `upstream_headers.claims`.
    pub(super) claims: Map<String, Value>,
    /// `upstream_headers.payload`.
    pub(super) payload: Option<String>,
    /// `bypass_cors_preflight`.
    pub(super) bypass_cors_preflight: bool,
    /// Other keys of the configuration.
    pub(super) other: Map<String, Value>,
    /// Whether policies stay where they are, behind the filter.
    pub(super) is_beside: bool,
}

impl Draft {
    /// A caller for whom this provider vouches; nobody where it could not be carried over.
    pub(super) fn vouched(&self, provider: &str) -> Need {
        if self.providers.contains_key(provider) {
            Need::Provider(provider.to_owned())
        } else {
            Need::Never
        }
    }

    /// A header with a claim for the upstream.
    pub(super) fn claim_header(&mut self, node: &Node<'_>, header: &str, claim: String) {
        let header = header.to_ascii_lowercase();
        if self
            .claims
            .get(&header)
            .is_some_and(|held| *held != json!(claim))
        {
            node.not_carried(
                "another provider fills the same header with another claim, and a configuration has one claim for a header",
                "have the issuers use one claim, or read the payload",
            );
            return;
        }
        node.differs("a list goes upstream with commas, and an object not at all; jwt_authn writes either as base64 JSON");
        self.claims.insert(header, json!(claim));
    }

    /// The header with the payload for the upstream.
    pub(super) fn payload_header(&mut self, node: &Node<'_>, header: &str) {
        let header = header.to_ascii_lowercase();
        match &self.payload {
            Some(held) if *held != header => node.not_carried(
                "a configuration has one header for payloads",
                "read the header that upstream_headers.payload names",
            ),
            _ => self.payload = Some(header),
        }
    }

    /// The configuration; `root` is where the source begins.
    ///
    /// # Errors
    /// Where it would have too many rules.
    pub(super) fn finish(mut self, root: &Node<'_>) -> Result<Value, String> {
        if self.bypass_cors_preflight && !self.gates.is_empty() {
            // Nobody asks a preflight for a token, and the policies are asked all the same.
            let preflight = ["origin", "access-control-request-method"]
                .into_iter()
                .fold(Matching::of_method("OPTIONS"), |matching, name| {
                    let header = Matching::of_header(name, Header::Present(true));
                    matching.both(&header).ok().flatten().unwrap_or(matching)
                });
            let entry = Entry {
                name: "preflight".to_owned(),
                matching: preflight,
                need: Need::Public,
            };
            self.entries.insert(0, entry);
        }
        if self.is_beside && !self.providers.is_empty() {
            for provider in self.providers.values_mut() {
                provider["forward"] = json!(true);
            }
            root.differs("the token goes upstream, where the policies that stay read it: whatever verifies it for them stays too");
        }
        let (rules, refused) = rules::rules(&self.entries, &self.gates)?;
        if refused {
            root.differs(
                "a caller without a credential, whom a condition like \"not this claim\" lets pass, is refused here with 401",
            );
        }
        let names: Vec<String> = self.providers.keys().cloned().collect();
        let rules: Vec<Value> = rules.iter().map(|rule| rule.to_json(&names)).collect();
        let mut config = self.other;
        config.insert("rules".to_owned(), json!(rules));
        if !self.providers.is_empty() {
            config.insert("providers".to_owned(), Value::Object(self.providers));
        }
        if self.bypass_cors_preflight && self.gates.is_empty() {
            config.insert("bypass_cors_preflight".to_owned(), json!(true));
        }
        let mut headers = Map::new();
        if !self.claims.is_empty() {
            headers.insert("claims".to_owned(), Value::Object(self.claims));
        }
        if let Some(payload) = self.payload {
            headers.insert("payload".to_owned(), json!(payload));
        }
        if !headers.is_empty() {
            config.insert("upstream_headers".to_owned(), Value::Object(headers));
        }
        Ok(Value::Object(config))
    }
}

/// A claim as a configuration names it: of nested claims a JSON Pointer.
pub(super) fn claim_name(steps: &[&str]) -> String {
    match steps {
        [one] if !one.starts_with('/') => (*one).to_owned(),
        _ => steps.iter().fold(String::new(), |pointer, step| {
            format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
        }),
    }
}

/// The algorithms of an inline key set: symmetric ones must be named.
pub(super) fn algorithms(keys: &Value) -> Option<Vec<String>> {
    let keys = keys.get("keys")?.as_array()?;
    let of = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    if !keys
        .iter()
        .any(|key| of(key, "kty").as_deref() == Some("oct"))
    {
        return None;
    }
    let mut all: Vec<String> = Vec::new();
    for key in keys {
        let fits: &[&str] = match of(key, "kty").as_deref() {
            Some("oct") => &["HS256", "HS384", "HS512"],
            Some("RSA") => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            Some("EC") => &["ES256", "ES384", "ES512"],
            _ => &["EdDSA"],
        };
        let named = of(key, "alg").map(|alg| vec![alg]);
        for name in named.unwrap_or_else(|| fits.iter().map(|name| (*name).to_owned()).collect()) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    Some(all)
}
