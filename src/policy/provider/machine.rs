//! Recognises the token of a machine, which has no user behind it.

use crate::jose::ClaimSet;
use crate::policy::claim::ClaimRule;

/// The test that recognises a machine's token.
#[derive(Clone, Debug)]
pub enum Machine {
    /// All of these hold; none of them, and no token is a machine's.
    Claims(Box<[ClaimRule]>),
    /// What only code can say that knows the issuer's make.
    Made {
        /// The test itself: whether the claims are a machine's.
        is: fn(&ClaimSet) -> bool,
        /// The names of the claims that the test reads.
        reads: &'static [&'static str],
    },
}

impl Default for Machine {
    /// No token is a machine's.
    fn default() -> Self {
        Self::Claims(Box::default())
    }
}

impl Machine {
    /// Whether these claims are a machine's.
    #[must_use]
    pub fn is(&self, claims: &ClaimSet) -> bool {
        match self {
            Self::Claims(rules) => {
                !rules.is_empty() && rules.iter().all(|rule| rule.holds(claims, &[]))
            }
            Self::Made { is, .. } => is(claims),
        }
    }
}
