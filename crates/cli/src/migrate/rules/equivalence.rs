//! Thousands of policies: what the rules allow, the policies allow; and where nothing has to be guessed, the other way round too.

use super::super::matching::{Header, Matching, Path};
use super::*;

/// A small generator of numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

struct Request {
    path: &'static str,
    method: &'static str,
    host: &'static str,
    header: Option<&'static str>,
    /// The claim of a caller with a good credential.
    caller: Option<&'static str>,
}

fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for path in ["/", "/a", "/a/b", "/ab", "/a/b/c", "/x"] {
        for method in ["GET", "PUT"] {
            for host in ["h.a", "a"] {
                for header in [None, Some("v"), Some("w")] {
                    for caller in [None, Some("1"), Some("2")] {
                        all.push(Request {
                            path,
                            method,
                            host,
                            header,
                            caller,
                        });
                    }
                }
            }
        }
    }
    all
}

fn conditions(expressions: bool) -> Vec<Matching> {
    let path = |path| Matching::of_path(path);
    let header = |test| Matching::of_header("x", test);
    let mut all = vec![
        Matching::any(),
        path(Path::Text("/a".into())),
        path(Path::Segments("/a".into())),
        path(Path::Text("/a/b".into())),
        path(Path::Exact("/a/b".into())),
        Matching::of_method("GET"),
        Matching::of_host("*.a"),
        Matching::of_host("a"),
        header(Header::Present(true)),
        header(Header::Present(false)),
        header(Header::AnyOf(["v".to_owned()].into())),
    ];
    if expressions {
        all.push(path(Path::Regex("/.*b".into())));
        all.push(path(Path::Regex("/a.*".into())));
    }
    all
}

fn is_match(matching: &Matching, request: &Request) -> bool {
    let exact = Matching {
        path: Path::Exact(request.path.into()),
        methods: Some([request.method.to_owned()].into()),
        hosts: Some([request.host.to_owned()].into()),
        headers: [(
            "x".to_owned(),
            match request.header {
                Some(value) => Header::AnyOf([value.to_owned()].into()),
                None => Header::Present(false),
            },
        )]
        .into(),
    };
    matching.covers(&exact)
}

/// How Envoy reads a need: a caller without a credential has no claims.
fn native(need: &Need, caller: Option<&str>) -> bool {
    match need {
        Need::Public | Need::Optional => true,
        Need::Never => false,
        Need::Anonymous => caller.is_none(),
        Need::User | Need::Provider(_) => caller.is_some(),
        Need::Claim(_, value) => caller.is_some_and(|held| *value == json!(held)),
        Need::Any(needs) => needs.iter().any(|need| native(need, caller)),
        Need::All(needs) => needs.iter().all(|need| native(need, caller)),
        Need::Not(need) => !native(need, caller),
    }
}

/// How this filter reads it: a caller without a credential passes only where none is needed.
fn own(need: &Need, caller: Option<&str>) -> bool {
    match need {
        Need::Anonymous => false,
        Need::Any(needs) => needs.iter().any(|need| own(need, caller)),
        Need::Public | Need::Optional => true,
        other => caller.is_some() && native(other, caller),
    }
}

fn clauses(dice: &mut Dice, conditions: &[Matching]) -> Vec<Clause> {
    let claim = |value| Need::Claim("c".into(), json!(value));
    let needs = [
        Need::Public,
        Need::User,
        claim("1"),
        claim("2"),
        Need::not(claim("1")),
        Need::not(Need::User),
    ];
    (0..1 + dice.below(3))
        .map(|_| {
            let except = if dice.below(3) == 0 {
                vec![dice.pick(conditions)]
            } else {
                Vec::new()
            };
            Clause {
                matching: dice.pick(conditions),
                except,
                need: dice.pick(&needs),
            }
        })
        .collect()
}

fn passes(gate: &Gate, request: &Request, caller: Option<&str>) -> bool {
    let held = gate.clauses().iter().any(|clause| {
        is_match(&clause.matching, request)
            && !clause.except.iter().any(|except| is_match(except, request))
            && native(&clause.need, caller)
    });
    held == matches!(gate, Gate::Allow(_))
}

fn compare(expressions: bool) -> (usize, usize) {
    let (mut dice, requests) = (Dice(7), requests());
    let conditions = conditions(expressions);
    let (mut allowed, mut stricter) = (0, 0);
    for round in 0..300 {
        let mut entries: Vec<Entry> = (0..dice.below(3))
            .map(|_| Entry {
                name: "e".into(),
                matching: dice.pick(&conditions),
                need: dice.pick(&[Need::Public, Need::User, Need::Never]),
            })
            .collect();
        entries.push(Entry {
            name: "e".into(),
            matching: Matching::any(),
            need: Need::Optional,
        });
        let mut gates = vec![Gate::Allow(clauses(&mut dice, &conditions))];
        if dice.below(2) == 0 {
            gates.push(Gate::Deny(clauses(&mut dice, &conditions)));
        }
        let (rules, _) = rules(&entries, &gates).unwrap();
        for request in &requests {
            let first = entries
                .iter()
                .find(|entry| is_match(&entry.matching, request))
                .unwrap();
            // Where no credential is asked for, nobody looks at one.
            let caller = request.caller.filter(|_| first.need != Need::Public);
            let want = native(&first.need, request.caller)
                && gates.iter().all(|gate| passes(gate, request, caller));
            let rule = rules.iter().find(|rule| is_match(&rule.matching, request));
            let got = rule.is_some_and(|rule| own(&rule.need, request.caller));
            assert!(
                want || !got,
                "round {round} opens {} {}: {entries:?} {gates:?}",
                request.method,
                request.path
            );
            // A caller without a credential, whom a `not` lets pass, is refused on purpose.
            if want && !got && request.caller.is_some() {
                stricter += 1;
            }
            allowed += usize::from(got);
        }
    }
    (allowed, stricter)
}

#[test]
fn rules_allow_what_the_policies_allow() {
    let (allowed, stricter) = compare(false);
    assert!(allowed > 1_000, "{allowed}");
    assert_eq!(stricter, 0);
}

#[test]
fn expressions_never_open_anything() {
    let (allowed, stricter) = compare(true);
    assert!(allowed > 1_000, "{allowed}");
    assert!(stricter > 0, "there was nothing to guess");
}
