//! The readings of one request: every method, authority and path that an upstream may take it for.
//!
//! A rule protects nothing if the upstream reads the request in another way than the filter did. So the rule is looked for
//! under each reading that servers are known to take, and all must come to the same one. A request without anything
//! that is read in two ways has one reading, and pays for no other.

mod path;
mod request;
mod spellings;

use self::request::Readings;
use self::spellings::Spellings;
use super::denial::Denial;
use super::matcher::Matcher;
use super::path::MatchPath;
use super::route::{MatchHost, Route, Target};
use super::{CanonicalPath, Policy, Rule, Variables, variables};
use crate::config::{self, ConfigError, DecidedReadings, OverrideHeaders, Spelling};
use crate::headers::Headers;
use crate::text::{LONGEST_PATH_TOLD, LONGEST_TOLD, log_text};

/// How many readings a request may have: more than any that is sent in good faith.
const LONGEST_LIST: usize = 32;

/// What a policy's rules ask of readings.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) spellings: Spellings,
    /// What headers are that replace the method or the path.
    pub(super) overrides: OverrideHeaders,
    /// Whether a decision point is asked about each reading.
    asks_each: bool,
    /// The rules with literals in lower case, where case is not told apart.
    folded: Option<Folded>,
    /// Whether some rule is for methods, or asks a decision point, which hears of them.
    by_method: bool,
    /// Whether some rule is for hosts.
    by_host: bool,
    /// Whether some rule is for a host with a port.
    by_port: bool,
}

/// A request as a decision point may have to take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The request method in this reading.
    pub method: String,
    /// The path, without a query.
    pub path: String,
}

/// Rules for servers that do not tell letters by their case.
#[derive(Clone, Debug)]
struct Folded {
    routes: Box<[Route]>,
    matcher: Matcher,
    /// Whether a rule has a letter in upper case: then a path in lower case may come to it too.
    has_capitals: bool,
}

/// Two readings of one request and the rules that they come to, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// What the client sent, as it is read first, and its rule.
    pub first: (String, String),
    /// Another reading, and its rule.
    pub other: (String, String),
}

/// The rule of a request, or why it has none.
type Found<'p> = Result<(&'p Rule, Variables), (Denial, Option<Disagreement>)>;

impl Reader {
    pub(super) fn new(paths: &config::Paths, rules: &[Rule]) -> Result<Self, ConfigError> {
        let spellings = Spellings::new(paths, rules)?;
        let routes = || rules.iter().map(|rule| &rule.route);
        let folded = (spellings.case != Spelling::Distinct).then(|| {
            let folded: Box<[Route]> = routes().map(Route::without_case).collect();
            Folded {
                matcher: Matcher::new(folded.iter()),
                has_capitals: routes().any(|route| route.path.has_capitals()),
                routes: folded,
            }
        });
        let mut hosts = routes().flat_map(|route| &route.hosts);
        Ok(Self {
            spellings,
            overrides: paths.override_headers,
            asks_each: paths.decision == DecidedReadings::Each,
            folded,
            by_method: rules
                .iter()
                .any(|rule| !rule.route.methods.is_empty() || rule.requirement.asks_decision()),
            by_host: routes().any(|route| !route.hosts.is_empty()),
            by_port: hosts.any(MatchHost::has_port),
        })
    }
}

