//! How loosely the upstream reads paths.

use serde::Deserialize;

/// What two spellings of a path are to the upstream.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    /// Two paths.
    Distinct,
    /// One path or two: both must come to the same rule, or the request is refused.
    #[default]
    SameRule,
    /// One path: the rule of the plain spelling decides.
    Same,
    /// Requests with the other spelling are refused.
    Refuse,
}

/// What a slash at the end of a path is to the upstream.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TrailingSlash {
    /// Another path.
    Distinct,
    /// The same path or another: both must come to the same rule, or the request is refused.
    #[default]
    SameRule,
    /// The same path: the rule of the path without it decides.
    Same,
    /// Requests with it are refused.
    Refuse,
    /// It is taken out, and the request goes upstream without it.
    Strip,
}

/// What `%2f` within a segment is to the upstream.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EncodedSlashes {
    /// A byte of the segment.
    Distinct,
    /// A slash or not: both must come to the same rule, or the request is refused.
    #[default]
    SameRule,
    /// A slash: the rule of the decoded path decides.
    Same,
    /// Requests with it are refused.
    Refuse,
    /// It is decoded, and the request goes upstream with a slash in its place.
    Decode,
}

/// What several slashes in a row are to the upstream.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Slashes {
    /// One slash, several, or the start of an authority: all must come to the same rule, or the request is refused.
    #[default]
    SameRule,
    /// They are made one, and the request goes upstream with one.
    Merge,
}

/// What becomes of a request with something in its path that few servers agree on.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// It is refused.
    #[default]
    Refuse,
    /// All that servers make of it must come to the same rule.
    SameRule,
}

/// What headers are by which frameworks replace the method or the path.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OverrideHeaders {
    /// The request with them and without them must come to the same rule.
    #[default]
    SameRule,
    /// They are taken out of the request, and not read.
    Remove,
    /// What they say counts in the place of the request's own method and path.
    Trust,
}

/// What becomes of a request with several readings where a decision point is asked about it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecidedReadings {
    /// It is refused.
    #[default]
    Refuse,
    /// The decision point is asked about each, and must permit all.
    Each,
}

/// `paths`: in which ways the upstream may read a path.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Paths {
    /// Letters in upper and lower case; `same_rule` where absent.
    #[serde(default)]
    pub case: Spelling,
    /// A slash at the end; `same_rule` where absent.
    #[serde(default)]
    pub trailing_slash: TrailingSlash,
    /// `%2f` within a segment; `same_rule` where absent.
    #[serde(default)]
    pub encoded_slashes: EncodedSlashes,
    /// A dot and what follows it at the end, such as `.json`; `distinct` where absent.
    pub suffixes: Option<Spelling>,
    /// Several slashes in a row; `same_rule` where absent.
    #[serde(default)]
    pub slashes: Slashes,
    /// A backslash, also as `%5c`; `refuse` where absent.
    #[serde(default)]
    pub backslash: Oddity,
    /// Bytes that are not UTF-8, such as `%E4`; `refuse` where absent.
    #[serde(default)]
    pub bytes: Oddity,
    /// Headers such as `X-HTTP-Method-Override` and `X-Original-URL`; `same_rule` where absent.
    #[serde(default)]
    pub override_headers: OverrideHeaders,
    /// Several readings of a request that a decision point is asked about; `refuse` where absent.
    #[serde(default)]
    pub decision: DecidedReadings,
    /// Paths of programs that serve what follows them, such as `/index.php`; at most 8.
    #[serde(default)]
    pub front_controllers: Vec<String>,
    /// Parameters whose value the upstream takes for the path, such as `rest_route`; at most 8.
    #[serde(default)]
    pub query_path: Vec<String>,
}
