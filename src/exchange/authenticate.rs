//! Whom a credential stands for, and whether the rule lets them pass.

mod passwords;
mod possession;
mod signature;

use std::cell::OnceCell;
use std::rc::Rc;

use super::copies::Callers;
use super::{Caller, Exchange, Judged, Stores};
use crate::config::ProviderId;
use crate::credential::{Credential, Emptying};
use crate::jose::{Budget, ClaimSet, TokenError, UntrustedToken};
use crate::keys::{Finding, KeySourceId, SharedData, Sought};
use crate::policy::denial::Denial;
use crate::policy::principal::{Identity, Principal, TrustedClaims};
use crate::policy::provider::{Form, Provider, TokenRules, Verification};
use crate::policy::unmet::{Pending, Unmet};
use crate::policy::{Rule, Variables};
use crate::services::{Answer, Ask, Question, ServiceId, TemporaryCredentials, Vouching};
use crate::time::{MonoTime, Now};
use crate::tokens::{TokenDigest, TokenPlace};

/// Signatures that one request may have checked.
const SIGNATURES: u8 = 8;

pub(super) struct Authenticator<'p, 'c> {
    exchange: &'p Exchange,
    rule: &'p Rule,
    /// What the variables of the rule's path stand for.
    variables: &'c Variables,
    credential: &'c Credential<'c>,
    /// The credential as a token that its issuer has signed; read when a provider takes such tokens.
    token: Option<Result<UntrustedToken<'c>, TokenError>>,
    /// By what it is remembered where it held, and where it did not.
    place: OnceCell<TokenPlace>,
    digest: OnceCell<TokenDigest>,
    /// Whom it stands for to some provider of the rule that has verified it before: looked for once, whichever asks.
    known: OnceCell<Option<Rc<Identity>>>,
    /// Whether a provider whose tokens are signed is for the issuer that it names; the same.
    is_signed: OnceCell<bool>,
    stores: &'p Stores,
    /// What the VMs of the process share.
    shared: &'c mut dyn SharedData,
    now: Now,
    budget: Budget,
    /// Whether the token was verified for this request, and not for an earlier one.
    is_new: bool,
    /// Whether some provider vouches for the credential, whatever the rule says of its caller.
    vouched: bool,
    /// Whether it is remembered by itself where it does not hold.
    remembers: bool,
}

