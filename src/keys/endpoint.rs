//! The URI that a document is fetched from, in its parts.

/// An `http` or `https` URI in the parts that a callout needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The URI's scheme: `http` or `https`.
    pub scheme: &'static str,
    /// The authority, without user information.
    pub authority: String,
    /// The URI's path and query, from the first slash.
    pub path: String,
}

impl Endpoint {
    /// Reads a URI (RFC 3986); `None` for another scheme, an empty authority, user information, a fragment, or bytes
    /// that no URI has.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        let (scheme, rest) = match uri.split_once("://")? {
            ("https", rest) => ("https", rest),
            ("http", rest) => ("http", rest),
            _ => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let sound = !authority.is_empty()
            && uri.bytes().all(|byte| byte.is_ascii_graphic())
            && !authority.contains('@')
            && !uri.contains(['#', '\\']);
        let slash = if path.starts_with('/') { "" } else { "/" };
        sound.then(|| Self {
            scheme,
            authority: authority.to_owned(),
            path: format!("{slash}{path}"),
        })
    }

    /// The whole URI, put together again.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_taken_apart_and_put_together() {
        let cases = [
            ("https://a.example/k", Some("https://a.example/k")),
            ("http://a:8080/k?x=1", Some("http://a:8080/k?x=1")),
            ("https://a", Some("https://a/")),
            ("https://a?x=1", Some("https://a/?x=1")),
            ("ftp://a/", None),
            ("https:///k", None),
            ("//a/k", None),
            ("a/k", None),
            ("https://a/k@b?c@d", Some("https://a/k@b?c@d")),
            ("https://u@a/k", None),
            ("https://u@a?k", None),
            ("https://a/k#f", None),
            ("https://a\\b/k", None),
            ("https://a/ k", None),
            ("https://a/\u{e9}", None),
            ("", None),
        ];
        for (text, want) in cases {
            let got = Endpoint::parse(text).map(|endpoint| endpoint.uri());
            assert_eq!(got.as_deref(), want, "{text}");
        }
    }
}
