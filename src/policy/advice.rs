//! Advice of `check`: requests that a rule nearly matches, beyond the warnings of each load.

use super::denial::Denial;
use super::path::MatchPath;
use super::readings::Disagreement;
use super::requirement::Requirement;
use super::route::{HeaderTest, MatchHost, Route, Target};
use super::{Policy, Rule};
use crate::config::{Config, ConfigError};
use crate::headers::Headers;
use crate::text::push_form_text;

/// A host that no rule names: the top-level domain is nobody's (RFC 2606 §2).
const NOWHERE: &str = "nowhere.invalid";

/// An example of a request that a rule matches.
#[derive(Clone)]
struct Sample {
    method: String,
    authority: String,
    /// The path of the request, percent-decoded.
    path: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Policy {
    /// What to look at twice, each with its place.
    #[must_use]
    pub fn advice(&self, config: &Config) -> Vec<ConfigError> {
        let mut found = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let at = format!("rules[{index}]");
            let mut say = |key: &str, what: Option<String>| {
                found.extend(what.map(|what| ConfigError::new(format!("{at}{key}"), what)));
            };
            say(".match.methods", self.hidden_head(index, rule));
            let Some(sample) = Sample::of(rule) else {
                continue;
            };
            say(".match", self.refused(rule, &sample));
            say(".require", self.capitals(rule));
            say(".require", self.named_by_forms(rule, &sample));
            say(".match.path", self.final_slash(rule, &sample));
            if config.paths.suffixes.is_none() {
                say(".match", self.suffix(rule, &sample));
            }
        }
        found
    }

    /// A rule for GET is one for HEAD.
    fn hidden_head(&self, index: usize, rule: &Rule) -> Option<String> {
        let methods = &rule.route.methods;
        methods.iter().find(|method| *method == "HEAD")?;
        let as_get = Route {
            methods: Box::new(["GET".to_owned()]),
            ..rule.route.clone()
        };
        let mut before = self.rules.iter().take(index);
        let earlier = before.find(|earlier| earlier.route.covers(&as_get))?;
        Some(format!(
            "no HEAD request comes here: {} is for GET, and so for HEAD too",
            earlier.name
        ))
    }

    /// A rule whose own requests have several readings.
    fn refused(&self, rule: &Rule, sample: &Sample) -> Option<String> {
        let head = sample.head();
        let head = self.rewrite(&head).unwrap_or(head);
        let (Denial::AmbiguousRequest, told) = self.find_in_each_reading(&head).err()? else {
            return None;
        };
        let example = format!("a request such as {sample} is refused as ambiguous");
        Some(match told {
            Some(Disagreement { first, other }) if first.1 == rule.name => {
                format!("{example}: \"{}\" comes to {}", other.0, other.1)
            }
            Some(Disagreement { first, .. }) => format!("{example}: it comes to {} too", first.1),
            None => format!(
                "{example}, because a decision point is asked and some servers read such a path in another way; write \"paths\": {{\"decision\": \"each\"}}, or \"case\": \"distinct\" where only letters are meant"
            ),
        })
    }

    /// A decision point may tell letters apart by their case where the upstream does not.
    fn capitals(&self, rule: &Rule) -> Option<String> {
        let some = !matches!(rule.route.path, MatchPath::Exact(_));
        let asks = rule.requirement.asks_decision() && self.reader.refuses_capitals();
        (some && asks).then(|| {
            "a decision point is asked, and requests whose path has capital letters are refused, since some servers take them for small ones; write \"paths\": {\"decision\": \"each\"}, or \"case\": \"distinct\" where the upstream tells them apart".to_owned()
        })
    }

    /// A form's body can name the method, and is not looked at.
    fn named_by_forms(&self, rule: &Rule, sample: &Sample) -> Option<String> {
        let mut methods = rule.route.methods.iter();
        let method =
            methods.find(|method| matches!(method.as_str(), "PUT" | "PATCH" | "DELETE"))?;
        let posted = Sample {
            method: "POST".to_owned(),
            ..sample.clone()
        };
        let post = self
            .rule_of(&posted)
            .filter(|post| is_stricter(rule, post))?;
        Some(format!(
            "{method} may be named by a form that is sent with POST, which comes to {}: to frameworks that read _method from forms, whose bodies the filter does not see; be as strict there, or switch that off",
            post.name
        ))
    }

