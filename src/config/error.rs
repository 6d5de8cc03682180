//! What is wrong with a configuration, and where.

use std::fmt;

/// An error or a warning about a configuration: its place as a JSON path, and what is wrong there.
///
/// Written as `rules[2].require.any[0].provider: "crop" is not a provider; known: corp, ci`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The JSON path, such as `rules[2].match.path`; empty for the whole text.
    pub at: String,
    /// What is wrong, and what would be right.
    pub what: String,
    /// Line and column of the place, from 1, where the configuration is text that an operator wrote.
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
        let known: Vec<&str> = known.into_iter().collect();
        // What stands in quotes is what was written.
        let written = what.split('"').nth(1).unwrap_or_default();
        let guess = suggestion(written, &known);
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        Self::new(at, format!("{what}; known: {known}{guess}"))
    }

    /// The same error about text that no operator has seen.
    pub(super) fn without_position(self) -> Self {
        Self {
            position: None,
            ..self
        }
    }

    /// The same error, at a place within this one.
    #[must_use]
    pub fn within(mut self, at: &str) -> Self {
        self.at = if self.at.is_empty() {
            at.to_owned()
        } else {
            format!("{at}.{}", self.at)
        };
        self
    }

    /// The same error with the line and column of its place in this text, which must be the configuration's.
    #[must_use]
    pub fn located(mut self, text: &[u8]) -> Self {
        self.position = self
            .position
            .or_else(|| super::reader::position_of(text, &self.at));
        self
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

/// Keys that earlier versions had, and what says the same now.
const GONE: [(&str, &str); 1] = [(
    "limits.bad_signatures",
    "this key is gone, as bad signatures are limited by the time that they take: use `signature_time`, such as \"500ms\"",
)];

/// Turns "unknown field `x`, expected one of `a`, `b`" at `path` into "unknown key; known: a, b" at `path.x`.
fn reword(path: &str, text: &str) -> (String, String) {
    for (start, what) in [
        ("unknown field `", "unknown key"),
        ("duplicate field `", "this key is listed twice"),
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
        if let Some((_, instead)) = GONE.iter().find(|(gone, _)| *gone == at) {
            return (at, (*instead).to_owned());
        }
        let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        let what = if known.is_empty() {
            what.to_owned()
        } else {
            let guess = if start.starts_with("unknown") {
                suggestion(name, &known)
            } else {
                String::new()
            };
            format!("{what}; known: {}{guess}", known.join(", "))
        };
        return (at, what);
    }
    (path.to_owned(), text.replace('`', "\""))
}

/// The known word that was meant, where one is so near that hardly another was.
fn suggestion(written: &str, known: &[&str]) -> String {
    let most = written.len().div_ceil(4).min(3);
    known
        .iter()
        .map(|word| (distance(written, word), word))
        .filter(|(distance, _)| (1..=most).contains(distance))
        .min()
        .map(|(_, word)| format!("; did you mean \"{word}\"?"))
        .unwrap_or_default()
}

/// How many characters must be added, dropped or replaced to make one word of the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, byte) in from.bytes().enumerate() {
        let mut above = index;
        let mut left = index.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (place, other) in row.iter_mut().skip(1).zip(to.bytes()) {
            let replaced = above.saturating_add(usize::from(byte != other));
            above = *place;
            left = replaced.min(above.min(left).saturating_add(1));
            *place = left;
        }
    }
    row.last().copied().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_far_apart_as_they_are() {
        for (from, to, want) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("usrs", "users", 1),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("same", "same", 0),
        ] {
            assert_eq!(distance(from, to), want, "{from} {to}");
        }
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let error = |written: &str| {
            let what = format!("\"{written}\" is not a provider");
            ConfigError::unknown("at", &what, ["users", "partners"]).to_string()
        };
        assert_eq!(
            error("usrs"),
            "at: \"usrs\" is not a provider; known: users, partners; did you mean \"users\"?"
        );
        assert_eq!(
            error("ops"),
            "at: \"ops\" is not a provider; known: users, partners"
        );
    }
}
