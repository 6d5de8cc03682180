//! Why a request does not pass now: it is pending until something else comes, or it is denied.

use super::denial::Denial;
use crate::jose::TokenError;
use crate::keys::{self, KeySourceId};
use crate::services::{self, Question};
use crate::time::MonoTime;

/// Why a request does not pass now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// It depends on something that must come first.
    Pending(Pending),
    /// It does not pass.
    Denied(Denial),
}

/// What must come before a request can be decided upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// The answers of a service, to a question and to those that go out with it.
    Answers(Vec<Question>),
    /// A key set that a fetch must bring.
    Keys {
        /// The index of the key set among those that the filter fetches.
        source: KeySourceId,
        /// Whether the set is there and lacks the token's key id.
        unknown_key: bool,
    },
    /// A moment: so many passwords of one name came that they are looked at slowly, or hashes of others come before its
    /// own.
    Until(MonoTime),
}

impl Unmet {
    /// Of two reasons why something is not known, the one to report: what can still be had comes first, then an outage.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Pending(_), _) => self,
            (_, Self::Pending(_)) | (Self::Denied(Denial::GroupsOverage), _) => other,
            _ => self,
        }
    }
}

impl Pending {
    /// How many bytes of memory it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let questions = self.questions().iter();
        questions
            .map(Question::weight)
            .fold(0, usize::saturating_add)
    }

    /// The questions whose answers are to come; none where it is something else.
    #[must_use]
    pub const fn questions(&self) -> &[Question] {
        match self {
            Self::Answers(questions) => questions.as_slice(),
            Self::Keys { .. } | Self::Until(_) => &[],
        }
    }
}

impl From<Denial> for Unmet {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Pending> for Unmet {
    fn from(pending: Pending) -> Self {
        Self::Pending(pending)
    }
}

impl From<Question> for Unmet {
    fn from(question: Question) -> Self {
        Self::Pending(Pending::Answers(vec![question]))
    }
}

impl From<TokenError> for Unmet {
    fn from(error: TokenError) -> Self {
        Self::Denied(error.into())
    }
}

impl From<keys::Unavailable> for Unmet {
    fn from(outage: keys::Unavailable) -> Self {
        Self::Denied(outage.into())
    }
}

impl From<services::Unavailable> for Unmet {
    fn from(outage: services::Unavailable) -> Self {
        Self::Denied(outage.into())
    }
}
