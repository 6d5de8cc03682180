//! A service that verifies credentials: `POST` of the credential as JSON, 200 with the caller's claims or 401.

use std::rc::Rc;

use serde_json::json;

use super::{Answer, Ask, CallError, Reading, Unreadable, Vouching};
use crate::callout::CalloutRequest;
use crate::jose::ClaimSet;
use crate::json::Reads;

pub(super) fn prepare(request: &mut CalloutRequest<'_>, ask: &Ask) {
    let body = match ask {
        Ask::ApiKey(key) => json!({ "kind": "api_key", "key": &**key }),
        Ask::Password { username, password } => {
            json!({ "kind": "basic", "username": &**username, "password": &**password })
        }
        Ask::Token(token) => json!({ "kind": "token", "token": &**token }),
        Ask::Credentials { .. } | Ask::Decision { .. } | Ask::Entry { .. } => return,
    };
    request.body = Some(body.to_string().into_bytes());
    request.headers = vec![("content-type", "application/json".to_owned())];
}

pub(super) fn read(reads: &Reads, status: u16, body: &[u8]) -> Result<Reading, CallError> {
    match status {
        200 => {
            let claims = ClaimSet::parse(body).map_err(|_| Unreadable::NoCaller)?;
            let ends = claims.expires_at();
            let vouching = Vouching::new(claims.narrowed(reads));
            Ok(Reading::Done(Answer::Vouches(Rc::new(vouching)), ends))
        }
        401 => Ok(Reading::Done(Answer::Refuses, None)),
        other => Err(CallError::status(other)),
    }
}