impl Reader {
    /// Whether case can make a difference: a rule or the path has a letter in upper case.
    fn folds(&self, path: &[u8]) -> bool {
        let folded = self.folded.as_ref();
        folded.is_some_and(|folded| folded.has_capitals || path.iter().any(u8::is_ascii_uppercase))
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Reader {
    /// Whether a path with capital letters has a second reading to a decision point, and is refused for it.
    pub(super) fn refuses_capitals(&self) -> bool {
        !self.asks_each && self.spellings.case != Spelling::Distinct
    }
}

impl Policy {
    /// The rule of a request: the first that matches it, whichever way the upstream reads it. With it comes what its
    /// path's variables stand for.
    ///
    /// # Errors
    /// [`Denial::MalformedPath`] and [`Denial::MalformedAuthority`] for what no server should be asked to read;
    /// [`Denial::AmbiguousRequest`] where two readings come to two rules, or to two values of a variable that the rule
    /// depends on, with both; [`Denial::NoRule`] where none matches.
    pub fn find_in_each_reading(&self, head: &Headers) -> Found<'_> {
        let readings = Readings::of(head, &self.reader).map_err(|denial| (denial, None))?;
        let first = readings.first();
        // "No match" would lead on to rules for other paths.
        if self.matcher.is_too_long(first.path) {
            return Err((Denial::MalformedPath, None));
        }
        let found = self.place(&first);
        if cfg!(readings_off) {
            return self.settle(found, &first);
        }
        // Most requests have no other reading, and nothing is copied of them.
        let may_differ =
            !readings.is_one() || self.reader.spellings.adds_slash || self.reader.folds(first.path);
        let found = if may_differ {
            self.find_for_all(found, &readings)?
        } else {
            found
        };
        let rule = found.and_then(|place| self.rules.get(place));
        if let Some(rule) = rule.filter(|rule| !rule.route.is_sure(head)) {
            return Err(self.doubt(rule, &first));
        }
        // Whoever decides by method and path itself reads them in one way, and the upstream in another.
        if rule.is_some_and(|rule| rule.requirement.asks_decision()) {
            let decided = readings.decided(self.reader.spellings.case).len();
            let most = if self.reader.asks_each {
                LONGEST_LIST
            } else {
                1
            };
            if decided > most {
                return Err((Denial::AmbiguousRequest, None));
            }
        }
        self.settle(found, &first)
    }

    /// The rule that every reading comes to.
    #[cold]
    fn find_for_all(
        &self,
        found: Option<usize>,
        readings: &Readings<'_>,
    ) -> Result<Option<usize>, (Denial, Option<Disagreement>)> {
        let first = readings.first();
        let mut others = readings.others();
        if others.any(|target| self.matcher.is_too_long(target.path)) {
            return Err((Denial::MalformedPath, None));
        }
        self.agree(found, readings, &Self::place)?;
        // Without case a reading may come to another rule than with it; then all come to that one, or the request to none.
        let folded = self.place_without_case(&first, found);
        if folded != found && self.reader.spellings.case != Spelling::Same {
            return Err(self.disagree((&first, found), (&first, folded)));
        }
        self.agree(folded, readings, &|policy, target| {
            policy.place_without_case(target, found)
        })?;
        if self.reader.spellings.adds_slash {
            self.agree_with_slash(folded, readings)?;
        }
        Ok(folded)
    }

    /// All other readings come to the rule of the first, with the same values of the variables that it depends on.
    fn agree(
        &self,
        found: Option<usize>,
        readings: &Readings<'_>,
        place_of: &dyn Fn(&Self, &Target<'_>) -> Option<usize>,
    ) -> Result<(), (Denial, Option<Disagreement>)> {
        let mut held = None;
        for other in readings.others() {
            let first = readings.first();
            let place = place_of(self, &other);
            let held = held.get_or_insert_with(|| self.values(found, &first));
            if place != found || self.values(found, &other) != *held {
                return Err(self.disagree((&first, found), (&other, place)));
            }
        }
        Ok(())
    }

    /// Servers that take a path and the same with a slash behind it for one serve both by a rule that is written with the
    /// slash. A rule for exactly this path is meant for it.
    fn agree_with_slash(
        &self,
        found: Option<usize>,
        readings: &Readings<'_>,
    ) -> Result<(), (Denial, Option<Disagreement>)> {
        let path_of = |place: Option<usize>| Some(&self.rules.get(place?)?.route.path);
        if matches!(path_of(found), Some(MatchPath::Exact(_))) {
            return Ok(());
        }
        for target in readings.all().filter(|held| !held.path.ends_with(b"/")) {
            let path = [target.path, b"/"].concat();
            let with = Target {
                path: &path,
                ..target
            };
            let place = self.place_without_case(&with, self.place(&with));
            if place != found && path_of(place).is_some_and(MatchPath::ends_with_slash) {
                return Err(self.disagree((&target, found), (&with, place)));
            }
        }
        Ok(())
    }

    /// What a decision point is asked about where it has to permit each reading of a request, or another one than the one
    /// that came; nothing where the request itself is all.
    #[must_use]
    pub fn decided(&self, rule: &Rule, head: &Headers) -> Vec<Reading> {
        let reads = self.reader.asks_each || self.reader.overrides == OverrideHeaders::Trust;
        if !reads || !rule.requirement.asks_decision() {
            return Vec::new();
        }
        let readings = Readings::of(head, &self.reader);
        let readings =
            readings.map(|held| (held.replaces(), held.decided(self.reader.spellings.case)));
        match readings {
            Ok((replaces, decided)) if replaces || decided.len() > 1 => decided,
            _ => Vec::new(),
        }
    }

    /// The same request with its target as it goes upstream; `None` where that is how it came.
    #[must_use]
    pub fn rewrite(&self, head: &Headers) -> Option<Headers> {
        let target = path::rewritten(head.first(":path")?, &self.reader.spellings)?;
        Some(head.clone().with(":path", &target))
    }

    fn settle(&self, found: Option<usize>, target: &Target<'_>) -> Found<'_> {
        let rule = found.and_then(|place| self.rules.get(place));
        let rule = rule.ok_or((Denial::NoRule, None))?;
        Ok((rule, variables(rule, target.path)))
    }

    pub(super) fn place(&self, target: &Target<'_>) -> Option<usize> {
        let route = |place: usize| self.rules.get(place).map(|rule| &rule.route);
        self.matcher.find(target, route)
    }

    /// The place of the rule by a reading without case; as it was `found` where case makes no difference.
    fn place_without_case(&self, target: &Target<'_>, found: Option<usize>) -> Option<usize> {
        let folded = self.reader.folded.as_ref();
        let Some(folded) = folded.filter(|_| self.reader.folds(target.path)) else {
            return found;
        };
        let path = target.path.to_ascii_lowercase();
        let target = Target {
            path: &path,
            ..*target
        };
        folded
            .matcher
            .find(&target, |place| folded.routes.get(place))
    }

    /// The values of the variables that the rule depends on.
    fn values(&self, found: Option<usize>, target: &Target<'_>) -> Variables {
        let rule = found.and_then(|place| self.rules.get(place));
        let Some(rule) = rule else {
            return Variables::new();
        };
        let mut values = variables(rule, target.path);
        values.retain(|(name, _)| rule.requirement.reads_variable(name));
        values
    }

    /// A rule that is for the request by one value of a header, and not by another.
    fn doubt(&self, rule: &Rule, target: &Target<'_>) -> (Denial, Option<Disagreement>) {
        let place = |rule: &&Rule| self.rules.iter().position(|held| std::ptr::eq(held, *rule));
        let behind = self
            .rules
            .iter()
            .skip_while(|held| !std::ptr::eq(*held, rule));
        let next = behind.skip(1).find(|held| held.route.is_match(target));
        self.disagree(
            (target, place(&rule)),
            (target, next.as_ref().and_then(place)),
        )
    }

    fn disagree(
        &self,
        first: (&Target<'_>, Option<usize>),
        other: (&Target<'_>, Option<usize>),
    ) -> (Denial, Option<Disagreement>) {
        let told = |(target, place): (&Target<'_>, Option<usize>)| {
            let rule = place.and_then(|place| self.rules.get(place));
            let text = format!(
                "{} {} of {}",
                log_text(target.method, LONGEST_TOLD),
                log_text(target.path, LONGEST_PATH_TOLD),
                log_text(target.authority, LONGEST_TOLD)
            );
            (text, rule.map_or("none", |rule| &rule.name).to_owned())
        };
        let disagreement = Disagreement {
            first: told(first),
            other: told(other),
        };
        (Denial::AmbiguousRequest, Some(disagreement))
    }
}

/// The path by a host's own reading, where that is not what the client sent.
fn as_read(head: &Headers) -> Option<Vec<u8>> {
    let read = head.path_as_read()?;
    Some(CanonicalPath::decoded(read).as_bytes().to_vec())
}

#[cfg(test)]
pub(super) mod tests;
