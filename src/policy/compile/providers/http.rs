//! Compiles providers of kind `http`: a service verifies the credential and identifies the caller.

use super::identity::{Claims, DESCRIBED, machine};
use super::{Compiled, Own};
use crate::config::{ConfigError, HttpProvider};
use crate::credential::Location;
use crate::policy::provider::{Form, Verification};

pub(super) fn compile<'c>(
    compiled: &mut Compiled,
    at: &str,
    own: &'c HttpProvider,
) -> Result<Own<'c>, ConfigError> {
    let service = compiled.verifier(at, &own.verify)?;
    let form = Form::Token;
    Ok(Own {
        verification: Verification::Service { service, form },
        location: Location::bearer(),
        places: Some(&own.places),
        claims: Claims {
            client_id: own.client_id.as_ref(),
            machine: machine(at, own.machine.as_ref())?.unwrap_or_default(),
            ..Claims::named(DESCRIBED)
        },
    })
}
