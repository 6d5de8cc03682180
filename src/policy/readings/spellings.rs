//! What the configuration says of the spellings of paths.

use std::collections::BTreeSet;

use crate::config::{ConfigError, EncodedSlashes, Oddity, Paths, Slashes, Spelling, TrailingSlash};
use crate::policy::Rule;
use crate::policy::path::{CanonicalPath, MatchPath};

/// The most entries of a list in `paths`: each is looked for in each reading.
const LONGEST: usize = 8;

/// What spellings of a path are to the upstream.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Spellings {
    pub(super) case: Spelling,
    pub(super) trailing_slash: Spelling,
    pub(super) encoded_slashes: Spelling,
    pub(super) suffixes: Spelling,
    /// Which of them goes upstream as the plain one.
    pub(super) rewrites: Rewrites,
    /// Whether a path may have backslashes.
    pub(super) backslash: bool,
    /// Whether it may have bytes that are not UTF-8.
    pub(super) bytes: bool,
    /// Paths of programs that serve what follows them.
    pub(super) front_controllers: Box<[String]>,
    /// Parameters whose value is taken for the path.
    pub(super) query_path: Box<[String]>,
    /// The last segments of rules' paths, in lower case: a suffix matters behind them only. `None` where an expression says
    /// what a rule is for.
    ends: Option<BTreeSet<Vec<u8>>>,
    /// Whether a path may come to a rule that is written with a slash at the end of its own.
    pub(super) adds_slash: bool,
}

/// What of a path is written anew.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rewrites {
    pub(super) merges: bool,
    pub(super) strips: bool,
    pub(super) decodes: bool,
}

impl Spellings {
    pub(super) fn new(paths: &Paths, rules: &[Rule]) -> Result<Self, ConfigError> {
        let is_path = |text: &str| {
            let is_plain = text.len() > 1 && !text.ends_with('/') && !text.contains([';', '?']);
            let path = CanonicalPath::parse(text.as_bytes());
            is_plain && path.is_ok_and(|path| path.as_bytes() == text.as_bytes())
        };
        let is_name = |text: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            !text.is_empty() && text.bytes().all(is_plain)
        };
        let has_slash = |rule: &Rule| rule.route.path.ends_with_slash();
        let leaves_some = matches!(
            paths.trailing_slash,
            TrailingSlash::Distinct | TrailingSlash::SameRule
        );
        if let Some(place) = rules.iter().position(has_slash).filter(|_| !leaves_some) {
            return Err(ConfigError::new(
                format!("rules[{place}].match.path"),
                "ends with a slash, and by \"trailing_slash\" in \"paths\" no path does here: write it without",
            ));
        }
        Ok(Self {
            case: paths.case,
            trailing_slash: match paths.trailing_slash {
                TrailingSlash::Distinct => Spelling::Distinct,
                TrailingSlash::SameRule | TrailingSlash::Strip => Spelling::SameRule,
                TrailingSlash::Same => Spelling::Same,
                TrailingSlash::Refuse => Spelling::Refuse,
            },
            encoded_slashes: match paths.encoded_slashes {
                EncodedSlashes::Distinct => Spelling::Distinct,
                EncodedSlashes::SameRule | EncodedSlashes::Decode => Spelling::SameRule,
                EncodedSlashes::Same => Spelling::Same,
                EncodedSlashes::Refuse => Spelling::Refuse,
            },
            suffixes: paths.suffixes.unwrap_or(Spelling::Distinct),
            rewrites: Rewrites {
                merges: paths.slashes == Slashes::Merge,
                strips: paths.trailing_slash == TrailingSlash::Strip,
                decodes: paths.encoded_slashes == EncodedSlashes::Decode,
            },
            backslash: paths.backslash == Oddity::SameRule,
            bytes: paths.bytes == Oddity::SameRule,
            front_controllers: list(
                "front_controllers",
                &paths.front_controllers,
                &is_path,
                "a path that begins with a slash, does not end with one and has one reading, such as \"/index.php\"",
            )?,
            query_path: list(
                "query_path",
                &paths.query_path,
                &is_name,
                "the name of a parameter, such as \"rest_route\"",
            )?,
            ends: ends(rules),
            adds_slash: paths.trailing_slash == TrailingSlash::SameRule
                && rules.iter().any(has_slash),
        })
    }

    /// Whether what stands before a dot in a path's last segment is the end of a rule's path.
    pub(super) fn has_end_before_dot(&self, segment: &[u8]) -> bool {
        let Some(ends) = &self.ends else {
            return true;
        };
        let segment = segment.to_ascii_lowercase();
        let dots = segment
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'.');
        let mut names = dots.filter_map(|(at, _)| segment.get(..at));
        names.any(|name| ends.contains(name))
    }

    /// Whether `+` in a path may be a blank: to PHP applications behind a front controller, some of which take their path
    /// from the query too.
    pub(super) const fn reads_plus(&self) -> bool {
        !self.front_controllers.is_empty() || !self.query_path.is_empty()
    }

    /// Whether a path and the same with a slash behind it must come to one rule.
    #[cfg(not(target_arch = "wasm32"))]
    pub(in crate::policy) fn reads_final_slashes(&self) -> bool {
        self.trailing_slash == Spelling::SameRule && !self.rewrites.strips
    }

    /// The first key by which paths are written anew.
    pub(in crate::policy) const fn rewriting_key(&self) -> Option<&'static str> {
        match self.rewrites {
            Rewrites { merges: true, .. } => Some("slashes"),
            Rewrites { strips: true, .. } => Some("trailing_slash"),
            Rewrites { decodes: true, .. } => Some("encoded_slashes"),
            Rewrites { .. } => None,
        }
    }
}

/// The last segments of the paths that rules name.
fn ends(rules: &[Rule]) -> Option<BTreeSet<Vec<u8>>> {
    let mut ends = BTreeSet::new();
    for rule in rules {
        let path = match &rule.route.path {
            MatchPath::Any => continue,
            MatchPath::Exact(path) | MatchPath::Prefix(path) => path.as_slice(),
            MatchPath::Regex(_) => return None,
            MatchPath::Template(template) => template.last_literal(),
        };
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let last = path.rsplit(|byte| *byte == b'/').next();
        ends.extend(last.map(<[u8]>::to_ascii_lowercase));
    }
    Some(ends)
}

fn list(
    key: &str,
    given: &[String],
    is_sound: &dyn Fn(&str) -> bool,
    wanted: &str,
) -> Result<Box<[String]>, ConfigError> {
    if given.len() > LONGEST {
        return Err(ConfigError::new(
            format!("paths.{key}"),
            format!("has {} entries; {LONGEST} are the most", given.len()),
        ));
    }
    match given.iter().position(|text| !is_sound(text)) {
        Some(place) => Err(ConfigError::new(
            format!("paths.{key}[{place}]"),
            format!("is not {wanted}"),
        )),
        None => Ok(given.into()),
    }
}
