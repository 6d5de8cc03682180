//! Names with passwords: whose they are, and what a wrong one costs.

use std::rc::Rc;

use super::Authenticator;
use crate::basic::{self, Attempt, Standing, Stop, Throttle, Users};
use crate::config::ProviderId;
use crate::exchange::CountedAttempt;
use crate::policy::denial::Denial;
use crate::policy::principal::TrustedClaims;
use crate::policy::provider::Provider;
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
        let stores = self.stores;
        let passwords = &stores.passwords;
        match passwords.verify(attempt, users, standing, self.shared, self.now.mono) {
            Ok(claims) => Ok(TrustedClaims::claims_of(claims)),
            Err(stop) => {
                if stop == Stop::BadPassword {
                    let guess = self.guess(id).unwrap_or_else(|| CountedAttempt::of(id));
                    self.note(guess.counted().known());
                }
                Err(self.stop(id, stop))
            }
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
        let stores = self.stores;
        let passwords = &stores.passwords;
        if self.standing(id)? == Standing::New {
            let admitted = passwords.admit(attempt, self.shared, self.now.mono);
            admitted.map_err(|stop| self.stop(id, stop))?;
        }
        let guess = self.guess(id).unwrap_or_else(|| CountedAttempt::of(id));
        self.note(guess);
        let ask = Ask::Password {
            username: username.as_str().into(),
            password: password.as_str().into(),
        };
        let question = Question { service, ask };
        let answer = self.consult(service, question.ask.clone(), Denial::BadPassword);
        let counts = match &answer {
            Err(Unmet::Denied(Denial::BadPassword)) => {
                passwords.forget(attempt);
                self.note(guess.known());
                true
            }
            // What it is being asked about counts already: many guesses at once are many. Who asks the same is not guessing.
            Err(Unmet::Pending(_)) => !self.stores.services.is_open(&question),
            Err(Unmet::Denied(_)) => {
                self.refund(guess, attempt);
                false
            }
            Ok(_) => {
                passwords.remember(attempt, self.shared, self.now.mono);
                false
            }
        };
        if counts && !guess.counts {
            passwords.count_wrong(attempt, self.now.mono);
            let guess = self.guess(id).unwrap_or(guess);
            self.note(guess.counted());
        }
        answer
    }

    /// A password that is right for one provider is no guess at the others' users.
    pub(super) fn refund_all(&self) {
        let guesses: Vec<CountedAttempt> = self.exchange.guesses.borrow().clone();
        for guess in guesses {
            let Ok((username, password)) = self.password() else {
                return;
            };
            let own = self.exchange.policy.provider(guess.provider);
            if let Some(throttle) = own.and_then(Provider::throttle) {
                let own = (guess.provider, throttle);
                self.refund(guess, self.attempt(own, (&username, &password)));
            }
        }
    }

    /// Whether this request's password is not the one of this provider's user.
    pub(super) fn knows_wrong(&self, provider: ProviderId) -> bool {
        self.guess(provider).is_some_and(|guess| guess.known)
    }

    /// What was decided of the password before; or until when it waits. While one provider's hash waits for its turn, no
    /// other one's time is taken: the first may know the password.
    fn standing(&self, provider: ProviderId) -> Result<Standing, Unmet> {
        let own = self.guess(provider);
        let booked = own.filter(|guess| guess.hash_at.is_some());
        let turn = match booked {
            Some(guess) => guess.hash_at,
            None => {
                let guesses = self.exchange.guesses.borrow();
                let others = guesses.iter().filter_map(|guess| guess.hash_at);
                others.chain(self.exchange.turn.get()).max()
            }
        };
        if let Some(at) = turn
            && self.now.mono < at
        {
            return Err(Pending::Until(at).into());
        }
        Ok(match (booked, own) {
            (Some(CountedAttempt { counts, .. }), _) => Standing::Booked { counts },
            (None, None) if self.exchange.turn.get().is_none() => Standing::New,
            (None, _) => Standing::Admitted,
        })
    }

    fn stop(&self, provider: ProviderId, stop: Stop) -> Unmet {
        match stop {
            Stop::BadPassword => Denial::BadPassword.into(),
            Stop::HashesThrottled { retry_after } => Denial::HashesThrottled { retry_after }.into(),
            Stop::Throttled { retry_after } => Denial::Throttled { retry_after }.into(),
            Stop::Until(at) => {
                self.exchange.turn.set(Some(at));
                Pending::Until(at).into()
            }
            Stop::HashAt { at, counts } => {
                let guess = self
                    .guess(provider)
                    .unwrap_or_else(|| CountedAttempt::of(provider));
                self.note(CountedAttempt {
                    hash_at: Some(at),
                    counts: guess.counts || counts,
                    ..guess
                });
                Pending::Until(at).into()
            }
        }
    }

    fn guess(&self, provider: ProviderId) -> Option<CountedAttempt> {
        let guesses = self.exchange.guesses.borrow();
        let mut own = guesses.iter().filter(|guess| guess.provider == provider);
        own.next().copied()
    }

    fn note(&self, guess: CountedAttempt) {
        let mut guesses = self.exchange.guesses.borrow_mut();
        let mut own = guesses.iter_mut();
        match own.find(|held| held.provider == guess.provider) {
            Some(held) => *held = guess,
            None => guesses.push(guess),
        }
    }

    fn refund(&self, guess: CountedAttempt, attempt: Attempt<'_>) {
        if guess.counts {
            self.note(CountedAttempt {
                counts: false,
                ..guess
            });
            self.stores.passwords.refund(attempt);
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
        Attempt {
            provider,
            username,
            password,
            client: self.exchange.peer.client.network(),
            throttle,
            waits: self.exchange.policy.lets_wait(),
        }
    }
}

impl CountedAttempt {
    /// One of which nothing is known yet.
    const fn of(provider: ProviderId) -> Self {
        Self {
            provider,
            known: false,
            counts: false,
            hash_at: None,
        }
    }

    const fn counted(self) -> Self {
        Self {
            counts: true,
            ..self
        }
    }

    const fn known(self) -> Self {
        Self {
            known: true,
            ..self
        }
    }
}
