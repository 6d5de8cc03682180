//! The content of a question to a service.

use std::fmt;
use std::rc::Rc;

use super::decision::Evaluation;
use crate::expiring::{Digest, keyed_digest};
use crate::time::UnixTime;

/// A question's content: a credential to verify, or the caller whom it is about.
#[derive(Clone, PartialEq, Eq)]
pub enum Ask {
    /// Whether this API key is good, and whose it is.
    ApiKey(Rc<str>),
    /// The temporary credentials of the bearer of an ID token.
    Credentials {
        /// Who the token is about.
        subject: Rc<str>,
        /// The ID token, which is exchanged for the credentials.
        token: Rc<str>,
        /// When the token ends, if it does: the answer serves no longer.
        expires_at: Option<UnixTime>,
    },
    /// Whether a caller may do something.
    Decision {
        /// The question in the words of its protocol.
        question: Rc<Evaluation>,
        /// A digest of what the answer depends on: questions that are alike in this share one.
        key: Rc<str>,
    },
    /// What a directory knows of a caller.
    Entry {
        /// The provider that vouches.
        provider: Rc<str>,
        /// The caller's identifier within the provider.
        subject: Rc<str>,
        /// The caller's name, which fills `{name}` in the directory's URI.
        name: Rc<str>,
    },
    /// A name and a password.
    Password {
        /// The user's name as the caller sent it.
        username: Rc<str>,
        /// The password as the caller sent it.
        password: Rc<str>,
    },
    /// Whether this token is good, and whose it is.
    Token(Rc<str>),
}

impl Ask {
    /// When an answer ceases to serve, whatever the service says.
    pub(super) fn expires_at(&self) -> Option<UnixTime> {
        match self {
            Self::Credentials { expires_at, .. } => *expires_at,
            _ => None,
        }
    }

    /// How many bytes its texts take. Copies of a question share them.
    pub(super) fn weight(&self) -> usize {
        let (_, parts) = self.parts();
        let texts = parts.map(str::len).into_iter().sum::<usize>();
        match self {
            Self::Credentials { token, .. } => texts.saturating_add(token.len()),
            Self::Decision { question, .. } => texts.saturating_add(question.weight()),
            _ => texts,
        }
    }

    /// What tells this question from others of its service. Temporary credentials belong to a subject, whichever of its
    /// tokens asks for them.
    pub(super) fn parts(&self) -> (u8, [&str; 3]) {
        match self {
            Self::ApiKey(key) => (0, [key, "", ""]),
            Self::Credentials { subject, .. } => (1, [subject, "", ""]),
            Self::Decision { key, .. } => (5, [key, "", ""]),
            Self::Entry {
                provider,
                subject,
                name,
            } => (2, [provider, subject, name]),
            Self::Password { username, password } => (3, [username, password, ""]),
            Self::Token(token) => (4, [token, "", ""]),
        }
    }

    /// A name for the question to this service that tells nobody what was asked: credentials are not kept, and no two questions are
    /// confused.
    pub(super) fn digest(&self, service: &[u8], secret: &[u8; 32]) -> Digest {
        let (kind, parts) = self.parts();
        let [first, second, third] = parts.map(str::as_bytes);
        keyed_digest(secret, &[service, &[kind], first, second, third])
    }
}

/// Credentials are not for logs.
impl fmt::Debug for Ask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ApiKey(_) => "ApiKey(..)",
            Self::Credentials { .. } => "Credentials(..)",
            Self::Decision { .. } => "Decision(..)",
            Self::Entry { .. } => "Entry(..)",
            Self::Password { .. } => "Password(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}
