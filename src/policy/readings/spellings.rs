//! What the configuration says of the spellings of paths.

use crate::config::{ConfigError, EncodedSlashes, Oddity, Paths, Slashes, Spelling, TrailingSlash};
use crate::policy::path::CanonicalPath;

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
}

/// What of a path is written anew.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rewrites {
    pub(super) merges: bool,
    pub(super) strips: bool,
    pub(super) decodes: bool,
}

impl Spellings {
    pub(super) fn new(paths: &Paths) -> Result<Self, ConfigError> {
        let is_path = |text: &str| {
            let is_plain = text.len() > 1 && !text.ends_with('/') && !text.contains([';', '?']);
            let path = CanonicalPath::parse(text.as_bytes());
            is_plain && path.is_ok_and(|path| path.as_bytes() == text.as_bytes())
        };
        let is_name = |text: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            !text.is_empty() && text.bytes().all(is_plain)
        };
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
        })
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
