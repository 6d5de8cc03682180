//! Tokens that their issuer has signed: the cheapest checks first, the signature last, and nothing twice.

use std::rc::Rc;

use super::{Authenticator, Stores, unknown_key};
use crate::config::ProviderId;
use crate::jose::{KeySet, TokenError, UntrustedToken};
use crate::policy::denial::Denial;
use crate::policy::principal::{Identity, TrustedClaims};
use crate::policy::provider::{Keys, Provider, Signed, TokenRules, Verification};
use crate::policy::unmet::{Pending, Unmet};
use crate::time::MonoTime;
use crate::time_budget::{Claimed, Payer};
use crate::tokens::{TokenDigest, TokenPlace};

impl<'p> Authenticator<'p, '_> {
    /// Whom the token stands for, in the eyes of a provider whose tokens are signed.
    pub(super) fn verify(
        &mut self,
        (id, provider): (ProviderId, &'p Provider),
        signed: &'p Signed,
    ) -> Result<Rc<Identity>, Unmet> {
        let Signed { keys, rules, .. } = signed;
        if let Some(identity) = self.verified_by(id, keys) {
            // What the signature covers is the same; the time is not.
            let held = rules.check_claims(identity.vouched.claims(), self.now.wall);
            if held == Err(TokenError::Expired) {
                self.stores.tokens.forget(self.place().seen_by(id));
            }
            held?;
            self.count_use(keys);
            return Ok(identity);
        }
        let digest = self.digest().seen_by(id);
        let changes = self.stores.keys.changes();
        if let Some(error) = self.stores.tokens.refusal(digest, changes, self.now) {
            return Err(error.into());
        }
        if self.is_known_of_another(rules) {
            return Err(TokenError::UnknownIssuer.into());
        }
        let judged = self.judge((id, provider), signed);
        let error = match judged {
            Err(Unmet::Denied(Denial::Token(error))) => Some(error),
            _ => None,
        };
        if let Some(error) = error.filter(|_| self.remembers) {
            self.stores.tokens.refuse(digest, error, changes, self.now);
        }
        judged
    }

    fn place(&self) -> TokenPlace {
        let place = || self.stores.tokens.place(&self.credential.token);
        *self.place.get_or_init(place)
    }

    fn digest(&self) -> TokenDigest {
        let digest = || self.stores.tokens.digest(&self.credential.token);
        *self.digest.get_or_init(digest)
    }

    /// Whom the token stands for, where the keys that are in force now have verified it before.
    fn verified_by(&self, id: ProviderId, keys: &'p Keys) -> Option<Rc<Identity>> {
        let set = match keys {
            Keys::Inline(set) => set,
            Keys::Remote(source) => self.stores.keys.lookup(*source, self.now.mono).ok()??,
        };
        let place = self.place().seen_by(id);
        self.stores.tokens.find(place, &self.credential.token, set)
    }

    /// Whether another provider of the rule has verified the token before and these rules are not for its issuer: then
    /// it needs no reading to say so.
    fn is_known_of_another(&self, rules: &TokenRules) -> bool {
        let known = self.known.get_or_init(|| {
            self.rule.accepted.iter().find_map(|other| {
                match &self.exchange.policy.provider(*other)?.verification {
                    Verification::Signature(signed) => self.verified_by(*other, &signed.keys),
                    Verification::ApiKeys(_)
                    | Verification::Introspection { .. }
                    | Verification::Passwords { .. }
                    | Verification::Service { .. } => None,
                }
            })
        });
        let known = known.as_ref();
        known.is_some_and(|known| !rules.is_named_by(known.vouched.claims()))
    }

    /// Judges a token that was not seen before.
    fn judge(
        &mut self,
        (id, provider): (ProviderId, &'p Provider),
        signed: &'p Signed,
    ) -> Result<Rc<Identity>, Unmet> {
        let Signed {
            algorithms,
            keys,
            rules,
            ..
        } = signed;
        let place = self.place().seen_by(id);
        let limit = self.exchange.policy.limits.token_bytes;
        let padded;
        let token = if signed.padded {
            // Others read the text in another way.
            padded = signed.parse(&self.credential.token, limit);
            &padded
        } else {
            self.token
                .get_or_insert_with(|| signed.parse(&self.credential.token, limit))
        };
        let token = token.as_ref().map_err(|error| *error)?;
        if !rules.is_named_by(token.claims()) {
            return Err(TokenError::UnknownIssuer.into());
        }
        if !algorithms.contains(token.algorithm()?) {
            return Err(TokenError::AlgorithmRefused.into());
        }
        signed.check_token(token, self.now.wall)?;
        let digest = self.digest.get().map(|digest| digest.seen_by(id));
        let before = self.exchange.verified.borrow();
        if let Some((_, identity)) = before.iter().find(|(known, _)| Some(*known) == digest) {
            self.is_new = true;
            return Ok(Rc::clone(identity));
        }
        drop(before);
        let now = self.now.mono;
        let arrived = self.exchange.arrived.get().copied().unwrap_or(now);
        let changes = self.stores.keys.changes();
        // Keys without a `kid` are tried once, not each time that the request is looked at.
        let tried = self.exchange.nameless.get() == Some((id, changes));
        let set = keys_for(self.stores, keys, (token, !tried), (arrived, now))?;
        let payer = Payer::Stranger {
            client: &self.exchange.peer.client,
            claimed: Claimed::of(token),
        };
        let Stores {
            signatures, tokens, ..
        } = self.stores;
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
            self.exchange.nameless.set(Some((id, changes)));
            return Err(unknown_key(self.stores, *source, token, (arrived, now)));
        }
        let policy = &self.exchange.policy;
        let payload = policy.upstream.tells_payload();
        let vouched = TrustedClaims::signed(verified?, &policy.reads, payload);
        let identity = self.identity((id, provider), vouched);
        self.is_new = true;
        tokens.remember(place, &self.credential.token, set, &identity);
        let mut verified = self.exchange.verified.borrow_mut();
        verified.extend(digest.map(|digest| (digest, Rc::clone(&identity))));
        drop(verified);
        self.count_use(keys);
        Ok(identity)
    }

    /// Counts a token that held, whether its signature was verified now or before: as often as callers rely on the
    /// keys, they are to be fetched anew.
    fn count_use(&self, keys: &Keys) {
        if let Keys::Remote(source) = keys {
            self.stores.keys.count_use(*source);
        }
    }
}

/// The keys that tell whether the token's signature holds, where they have its key or, as long as those are to be tried,
/// one without a `kid`.
fn keys_for<'p>(
    stores: &'p Stores,
    keys: &'p Keys,
    (token, tries_nameless): (&UntrustedToken<'_>, bool),
    (arrived, now): (MonoTime, MonoTime),
) -> Result<&'p Rc<KeySet>, Unmet> {
    let source = match keys {
        Keys::Inline(set) => return Ok(set),
        Keys::Remote(source) => *source,
    };
    let set = stores.keys.lookup(source, now)?.ok_or(Pending::Keys {
        source,
        unknown_key: false,
    })?;
    if set.knows_key_of(token) || tries_nameless && set.may_verify(token) {
        Ok(set)
    } else {
        Err(unknown_key(stores, source, token, (arrived, now)))
    }
}
