//! `paths`: in which ways the upstream may read paths.

use serde::Deserialize;

/// What two spellings of a path are to the upstream.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    /// The two spellings are two paths: each has its own rule.
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
    /// The path with the slash is another path, with its own rule.
    Distinct,
    /// The same path or another: both must come to the same rule, or the request is refused.
    #[default]
    SameRule,
    /// The same path: the rule of the path without it decides.
    Same,
    /// Requests with it are refused.
    Refuse,
    /// The filter removes it, and the request goes upstream without it.
    Strip,
}

/// What `%2f` within a segment is to the upstream.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EncodedSlashes {
    /// `%2f` is a byte of the segment and separates nothing.
    Distinct,
    /// `%2f` is a slash or not: both readings must come to the same rule, or the request is refused.
    #[default]
    SameRule,
    /// `%2f` is a slash: the rule of the decoded path decides.
    Same,
    /// Requests with it are refused.
    Refuse,
    /// The filter decodes it, and the request goes upstream with a slash in its place.
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
    /// The filter merges them, and the request goes upstream with one slash.
    Merge,
}

/// What the filter does with a request whose path has something that servers read differently.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// The filter refuses the request.
    #[default]
    Refuse,
    /// All readings that servers have of it must come to the same rule, or the request is refused.
    SameRule,
}

/// What the filter does with headers by which frameworks replace the method or the path.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OverrideHeaders {
    /// The request with them and the request without them must come to the same rule, or it is refused.
    #[default]
    SameRule,
    /// The filter removes them from the request and does not read them.
    Remove,
    /// The method and the path that they name replace the request's own.
    Trust,
}

/// What the filter does with a request that has several readings where a decision point must decide it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecidedReadings {
    /// The filter refuses the request.
    #[default]
    Refuse,
    /// The filter asks the decision point about each reading, and all must be permitted.
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
