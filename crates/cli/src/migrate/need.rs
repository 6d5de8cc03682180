//! Who may pass, as a tree that simplifies itself, and as `require` of a configuration.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What a caller must be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Need {
    /// Anybody: credentials are not looked at.
    Public,
    /// Anybody without a credential or with a good one.
    Optional,
    /// Anybody with a good credential.
    User,
    /// Nobody.
    Never,
    /// Only callers without a credential, which no configuration can say: nobody.
    Anonymous,
    /// A caller for whom this provider vouches.
    Provider(String),
    /// A claim with its test.
    Claim(String, Value),
    /// One of them.
    Any(Vec<Self>),
    /// Each of them.
    All(Vec<Self>),
    /// Not this; a caller without a credential does not pass.
    Not(Box<Self>),
}

impl Need {
    /// A claim that equals this, or is a list with it.
    pub(super) fn claim_has(claim: &str, value: &str) -> Self {
        let test = if value.contains(' ') {
            let item = Self::Claim(claim.to_owned(), json!({ "contains": value }));
            return Self::Any(vec![Self::Claim(claim.to_owned(), json!(value)), item]);
        } else {
            json!({ "contains": value })
        };
        Self::Claim(claim.to_owned(), test)
    }

    /// One of them, as simple as it gets.
    pub(super) fn any(needs: Vec<Self>) -> Self {
        let mut all = Vec::new();
        for need in needs {
            match need {
                Self::Public => return Self::Public,
                Self::Never => {}
                Self::Any(inner) => inner.into_iter().for_each(|need| push(&mut all, need)),
                other => push(&mut all, other),
            }
        }
        let user = all.contains(&Self::User);
        if all.contains(&Self::Optional) || user && all.iter().any(Self::holds_for_anonymous) {
            return Self::Optional;
        }
        if user {
            return Self::User;
        }
        match all.len() {
            0 => Self::Never,
            1 => all.remove(0),
            _ => Self::Any(all),
        }
    }

    /// Each of them, as simple as it gets.
    pub(super) fn all(needs: Vec<Self>) -> Self {
        let mut all = Vec::new();
        let mut weakest = Self::Public;
        for need in needs {
            match need {
                Self::Never => return Self::Never,
                Self::Public => {}
                Self::Optional if weakest == Self::Public => weakest = Self::Optional,
                Self::Optional => {}
                Self::User => weakest = Self::User,
                Self::All(inner) => inner.into_iter().for_each(|need| push(&mut all, need)),
                other => push(&mut all, other),
            }
        }
        if let Some(by) = vouching(&all) {
            if by.is_empty() {
                return Self::Never;
            }
            let fits = |need: &Self| need.vouched_by().is_none_or(|own| !own.is_disjoint(&by));
            let fitting: Vec<Self> = all
                .iter()
                .map(|need| match need {
                    Self::Any(needs) => {
                        Self::any(needs.iter().filter(|need| fits(need)).cloned().collect())
                    }
                    other => other.clone(),
                })
                .collect();
            if fitting != all {
                return Self::all(fitting);
            }
        }
        // Each other need asks for a good credential by itself.
        let contradicts = |need: &Self| matches!(need, Self::Not(inner) if all.contains(inner));
        let anonymous = all.contains(&Self::Anonymous);
        if all.iter().any(contradicts) || anonymous && !all.iter().all(Self::holds_for_anonymous) {
            return Self::Never;
        }
        if anonymous {
            let rest = if weakest == Self::User {
                Self::Never
            } else {
                Self::Anonymous
            };
            return rest;
        }
        match all.len() {
            0 => weakest,
            1 => all.remove(0),
            _ => Self::All(all),
        }
    }

    /// Not this.
    pub(super) fn not(need: Self) -> Self {
        match need {
            Self::Public | Self::Optional => Self::Never,
            Self::User => Self::Anonymous,
            Self::Anonymous => Self::User,
            Self::Never => Self::Public,
            Self::Not(inner) => *inner,
            Self::Claim(claim, test) if test == json!({ "present": true }) => {
                Self::Claim(claim, json!({ "present": false }))
            }
            other => Self::Not(Box::new(other)),
        }
    }

