//! Where tokens stand, and who has the keys, as all sources say it.

use super::source::Node;
use serde_json::{Map, Value, json};

/// What is different about every token in a cookie.
const COOKIES: &str = "a request that changes something is refused (403) where another site's page may have sent it with the cookie; csrf of the provider names the pages that may, or is \"off\"";

/// Where a source looks for tokens.
pub(super) struct Places<'s> {
    /// Headers, each with its name and with the text before the token under `prefix`.
    pub(super) headers: Vec<Node<'s>>,
    /// The key of that text.
    pub(super) prefix: &'static str,
    /// Parameters of the query.
    pub(super) params: Vec<String>,
    /// Cookies.
    pub(super) cookies: Vec<String>,
}

impl Places<'_> {
    /// Writes them into a provider, and says what is different.
    pub(super) fn write(self, node: &Node<'_>, object: &mut Map<String, Value>) {
        if self.headers.is_empty() && self.params.is_empty() && self.cookies.is_empty() {
            node.differs("a token in the query (access_token) is not looked at, as addresses end up in logs; from_params brings it back");
            return;
        }
        let header = |header: &Node<'_>| {
            let prefix = header.text(self.prefix).unwrap_or_default();
            json!({ "name": header.text("name"), "value_prefix": prefix })
        };
        let headers: Vec<Value> = self.headers.iter().map(header).collect();
        // One place replaces the default header there, and adds to it here.
        object.insert("from_headers".into(), json!(headers));
        if !self.params.is_empty() {
            object.insert("from_params".into(), json!(self.params));
        }
        if !self.cookies.is_empty() {
            object.insert("from_cookies".into(), json!(self.cookies));
            node.differs(COOKIES);
        }
    }
}

/// The host and the port of an address.
pub(super) fn host_and_port(uri: &str) -> (&str, &str) {
    let (scheme, rest) = uri.split_once("://").unwrap_or(("https", uri));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let usual = if scheme == "http" { "80" } else { "443" };
    authority.split_once(':').unwrap_or((authority, usual))
}
