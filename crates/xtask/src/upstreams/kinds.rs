//! The kinds of changes that are made to a request.

use super::draft::Draft;
use super::{parts, paths};
use crate::soak::random::Random;

/// What a kind needs to be changed: requests that it cannot matter to are no test of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Authority,
    Method,
    Identity,
    Token,
}

/// A kind of change.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) part: Part,
    pub(super) change: fn(&mut Draft, &mut Random),
}

const fn kind(name: &'static str, part: Part, change: fn(&mut Draft, &mut Random)) -> Kind {
    Kind { name, part, change }
}

/// All kinds.
pub(super) const KINDS: &[Kind] = &[
    kind("leading-slashes", Part::Path, paths::leading_slashes),
    kind("double-slash", Part::Path, paths::double_slash),
    kind("dot-segment", Part::Path, paths::dot_segment),
    kind("odd-dots", Part::Path, paths::odd_dots),
    kind("encoded-slash", Part::Path, paths::encoded_slash),
    kind("parameters", Part::Path, paths::parameters),
    kind("path-case", Part::Path, paths::case),
    kind("segment-end", Part::Path, paths::segment_end),
    kind("final-slash", Part::Path, paths::final_slash),
    kind("suffix", Part::Path, paths::suffix),
    kind("overlong", Part::Path, paths::overlong),
    kind("fullwidth", Part::Path, paths::fullwidth),
    kind("encoded-letter", Part::Path, paths::encoded_letter),
    kind("encoded-twice", Part::Path, paths::encoded_twice),
    kind("unicode", Part::Path, paths::unicode),
    kind("control", Part::Path, paths::control),
    kind("query-mark", Part::Path, paths::query_mark),
    kind("absolute-form", Part::Path, paths::absolute_form),
    kind("any-byte", Part::Path, paths::any_byte),
    kind("original-url", Part::Path, parts::original_url),
    kind("script-name", Part::Path, parts::script_name),
    kind("front-controller", Part::Path, paths::front_controller),
    kind("query-path", Part::Path, parts::query_path),
    kind("authority-port", Part::Authority, parts::authority_port),
    kind("authority-dot", Part::Authority, parts::authority_dot),
    kind("authority-case", Part::Authority, parts::authority_case),
    kind("authority-user", Part::Authority, parts::authority_user),
    kind("authority-byte", Part::Authority, parts::authority_byte),
    kind("authority-twice", Part::Authority, parts::authority_twice),
    kind("forwarded-host", Part::Authority, parts::forwarded_host),
    kind("method-case", Part::Method, parts::method_case),
    kind("method-header", Part::Method, parts::method_header),
    kind("method-query", Part::Method, parts::method_query),
    kind("method-other", Part::Method, parts::method_other),
    kind("identity-header", Part::Identity, parts::identity_header),
    kind("identity-fold", Part::Identity, parts::identity_fold),
    kind("identity-trailer", Part::Identity, parts::identity_trailer),
    kind(
        "identity-connection",
        Part::Identity,
        parts::identity_connection,
    ),
    kind("token-query", Part::Token, parts::token_query),
];

/// The place of a kind.
pub(super) fn place(name: &str) -> Option<usize> {
    KINDS.iter().position(|kind| kind.name == name)
}
