//! Rules of the source, which are all asked, as rules of which the first that matches decides.
//!
//! The conditions of all policies are cut with one another until each request has one smallest condition that
//! holds for it; narrower ones stand first. Where two conditions cannot be cut (expressions), the request is judged
//! by the stricter reading: what allows counts only where it holds for sure, what denies wherever it may hold.

use super::matching::Matching;
use super::need::Need;
use serde_json::{Value, json};

/// More conditions than anybody would want to read.
const MOST: usize = 400;

/// One way through a policy: which requests, less some, and who.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clause {
    /// Which requests.
    pub(super) matching: Matching,
    /// Not these of them.
    pub(super) except: Vec<Matching>,
    /// Who.
    pub(super) need: Need,
}

/// Policies that are asked together.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Gate {
    /// A request passes where one of these holds.
    Allow(Vec<Clause>),
    /// A request passes where none of these holds.
    Deny(Vec<Clause>),
}

/// What is asked first: of several, the first that matches counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// A name for the rules that are made of it.
    pub(super) name: String,
    /// Which requests.
    pub(super) matching: Matching,
    /// Who.
    pub(super) need: Need,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    name: String,
    matching: Matching,
    need: Need,
}

/// The rules that do what these entries and gates do together, and whether callers without a credential are refused
/// whom the source would let pass.
///
/// # Errors
/// Where there would be too many.
pub(super) fn rules(entries: &[Entry], gates: &[Gate]) -> Result<(Vec<Rule>, bool), String> {
    let cuts = closure(gates)?;
    let mut rules: Vec<Rule> = Vec::new();
    let mut refused = false;
    for entry in entries {
        let mut parts: Vec<Matching> = Vec::new();
        for cut in &cuts {
            let part = entry.matching.both(cut).ok().flatten();
            parts.extend(part.filter(|part| !parts.contains(part)));
        }
        if !parts.contains(&entry.matching) {
            parts.push(entry.matching.clone());
        }
        let mut judged = Vec::new();
        for matching in parts {
            let mut needs = vec![entry.need.clone()];
            needs.extend(gates.iter().map(|gate| match gate.need(&matching) {
                // Nobody looks at the credential, so that nothing is known of the caller.
                need if entry.need == Need::Public => need.of_anonymous(),
                need => need,
            }));
            let open = needs.iter().all(Need::holds_for_anonymous);
            let need = Need::all(needs);
            refused |= open && !need.is_open();
            judged.push((matching, need));
        }
        let name = entry.name.clone();
        rules.extend(
            narrow_first(judged)
                .into_iter()
                .map(|(matching, need)| Rule {
                    name: name.clone(),
                    matching,
                    need,
                }),
        );
    }
    Ok((trimmed(rules), refused))
}

impl Gate {
    fn clauses(&self) -> &[Clause] {
        match self {
            Self::Allow(clauses) | Self::Deny(clauses) => clauses,
        }
    }

    fn need(&self, part: &Matching) -> Need {
        match self {
            Self::Allow(clauses) => Need::any(
                clauses
                    .iter()
                    .filter(|clause| {
                        clause.matching.covers(part)
                            && !clause.except.iter().any(|except| {
                                except.overlaps(part) && !strictly_wider(part, except)
                            })
                    })
                    .map(|clause| clause.need.clone())
                    .collect(),
            ),
            Self::Deny(clauses) => Need::not(Need::any(
                clauses
                    .iter()
                    .filter(|clause| {
                        applies(&clause.matching, part)
                            && !clause.except.iter().any(|except| except.covers(part))
                    })
                    .map(|clause| clause.need.clone())
                    .collect(),
            )),
        }
    }
}

/// Whether a condition that can be cut out of the part has a rule of its own before it.
fn strictly_wider(part: &Matching, cut: &Matching) -> bool {
    matches!(part.both(cut), Ok(Some(both)) if both != *part)
}

/// Whether a condition may hold for what is left of the part behind the narrower rules.
fn applies(condition: &Matching, part: &Matching) -> bool {
    condition.covers(part) || condition.overlaps(part) && !strictly_wider(part, condition)
}

