//! What is wrong with a configuration, and where.

use std::fmt;

/// A refused configuration: the place as a JSON path, and what is wrong there.
///
/// Written as `rules[2].require.any[0].provider: "crop" is not a provider; known: corp, ci`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The JSON path, such as `rules[2].match.path`; empty for the whole text.
    pub at: String,
    /// What is wrong, and what would be right.
    pub what: String,
    /// Line and column, where the configuration is text that an operator wrote.
    pub position: Option<(usize, usize)>,
}

impl ConfigError {
    /// An error at a place.
    #[must_use]
    pub fn new(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            what: what.into(),
            position: None,
        }
    }

    /// An error with the words that are known at the place.
    #[must_use]
    pub fn unknown<'k>(
        at: impl Into<String>,
        what: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Self {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known
        };
        Self::new(at, format!("{what}; known: {known}"))
    }

    /// The same error about text that no operator has seen.
    pub(super) fn without_position(self) -> Self {
        Self {
            position: None,
            ..self
        }
    }

    /// What is not JSON.
    pub(super) fn from_json(error: &serde_json::Error) -> Self {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let text = text.strip_suffix(&place).unwrap_or(&text);
        let position = (error.line() > 0).then(|| (error.line(), error.column()));
        Self {
            position,
            ..Self::new("", text)
        }
    }

    /// What does not fit the configuration's types, in the words of this module.
    pub(super) fn misfit(path: &str, text: &str, position: Option<(usize, usize)>) -> Self {
        let (at, what) = reword(path, text);
        Self { at, what, position }
    }
}

/// Turns "unknown field `x`, expected one of `a`, `b`" at `path` into "unknown key; known: a, b" at `path.x`.
fn reword(path: &str, text: &str) -> (String, String) {
    for (start, what) in [
        ("unknown field `", "unknown key"),
        ("duplicate field `", "this key stands twice"),
        ("missing field `", "this key is missing"),
    ] {
        let Some((name, rest)) = text
            .strip_prefix(start)
            .and_then(|rest| rest.split_once('`'))
        else {
            continue;
        };
        let at = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        let what = if known.is_empty() {
            what.to_owned()
        } else {
            format!("{what}; known: {}", known.join(", "))
        };
        return (at, what);
    }
    (path.to_owned(), text.replace('`', "\""))
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.at.is_empty() {
            write!(formatter, "{}: ", self.at)?;
        }
        formatter.write_str(&self.what)?;
        match self.position {
            Some((line, column)) => write!(formatter, " (line {line} column {column})"),
            None => Ok(()),
        }
    }
}
