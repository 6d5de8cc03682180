//! The Authenticator: it verifies the credential of a request, identifies the caller, and checks the rule's
//! requirement.

mod passwords;
mod possession;
mod services;
mod signature;

use std::rc::Rc;

use super::copies::Callers;
use super::evaluation::Evaluation;
use super::{Caller, Judged, Matched};
use crate::config::ProviderId;
use crate::credential::{Credential, Emptying};
use crate::jose::{Budget, TokenError, UntrustedToken};
use crate::policy::denial::Denial;
use crate::policy::principal::{Identity, Principal, TrustedClaims};
use crate::policy::provider::{Form, Provider, Verification};
use crate::policy::unmet::Unmet;
use crate::services::Ask;
use crate::tokens::{TokenDigest, TokenPlace};

/// Signatures that one request may have checked.
const SIGNATURES: u8 = 8;

/// One credential of a request, held against the providers of its rule.
pub(super) struct Authenticator<'p, 'e> {
    evaluation: &'e mut Evaluation<'p>,
    matched: Matched<'p, 'e>,
    credential: &'e Credential<'e>,
    /// The credential as a token that its issuer has signed; read when a provider takes such tokens.
    token: Option<Result<UntrustedToken<'e>, TokenError>>,
    /// By what it is remembered where it held, and where it did not.
    place: Option<TokenPlace>,
    digest: Option<TokenDigest>,
    /// Whom it stands for to some provider of the rule that has verified it before: looked for once, whichever asks.
    known: Option<Option<Rc<Identity>>>,
    /// Whether a provider whose tokens are signed is for the issuer that it names; the same.
    is_signed: Option<bool>,
    budget: Budget,
    /// Whether the token was verified for this request, and not for an earlier one.
    is_new: bool,
    /// Whether some provider vouches for the credential, whatever the rule says of its caller.
    vouched: bool,
    /// Whether it is remembered by itself where it does not hold.
    remembers: bool,
}

/// A provider that looks at the credential.
#[derive(Clone, Copy)]
struct Candidate<'p> {
    id: ProviderId,
    provider: &'p Provider,
}

impl<'p, 'e> Authenticator<'p, 'e> {
    pub(super) fn new(
        evaluation: &'e mut Evaluation<'p>,
        matched: Matched<'p, 'e>,
        credential: &'e Credential<'e>,
    ) -> Self {
        let budget = Budget::new(SIGNATURES).at(evaluation.turn.now.mono);
        Self {
            evaluation,
            matched,
            credential,
            token: None,
            place: None,
            digest: None,
            known: None,
            is_signed: None,
            budget,
            is_new: false,
            vouched: false,
            remembers: true,
        }
    }

    /// Whom one of several stands for, whatever the rule says of its caller. They have one budget together.
    pub(super) fn judge_alone(&mut self, budget: &mut Option<Budget>) -> Result<Callers, Unmet> {
        if let Some(shared) = budget.take() {
            self.budget = shared;
        }
        self.remembers = false;
        let judged = self.look_for_callers();
        *budget = Some(std::mem::replace(&mut self.budget, Budget::new(0)));
        if self.vouched {
            self.refund_all();
        }
        judged
    }

    fn look_for_callers(&mut self) -> Result<Callers, Unmet> {
        if self.is_too_large() {
            return Err(self.too_large().into());
        }
        let mut denial: Option<Denial> = None;
        let mut callers = Vec::new();
        for id in &self.matched.rule.accepted {
            let Some(candidate) = self.looks_here(*id) else {
                continue;
            };
            match self.hold(candidate) {
                Ok(identity) => callers.push((*id, identity)),
                Err(pending @ Unmet::Pending(_)) => return Err(pending),
                Err(Unmet::Denied(other)) => {
                    denial = Some(denial.map_or(other, |before| before.most_specific(other)));
                }
            }
        }
        if callers.is_empty() {
            Err(denial
                .unwrap_or(Denial::Token(TokenError::UnknownIssuer))
                .into())
        } else {
            Ok(callers)
        }
    }

    fn is_too_large(&self) -> bool {
        self.evaluation.request.policy.limits.token_bytes < self.credential.token.len()
    }

    fn too_large(&self) -> Denial {
        let policy = &self.evaluation.request.policy;
        policy.refusal(
            self.matched.rule,
            self.credential.location,
            TokenError::TooLarge,
        )
    }

