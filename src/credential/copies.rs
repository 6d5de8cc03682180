//! Several different credentials in places that browsers fill by themselves.

use std::borrow::Cow;

use super::{Credential, CredentialError, Location, MOST_COPIES, Presented};

/// Credentials that a browser sends by itself, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies<'h> {
    first: Option<Credential<'h>>,
    others: Vec<Credential<'h>>,
    /// What is wrong with the first that cannot be one.
    malformed: Option<CredentialError<'h>>,
    /// Whether there are more than are looked at.
    too_many: bool,
}

impl<'h> Copies<'h> {
    /// Adds one, where it can be one.
    pub(super) fn add(
        &mut self,
        token: Result<Cow<'h, str>, CredentialError<'h>>,
        location: &'h Location,
    ) {
        let token = match token {
            Ok(token) => token,
            Err(error) => {
                self.malformed.get_or_insert(error);
                return;
            }
        };
        if self.iter().any(|held| held.token == token) {
            return;
        }
        let credential = Credential { token, location };
        if self.first.is_none() {
            self.first = Some(credential);
        } else if self.iter().count() < MOST_COPIES {
            self.others.push(credential);
        } else {
            self.too_many = true;
        }
    }

    /// What counts beside one that no browser sends by itself. A header outranks cookies, and nothing else does: any page
    /// can put a parameter into a link.
    ///
    /// # Errors
    /// As for [`super::find`].
    pub(super) fn beside(
        self,
        explicit: Option<Credential<'h>>,
    ) -> Result<Presented<'h>, CredentialError<'h>> {
        let Some(explicit) = explicit else {
            return self.alone();
        };
        let contradicts = |copy: &Credential<'_>| {
            let differs = copy.token != explicit.token;
            differs && (copy.location.is_header() || !explicit.location.is_header())
        };
        let hides = self.malformed.is_some() || self.too_many;
        if hides && !explicit.location.is_header() || self.iter().any(contradicts) {
            return Err(CredentialError::Ambiguous);
        }
        if self.iter().all(|copy| copy.token == explicit.token) {
            return Ok(Presented::One(explicit));
        }
        Ok(Presented::Outranking(explicit, self))
    }

    /// What counts where there is no other.
    ///
    /// # Errors
    /// [`CredentialError::Ambiguous`] for too many, and what is wrong with the first where none can be one.
    pub fn alone(self) -> Result<Presented<'h>, CredentialError<'h>> {
        match (self.first, self.others) {
            _ if self.too_many => Err(CredentialError::Ambiguous),
            (None, _) => self.malformed.map_or(Ok(Presented::Nothing), Err),
            (Some(one), others) if others.is_empty() => Ok(Presented::One(one)),
            (Some(one), mut others) => {
                others.insert(0, one);
                Ok(Presented::Copies(others))
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Credential<'h>> {
        self.first.iter().chain(&self.others)
    }
}
