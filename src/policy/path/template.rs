//! Paths with variables: `/users/{user}/orders/**`.

use std::fmt;

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// This text, byte for byte.
    Literal(Vec<u8>),
    /// Any text that is not empty, under this name.
    Variable(String),
}

/// A template: each segment of it stands for one of the path, `**` at its end for the rest, which may be nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    segments: Box<[Segment]>,
    rest: bool,
}

/// Why a text is no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// A variable must be a whole segment, named by letters, digits, `_` and `-`.
    Variable,
    /// Two variables have one name.
    Twice,
    /// `**` stands at the end only, and no other `*` anywhere.
    Star,
    /// There is no variable and no `**`.
    Plain,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Variable => {
                "a variable is a whole segment, such as {user}: letters, digits, _ and - in braces"
            }
            Self::Twice => "two variables have one name",
            Self::Star => {
                "** stands for the rest of the path and only at its end; one segment is {name}"
            }
            Self::Plain => "has no variable and no **; write path or path_prefix",
        })
    }
}

impl Template {
    /// Reads a template whose literal segments are canonical already.
    ///
    /// # Errors
    /// What is not a template, and what needs none.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let body = text.strip_prefix('/').unwrap_or(text);
        let (body, rest) = match body.strip_suffix("**") {
            Some("") => ("", true),
            Some(body) => (body.strip_suffix('/').ok_or(TemplateError::Star)?, true),
            None => (body, false),
        };
        let mut segments: Vec<Segment> = Vec::new();
        let pieces = body.split('/').filter(|_| !(rest && body.is_empty()));
        for piece in pieces {
            if piece.contains('*') {
                return Err(TemplateError::Star);
            }
            let name = piece
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            let segment = match name {
                Some(name) if is_name(name) => Segment::Variable(name.to_owned()),
                None if !piece.contains(['{', '}']) => Segment::Literal(piece.as_bytes().to_vec()),
                _ => return Err(TemplateError::Variable),
            };
            if matches!(segment, Segment::Variable(_)) && segments.contains(&segment) {
                return Err(TemplateError::Twice);
            }
            segments.push(segment);
        }
        let template = Self {
            segments: segments.into(),
            rest,
        };
        if !rest && template.variables().next().is_none() {
            return Err(TemplateError::Plain);
        }
        Ok(template)
    }

    /// The names of the variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Variable(name) => Some(name.as_str()),
        })
    }

    /// The same template with its literal segments in lower case.
    #[must_use]
    pub fn without_case(&self) -> Self {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => Segment::Literal(text.to_ascii_lowercase()),
            Segment::Variable(name) => Segment::Variable(name.clone()),
        });
        Self {
            segments: segments.collect(),
            rest: self.rest,
        }
    }

    /// Whether the path is one of these.
    #[must_use]
    pub fn is_match(&self, path: &[u8]) -> bool {
        let mut held = segments_of(path);
        for segment in &self.segments {
            let fits = match (segment, held.next()) {
                (_, None) => false,
                (Segment::Literal(text), Some(held)) => held == text.as_slice(),
                (Segment::Variable(_), Some(held)) => !held.is_empty(),
            };
            if !fits {
                return false;
            }
        }
        self.rest || held.next().is_none()
    }

    /// What each variable stands for in a path that matches.
    pub fn capture<'p>(&self, path: &'p [u8]) -> impl Iterator<Item = (&str, &'p [u8])> {
        self.segments
            .iter()
            .zip(segments_of(path))
            .filter_map(|(segment, held)| match segment {
                Segment::Literal(_) => None,
                Segment::Variable(name) => Some((name.as_str(), held)),
            })
    }

    /// The path that every match begins with, up to the first variable: `/users` of `/users/{user}`.
    #[must_use]
    pub fn stem(&self) -> Vec<u8> {
        let mut stem = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => {
                    stem.push(b'/');
                    stem.extend(text);
                }
                Segment::Variable(_) => break,
            }
        }
        if stem.is_empty() {
            stem.push(b'/');
        }
        stem
    }

    /// Its last segment, where that is a text; nothing where it is a variable.
    #[must_use]
    pub fn last_literal(&self) -> &[u8] {
        match self.segments.last() {
            Some(Segment::Literal(text)) => text,
            Some(Segment::Variable(_)) | None => b"",
        }
    }

    /// Whether its paths end with a slash.
    #[must_use]
    pub fn ends_with_slash(&self) -> bool {
        let is_empty =
            |segment: &Segment| matches!(segment, Segment::Literal(text) if text.is_empty());
        !self.rest && self.segments.last().is_some_and(is_empty)
    }

    /// The shortest path of this template, with an `x` for each variable.
    #[cfg(not(target_arch = "wasm32"))]
    pub(in crate::policy) fn sample(&self) -> Vec<u8> {
        let segments = self.segments.iter().flat_map(|segment| match segment {
            Segment::Literal(text) => [b"/".as_slice(), text],
            Segment::Variable(_) => [b"/".as_slice(), b"x"],
        });
        let path: Vec<u8> = segments.flatten().copied().collect();
        if path.is_empty() { b"/".to_vec() } else { path }
    }

    /// Whether each path of `other` is one of these.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let fits = |(own, other): (&Segment, &Segment)| match (own, other) {
            (Segment::Variable(_), Segment::Variable(_)) => true,
            (Segment::Variable(_), Segment::Literal(text)) => !text.is_empty(),
            (Segment::Literal(own), Segment::Literal(text)) => own == text,
            (Segment::Literal(_), Segment::Variable(_)) => false,
        };
        let long_enough = if self.rest {
            other.segments.len() >= self.segments.len()
        } else {
            other.segments.len() == self.segments.len() && !other.rest
        };
        long_enough && self.segments.iter().zip(&other.segments).all(fits)
    }

    /// Whether each path that begins with these whole segments is one of these.
    #[must_use]
    pub fn covers_prefix(&self, prefix: &[u8]) -> bool {
        // What such a path is at its shortest; whatever follows is the rest.
        let shortest = prefix.strip_suffix(b"/").unwrap_or(prefix);
        let whole = shortest.is_empty() || self.is_match(shortest);
        self.rest && whole && (!shortest.is_empty() || self.segments.is_empty())
    }
}