    /// `require`, with the providers of the configuration: naming the only one says nothing.
    pub(super) fn require(&self, providers: &[String]) -> Value {
        if providers.is_empty() && !self.is_open() {
            return json!("deny");
        }
        match self {
            Self::Public => json!("public"),
            Self::Optional if providers.is_empty() => json!("public"),
            Self::Optional => json!("optional"),
            Self::User => json!("user"),
            Self::Never | Self::Anonymous => json!("deny"),
            Self::Provider(name) if providers == std::slice::from_ref(name) => json!("user"),
            Self::Provider(name) => json!({ "provider": name }),
            Self::Claim(claim, test) => json!({ "claims": { claim: test } }),
            Self::Any(needs) => {
                let known: Vec<Self> = needs
                    .iter()
                    .filter(|need| **need != Self::Anonymous)
                    .cloned()
                    .collect();
                match known.as_slice() {
                    [one] => one.require(providers),
                    _ => Self::disjunction(&known, providers),
                }
            }
            Self::All(needs) => Self::conjunction(needs, providers),
            Self::Not(need) => json!({ "not": need.require(providers) }),
        }
    }

    /// Tests of one claim are one test where they can be.
    fn disjunction(needs: &[Self], providers: &[String]) -> Value {
        let literal = |need: &Self| match need {
            Self::Claim(claim, test) if !test.is_object() => Some((claim.clone(), test.clone())),
            _ => None,
        };
        let literals: Option<Vec<_>> = needs.iter().map(literal).collect();
        if let Some(literals) = literals
            && let Some((claim, _)) = literals.first()
            && literals.iter().all(|(name, _)| name == claim)
        {
            let values: Vec<&Value> = literals.iter().map(|(_, test)| test).collect();
            return json!({ "claims": { claim: { "any_of": values } } });
        }
        json!({ "any": list(needs, providers) })
    }

    /// One object of all its keys where they do not meet, else `all`.
    fn conjunction(needs: &[Self], providers: &[String]) -> Value {
        let mut object = Map::new();
        let mut claims = Map::new();
        for need in needs {
            let whole = match need {
                Self::Claim(claim, test) => claims.insert(claim.clone(), test.clone()).is_none(),
                Self::Provider(_) | Self::User if need.require(providers) == json!("user") => true,
                _ => match need.require(providers) {
                    Value::Object(members) => members
                        .into_iter()
                        .all(|(key, value)| object.insert(key, value).is_none()),
                    _ => false,
                },
            };
            if !whole {
                return json!({ "all": list(needs, providers) });
            }
        }
        if !claims.is_empty() {
            let before = object.insert("claims".to_owned(), Value::Object(claims));
            if before.is_some() {
                return json!({ "all": list(needs, providers) });
            }
        }
        if object.is_empty() {
            return json!("user");
        }
        Value::Object(object)
    }

    /// The providers one of which must vouch; any where it does not say.
    fn vouched_by(&self) -> Option<BTreeSet<String>> {
        match self {
            Self::Provider(name) => Some(BTreeSet::from([name.clone()])),
            Self::Any(needs) => {
                let each: Option<Vec<_>> = needs.iter().map(Self::vouched_by).collect();
                each.map(|each| each.into_iter().flatten().collect())
            }
            Self::All(needs) => vouching(needs),
            _ => None,
        }
    }

    /// Whether it holds for a caller without a credential as the source sees it: what is not there equals nothing.
    pub(super) fn holds_for_anonymous(&self) -> bool {
        match self {
            Self::Public | Self::Optional | Self::Anonymous => true,
            Self::Never | Self::User | Self::Provider(_) => false,
            Self::Claim(_, test) => *test == json!({ "present": false }),
            Self::Any(needs) => needs.iter().any(Self::holds_for_anonymous),
            Self::All(needs) => needs.iter().all(Self::holds_for_anonymous),
            Self::Not(need) => !need.holds_for_anonymous(),
        }
    }

