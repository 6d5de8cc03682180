//! Names with passwords: whose they are, and what a wrong one costs.

use std::rc::Rc;

use super::{Doubt, Inquiry};
use crate::basic::{self, Attempt, Users};
use crate::exchange::Guess;
use crate::policy::ProviderId;
use crate::policy::denial::Denial;
use crate::policy::principal::Vouched;
use crate::policy::provider::Provider;
use crate::services::{Ask, Question, ServiceId, Vouching};

impl Inquiry<'_, '_> {
    /// Whether the configuration knows the password.
    pub(super) fn check_password(
        &self,
        id: ProviderId,
        provider: &Provider,
        users: &Users,
    ) -> Result<Vouched, Doubt> {
        let (username, password) = self.password()?;
        let attempt = self.attempt(id, provider, &username)?;
        let passwords = &self.stores.passwords;
        let verified = passwords.verify(attempt, users, &password, self.now);
        if let Err(Denial::BadPassword) = verified {
            self.suspect(id, true);
        }
        verified.map(Vouched::claims_of).map_err(Doubt::Denied)
    }

    /// Whether a service knows the password.
    pub(super) fn consult_about_password(
        &self,
        id: ProviderId,
        provider: &Provider,
        service: ServiceId,
    ) -> Result<Rc<Vouching>, Doubt> {
        let (username, password) = self.password()?;
        let attempt = self.attempt(id, provider, &username)?;
        let passwords = &self.stores.passwords;
        let ask = Ask::Password {
            username: username.as_str().into(),
            password: password.into(),
        };
        let question = Question { service, ask };
        let answer = self.consult(service, question.ask.clone(), Denial::BadPassword);
        let counts = match &answer {
            Err(Doubt::Denied(Denial::BadPassword)) => !self.suspects(id),
            // The service is not asked about one more password of somebody who has guessed enough, and what it is being
            // asked about counts already: many guesses at once are many. Who asks the same is not guessing.
            Err(Doubt::Needs(_)) => !self.suspects(id) && !self.stores.services.is_open(&question),
            Err(Doubt::Denied(_)) => {
                self.acquit(id, attempt);
                false
            }
            Ok(_) => false,
        };
        if counts {
            passwords.admit(attempt, self.now)?;
            passwords.count_wrong(attempt, self.now);
        }
        let known = matches!(answer, Err(Doubt::Denied(Denial::BadPassword)));
        if counts || known {
            self.suspect(id, known);
        }
        answer
    }

    /// A password that is right for one provider is no guess at the others' users.
    pub(super) fn acquit_all(&self) {
        let guesses: Vec<Guess> = self.exchange.guesses.borrow().clone();
        for guess in guesses {
            let Ok((username, _)) = self.password() else {
                return;
            };
            if let Some(own) = self.exchange.policy.provider(guess.provider)
                && let Ok(attempt) = self.attempt(guess.provider, own, &username)
            {
                self.acquit(guess.provider, attempt);
            }
        }
    }

    /// Whether this request's password is not the one of this provider's user.
    pub(super) fn knows_wrong(&self, provider: ProviderId) -> bool {
        let guesses = self.exchange.guesses.borrow();
        guesses
            .iter()
            .any(|guess| guess.provider == provider && guess.known)
    }

    fn suspects(&self, provider: ProviderId) -> bool {
        let guesses = self.exchange.guesses.borrow();
        guesses.iter().any(|guess| guess.provider == provider)
    }

    fn suspect(&self, provider: ProviderId, known: bool) {
        let mut guesses = self.exchange.guesses.borrow_mut();
        match guesses.iter_mut().find(|guess| guess.provider == provider) {
            Some(guess) => guess.known |= known,
            None => guesses.push(Guess {
                provider,
                known,
                counts: true,
            }),
        }
    }

    fn acquit(&self, provider: ProviderId, attempt: Attempt<'_>) {
        let mut guesses = self.exchange.guesses.borrow_mut();
        let mut counted = guesses
            .iter_mut()
            .filter(|guess| guess.provider == provider && guess.counts);
        if let Some(guess) = counted.next() {
            guess.counts = false;
            self.stores.passwords.forgive(attempt, self.now);
        }
    }

    fn password(&self) -> Result<(String, String), Denial> {
        basic::decode(&self.credential.token).ok_or(Denial::Malformed)
    }

    fn attempt<'a>(
        &'a self,
        provider: ProviderId,
        own: &Provider,
        username: &'a str,
    ) -> Result<Attempt<'a>, Denial> {
        Ok(Attempt {
            provider,
            username,
            client: self.exchange.peer.client.network(),
            throttle: own.throttle.ok_or(Denial::Internal)?,
        })
    }
}
