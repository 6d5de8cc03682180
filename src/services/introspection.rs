//! Token introspection (RFC 7662).

use std::fmt;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Answer, Ask, CallError, Reading, Unreadable, Vouching};
use crate::callout::CalloutRequest;
use crate::jose::ClaimSet;
use crate::json::Reads;
use crate::text::push_form_text;

/// How the filter presents itself to the authorization server.
#[derive(Clone)]
pub struct Introspection {
    authorization: String,
}

impl Introspection {
    /// A client with a secret (RFC 6749 §2.3.1: both form-encoded, then Basic).
    #[must_use]
    pub fn new(client_id: &str, client_secret: &str) -> Self {
        let mut pair = String::new();
        push_form_text(&mut pair, client_id);
        pair.push(':');
        push_form_text(&mut pair, client_secret);
        Self {
            authorization: format!("Basic {}", STANDARD.encode(pair)),
        }
    }

    pub(super) fn prepare(&self, request: &mut CalloutRequest<'_>, ask: &Ask) {
        let Ask::Token(token) = ask else {
            return;
        };
        let mut body = "token=".to_owned();
        push_form_text(&mut body, token);
        body.push_str("&token_type_hint=access_token");
        request.body = Some(body.into_bytes());
        request.headers = vec![
            ("authorization", self.authorization.clone()),
            (
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            ),
        ];
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Introspection(..)")
    }
}

/// RFC 7662 §2.2: `active` says all; the other members are claims as a JWT has them.
pub(super) fn read(reads: &Reads, status: u16, body: &[u8]) -> Result<Reading, CallError> {
    if status != 200 {
        return Err(CallError::status(status));
    }
    let claims = ClaimSet::parse(body).map_err(|_| Unreadable::NoIntrospection)?;
    match claims
        .members()
        .get("active")
        .and_then(|value| value.as_bool())
    {
        Some(true) => {
            let ends = claims.expires_at();
            let vouching = Vouching::new(claims.narrowed(reads));
            Ok(Reading::Done(Answer::Vouches(Rc::new(vouching)), ends))
        }
        Some(false) => Ok(Reading::Done(Answer::Refuses, None)),
        None => Err(Unreadable::NoMember("active").into()),
    }
}
