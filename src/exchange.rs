//! One request, from its headers to its answer.
//!
//! [`Exchange::advance`] answers from what is known now and is called again, unchanged, whenever more is
//! known. There is nothing to resume and nothing that can be entered twice.

use std::rc::Rc;

use crate::config::Mode;
use crate::credential::{self, Credential, Edit};
use crate::headers::Headers;
use crate::jose::{Budget, TokenError, UntrustedToken, VerifiedClaims};
use crate::keys::{KeyStore, Lookup};
use crate::policy::denial::{Answer, Denial};
use crate::policy::principal::Principal;
use crate::policy::provider::{Keys, Provider};
use crate::policy::requirement::Requirement;
use crate::policy::{KeySourceId, Policy, ProviderId, Rule};
use crate::time::UnixTime;

/// Signatures that one request may have checked.
const SIGNATURES: u8 = 8;

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The key set.
    pub source: KeySourceId,
    /// Whether it is there and lacks the token's key id.
    pub unknown_key: bool,
}

/// What to do with a request. There is no fourth answer.
#[must_use]
#[derive(Debug)]
pub enum Step {
    /// Hold it until more is known.
    Await(Need),
    /// Let it through.
    Forward(Grant),
    /// Refuse it.
    Reject(Refusal),
}

/// The permission to let a request through, made only by [`Exchange::advance`], with what must change in it first.
#[derive(Debug)]
pub struct Grant {
    remove: Vec<Vec<u8>>,
    set: Vec<(String, Vec<u8>)>,
    shadowed: Option<Denial>,
}

impl Grant {
    /// Headers to remove: all that only the filter may set, and the credential unless it is forwarded.
    #[must_use]
    pub fn remove(&self) -> &[Vec<u8>] {
        &self.remove
    }

    /// Headers to set, after the removals.
    #[must_use]
    pub fn set(&self) -> &[(String, Vec<u8>)] {
        &self.set
    }

    /// What would have been refused, were the filter not in shadow mode.
    #[must_use]
    pub const fn shadowed(&self) -> Option<Denial> {
        self.shadowed
    }
}

/// A refusal and its answer.
#[derive(Debug)]
pub struct Refusal {
    /// Why.
    pub denial: Denial,
    /// What the client gets.
    pub answer: Answer,
    /// The rule's name, where one was found.
    pub rule: Option<String>,
}

/// One request.
#[derive(Debug)]
pub struct Exchange {
    policy: Rc<Policy>,
    head: Headers,
}

enum Verdict<'p> {
    Blocked(Need),
    Deny(Denial),
    Permit(Option<Box<Caller<'p>>>),
}

/// A caller who may pass.
struct Caller<'p> {
    principal: Principal,
    provider: &'p Provider,
    verified: VerifiedClaims,
    /// What takes the credential out of the request.
    edit: Edit,
}

impl Exchange {
    /// A request under the policy that was in force when it came.
    #[must_use]
    pub const fn new(policy: Rc<Policy>, head: Headers) -> Self {
        Self { policy, head }
    }

    /// Answers from what is known now.
    pub fn advance(&self, keys: &KeyStore, now: UnixTime) -> Step {
        if self.policy.mode == Mode::Disabled {
            return Step::Forward(self.grant(None, None));
        }
        let (rule, verdict) = match self.rule() {
            Ok(_) | Err(Denial::NoRule) if self.is_preflight() => (None, Verdict::Permit(None)),
            Ok(rule) => (Some(rule), self.decide(rule, keys, now)),
            Err(denial) => (None, Verdict::Deny(denial)),
        };
        match verdict {
            Verdict::Blocked(need) => Step::Await(need),
            Verdict::Deny(denial) => self.refuse(rule, denial),
            Verdict::Permit(caller) => Step::Forward(self.grant(caller.as_deref(), None)),
        }
    }

    /// The answer to a request that can wait no longer.
    pub fn give_up(&self, denial: Denial) -> Step {
        self.refuse(self.rule().ok(), denial)
    }

    fn rule(&self) -> Result<&Rule, Denial> {
        let pseudo = |name| self.head.first(name).unwrap_or_default();
        let authority = self
            .head
            .first(":authority")
            .or_else(|| self.head.first("host"))
            .unwrap_or_default();
        self.policy
            .find(pseudo(":method"), authority, pseudo(":path"))
    }

    /// A CORS preflight request that the configuration lets pass: browsers send no credentials with it (Fetch
    /// Standard, "CORS-preflight request").
    fn is_preflight(&self) -> bool {
        let given = |name| self.head.first(name).is_some_and(|value| !value.is_empty());
        self.policy.bypass_cors_preflight
            && self.head.first(":method") == Some(b"OPTIONS")
            && given("origin")
            && given("access-control-request-method")
    }

