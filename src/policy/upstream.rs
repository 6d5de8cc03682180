//! The headers that the filter speaks through, and nobody else.

use serde_json::Value;

use super::principal::Principal;
use crate::headers::Headers;
use crate::jose::VerifiedClaims;
use crate::json::ClaimPath;
use crate::text::{header_list, header_text};

/// The identity headers, in the order in which [`UpstreamHeaders::set`] fills them.
const IDENTITY: [&str; 10] = [
    "user-id",
    "user-name",
    "user-email",
    "groups",
    "roles",
    "permissions",
    "scopes",
    "provider",
    "client-id",
    "m2m",
];

/// Every header that the configuration can set.
#[derive(Clone, Debug)]
pub struct UpstreamHeaders {
    /// By the order of [`IDENTITY`].
    identity: Vec<String>,
    /// What shadow mode would have answered.
    shadow: String,
    claims: Vec<(String, ClaimPath)>,
    payload: Option<String>,
}

impl UpstreamHeaders {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            identity: IDENTITY
                .iter()
                .map(|name| format!("{prefix}{name}"))
                .collect(),
            shadow: format!("{prefix}shadow"),
            claims: Vec::new(),
            payload: None,
        }
    }

    pub(super) fn add_claim(&mut self, name: String, path: ClaimPath) {
        self.claims.push((name, path));
    }

    pub(super) fn set_payload(&mut self, name: String) {
        self.payload = Some(name);
    }

    /// The header that says what shadow mode would have answered.
    #[must_use]
    pub fn shadow(&self) -> &str {
        &self.shadow
    }

    /// Whether a header is the filter's own. Case does not count, and `_` is `-`: behind CGI and its
    /// descendants `X_Auth_User_Id` and `x-auth-user-id` are the same variable.
    #[must_use]
    pub fn owns(&self, name: &[u8]) -> bool {
        let same = |own: &String| {
            own.len() == name.len()
                && own
                    .bytes()
                    .zip(name)
                    .all(|(own, held)| folded(own) == folded(*held))
        };
        self.identity
            .iter()
            .chain([&self.shadow])
            .chain(&self.payload)
            .any(same)
            || self.claims.iter().any(|(own, _)| same(own))
    }

    /// The names, as received, of the headers that only the filter may set: each is removed, whatever rule applies.
    #[must_use]
    pub fn spoofed(&self, head: &Headers) -> Vec<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        for (name, _) in head.iter().filter(|(name, _)| self.owns(name)) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_vec());
            }
        }
        names
    }

    /// The headers that tell the upstream about a caller, each only where it has a value.
    #[must_use]
    pub fn set(
        &self,
        caller: &Principal,
        provider: &str,
        verified: &VerifiedClaims,
    ) -> Vec<(String, String)> {
        let text = |value: &Option<String>| value.as_deref().map(header_text).unwrap_or_default();
        let list = |values: &[String]| header_list(values.iter().map(String::as_str));
        let values = [
            text(&caller.subject),
            text(&caller.name),
            text(&caller.email),
            list(&caller.groups),
            list(&caller.roles),
            list(&caller.permissions),
            list(&caller.scopes),
            header_text(provider),
            text(&caller.client_id),
            if caller.m2m {
                "true".to_owned()
            } else {
                String::new()
            },
        ];
        let identity = self.identity.iter().cloned().zip(values);
        let claims = self.claims.iter().filter_map(|(name, path)| {
            Some((name.clone(), claim_text(verified.claims().find(path)?)))
        });
        let payload = self
            .payload
            .iter()
            .map(|name| (name.clone(), verified.payload().to_owned()));
        identity
            .chain(claims)
            .chain(payload)
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }
}

fn folded(byte: u8) -> u8 {
    if byte == b'_' {
        b'-'
    } else {
        byte.to_ascii_lowercase()
    }
}

/// A claim as a header: text as it is, an array of strings as a list, anything else as its JSON.
fn claim_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => header_text(text),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            header_list(items.iter().filter_map(Value::as_str))
        }
        other => header_text(&other.to_string()),
    }
}