    /// Servers that drop a final slash serve an exact path under it too.
    fn final_slash(&self, rule: &Rule, sample: &Sample) -> Option<String> {
        let spellings = &self.reader.spellings;
        let is_exact = matches!(&rule.route.path, MatchPath::Exact(path) if !path.ends_with(b"/"));
        if !is_exact || !spellings.reads_final_slashes() {
            return None;
        }
        let other = self.rule_of(&sample.with("/"));
        let other = other.filter(|other| other.requirement != rule.requirement)?;
        Some(format!(
            "a request for {}/ is refused: it may be one for {} too; write path_prefix, or say in \"paths\" what \"trailing_slash\" is to the upstream",
            String::from_utf8_lossy(&sample.path),
            other.name
        ))
    }

    /// Frameworks take a format from the end of a path.
    fn suffix(&self, rule: &Rule, sample: &Sample) -> Option<String> {
        if sample.path.ends_with(b"/") {
            return None;
        }
        let other = self.rule_of(&sample.with(".json"));
        let other = other.filter(|other| is_stricter(rule, other))?;
        let path = String::from_utf8_lossy(&sample.path);
        Some(format!(
            "{path}.json comes to {}, and some frameworks serve {path} under it; say in \"paths\" what \"suffixes\" are to the upstream: \"same_rule\", or \"distinct\"",
            other.name
        ))
    }

    /// The rule of a request as it stands.
    fn rule_of(&self, sample: &Sample) -> Option<&Rule> {
        let head = sample.head();
        let place = self.place(&Target {
            method: sample.method.as_bytes(),
            authority: sample.authority.as_bytes(),
            path: &sample.path,
            headers: &head,
        });
        place.and_then(|place| self.rules.get(place))
    }
}

impl Sample {
    /// `None` where an expression says what the rule is for.
    fn of(rule: &Rule) -> Option<Self> {
        let route = &rule.route;
        let path = match &route.path {
            MatchPath::Any => b"/".to_vec(),
            MatchPath::Exact(path) => path.clone(),
            MatchPath::Prefix(path) if path.ends_with(b"/") => [path, &b"x"[..]].concat(),
            MatchPath::Prefix(path) => path.clone(),
            MatchPath::Template(template) => template.sample(),
            MatchPath::Regex(_) => return None,
        };
        let headers = route.headers.iter().filter_map(|header| {
            let value = match &header.test {
                HeaderTest::AnyOf(values) => values.first()?.clone(),
                HeaderTest::Prefix(start) => start.clone(),
                HeaderTest::Present(true) => "x".to_owned(),
                HeaderTest::Present(false) => return None,
            };
            Some((header.name.clone(), value))
        });
        Some(Self {
            method: route.methods.first().map_or("GET", String::as_str).into(),
            authority: match route.hosts.first() {
                None => NOWHERE.to_owned(),
                Some(MatchHost::Exact(host)) => host.clone(),
                Some(MatchHost::Below(host)) => format!("x{host}"),
            },
            path,
            headers: headers.collect(),
        })
    }

    fn with(&self, end: &str) -> Self {
        Self {
            path: [&self.path, end.as_bytes()].concat(),
            ..self.clone()
        }
    }

    fn head(&self) -> Headers {
        let mut target = String::new();
        for (place, segment) in self.path.split(|byte| *byte == b'/').enumerate() {
            if place > 0 {
                target.push('/');
            }
            push_form_text(&mut target, &String::from_utf8_lossy(segment));
        }
        let mut pairs = vec![
            (":method", self.method.as_str()),
            (":authority", &self.authority),
            (":path", &target),
        ];
        pairs.extend(
            self.headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        Headers::from_pairs(&pairs)
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = String::from_utf8_lossy(&self.path);
        write!(formatter, "{} {path}", self.method)?;
        if self.authority == NOWHERE {
            return Ok(());
        }
        write!(formatter, " of {}", self.authority)
    }
}

/// Whether somebody may pass by the other rule who may not by this one, as far as that can be seen.
fn is_stricter(rule: &Rule, other: &Rule) -> bool {
    let strength = |requirement: &Requirement| match requirement {
        Requirement::Public => 0,
        Requirement::Optional => 1,
        Requirement::User => 2,
        Requirement::Deny => 4,
        _ => 3,
    };
    let (own, others) = (strength(&rule.requirement), strength(&other.requirement));
    own > others || own == others && rule.requirement != other.requirement
}

#[cfg(test)]
mod tests;
