//! Tokens that their issuer has signed: the cheapest checks first, the signature last, and nothing twice.

use std::rc::Rc;

use super::{Authenticator, Candidate};
use crate::config::ProviderId;
use crate::exchange::Effect;
use crate::jose::{KeySet, TokenError, UntrustedToken};
use crate::keys::{Finding, KeySourceId, Sought};
use crate::policy::denial::Denial;
use crate::policy::principal::{Identity, TrustedClaims};
use crate::policy::provider::{Keys, Signed, TokenRules, Verification};
use crate::policy::unmet::{Pending, Unmet};
use crate::time_budget::{Claimed, Payer};
use crate::tokens::{TokenDigest, TokenPlace};

impl<'p> Authenticator<'p, '_> {
    /// Whom the token stands for, in the eyes of a provider whose tokens are signed.
    pub(super) fn verify(
        &mut self,
        candidate: Candidate<'p>,
        signed: &'p Signed,
    ) -> Result<Rc<Identity>, Unmet> {
        let Candidate { id, .. } = candidate;
        let Signed { keys, rules, .. } = signed;
        if let Some(identity) = self.verified_by(id, keys) {
            // What the signature covers is the same; the time is not.
            let held = rules.check_claims(identity.vouched.claims(), self.evaluation.turn.now.wall);
            if held == Err(TokenError::Expired) {
                let place = self.place().seen_by(id);
                self.evaluation.accounts.tokens.forget(place);
            }
            held?;
            self.count_use(keys);
            return Ok(identity);
        }
        let digest = self.digest().seen_by(id);
        let changes = self.evaluation.known.keys.changes();
        let now = self.evaluation.turn.now;
        let tokens = &self.evaluation.accounts.tokens;
        if let Some(error) = tokens.refusal(digest, changes, now) {
            return Err(error.into());
        }
        if self.is_known_of_another(rules) {
            return Err(TokenError::UnknownIssuer.into());
        }
        let judged = self.judge(candidate, signed);
        let error = match judged {
            Err(Unmet::Denied(Denial::Token(error))) => Some(error),
            _ => None,
        };
        if let Some(error) = error.filter(|_| self.remembers) {
            let tokens = &mut self.evaluation.accounts.tokens;
            tokens.refuse(digest, error, changes, now);
        }
        judged
    }

    fn place(&mut self) -> TokenPlace {
        let tokens = &self.evaluation.accounts.tokens;
        let place = || tokens.place(&self.credential.token);
        *self.place.get_or_insert_with(place)
    }

    fn digest(&mut self) -> TokenDigest {
        let tokens = &self.evaluation.accounts.tokens;
        let digest = || tokens.digest(&self.credential.token);
        *self.digest.get_or_insert_with(digest)
    }

    /// Whom the token stands for, where the keys that are in force now have verified it before.
    fn verified_by(&mut self, id: ProviderId, keys: &'p Keys) -> Option<Rc<Identity>> {
        let now = self.evaluation.turn.now.mono;
        let set = match keys {
            Keys::Inline(set) => set,
            Keys::Remote(source) => self.evaluation.known.keys.lookup(*source, now).ok()??,
        };
        let place = self.place().seen_by(id);
        let tokens = &mut self.evaluation.accounts.tokens;
        tokens.find(place, &self.credential.token, set)
    }

    /// Whether another provider of the rule has verified the token before and these rules are not for its issuer: then
    /// it needs no reading to say so.
    fn is_known_of_another(&mut self, rules: &TokenRules) -> bool {
        if self.known.is_none() {
            self.known = Some(self.known_of_any());
        }
        let known = self.known.as_ref().and_then(Option::as_ref);
        known.is_some_and(|known| !rules.is_named_by(known.vouched.claims()))
    }

    fn known_of_any(&mut self) -> Option<Rc<Identity>> {
        let policy = &self.evaluation.request.policy;
        let mut accepted = self.matched.rule.accepted.iter();
        accepted.find_map(|id| match &policy.provider(*id)?.verification {
            Verification::Signature(signed) => self.verified_by(*id, &signed.keys),
            Verification::ApiKeys(_)
            | Verification::Introspection { .. }
            | Verification::Passwords { .. }
            | Verification::Service { .. } => None,
        })
    }

    /// Judges a token that was not seen before.
    fn judge(
        &mut self,
        candidate: Candidate<'p>,
        signed: &'p Signed,
    ) -> Result<Rc<Identity>, Unmet> {
        let limit = self.evaluation.request.policy.limits.token_bytes;
        if signed.padded {
            // Others read the text in another way.
            let token = signed.parse(&self.credential.token, limit)?;
            return self.judge_token(candidate, signed, &token);
        }
        let read = self.token.take();
        let read = read.unwrap_or_else(|| signed.parse(&self.credential.token, limit));
        let judged = match &read {
            Ok(token) => self.judge_token(candidate, signed, token),
            Err(error) => Err((*error).into()),
        };
        self.token = Some(read);
        judged
    }

    fn judge_token(
        &mut self,
        candidate: Candidate<'p>,
        signed: &'p Signed,
        token: &UntrustedToken<'_>,
    ) -> Result<Rc<Identity>, Unmet> {
        let Signed {
            algorithms,
            keys,
            rules,
            ..
        } = signed;
        if !rules.is_named_by(token.claims()) {
            return Err(TokenError::UnknownIssuer.into());
        }
        if !algorithms.contains(token.algorithm()?) {
            return Err(TokenError::AlgorithmRefused.into());
        }
        signed.check_token(token, self.evaluation.turn.now.wall)?;
        let digest = self.digest.map(|digest| digest.seen_by(candidate.id));
        let before = &self.evaluation.memory.verified;
        let mut before = before.iter().filter(|(known, _)| Some(*known) == digest);
        if let Some((_, identity)) = before.next() {
            self.is_new = true;
            return Ok(Rc::clone(identity));
        }
        let (set, vouched) = self.check_signature_of(candidate, signed, token)?;
        let identity = self.identity(candidate, vouched);
        self.is_new = true;
        let place = self.place().seen_by(candidate.id);
        let tokens = &mut self.evaluation.accounts.tokens;
        tokens.remember(place, &self.credential.token, set, &identity);
        let verified = &mut self.evaluation.memory.verified;
        verified.extend(digest.map(|digest| (digest, Rc::clone(&identity))));
        self.count_use(keys);
        Ok(identity)
    }

    /// What the token says, where a key of its issuer has signed it, and the keys that say so.
    fn check_signature_of(
        &mut self,
        candidate: Candidate<'p>,
        signed: &'p Signed,
        token: &UntrustedToken<'_>,
    ) -> Result<(&'p Rc<KeySet>, TrustedClaims), Unmet> {
        let Signed {
            algorithms, keys, ..
        } = signed;
        let now = self.evaluation.turn.now.mono;
        let changes = self.evaluation.known.keys.changes();
        // Keys without a `kid` are tried once, not each time that the request is looked at.
        let tried = self.evaluation.memory.nameless == Some((candidate.id, changes));
        let set = self.keys_for(keys, token, !tried)?;
        let request = self.evaluation.request;
        let payer = Payer::Stranger {
            client: &request.peer.client,
            claimed: Claimed::of(token),
        };
        let signatures = &mut self.evaluation.accounts.signatures;
        let cost = set.cost(token, *algorithms, &self.budget);
        let charge = signatures
            .charge(cost, &payer, now)
            .map_err(|retry_after| Denial::SignaturesThrottled { retry_after })?;
        let verified = set.verify(token, *algorithms, &mut self.budget);
        // A signature that holds costs its caller nothing, also where its key cannot be relied on yet.
        let awaits_examination = self.budget.awaits_examination();
        let holds = verified.is_ok() || awaits_examination;
        signatures.settle(charge, &payer, holds, now);
        if awaits_examination {
            return Err(Denial::KeysUnavailable { retry_after: 1 }.into());
        }
        // A key without a `kid` could have signed it, and has not: a newer set may have the one that it names.
        if let (Err(TokenError::UnknownKey | TokenError::BudgetSpent), Keys::Remote(source)) =
            (&verified, keys)
            && !set.knows_key_of(token)
        {
            self.evaluation.memory.nameless = Some((candidate.id, changes));
            return Err(self.unknown_key(*source, token));
        }
        let payload = request.policy.upstream.tells_payload();
        let vouched = TrustedClaims::signed(verified?, &request.policy.reads, payload);
        Ok((set, vouched))
    }

    /// Counts a token that held, whether its signature was verified now or before: as often as callers rely on the
    /// keys, they are to be fetched anew.
    fn count_use(&mut self, keys: &Keys) {
        if let Keys::Remote(source) = keys {
            self.evaluation.effects.add(Effect::KeysUsed(*source));
        }
    }

    /// The keys that tell whether the token's signature holds, where they have its key or, as long as those are to be
    /// tried, one without a `kid`.
    fn keys_for(
        &mut self,
        keys: &'p Keys,
        token: &UntrustedToken<'_>,
        tries_nameless: bool,
    ) -> Result<&'p Rc<KeySet>, Unmet> {
        let source = match keys {
            Keys::Inline(set) => return Ok(set),
            Keys::Remote(source) => *source,
        };
        let known = self.evaluation.known.keys;
        let set = known.lookup(source, self.evaluation.turn.now.mono)?;
        let set = set.ok_or(Pending::Keys {
            source,
            unknown_key: false,
        })?;
        if set.knows_key_of(token) || tries_nameless && set.may_verify(token) {
            Ok(set)
        } else {
            Err(self.unknown_key(source, token))
        }
    }

    /// The issuer may have a new key: a fetch tells, unless so many were made for strangers' key ids that the next must
    /// wait.
    fn unknown_key(&mut self, source: KeySourceId, token: &UntrustedToken<'_>) -> Unmet {
        let now = self.evaluation.turn.now.mono;
        let sought = Sought {
            key_id: token.key_id(),
            issued_at: token.claims().issued_at(),
            arrived: self.evaluation.memory.arrived.unwrap_or(now),
        };
        match self.evaluation.known.keys.seek(source, &sought, now) {
            Finding::Absent(id) => {
                self.evaluation.effects.add(Effect::KeyAbsent(source, id));
                TokenError::UnknownKey.into()
            }
            Finding::Fetch => Unmet::Pending(Pending::Keys {
                source,
                unknown_key: true,
            }),
            Finding::Later(retry_after) => Denial::SignaturesThrottled { retry_after }.into(),
        }
    }
}
