//! A policy decision point: may this caller do this?

use serde_json::Value;

use super::{Answer, Ask, Reading};
use crate::callout::CalloutRequest;
use crate::json::StrictObject;

/// What a decision point speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionProtocol {
    /// The access evaluation of OpenID AuthZEN 1.0.
    AuthZen,
    /// The data API of Open Policy Agent.
    Opa,
}

pub(super) fn prepare(request: &mut CalloutRequest<'_>, ask: &Ask) {
    if let Ask::Decision { body, .. } = ask {
        request.body = Some(body.clone().into_bytes());
        request.headers = vec![("content-type", "application/json".to_owned())];
    }
}

/// Nothing but a plain yes permits: AuthZEN's `decision`, OPA's `result` or the `allow` within it. What OPA leaves
/// undefined is a no, as it is for OPA.
pub(super) fn read(
    protocol: DecisionProtocol,
    status: u16,
    body: &[u8],
) -> Result<Reading, String> {
    if status != 200 {
        return Err(format!("status {status}"));
    }
    let StrictObject(answer) =
        serde_json::from_slice(body).map_err(|_| "not a decision".to_owned())?;
    let decision = match protocol {
        DecisionProtocol::AuthZen => match answer.get("decision") {
            Some(Value::Bool(decision)) => *decision,
            _ => return Err("no \"decision\" in the answer".to_owned()),
        },
        DecisionProtocol::Opa => match answer.get("result") {
            None => false,
            Some(Value::Bool(decision)) => *decision,
            Some(Value::Object(result)) => match result.get("allow") {
                Some(Value::Bool(decision)) => *decision,
                None => false,
                Some(_) => return Err("\"allow\" is neither true nor false".to_owned()),
            },
            Some(_) => return Err("\"result\" is neither true nor false".to_owned()),
        },
    };
    let answer = if decision {
        Answer::Permits
    } else {
        Answer::Refuses
    };
    Ok(Reading::Done(answer, None))
}
