//! Names with passwords: whose they are, and what a wrong one costs.

use std::rc::Rc;

use super::Authenticator;
use crate::basic::{self, Attempt, Counters, Standing, Stop, Throttle, Users};
use crate::config::ProviderId;
use crate::exchange::{CountedAttempt, Effect};
use crate::policy::denial::Denial;
use crate::policy::principal::TrustedClaims;
use crate::policy::unmet::{Pending, Unmet};
use crate::services::{Ask, Question, ServiceId, Vouching};

impl Authenticator<'_, '_> {
    /// Whether the configuration knows the password.
    pub(super) fn check_password(
        &mut self,
        id: ProviderId,
        users: &Users,
        throttle: Throttle,
    ) -> Result<TrustedClaims, Unmet> {
        let (username, password) = self.password()?;
        let attempt = self.attempt((id, throttle), (&username, &password));
        let standing = self.standing(id)?;
        let evaluation = &mut *self.evaluation;
        let passwords = &mut evaluation.accounts.passwords;
        let counters = passwords.counters(attempt);
        match passwords.verify(attempt, users, standing, &mut evaluation.turn) {
            Ok(claims) => Ok(TrustedClaims::claims_of(claims)),
            Err(stop) => Err(self.stop(id, counters, stop)),
        }
    }

    /// Whether a service knows the password. It is not asked about one more of somebody who has guessed enough, nor does
    /// what it said of one before count then.
    pub(super) fn consult_about_password(
        &mut self,
        id: ProviderId,
        throttle: Throttle,
        service: ServiceId,
    ) -> Result<Rc<Vouching>, Unmet> {
        let (username, password) = self.password()?;
        let attempt = self.attempt((id, throttle), (&username, &password));
        let standing = self.standing(id)?;
        let evaluation = &mut *self.evaluation;
        let passwords = &mut evaluation.accounts.passwords;
        let counters = passwords.counters(attempt);
        if standing == Standing::New {
            let admitted = passwords.admit(attempt, &mut evaluation.turn);
            admitted.map_err(|stop| self.stop(id, counters, stop))?;
        }
        self.note(id, counters, |_| {});
        let ask = Ask::Password {
            username: username.as_str().into(),
            password: password.as_str().into(),
        };
        let question = Question { service, ask };
        let answer = self.consult(service, question.ask.clone(), Denial::BadPassword);
        let evaluation = &mut *self.evaluation;
        let passwords = &mut evaluation.accounts.passwords;
        match &answer {
            Err(Unmet::Denied(Denial::BadPassword)) => {
                passwords.forget(attempt);
                self.note(id, counters, |attempt| attempt.known = true);
                self.count(id, counters);
            }
            // What it is being asked about counts already: many guesses at once are many. Who asks the same is not guessing.
            Err(Unmet::Pending(_)) => {
                if !evaluation.known.services.is_open(&question) {
                    self.count(id, counters);
                }
            }
            Err(Unmet::Denied(_)) => self.refund(id),
            Ok(_) => passwords.remember(attempt, &mut evaluation.turn),
        }
        answer
    }

    /// A password that is right for one provider is no guess at the others' users.
    pub(super) fn refund_all(&mut self) {
        // Another credential of the request says nothing of this password: with a cookie of their own somebody could try
        // the passwords of others for nothing.
        if !self.credential.location.is_basic() {
            return;
        }
        let evaluation = &mut *self.evaluation;
        for attempt in &mut evaluation.memory.attempts {
            attempt.refund(&mut evaluation.effects);
        }
    }

    /// Whether this request's password is not the one of this provider's user.
    pub(super) fn knows_wrong(&self, provider: ProviderId) -> bool {
        self.attempt_of(provider)
            .is_some_and(|attempt| attempt.known)
    }

    /// What was decided of the password before; or until when it waits. While one provider's hash waits for its turn, no
    /// other one's time is taken: the first may know the password.
    fn standing(&self, provider: ProviderId) -> Result<Standing, Unmet> {
        let memory = &*self.evaluation.memory;
        let own = self.attempt_of(provider);
        let booked = own.and_then(|attempt| attempt.hash_at);
        let turn = booked.or_else(|| {
            let others = memory.attempts.iter();
            let others = others.filter_map(|attempt| attempt.hash_at);
            others.chain(memory.turn).max()
        });
        if let Some(at) = turn
            && self.evaluation.turn.now.mono < at
        {
            return Err(Pending::Until(at).into());
        }
        Ok(match (booked, own) {
            (Some(_), _) => Standing::Booked,
            (None, None) if memory.turn.is_none() => Standing::New,
            (None, _) => Standing::Admitted,
        })
    }

    fn stop(&mut self, provider: ProviderId, counters: Counters, stop: Stop) -> Unmet {
        match stop {
            Stop::BadPassword => {
                self.note(provider, counters, |attempt| attempt.known = true);
                self.count(provider, counters);
                Denial::BadPassword.into()
            }
            Stop::HashesThrottled { retry_after } => Denial::HashesThrottled { retry_after }.into(),
            Stop::Throttled { retry_after } => Denial::Throttled { retry_after }.into(),
            Stop::Until(at) => {
                self.evaluation.memory.turn = Some(at);
                Pending::Until(at).into()
            }
            Stop::HashAt { at, counts } => {
                self.note(provider, counters, |attempt| attempt.hash_at = Some(at));
                if counts {
                    self.count(provider, counters);
                }
                Pending::Until(at).into()
            }
        }
    }

    fn attempt_of(&self, provider: ProviderId) -> Option<CountedAttempt> {
        let attempts = self.evaluation.memory.attempts.iter();
        let mut own = attempts.filter(|attempt| attempt.provider == provider);
        own.next().copied()
    }

    /// Notes what became of the password at this provider.
    fn note(
        &mut self,
        provider: ProviderId,
        counters: Counters,
        change: impl FnOnce(&mut CountedAttempt),
    ) {
        let attempts = &mut self.evaluation.memory.attempts;
        let mut own = attempts.iter_mut();
        if let Some(attempt) = own.find(|held| held.provider == provider) {
            change(attempt);
            return;
        }
        let mut attempt = CountedAttempt {
            provider,
            counters,
            known: false,
            counts: false,
            hash_at: None,
        };
        change(&mut attempt);
        attempts.push(attempt);
    }

    /// Counts the password as a wrong one, once.
    fn count(&mut self, provider: ProviderId, counters: Counters) {
        let mut counted = true;
        self.note(provider, counters, |attempt| {
            counted = std::mem::replace(&mut attempt.counts, true);
        });
        if !counted {
            let wrong = Effect::PasswordWrong(counters);
            self.evaluation.effects.add(wrong);
        }
    }

    /// Takes back that the password of this provider counts as wrong.
    fn refund(&mut self, provider: ProviderId) {
        let evaluation = &mut *self.evaluation;
        let mut attempts = evaluation.memory.attempts.iter_mut();
        if let Some(attempt) = attempts.find(|attempt| attempt.provider == provider) {
            attempt.refund(&mut evaluation.effects);
        }
    }

    fn password(&self) -> Result<(String, String), Denial> {
        basic::decode(&self.credential.token).ok_or(Denial::BadPassword)
    }

    fn attempt<'a>(
        &self,
        (provider, throttle): (ProviderId, Throttle),
        (username, password): (&'a str, &'a str),
    ) -> Attempt<'a> {
        let request = self.evaluation.request;
        Attempt {
            provider,
            username,
            password,
            client: request.peer.client.network(),
            throttle,
            waits: request.policy.lets_wait(),
        }
    }
}