/// All conditions, and what they have in common with one another.
fn closure(gates: &[Gate]) -> Result<Vec<Matching>, String> {
    let mut all: Vec<Matching> = Vec::new();
    let clauses = gates.iter().flat_map(Gate::clauses);
    for matching in clauses.flat_map(|clause| clause.except.iter().chain([&clause.matching])) {
        if !all.contains(matching) {
            all.push(matching.clone());
        }
    }
    let mut next = 0;
    while next < all.len() {
        for other in 0..next {
            let pair = all.get(next).zip(all.get(other));
            let both = pair.and_then(|(one, other)| one.both(other).ok().flatten());
            all.extend(both.filter(|both| !all.contains(both)));
        }
        next += 1;
        if all.len() > MOST {
            return Err(format!(
                "the policies overlap in more than {MOST} ways; migrate them in parts"
            ));
        }
    }
    Ok(all)
}

/// An order in which nothing stands behind what covers it, and what needs the same stands together.
fn narrow_first(mut parts: Vec<(Matching, Need)>) -> Vec<(Matching, Need)> {
    let mut sorted: Vec<(Matching, Need)> = Vec::new();
    while !parts.is_empty() {
        let covers_none = |(index, (wide, _)): &(usize, &(Matching, Need))| {
            let mut others = parts.iter().enumerate().filter(|(other, _)| other != index);
            !others.any(|(_, (narrow, _))| wide.covers(narrow))
        };
        let free = || parts.iter().enumerate().filter(covers_none);
        let like = |need: &Need| sorted.last().is_some_and(|(_, last)| last == need);
        let same = free().find(|(_, (_, need))| like(need));
        let next = same.or_else(|| free().next()).map_or(0, |(index, _)| index);
        let next = parts.remove(next);
        sorted.push(next);
    }
    sorted
}

/// Without rules that are never reached, and those that say what a later one says anyway.
fn trimmed(rules: Vec<Rule>) -> Vec<Rule> {
    let mut reached: Vec<Rule> = Vec::new();
    for rule in rules {
        if !reached
            .iter()
            .any(|earlier| earlier.matching.covers(&rule.matching))
        {
            reached.push(rule);
        }
    }
    // From the end, so that rules that a later one makes idle are gone by then.
    let mut kept: Vec<Rule> = Vec::new();
    while let Some(rule) = reached.pop() {
        let mut later = kept.iter().rev();
        let next = later.find(|later| later.matching.overlaps(&rule.matching));
        // What no rule matches is refused.
        let said = match next {
            Some(later) => later.matching.covers(&rule.matching) && later.need == rule.need,
            None => rule.need == Need::Never,
        };
        if !said {
            kept.push(rule);
        }
    }
    kept.reverse();
    numbered(kept)
}

/// Rules of one entry are told apart by numbers.
fn numbered(mut rules: Vec<Rule>) -> Vec<Rule> {
    let names: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
    for (index, rule) in rules.iter_mut().enumerate() {
        let of = |many: usize| {
            let first = names.iter().take(many);
            first.filter(|name| **name == rule.name).count()
        };
        if of(names.len()) > 1 {
            rule.name = format!("{}-{}", rule.name, of(index + 1));
        }
    }
    rules
}

impl Rule {
    /// The rule as the configuration has it.
    pub(super) fn to_json(&self, providers: &[String]) -> Value {
        json!({
            "name": self.name,
            "match": self.matching.to_json(),
            "require": self.need.require(providers),
        })
    }
}

#[cfg(test)]
mod equivalence;

#[cfg(test)]
mod tests {
    use super::super::matching::Path;
    use super::*;

    fn text(start: &str) -> Matching {
        Matching::of_path(Path::Text(start.into()))
    }

    fn claim(value: &str) -> Need {
        Need::Claim("c".into(), json!(value))
    }

    fn clause(matching: Matching, need: Need) -> Clause {
        Clause {
            matching,
            except: Vec::new(),
            need,
        }
    }

