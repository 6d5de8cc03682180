//! Remarks in the log about refusals whose reason alone does not say what an operator can do.

use super::denial::Denial;
use super::{Policy, Rule};
use crate::headers::Headers;
use crate::jose::TokenError;

impl Policy {
    /// What the log says besides the reason; it quotes nothing of the request.
    #[cold]
    #[must_use]
    pub fn remark(&self, rule: Option<&Rule>, denial: Denial, head: &Headers) -> Option<String> {
        match denial {
            Denial::Missing => {
                let own = &rule?.locations;
                let mut places = self.providers.iter().flat_map(|other| &other.locations);
                let unread = places.find(|place| !own.contains(place) && place.is_used(head))?;
                Some(format!("no provider of this rule reads {unread}"))
            }
            Denial::Token(TokenError::TooLarge) => {
                let most = self.limits.token_bytes;
                Some(format!("limits.token_bytes is {most}"))
            }
            _ => None,
        }
    }
}