    /// A provider, where it looks at the credential's place.
    fn looks_here(&self, id: ProviderId) -> Option<Candidate<'p>> {
        let provider = self.evaluation.request.policy.provider(id)?;
        let location = self.credential.location;
        let candidate = Candidate { id, provider };
        provider.locations.contains(location).then_some(candidate)
    }

    /// Tries the credential with each provider of the rule that looks where it stands: one that permits is enough, one
    /// that cannot be asked yet is waited for, and of refusals the one that went furthest is reported.
    pub(super) fn authenticate(mut self) -> Judged<'p> {
        if self.is_too_large() {
            return Err(self.too_large().into());
        }
        let judged = self.try_each();
        if self.vouched {
            self.refund_all();
        }
        judged
    }

    fn try_each(&mut self) -> Judged<'p> {
        let mut denial: Option<Denial> = None;
        let mut pending = None;
        for id in &self.matched.rule.accepted {
            let Some(candidate) = self.looks_here(*id) else {
                continue;
            };
            match self.ask(candidate) {
                Ok(caller) => return Ok(Some(caller)),
                Err(Unmet::Pending(first)) => pending = pending.or(Some(first)),
                Err(Unmet::Denied(other)) => {
                    denial = Some(denial.map_or(other, |before| before.most_specific(other)));
                }
            }
        }
        let denial = denial.unwrap_or(Denial::Token(TokenError::UnknownIssuer));
        Err(pending.map_or(Unmet::Denied(denial), Unmet::Pending))
    }

    /// Whom the credential stands for in the eyes of one provider, where the rule lets them pass.
    fn ask(&mut self, candidate: Candidate<'p>) -> Result<Caller<'p>, Unmet> {
        let identity = self.hold(candidate)?;
        let Evaluation { request, known, .. } = *self.evaluation;
        let now = self.evaluation.turn.now;
        let Candidate { id, provider } = candidate;
        let Matched { rule, .. } = self.matched;
        let mut principal = Principal::new(id, provider, identity, known.services, now);
        let readings = request.policy.decided(rule, &request.head);
        let view = request.view(self.matched, &readings);
        let checked = rule.check(Some(&mut principal), &view);
        checked.map_err(|unmet| principal.with_others(unmet))?;
        let aws = self.aws_credentials(&principal)?;
        let foreign = self.evaluation.memory.foreign.as_ref();
        let emptied = request.emptied(Emptying::Beside {
            held: self.credential,
            forward: provider.forward,
            foreign: foreign.filter(|_| provider.forwards_foreign),
        });
        Ok(Caller {
            rule,
            principal,
            emptied,
            aws,
        })
    }

    /// Whom the credential stands for, where it counts in this request and is its own caller's.
    fn hold(&mut self, candidate: Candidate<'p>) -> Result<Rc<Identity>, Unmet> {
        self.is_new = false;
        let provider = candidate.provider;
        let head = &self.evaluation.request.head;
        if !provider.csrf.admits(self.credential.location, head) {
            return Err(Denial::CrossSite.into());
        }
        let identity = self.vouch(candidate)?;
        self.check_possession(provider, identity.vouched.claims())?;
        self.vouched = true;
        // A page that says "no" with status 200 names nobody: it vouches for nobody.
        if identity.subject.is_none()
            && matches!(provider.verification, Verification::Service { .. })
        {
            return Err(Denial::ServiceUnavailable { retry_after: 1 }.into());
        }
        if identity.subject.is_none() && identity.client_id.is_none() {
            return Err(TokenError::Unnamed.into());
        }
        Ok(identity)
    }

    fn vouch(&mut self, candidate: Candidate<'p>) -> Result<Rc<Identity>, Unmet> {
        let Candidate { id, provider } = candidate;
        if self.knows_wrong(id) {
            return Err(Denial::BadPassword.into());
        }
        let text = || self.credential.token.as_ref().into();
        let vouching = match &provider.verification {
            Verification::ApiKeys(keys) => {
                let claims = keys.find(&self.credential.token, self.evaluation.turn.now.wall);
                let claims = claims.ok_or(Denial::BadKey)?;
                return Ok(self.known_identity(candidate, TrustedClaims::claims_of(claims)));
            }
            Verification::Introspection { service, rules } => self.introspect(*service, rules),
            Verification::Passwords { users, passwords } => {
                let vouched = self.check_password(id, users, passwords.throttle)?;
                return Ok(self.known_identity(candidate, vouched));
            }
            Verification::Service { service, form } => match form {
                Form::ApiKey => self.consult(*service, Ask::ApiKey(text()), Denial::BadKey),
                Form::Token => {
                    let refusal = Denial::Token(TokenError::Inactive);
                    self.consult(*service, Ask::Token(text()), refusal)
                }
                Form::Password(passwords) => {
                    self.consult_about_password(id, passwords.throttle, *service)
                }
            },
            Verification::Signature(signed) => return self.verify(candidate, signed),
        };
        let vouching = vouching?;
        Ok(self.derived(candidate, &vouching))
    }

    /// The identity of a credential of the configuration, made once: there are as many as the configuration has.
    fn known_identity(&mut self, candidate: Candidate<'p>, vouched: TrustedClaims) -> Rc<Identity> {
        // The identity keeps the claims, so that nothing else is ever at their address.
        let place = (candidate.id, std::ptr::from_ref(vouched.claims()).addr());
        if let Some(identity) = self.evaluation.accounts.identities.get(&place) {
            return Rc::clone(identity);
        }
        let identity = self.identity(candidate, vouched);
        let identities = &mut self.evaluation.accounts.identities;
        identities.insert(place, Rc::clone(&identity));
        identity
    }

    /// An identity with all that is the same at each of its requests.
    fn identity(&self, candidate: Candidate<'p>, vouched: TrustedClaims) -> Rc<Identity> {
        let Candidate { id, provider } = candidate;
        let Evaluation { request, known, .. } = *self.evaluation;
        let identity = Rc::new(Identity::new(provider, vouched));
        let now = self.evaluation.turn.now;
        Principal::new(id, provider, identity, known.services, now)
            .prepared(&request.policy.upstream)
    }
}