    fn entry(need: Need) -> Vec<Entry> {
        vec![Entry {
            name: "r".into(),
            matching: Matching::any(),
            need,
        }]
    }

    fn shown(entries: &[Entry], gates: &[Gate]) -> Vec<String> {
        let (rules, _) = rules(entries, gates).unwrap();
        let show = |rule: Rule| {
            let rule = rule.to_json(&["p".into()]);
            format!("{} {}", rule["match"], rule["require"])
        };
        rules.into_iter().map(show).collect()
    }

    #[test]
    fn overlapping_permissions_are_added_up() {
        let gates = [Gate::Allow(vec![
            clause(text("/a/"), claim("reads a")),
            clause(Matching::of_method("GET"), claim("gets")),
        ])];
        assert_eq!(
            shown(&entry(Need::User), &gates),
            [
                r#"{"methods":["GET"],"path_prefix":"/a/"} {"claims":{"c":{"any_of":["reads a","gets"]}}}"#,
                r#"{"path_prefix":"/a/"} {"claims":{"c":"reads a"}}"#,
                r#"{"methods":["GET"]} {"claims":{"c":"gets"}}"#,
            ]
        );
    }

    #[test]
    fn what_denies_is_taken_away_from_what_allows() {
        let gates = [
            Gate::Deny(vec![clause(text("/a/"), claim("bad"))]),
            Gate::Allow(vec![clause(Matching::any(), Need::Public)]),
        ];
        assert_eq!(
            shown(&entry(Need::User), &gates),
            [
                r#"{"path_prefix":"/a/"} {"not":{"claims":{"c":"bad"}}}"#,
                r#"{} "user""#,
            ]
        );
        // An anonymous caller has no such claim, and would pass.
        assert!(rules(&entry(Need::Optional), &gates).unwrap().1);
    }

    #[test]
    fn exceptions_come_first() {
        let mut all = clause(Matching::any(), Need::User);
        all.except = vec![Matching::of_path(Path::Exact("/healthz".into()))];
        assert_eq!(
            shown(&entry(Need::Optional), &[Gate::Allow(vec![all.clone()])]),
            [r#"{"path":"/healthz"} "deny""#, r#"{} "user""#,]
        );
        all.need = Need::not(Need::User);
        assert_eq!(
            shown(&entry(Need::Optional), &[Gate::Deny(vec![all])]),
            [r#"{"path":"/healthz"} "optional""#, r#"{} "user""#,]
        );
    }

    #[test]
    fn what_cannot_be_cut_is_judged_by_the_stricter_reading() {
        let regex = Matching::of_path(Path::Regex("/.*/secret".into()));
        let allow = [Gate::Allow(vec![
            clause(regex.clone(), claim("x")),
            clause(text("/a/"), claim("y")),
        ])];
        assert_eq!(
            shown(&entry(Need::User), &allow),
            [
                r#"{"path_regex":"/.*/secret"} {"claims":{"c":"x"}}"#,
                r#"{"path_prefix":"/a/"} {"claims":{"c":"y"}}"#,
            ]
        );
        let deny = [
            Gate::Allow(vec![clause(text("/a/"), claim("y"))]),
            Gate::Deny(vec![clause(regex, Need::Public)]),
        ];
        assert_eq!(shown(&entry(Need::User), &deny), Vec::<&str>::new());
    }

    #[test]
    fn the_first_entry_that_matches_counts() {
        let entries = [
            Entry {
                name: "a".into(),
                matching: text("/a/b"),
                need: Need::Public,
            },
            Entry {
                name: "b".into(),
                matching: text("/a"),
                need: Need::User,
            },
            Entry {
                name: "c".into(),
                matching: text("/a/c"),
                need: Need::Public,
            },
        ];
        assert_eq!(
            shown(&entries, &[]),
            [
                r#"{"path_regex":"/a/b.*"} "public""#,
                r#"{"path_regex":"/a.*"} "user""#
            ]
        );
    }
}