fn segments_of(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.strip_prefix(b"/")
        .unwrap_or(path)
        .split(|byte| *byte == b'/')
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text).unwrap()
    }

    /// A template, a path, and its variables where it matches.
    type Row = (
        &'static str,
        &'static str,
        Option<&'static [(&'static str, &'static str)]>,
    );

    #[test]
    fn a_variable_is_one_segment_and_two_stars_the_rest() {
        let rows: [Row; 14] = [
            ("/users/{user}", "/users/alice", Some(&[("user", "alice")])),
            ("/users/{user}", "/users/alice/", None),
            ("/users/{user}", "/users/", None),
            ("/users/{user}", "/users", None),
            ("/users/{user}", "/users/a/b", None),
            ("/users/{user}", "/Users/a", None),
            (
                "/users/{user}/orders/**",
                "/users/a/orders",
                Some(&[("user", "a")]),
            ),
            (
                "/users/{user}/orders/**",
                "/users/a/orders/1/2",
                Some(&[("user", "a")]),
            ),
            ("/users/{user}/orders/**", "/users/a/ordersx", None),
            ("/{a}/{b-2}", "/1/2", Some(&[("a", "1"), ("b-2", "2")])),
            ("/{a}/x", "/1/2", None),
            ("/**", "/", Some(&[])),
            ("/**", "/a/b", Some(&[])),
            ("/{a}/**", "/", None),
        ];
        for (text, path, want) in rows {
            let template = template(text);
            assert_eq!(
                template.is_match(path.as_bytes()),
                want.is_some(),
                "{text} {path}"
            );
            if let Some(want) = want {
                let got: Vec<_> = template
                    .capture(path.as_bytes())
                    .map(|(name, value)| (name, std::str::from_utf8(value).unwrap()))
                    .collect();
                assert_eq!(got, want, "{text} {path}");
            }
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, want) in [
            ("/users/{user}.json", TemplateError::Variable),
            ("/users/{}", TemplateError::Variable),
            ("/users/{a b}", TemplateError::Variable),
            ("/users/{user", TemplateError::Variable),
            ("/a/{x}/{x}", TemplateError::Twice),
            ("/a/*/b", TemplateError::Star),
            ("/a/**/b", TemplateError::Star),
            ("/a**", TemplateError::Star),
            ("/a/b", TemplateError::Plain),
        ] {
            assert_eq!(Template::parse(text), Err(want), "{text}");
        }
    }

    #[test]
    fn a_template_covers_what_it_must() {
        for (wide, narrow, want) in [
            ("/{a}/**", "/{b}/c/{d}", true),
            ("/{a}/**", "/x/**", true),
            ("/{a}", "/{b}", true),
            ("/{a}", "/{b}/**", false),
            ("/{a}/b", "/x/{b}", false),
            ("/x/{b}", "/{a}/b", false),
            ("/x/**", "/x/{b}", true),
            ("/**", "/{a}", true),
        ] {
            let got = template(wide).covers(&template(narrow));
            assert_eq!(got, want, "{wide} {narrow}");
        }
        for (wide, prefix, want) in [
            ("/**", "/", true),
            ("/a/**", "/a", true),
            ("/a/**", "/a/b", true),
            ("/{x}/**", "/a", true),
            ("/{x}/**", "/", false),
            ("/a/b/**", "/a", false),
            ("/{x}", "/a", false),
        ] {
            assert_eq!(
                template(wide).covers_prefix(prefix.as_bytes()),
                want,
                "{wide} {prefix}"
            );
        }
        assert_eq!(template("/users/{user}/x").stem(), b"/users");
        assert_eq!(template("/{user}/x").stem(), b"/");
    }
}
