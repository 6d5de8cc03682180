//! Tokens that are bound to a key: whether who presents one has the key. It is looked at for each request, whatever is
//! remembered of the token.

use super::Authenticator;
use crate::config::Mode;
use crate::jose::{ClaimSet, TokenError, UntrustedToken};
use crate::keys::{NoStore, Turn};
use crate::policy::denial::Denial;
use crate::policy::provider::{Provider, TokenRules};
use crate::possession::{Dpop, ProofError, bound_to, check_certificate, proof_of};
use crate::time_budget::{Claimed, Payer};

impl Authenticator<'_, '_> {
    /// Holds the request against what the token's claims say of a key.
    pub(super) fn check_possession(
        &mut self,
        provider: &Provider,
        claims: &ClaimSet,
    ) -> Result<(), Denial> {
        let Some(TokenRules { possession, .. }) = provider.token_rules() else {
            return Ok(());
        };
        if let Some(required) = possession.mtls {
            let certificate = self.evaluation.request.peer.certificate.as_ref();
            check_certificate(required, claims, certificate)?;
        }
        let Some(dpop) = &possession.dpop else {
            return Ok(());
        };
        match (bound_to(claims, "jkt")?, self.credential.location.is_dpop()) {
            (None, false) if !dpop.required => Ok(()),
            (None, _) => Err(TokenError::NotBound.into()),
            (Some(_), false) => Err(TokenError::Downgraded.into()),
            (Some(key), true) => self.check_proof(dpop, key, claims),
        }
    }

    /// The cheapest checks first: a signature is looked at only where the token names its key.
    fn check_proof(&mut self, dpop: &Dpop, key: &str, claims: &ClaimSet) -> Result<(), Denial> {
        let request = self.evaluation.request;
        let text = proof_of(&request.head)?;
        let proof = UntrustedToken::parse(text, request.policy.limits.token_bytes)
            .map_err(|_| ProofError::Malformed)?;
        let id = dpop.check(&proof, &request.sent(), &self.credential.token)?;
        let own = proof.own_key().ok_or(ProofError::KeyRefused)?.to_string();
        if own != key {
            return Err(TokenError::WrongKey.into());
        }
        // Who had to wait for something else does so at no cost of its proof's time.
        if self.evaluation.memory.proven {
            return Ok(());
        }
        let made = dpop.check_time(&proof, self.evaluation.turn.now.wall)?;
        self.check_signature(&proof, key, claims)?;
        let until = made.plus(request.policy.longest_proof());
        let evaluation = &mut *self.evaluation;
        let replays = &mut evaluation.accounts.replays;
        // A proof that a configuration only tries out is still to serve the one that is in force.
        let mut turn = match request.policy.mode {
            Mode::Shadow => Turn {
                now: evaluation.turn.now,
                shared: &mut NoStore,
            },
            Mode::Disabled | Mode::Enforce => evaluation.turn.again(),
        };
        replays.admit((key, id), until, &mut turn)?;
        evaluation.memory.proven = true;
        Ok(())
    }

    /// The proof of a token that is known costs nothing of what strangers may cost: only its holder can ask for that.
    fn check_signature(
        &mut self,
        proof: &UntrustedToken<'_>,
        key: &str,
        claims: &ClaimSet,
    ) -> Result<(), Denial> {
        self.budget.consume()?;
        let now = self.evaluation.turn.now.mono;
        let accounts = &mut *self.evaluation.accounts;
        let (budget, payer) = if self.is_new {
            let payer = Payer::Stranger {
                client: &self.evaluation.request.peer.client,
                claimed: Claimed::by(claims),
            };
            (&mut accounts.signatures, payer)
        } else {
            (&mut accounts.proofs, Payer::Holder(key))
        };
        let charge = budget.charge(proof.own_signature_cost(), &payer, now);
        let charge = charge.map_err(|retry_after| {
            if self.is_new {
                Denial::SignaturesThrottled { retry_after }
            } else {
                Denial::ProofsThrottled { retry_after }
            }
        })?;
        let checked = proof.check_own_signature();
        budget.settle(charge, &payer, checked.is_ok(), now);
        checked.map_err(|error| {
            match error {
                TokenError::BadSignature => ProofError::BadSignature,
                TokenError::AlgorithmRefused => ProofError::AlgorithmRefused,
                _ => ProofError::KeyRefused,
            }
            .into()
        })
    }
}
