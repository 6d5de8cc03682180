//! Several credentials that browsers send by themselves. A page of a sibling domain can put a cookie of its own beside
//! somebody's, in front of it even, so that they act in another's name: whoever they stand for must be one caller.

use std::rc::Rc;

use super::authenticate::Authenticator;
use super::evaluation::Evaluation;
use super::{Judged, Matched};
use crate::config::ProviderId;
use crate::credential::{self, Copies, Credential};
use crate::jose::{Malformation, TokenError};
use crate::policy::Rule;
use crate::policy::denial::Denial;
use crate::policy::principal::Identity;
use crate::policy::unmet::{Pending, Unmet};
use crate::tokens::{TokenDigest, TokenStore, is_final};

/// Whom a credential stands for in the eyes of each provider that vouches for it.
pub(super) type Callers = Vec<(ProviderId, Rc<Identity>)>;

/// What is known of all copies together.
#[derive(Default)]
struct Found {
    /// The first that holds, and whom it stands for.
    holds: Option<(usize, Callers)>,
    /// What the first that can be asked about waits for.
    pending: Option<(usize, Pending)>,
    /// Whether there is one of which nothing is known, and nobody is asked about it.
    unknown: bool,
    /// An outage, or a throttle, that hides whom one stands for.
    hidden: Option<Denial>,
    denial: Option<Denial>,
    /// Whether nothing but other keys can make any of them hold.
    is_final: bool,
}

impl<'p> Evaluation<'p> {
    /// Judges the one of them that holds, where all that hold are the same caller's. They share what one credential may
    /// cost: the signatures of one request, one question to a service or for an unknown key, one place in what is
    /// remembered of bad ones.
    pub(super) fn judge_copies(
        &mut self,
        matched: Matched<'p, '_>,
        copies: &[Credential<'_>],
    ) -> Judged<'p> {
        let tokens = &self.accounts.tokens;
        let digest = digest(matched.rule, copies, tokens);
        let changes = self.known.keys.changes();
        if let Some(error) = tokens.refusal(digest, changes, self.turn.now) {
            return Err(error.into());
        }
        let found = self.look_at_each(matched, copies)?;
        if let Some((index, pending)) = found.pending {
            if asks(&pending) {
                self.memory.asks_about = Some(index);
            }
            return Err(pending.into());
        }
        let denial = found.denial.unwrap_or(Denial::Ambiguous);
        let Some((index, _)) = found.holds else {
            // What was said of the first is remembered: the next time the next one is asked about.
            if found.unknown {
                return Err(Denial::ServiceUnavailable { retry_after: 1 }.into());
            }
            if let (true, Denial::Token(error)) = (found.is_final, denial) {
                let tokens = &mut self.accounts.tokens;
                tokens.refuse(digest, error, changes, self.turn.now);
            }
            return Err(denial.into());
        };
        match (found.hidden, found.unknown, copies.get(index)) {
            (Some(hidden), ..) => Err(hidden.into()),
            (None, false, Some(copy)) => self.authenticate(matched, copy),
            _ => Err(Denial::Ambiguous.into()),
        }
    }

    /// Judges the credential of a header before those that a browser sends by itself. A token that is none of the rule's
    /// issuers' may be the application's own, and hides nobody: the others are judged in its place.
    #[cold]
    pub(super) fn judge_outranking(
        &mut self,
        matched: Matched<'p, '_>,
        explicit: &Credential<'_>,
        copies: Copies<'_>,
    ) -> Judged<'p> {
        self.memory.foreign = None;
        let first = self.authenticate(matched, explicit);
        let error = match first {
            Err(Unmet::Denied(Denial::Token(error))) if is_foreign(error, &explicit.token) => error,
            judged => return judged,
        };
        self.memory.foreign = Some(explicit.location.clone());
        let other = match copies.alone() {
            Ok(presented) => self.judge(matched, presented),
            Err(error) => Err(self.request.denial_of(matched.rule, error).into()),
        };
        match other {
            Err(Unmet::Denied(denial)) => Err(Denial::Token(error).most_specific(denial).into()),
            // Only a caller counts in its place.
            Ok(None) => Err(error.into()),
            judged => judged,
        }
    }

    fn look_at_each(
        &mut self,
        matched: Matched<'p, '_>,
        copies: &[Credential<'_>],
    ) -> Result<Found, Denial> {
        let mut found = Found {
            is_final: true,
            ..Found::default()
        };
        let mut budget = None;
        for (index, copy) in copies.iter().enumerate() {
            let judged = Authenticator::new(self, matched, copy).judge_alone(&mut budget);
            match judged {
                Ok(callers) => match &found.holds {
                    Some((_, others)) if !are_same(others, &callers) => {
                        return Err(Denial::Ambiguous);
                    }
                    Some(_) => {}
                    None => found.holds = Some((index, callers)),
                },
                Err(Unmet::Pending(pending)) if self.may_wait(index, &pending) => {
                    found.pending = found.pending.or(Some((index, pending)));
                }
                Err(Unmet::Pending(_)) => {
                    found.unknown = true;
                    found.is_final = false;
                }
                Err(Unmet::Denied(denial)) => {
                    found.is_final &= matches!(denial, Denial::Token(error) if is_final(error));
                    if denial.retry_after().is_some() {
                        found.hidden = found.hidden.or(Some(denial));
                    }
                    let before = found.denial;
                    let worst = before.map_or(denial, |before| before.most_specific(denial));
                    found.denial = Some(worst);
                }
            }
        }
        Ok(found)
    }

    /// Whether what this one waits for may be waited for: only about one of them is anybody asked.
    fn may_wait(&self, index: usize, pending: &Pending) -> bool {
        let asked = self.memory.asks_about;
        !asks(pending) || asked.is_none_or(|asked| asked == index)
    }
}

/// Whether a token was refused for being none of the issuers', or for looks that none of their tokens has. What looks like
/// one of theirs and cannot be read may be one to an application that reads it with more patience.
fn is_foreign(error: TokenError, token: &str) -> bool {
    use Malformation::{Encrypted, Header, Segments};
    match error {
        TokenError::UnknownIssuer | TokenError::Malformed(Encrypted) => true,
        TokenError::Malformed(Header | Segments) => !credential::is_token(token.as_bytes()),
        _ => false,
    }
}

/// Whether a service is asked about this credential, or an issuer for a key that it may have.
const fn asks(pending: &Pending) -> bool {
    match pending {
        Pending::Answers(_) => true,
        Pending::Keys { unknown_key, .. } => *unknown_key,
        Pending::Until(_) => false,
    }
}

/// The place of all of them together in what is remembered of bad tokens, under a rule with these providers.
fn digest(rule: &Rule, copies: &[Credential<'_>], tokens: &TokenStore) -> TokenDigest {
    let mut all = String::new();
    for id in &rule.accepted {
        all.push_str(&id.0.to_string());
        all.push(' ');
    }
    for copy in copies {
        all.push('\0');
        all.push_str(&copy.token);
    }
    tokens.digest(&all)
}

fn are_same(one: &Callers, other: &Callers) -> bool {
    let is_same = |((id, identity), (other, others)): (&(_, Rc<Identity>), &(_, Rc<Identity>))| {
        id == other && identity.subject == others.subject && identity.client_id == others.client_id
    };
    one.len() == other.len() && one.iter().zip(other).all(is_same)
}
