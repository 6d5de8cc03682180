//! Conditions of RBAC and AuthorizationPolicy, which nest, as alternatives that do not.

use super::matching::{Matching, Unknown};
use super::need::Need;
use super::rules::Clause;

/// One alternative: all of it holds.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    clause: Clause,
    /// Whether something also has to hold that a configuration cannot say.
    more: bool,
}

/// Alternatives, one of which holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Terms(Vec<Term>);

impl Terms {
    /// What always holds.
    pub(super) fn always() -> Self {
        Self::of(Matching::any(), Need::Public)
    }

    /// What never holds.
    pub(super) fn never() -> Self {
        Self(Vec::new())
    }

    /// A condition on the request.
    pub(super) fn request(matching: Matching) -> Self {
        Self::of(matching, Need::Public)
    }

    /// That a condition on the request does not hold.
    pub(super) fn not_request(matching: Matching) -> Self {
        let mut terms = Self::always();
        for term in &mut terms.0 {
            term.clause.except.push(matching.clone());
        }
        terms
    }

    /// A condition on the caller.
    pub(super) fn caller(need: Need) -> Self {
        Self::of(Matching::any(), need)
    }

    /// A condition that a configuration cannot say.
    pub(super) fn unknown() -> Self {
        let mut terms = Self::always();
        for term in &mut terms.0 {
            term.more = true;
        }
        terms
    }

    fn of(matching: Matching, need: Need) -> Self {
        let clause = Clause {
            matching,
            except: Vec::new(),
            need,
        };
        Self(vec![Term {
            clause,
            more: false,
        }])
    }

    /// That it does not hold, of one condition; `None` where that cannot be said.
    pub(super) fn opposite(&self) -> Option<Self> {
        let [term] = self.0.as_slice() else {
            return self.0.is_empty().then(Self::always);
        };
        let clause = &term.clause;
        let everywhere = clause.matching == Matching::any();
        match (&clause.need, everywhere) {
            _ if term.more || !clause.except.is_empty() => None,
            (Need::Public, true) => Some(Self::never()),
            (Need::Public, false) => Some(Self::not_request(clause.matching.clone())),
            (need, true) => Some(Self::caller(Need::not(need.clone()))),
            (_, false) => None,
        }
    }

    /// One of them.
    pub(super) fn any(all: Vec<Self>) -> Self {
        Self(all.into_iter().flat_map(|terms| terms.0).collect())
    }

    /// Each of them.
    pub(super) fn all(all: Vec<Self>) -> Self {
        all.into_iter().fold(Self::always(), |held, terms| {
            let pairs = held
                .0
                .iter()
                .flat_map(|one| terms.0.iter().map(move |two| (one, two)));
            Self(pairs.filter_map(|(one, two)| one.and(two)).collect())
        })
    }

    /// The condition on the request, where it is one and nothing else.
    pub(super) fn plain(&self) -> Option<Matching> {
        match self.0.as_slice() {
            [term]
                if !term.more
                    && term.clause.except.is_empty()
                    && term.clause.need == Need::Public =>
            {
                Some(term.clause.matching.clone())
            }
            _ => None,
        }
    }

    /// What allows: only what is said in full.
    pub(super) fn allowing(self) -> Vec<Clause> {
        let full = self.0.into_iter().filter(|term| !term.more);
        full.map(|term| term.clause).collect()
    }

    /// What denies: also where more would have to hold.
    pub(super) fn denying(self) -> Vec<Clause> {
        self.0.into_iter().map(|term| term.clause).collect()
    }
}

impl Term {
    fn and(&self, other: &Self) -> Option<Self> {
        let (one, two) = (&self.clause, &other.clause);
        let (matching, unsaid) = match one.matching.both(&two.matching) {
            Ok(both) => (both?, false),
            Err(Unknown) => (one.matching.clone(), true),
        };
        let clause = Clause {
            matching,
            except: one.except.iter().chain(&two.except).cloned().collect(),
            need: Need::all(vec![one.need.clone(), two.need.clone()]),
        };
        let more = self.more || other.more || unsaid;
        (clause.need != Need::Never).then_some(Self { clause, more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_said_allows_nothing_and_denies_more() {
        let user = || Terms::caller(Need::User);
        let both = Terms::all(vec![user(), Terms::unknown()]);
        assert_eq!(both.clone().allowing(), []);
        assert_eq!(both.denying().len(), 1);
        let either = Terms::any(vec![user(), Terms::unknown()]);
        assert_eq!(either.allowing().len(), 1);
        let get = || Terms::request(Matching::of_method("GET"));
        let put = Terms::request(Matching::of_method("PUT"));
        assert_eq!(Terms::all(vec![get(), put]), Terms::never());
        let except = Terms::not_request(Matching::of_host("a.b"));
        let clauses = Terms::all(vec![get(), except, user()]).allowing();
        assert_eq!(clauses[0].need, Need::User);
        assert_eq!(clauses[0].except, [Matching::of_host("a.b")]);
    }
}