impl<'p, 'c> Authenticator<'p, 'c> {
    pub(super) fn new(
        exchange: &'p Exchange,
        (rule, variables): (&'p Rule, &'c Variables),
        credential: &'c Credential<'c>,
        (stores, shared): (&'p Stores, &'c mut dyn SharedData),
        now: Now,
    ) -> Self {
        Self {
            exchange,
            rule,
            variables,
            credential,
            token: None,
            place: OnceCell::new(),
            digest: OnceCell::new(),
            known: OnceCell::new(),
            is_signed: OnceCell::new(),
            stores,
            shared,
            now,
            budget: Budget::new(SIGNATURES).at(now.mono),
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
        for id in &self.rule.accepted {
            let Some(provider) = self.looks_here(*id) else {
                continue;
            };
            match self.hold(*id, provider) {
                Ok(identity) => callers.push((*id, identity)),
                Err(pending @ Unmet::Pending(_)) => return Err(pending),
                Err(Unmet::Denied(other)) => {
                    denial = Some(denial.map_or(other, |before| before.most_specific(other)));
                }
            }
        }
        if callers.is_empty() {
            Err(denial.map_or(TokenError::UnknownIssuer.into(), Unmet::Denied))
        } else {
            Ok(callers)
        }
    }

    fn is_too_large(&self) -> bool {
        self.exchange.policy.limits.token_bytes < self.credential.token.len()
    }

    fn too_large(&self) -> Denial {
        let policy = &self.exchange.policy;
        policy.refusal(self.rule, self.credential.location, TokenError::TooLarge)
    }

    /// A provider, where it looks at the credential's place.
    fn looks_here(&self, id: ProviderId) -> Option<&'p Provider> {
        let provider = self.exchange.policy.provider(id)?;
        let location = self.credential.location;
        provider.locations.contains(location).then_some(provider)
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
        for id in &self.rule.accepted {
            let Some(provider) = self.looks_here(*id) else {
                continue;
            };
            match self.ask(*id, provider) {
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

    fn ask(&mut self, id: ProviderId, provider: &'p Provider) -> Result<Caller<'p>, Unmet> {
        let profile = self.hold(id, provider)?;
        let principal = Principal::new(id, provider, profile, &self.stores.services, self.now);
        let readings = self.exchange.policy.decided(self.rule, &self.exchange.head);
        let view = self.exchange.view(self.rule, self.variables, &readings);
        let checked = self.rule.check(Some(&principal), &view);
        checked.map_err(|unmet| principal.with_others(unmet))?;
        let aws = self.aws_credentials(&principal)?;
        let foreign = self.exchange.foreign.borrow();
        Ok(Caller {
            rule: self.rule,
            principal,
            emptied: self.exchange.emptied(Emptying::Beside {
                held: self.credential,
                forward: provider.forward,
                foreign: foreign.as_ref().filter(|_| provider.forwards_foreign),
            }),
            aws,
        })
    }

    /// Whom the credential stands for, where it counts in this request and is its own caller's.
    fn hold(&mut self, id: ProviderId, provider: &'p Provider) -> Result<Rc<Identity>, Unmet> {
        self.is_new = false;
        let exchange = self.exchange;
        if !provider
            .csrf
            .admits(self.credential.location, &exchange.head)
        {
            return Err(Denial::CrossSite.into());
        }
        let identity = self.vouch(id, provider)?;
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

    fn vouch(&mut self, id: ProviderId, provider: &'p Provider) -> Result<Rc<Identity>, Unmet> {
        if self.knows_wrong(id) {
            return Err(Denial::BadPassword.into());
        }
        let text = || self.credential.token.as_ref().into();
        let vouching = match &provider.verification {
            Verification::ApiKeys(keys) => {
                let claims = keys.find(&self.credential.token, self.now.wall);
                let claims = claims.ok_or(Denial::BadKey)?;
                return Ok(self.known_identity((id, provider), TrustedClaims::claims_of(claims)));
            }
            Verification::Introspection { service, rules } => self.introspect(*service, rules),
            Verification::Passwords { users, passwords } => {
                let vouched = self.check_password(id, users, passwords.throttle)?;
                return Ok(self.known_identity((id, provider), vouched));
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
            Verification::Signature(signed) => {
                return self.verify((id, provider), signed);
            }
        };
        let vouching = vouching?;
        let make = || {
            let claims = Rc::clone(vouching.claims());
            let identity = self.identity((id, provider), TrustedClaims::claims_of(claims));
            let bytes = identity.weight();
            (identity, bytes)
        };
        Ok(vouching.derived(self.stores.services.ledger(), make))
    }

    /// The identity of a credential of the configuration, made once: there are as many as the configuration has.
    fn known_identity(
        &self,
        (id, provider): (ProviderId, &'p Provider),
        vouched: TrustedClaims,
    ) -> Rc<Identity> {
        // The identity keeps the claims, so that nothing else is ever at their address.
        let place = (id, std::ptr::from_ref(vouched.claims()).addr());
        if let Some(identity) = self.stores.identities.borrow().get(&place) {
            return Rc::clone(identity);
        }
        let identity = self.identity((id, provider), vouched);
        let mut identities = self.stores.identities.borrow_mut();
        identities.insert(place, Rc::clone(&identity));
        identity
    }

    /// A identity with all that is the same at each of its requests.
    fn identity(
        &self,
        (id, provider): (ProviderId, &'p Provider),
        vouched: TrustedClaims,
    ) -> Rc<Identity> {
        let identity = Rc::new(Identity::new(provider, vouched));
        let services = &self.stores.services;
        Principal::new(id, provider, Rc::clone(&identity), services, self.now)
            .prepare(&self.exchange.policy.upstream);
        identity
    }

    /// A token that one of the rule's issuers has signed by its own account is theirs to judge: the authorization
    /// server is not asked about it.
    fn introspect(
        &mut self,
        service: ServiceId,
        rules: &TokenRules,
    ) -> Result<Rc<Vouching>, Unmet> {
        let limit = self.exchange.policy.limits.token_bytes;
        let token = self
            .token
            .get_or_insert_with(|| UntrustedToken::parse(&self.credential.token, limit));
        let is_signed = self.is_signed.get_or_init(|| {
            let others = self.rule.accepted.iter().filter_map(|id| {
                match &self.exchange.policy.provider(*id)?.verification {
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
        rules.check_claims(claims, self.now.wall)?;
        Ok(vouching)
    }

    fn consult(
        &self,
        service: ServiceId,
        ask: Ask,
        refusal: Denial,
    ) -> Result<Rc<Vouching>, Unmet> {
        let question = Question { service, ask };
        match self.stores.services.lookup(&question, self.now)? {
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
            Some(expires_at) if self.now.wall >= expires_at => Err(TokenError::Expired.into()),
            _ => Ok(()),
        }
    }

    /// The caller's temporary AWS credentials, where the rule asks for them: in exchange for its ID token.
    fn aws_credentials(
        &self,
        caller: &Principal<'p>,
    ) -> Result<Option<&'p TemporaryCredentials>, Unmet> {
        if !self.rule.aws_credentials && self.rule.aws_sigv4.is_none() {
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
        match self.stores.services.lookup(&question, self.now)? {
            // The service gives out what has ended, or this clock is wrong: no use to the upstream either way.
            Some(Answer::Credentials(issued)) if self.now.wall >= issued.expires_at => {
                Err(Denial::ServiceUnavailable { retry_after: 1 }.into())
            }
            Some(Answer::Credentials(issued)) => Ok(Some(issued)),
            Some(_) => Err(Denial::AwsCredentialsRefused.into()),
            None => Err(question.into()),
        }
    }
}

/// The issuer may have a new key: a fetch tells, unless so many were made for strangers' key ids that the next must wait.
fn unknown_key(
    stores: &Stores,
    source: KeySourceId,
    token: &UntrustedToken<'_>,
    (arrived, now): (MonoTime, MonoTime),
) -> Unmet {
    let sought = Sought {
        key_id: token.key_id(),
        issued_at: token.claims().issued_at(),
        arrived,
    };
    match stores.keys.seek(source, &sought, now) {
        Finding::Absent => TokenError::UnknownKey.into(),
        Finding::Fetch => Unmet::Pending(Pending::Keys {
            source,
            unknown_key: true,
        }),
        Finding::Later(retry_after) => Denial::SignaturesThrottled { retry_after }.into(),
    }
}
