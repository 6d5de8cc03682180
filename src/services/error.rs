//! The reasons why a call to a service brought no answer.

use thiserror::Error;

use crate::callout::{BadStatus, CalloutOutcome};

/// Why a call to a service brought no answer. It quotes nothing of what came, but for what the proxy itself has answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The host could not send it, or nothing came back.
    #[error("no response")]
    NoResponse,
    /// Nothing came back in time.
    #[error("no answer in time")]
    Overdue,
    /// A response with a status that is no answer.
    #[error(transparent)]
    Status(#[from] BadStatus),
    /// More bytes than an answer has.
    #[error("the answer is too long")]
    TooLong,
    /// A response that is not what the service is to say.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// What a response lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// It has so many decisions for so many questions.
    #[error("{decisions} decisions for {questions} questions")]
    Miscounted {
        /// The number of decisions in the response.
        decisions: usize,
        /// How many were asked for.
        questions: usize,
    },
    /// A member of a decision is neither true nor false.
    #[error("\"{0}\" is neither true nor false")]
    NoBoolean(&'static str),
    /// It says nothing of a caller.
    #[error("not a caller")]
    NoCaller,
    /// It is no answer of Cognito Identity.
    #[error("not an answer of Cognito Identity")]
    NoCredentials,
    /// It is no decision.
    #[error("not a decision")]
    NoDecision,
    /// It is no entry of a directory.
    #[error("not a directory's entry")]
    NoEntry,
    /// The credentials in it have no end.
    #[error("credentials without a time")]
    NoExpiration,
    /// It is no answer of token introspection.
    #[error("not an introspection response")]
    NoIntrospection,
    /// It lacks a member.
    #[error("no \"{0}\" in the answer")]
    NoMember(&'static str),
}

impl CallError {
    pub(super) const fn status(status: u16) -> Self {
        Self::Status(BadStatus::of(status))
    }

    /// The same, with what the response says of its cause where the proxy has made it.
    pub(super) fn explained_by(self, outcome: CalloutOutcome<'_>) -> Self {
        match self {
            Self::Status(bad) => Self::Status(outcome.explained(bad)),
            other => other,
        }
    }

    /// One word, for metrics.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::NoResponse => "no_response",
            Self::Overdue => "timeout",
            Self::Status(_) => "status",
            Self::TooLong => "too_long",
            Self::Unreadable(_) => "unreadable",
        }
    }
}
