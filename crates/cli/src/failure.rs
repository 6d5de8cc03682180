//! Why a command ends without success.

use std::io;
use thiserror::Error;

/// Why a command ends without success.
#[derive(Debug, Error)]
pub enum Failure {
    /// What the operator is told.
    #[error("{0}")]
    Told(String),
    /// The output could not be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Whether the reader of the output has had enough, as `head` has.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<String> for Failure {
    fn from(told: String) -> Self {
        Self::Told(told)
    }
}
