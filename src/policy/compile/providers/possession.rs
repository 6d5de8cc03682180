//! Compiles `proof_of_possession`: how tokens are bound to keys.

use std::time::Duration;

use super::Compiled;
use super::tokens::{algorithms, clock_skew};
use crate::config::{self, ConfigError};
use crate::credential::Location;
use crate::jose::{Algorithm, AlgorithmSet};
use crate::possession::{Dpop, Possession};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

impl Compiled {
    /// What the configuration asks of tokens that are bound to a key.
    pub(super) fn possession(
        &mut self,
        at: &str,
        tokens: &config::Tokens,
    ) -> Result<Possession, ConfigError> {
        let at = format!("{at}.proof_of_possession");
        let Some(given) = &tokens.proof_of_possession else {
            return Ok(Possession::default());
        };
        let mtls = given.mtls.as_ref().map(|mtls| mtls.required);
        let dpop = given.dpop.as_ref();
        let dpop = dpop.map(|dpop| self.dpop(&format!("{at}.dpop"), dpop, clock_skew(tokens)));
        if dpop.is_none() && mtls.is_none() {
            return Err(ConfigError::new(at, "takes one of dpop and mtls, or both"));
        }
        Ok(Possession {
            dpop: dpop.transpose()?,
            mtls,
        })
    }

    fn dpop(
        &mut self,
        at: &str,
        given: &config::Dpop,
        clock_skew: Duration,
    ) -> Result<Dpop, ConfigError> {
        let accepted = match given.algorithms.as_deref() {
            Some(names) => algorithms(at, names)?,
            None => AlgorithmSet::from_iter([
                Algorithm::Es256,
                Algorithm::EdDsa,
                Algorithm::Ps256,
                Algorithm::Rs256,
            ]),
        };
        if accepted.iter().any(Algorithm::is_symmetric) {
            return Err(ConfigError::new(
                format!("{at}.algorithms"),
                "a proof is signed with a private key; HS* have none",
            ));
        }
        let lifetime = given.lifetime.map_or(MINUTE, |lifetime| lifetime.0);
        if !(SECOND..=10 * MINUTE).contains(&lifetime) {
            return Err(ConfigError::new(
                format!("{at}.lifetime"),
                "is between 1s and 10m",
            ));
        }
        let origins = super::csrf::origins(&format!("{at}.origins"), given.origins.as_deref())?;
        if origins.is_empty() {
            self.warnings.push(ConfigError::new(
                at,
                "a proof counts for whichever host its request names, and whoever sends it on writes that; name your own in \"origins\"",
            ));
        }
        Ok(Dpop {
            required: given.required,
            algorithms: accepted,
            lifetime,
            clock_skew,
            origins,
        })
    }
}

/// The places of bearer tokens, and those of tokens with a proof beside them.
pub(super) fn with_proofs(
    at: &str,
    locations: &[Location],
) -> Result<Box<[Location]>, ConfigError> {
    let mut all = locations.to_vec();
    let proofs: Vec<_> = all.iter().filter_map(Location::with_proof).collect();
    if proofs.is_empty() {
        return Err(ConfigError::new(
            format!("{at}.proof_of_possession.dpop"),
            "needs a header in which tokens stand behind \"Bearer \": those with a proof stand there behind \"DPoP \"",
        ));
    }
    for place in proofs {
        if !all.contains(&place) {
            all.push(place);
        }
    }
    Ok(all.into())
}
