//! How the token of a machine, with no user behind it, is recognised.

use crate::jose::ClaimSet;
use crate::policy::claim::ClaimRule;

/// What tells a machine's token.
#[derive(Clone, Debug)]
pub enum Machine {
    /// All of these hold; none of them, and no token is a machine's.
    Claims(Box<[ClaimRule]>),
    /// What only code can say that knows the issuer's make.
    Made {
        /// Whether claims are a machine's.
        is: fn(&ClaimSet) -> bool,
        /// The claims that it reads.
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
