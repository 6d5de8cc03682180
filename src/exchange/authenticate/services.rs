//! Credentials that services verify, and entries of directories that complete a caller.

use std::rc::Rc;

use super::{Authenticator, Candidate};
use crate::jose::{ClaimSet, TokenError, UntrustedToken};
use crate::policy::denial::Denial;
use crate::policy::principal::{Identity, Principal, TrustedClaims};
use crate::policy::provider::{TokenRules, Verification};
use crate::policy::unmet::Unmet;
use crate::services::{Answer, Ask, Question, ServiceId, TemporaryCredentials, Vouching};

impl<'p> Authenticator<'p, '_> {
    /// The identity of a caller whom a service vouches for, made once of its answer.
    pub(super) fn derived(&self, candidate: Candidate<'p>, vouching: &Vouching) -> Rc<Identity> {
        let make = || {
            let claims = Rc::clone(vouching.claims());
            let identity = self.identity(candidate, TrustedClaims::claims_of(claims));
            let bytes = identity.weight();
            (identity, bytes)
        };
        vouching.derived(self.evaluation.known.services.ledger(), make)
    }

    /// A token that one of the rule's issuers has signed by its own account is theirs to judge: the authorization
    /// server is not asked about it.
    pub(super) fn introspect(
        &mut self,
        service: ServiceId,
        rules: &TokenRules,
    ) -> Result<Rc<Vouching>, Unmet> {
        let limit = self.evaluation.request.policy.limits.token_bytes;
        let token = self
            .token
            .get_or_insert_with(|| UntrustedToken::parse(&self.credential.token, limit));
        let is_signed = self.is_signed.get_or_insert_with(|| {
            let others = self.matched.rule.accepted.iter().filter_map(|id| {
                match &self.evaluation.request.policy.provider(*id)?.verification {
                    Verification::Signature(signed) => Some(&signed.rules),
                    _ => None,
                }
            });
            let mut named = others.filter(|rules| !rules.issuers.is_empty());
            token
                .as_ref()
                .is_ok_and(|token| named.any(|rules| rules.is_named_by(token.claims())))
        });
        if *is_signed {
            return Err(TokenError::UnknownIssuer.into());
        }
        let ask = Ask::Token(self.credential.token.as_ref().into());
        let vouching = self.consult(service, ask, Denial::Token(TokenError::Inactive))?;
        let claims = vouching.claims();
        // RFC 7662 §2.2 leaves `iss` to the server; one that it names must be one of ours.
        if claims.issuer().is_some() && !rules.is_named_by(claims) {
            return Err(TokenError::UnknownIssuer.into());
        }
        rules.check_claims(claims, self.evaluation.turn.now.wall)?;
        Ok(vouching)
    }

    pub(super) fn consult(
        &self,
        service: ServiceId,
        ask: Ask,
        refusal: Denial,
    ) -> Result<Rc<Vouching>, Unmet> {
        let question = Question { service, ask };
        match self
            .evaluation
            .known
            .services
            .lookup(&question, self.evaluation.turn.now)?
        {
            Some(Answer::Vouches(vouching)) => {
                self.in_time(vouching.claims())?;
                Ok(Rc::clone(vouching))
            }
            Some(_) => Err(refusal.into()),
            None => Err(question.into()),
        }
    }

    /// What a service says of a credential ends with the credential.
    fn in_time(&self, claims: &ClaimSet) -> Result<(), Unmet> {
        match claims.expires_at() {
            Some(expires_at) if self.evaluation.turn.now.wall >= expires_at => {
                Err(TokenError::Expired.into())
            }
            _ => Ok(()),
        }
    }

    /// The caller's temporary AWS credentials, where the rule asks for them: in exchange for its ID token.
    pub(super) fn aws_credentials(
        &self,
        caller: &Principal<'p>,
    ) -> Result<Option<&'p TemporaryCredentials>, Unmet> {
        if !self.matched.rule.aws_credentials && self.matched.rule.aws_sigv4.is_none() {
            return Ok(None);
        }
        let claims = caller.vouched.claims();
        let token_use = claims
            .members()
            .get("token_use")
            .and_then(|held| held.as_str());
        let (Some(service), Some(subject), Some("id")) =
            (caller.provider.identity_pool(), claims.subject(), token_use)
        else {
            return Err(Denial::AwsCredentialsRefused.into());
        };
        let ask = Ask::Credentials {
            subject: subject.into(),
            token: self.credential.token.as_ref().into(),
            expires_at: claims.expires_at(),
        };
        let question = Question { service, ask };
        match self
            .evaluation
            .known
            .services
            .lookup(&question, self.evaluation.turn.now)?
        {
            // The service gives out what has ended, or this clock is wrong: no use to the upstream either way.
            Some(Answer::Credentials(issued))
                if self.evaluation.turn.now.wall >= issued.expires_at =>
            {
                Err(Denial::ServiceUnavailable { retry_after: 1 }.into())
            }
            Some(Answer::Credentials(issued)) => Ok(Some(issued)),
            Some(_) => Err(Denial::AwsCredentialsRefused.into()),
            None => Err(question.into()),
        }
    }
}
