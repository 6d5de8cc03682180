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
    pub trailing_slash: Spelling,
    /// `%2f` within a segment; `same_rule` where absent.
    #[serde(default)]
    pub encoded_slashes: Spelling,
    /// A dot and what follows it at the end, such as `.json`; `distinct` where absent.
    pub suffixes: Option<Spelling>,
}
