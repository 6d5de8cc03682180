//! `filter_state`: which facts about a caller the filter writes into the host's filter state.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// `filter_state`: the facts about a caller that go into the host's filter state. Each fact costs one call to the host
/// for each request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FilterState {
    /// All facts that the upstream receives.
    #[default]
    All,
    /// The facts with these names.
    Facts(Vec<String>),
    /// No facts at all.
    Nothing,
}

impl<'de> Deserialize<'de> for FilterState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FilterStateVisitor;

        impl<'de> Visitor<'de> for FilterStateVisitor {
            type Value = FilterState;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true, false or a list of facts")
            }

            fn visit_bool<E>(self, all: bool) -> Result<FilterState, E> {
                Ok(if all {
                    FilterState::All
                } else {
                    FilterState::Nothing
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, facts: A) -> Result<FilterState, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(facts)).map(FilterState::Facts)
            }
        }

        deserializer.deserialize_any(FilterStateVisitor)
    }
}