    fn decide(&self, rule: &Rule, keys: &KeyStore, now: UnixTime) -> Verdict<'_> {
        match &rule.requirement {
            Requirement::Public => return Verdict::Permit(None),
            Requirement::Deny => return Verdict::Deny(Denial::Denied),
            _ => {}
        }
        let credential = match credential::find(&self.head, &rule.locations) {
            Ok(Some(credential)) => credential,
            Ok(None) => {
                return rule
                    .requirement
                    .check(None)
                    .map_or_else(Verdict::Deny, |()| Verdict::Permit(None));
            }
            Err(denial) => return Verdict::Deny(denial),
        };
        match UntrustedToken::parse(&credential.token, self.policy.limits.token_bytes) {
            Ok(token) => Inquiry {
                policy: &self.policy,
                rule,
                head: &self.head,
                credential: &credential,
                token,
                keys,
                now,
                budget: Budget::new(SIGNATURES),
            }
            .authenticate(),
            Err(error) => Verdict::Deny(error.into()),
        }
    }

    fn refuse(&self, rule: Option<&Rule>, denial: Denial) -> Step {
        if self.policy.mode == Mode::Shadow {
            return Step::Forward(self.grant(None, Some(denial)));
        }
        let answer = denial.answer(self.policy.challenge(rule));
        Step::Reject(Refusal {
            denial,
            answer,
            rule: rule.map(|rule| rule.name.clone()),
        })
    }

    fn grant(&self, caller: Option<&Caller<'_>>, shadowed: Option<Denial>) -> Grant {
        let upstream = &self.policy.upstream;
        let mut grant = Grant {
            remove: upstream.spoofed(&self.head),
            set: Vec::new(),
            shadowed,
        };
        if let Some(denial) = shadowed {
            let verdict = format!("{};status={}", denial.reason(), denial.status());
            grant
                .set
                .push((upstream.shadow().to_owned(), verdict.into_bytes()));
        }
        let Some(caller) = caller else {
            return grant;
        };
        let identity = upstream.set(&caller.principal, &caller.provider.name, &caller.verified);
        grant.set.extend(
            identity
                .into_iter()
                .map(|(name, value)| (name, value.into_bytes())),
        );
        match &caller.edit {
            _ if caller.provider.forward => {}
            Edit::Remove(name) => grant.remove.push(name.clone().into_bytes()),
            Edit::Set(name, value) => grant.set.push((name.clone(), value.clone())),
        }
        grant
    }
}

/// Whom a token stands for, and whether the rule lets them pass.
struct Inquiry<'p, 'a> {
    policy: &'p Policy,
    rule: &'a Rule,
    head: &'a Headers,
    credential: &'a Credential<'a>,
    token: UntrustedToken<'a>,
    keys: &'a KeyStore,
    now: UnixTime,
    budget: Budget,
}

impl<'p> Inquiry<'p, '_> {
    /// Tries the token with each provider whose issuer it names: one that permits is enough, one that cannot
    /// be asked yet is waited for, and of refusals the one that went furthest is reported.
    fn authenticate(mut self) -> Verdict<'p> {
        let mut denial = Denial::Token(TokenError::UnknownIssuer);
        let mut blocked = None;
        for id in &self.rule.accepted {
            let Some(provider) = self.policy.provider(*id) else {
                continue;
            };
            if !provider.locations.contains(self.credential.location) {
                continue;
            }
            match self.ask(*id, provider) {
                Verdict::Blocked(need) => blocked = blocked.or(Some(need)),
                Verdict::Deny(other) => denial = denial.most_specific(other),
                permit @ Verdict::Permit(_) => return permit,
            }
        }
        blocked.map_or(Verdict::Deny(denial), Verdict::Blocked)
    }

    fn ask(&mut self, id: ProviderId, provider: &'p Provider) -> Verdict<'p> {
        if let Err(error) = provider.check(&self.token, self.now) {
            return Verdict::Deny(error.into());
        }
        let set = match &provider.keys {
            Keys::Inline(set) => set,
            Keys::Remote(source) => match self.keys.lookup(*source, self.now) {
                Lookup::Pending => {
                    return Verdict::Blocked(Need {
                        source: *source,
                        unknown_key: false,
                    });
                }
                Lookup::Unavailable { retry_after } => {
                    return Verdict::Deny(Denial::KeysUnavailable { retry_after });
                }
                Lookup::Ready(set) if set.knows_key_of(&self.token) => set,
                Lookup::Ready(_) => return self.unknown_key(*source),
            },
        };
        match set.verify(&self.token, provider.algorithms, &mut self.budget) {
            Err(error) => Verdict::Deny(error.into()),
            Ok(verified) => {
                if let Keys::Remote(source) = &provider.keys {
                    self.keys.count_use(*source);
                }
                let principal = provider.principal(id, &verified);
                match self.rule.requirement.check(Some(&principal)) {
                    Ok(()) => Verdict::Permit(Some(Box::new(Caller {
                        principal,
                        provider,
                        verified,
                        edit: self.credential.location.edit(self.head),
                    }))),
                    Err(denial) => Verdict::Deny(denial),
                }
            }
        }
    }

    /// The issuer may have a new key: one fetch tells, and an issuer that cannot be asked is an outage.
    fn unknown_key(&self, source: KeySourceId) -> Verdict<'p> {
        if let Some(retry_after) = self.keys.failing(source, self.now) {
            return Verdict::Deny(Denial::KeysUnavailable { retry_after });
        }
        if self.keys.may_refetch(source, self.now) {
            return Verdict::Blocked(Need {
                source,
                unknown_key: true,
            });
        }
        Verdict::Deny(Denial::Token(TokenError::UnknownKey))
    }
}