    /// What is left of it where no caller has a credential.
    pub(super) fn of_anonymous(&self) -> Self {
        if self.holds_for_anonymous() {
            Self::Public
        } else {
            Self::Never
        }
    }

    /// Whether an anonymous caller passes in the configuration.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Public | Self::Optional => true,
            Self::Any(needs) => needs.iter().any(Self::is_open),
            Self::All(needs) => needs.iter().all(Self::is_open),
            _ => false,
        }
    }
}

/// The providers that fit each of these needs.
fn vouching(needs: &[Need]) -> Option<BTreeSet<String>> {
    let sets = needs.iter().filter_map(Need::vouched_by);
    sets.reduce(|one, two| one.intersection(&two).cloned().collect())
}

fn push(all: &mut Vec<Need>, need: Need) {
    if !all.contains(&need) {
        all.push(need);
    }
}

fn list(needs: &[Need], providers: &[String]) -> Vec<Value> {
    needs.iter().map(|need| need.require(providers)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(value: &str) -> Need {
        Need::Claim("c".into(), json!(value))
    }

    #[test]
    fn needs_simplify_without_becoming_weaker() {
        let cases = [
            (Need::any(vec![]), Need::Never),
            (Need::any(vec![Need::Never, claim("a")]), claim("a")),
            (Need::any(vec![claim("a"), Need::User]), Need::User),
            (Need::any(vec![claim("a"), Need::Optional]), Need::Optional),
            (Need::all(vec![]), Need::Public),
            (
                Need::all(vec![Need::Optional, Need::Public]),
                Need::Optional,
            ),
            (Need::all(vec![Need::Optional, claim("a")]), claim("a")),
            (Need::all(vec![Need::Never, claim("a")]), Need::Never),
            (
                Need::all(vec![claim("a"), Need::not(claim("a"))]),
                Need::Never,
            ),
            (Need::not(Need::User), Need::Anonymous),
            (Need::any(vec![Need::Anonymous, Need::User]), Need::Optional),
            (Need::all(vec![Need::Anonymous, claim("a")]), Need::Never),
            (
                Need::all(vec![Need::Anonymous, Need::Optional]),
                Need::Anonymous,
            ),
            (Need::not(Need::not(claim("a"))), claim("a")),
        ];
        for (got, want) in cases {
            assert_eq!(got, want);
        }
    }

    #[test]
    fn nobody_is_vouched_for_by_two_providers() {
        let by = |name: &str| Need::Provider(name.into());
        let either = Need::any(vec![by("p"), by("q")]);
        assert_eq!(Need::all(vec![by("p"), by("q")]), Need::Never);
        assert_eq!(Need::all(vec![by("p"), either]), by("p"));
        let branches = Need::any(vec![Need::all(vec![by("q"), claim("a")]), claim("b")]);
        assert_eq!(
            Need::all(vec![by("p"), branches]),
            Need::All(vec![by("p"), claim("b")])
        );
    }

    #[test]
    fn a_conjunction_is_one_object_where_its_keys_do_not_meet() {
        let two = ["p".to_owned(), "q".to_owned()];
        let provider = Need::Provider("p".into());
        let both = Need::all(vec![provider.clone(), claim("a")]);
        assert_eq!(
            both.require(&two),
            json!({ "provider": "p", "claims": { "c": "a" } })
        );
        assert_eq!(both.require(&two[..1]), json!({ "claims": { "c": "a" } }));
        let same = Need::all(vec![claim("a"), claim("b")]);
        assert_eq!(
            same.require(&two),
            json!({ "all": [{ "claims": { "c": "a" } }, { "claims": { "c": "b" } }] })
        );
        assert_eq!(provider.require(&two[..1]), json!("user"));
    }
}
