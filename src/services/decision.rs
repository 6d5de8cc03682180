//! A policy decision point: may this caller do this?

use serde_json::{Value, json};

use super::{Answer, Ask, Reading};
use crate::callout::CalloutRequest;
use crate::json::StrictObject;
use crate::keys::Endpoint;

/// What a decision point speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionProtocol {
    /// The access evaluation of OpenID AuthZEN 1.0.
    AuthZen,
    /// The data API of Open Policy Agent.
    Opa,
}

/// Where several questions go at once: AuthZEN's access evaluations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The endpoint for several.
    pub endpoint: Endpoint,
    /// How many at the most.
    pub most: usize,
}

pub(super) fn prepare(request: &mut CalloutRequest<'_>, ask: &Ask) {
    if let Ask::Decision { question, .. } = ask {
        post(request, question);
    }
}

/// Several questions as one, in their order. Each says everything itself: there is nothing that a reader could take
/// for the default of another.
pub(super) fn prepare_batch<'a>(
    request: &mut CalloutRequest<'_>,
    asks: impl Iterator<Item = &'a Ask>,
) {
    let evaluations = asks.filter_map(|ask| match ask {
        Ask::Decision { question, .. } => Some(question),
        _ => None,
    });
    let body = json!({
        "evaluations": evaluations.collect::<Vec<_>>(),
        "options": { "evaluations_semantic": "execute_all" },
    });
    post(request, &body);
}

fn post(request: &mut CalloutRequest<'_>, body: &Value) {
    request.body = Some(body.to_string().into_bytes());
    request.headers = vec![("content-type", "application/json".to_owned())];
}

/// Whether two questions may stand in one batch. Decision points keep what they are told of a subject or a resource
/// under its id, and some keep one answer for one subject, action and resource: what is named alike must be alike.
pub(super) fn may_go_together(one: &Ask, other: &Ask) -> bool {
    let (
        Ask::Decision { question: one, .. },
        Ask::Decision {
            question: other, ..
        },
    ) = (one, other)
    else {
        return false;
    };
    let named_alike = |part: &str| {
        let name = |question: &Value| {
            let of = |key: &str| question.get(part).and_then(|part| part.get(key)).cloned();
            [of("type"), of("id"), of("name")]
        };
        name(one) == name(other)
    };
    let alike = |part: &str| one.get(part) == other.get(part);
    let parts = ["subject", "action", "resource"];
    parts.iter().all(|part| alike(part) || !named_alike(part))
        && !parts.iter().all(|part| named_alike(part))
}

/// Nothing but a plain yes permits: AuthZEN's `decision`, OPA's `result` or the `allow` within it. What OPA leaves
/// undefined is a no, as it is for OPA.
pub(super) fn read(
    protocol: DecisionProtocol,
    status: u16,
    body: &[u8],
) -> Result<Reading, String> {
    let answer = object(status, body)?;
    let decision = match protocol {
        DecisionProtocol::AuthZen => evaluation(answer.get("decision"))?,
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
    Ok(Reading::Done(said(decision), None))
}

/// The answers to so many questions, in their order; fewer or more are none.
pub(super) fn read_batch(status: u16, body: &[u8], asked: usize) -> Result<Vec<Answer>, String> {
    let answer = object(status, body)?;
    let Some(Value::Array(evaluations)) = answer.get("evaluations") else {
        return Err("no \"evaluations\" in the answer".to_owned());
    };
    if evaluations.len() != asked {
        return Err(format!(
            "{} decisions for {asked} questions",
            evaluations.len()
        ));
    }
    evaluations
        .iter()
        .map(|answer| evaluation(answer.get("decision")).map(said))
        .collect()
}

fn object(status: u16, body: &[u8]) -> Result<serde_json::Map<String, Value>, String> {
    if status != 200 {
        return Err(format!("status {status}"));
    }
    let StrictObject(answer) =
        serde_json::from_slice(body).map_err(|_| "not a decision".to_owned())?;
    Ok(answer)
}

fn evaluation(decision: Option<&Value>) -> Result<bool, String> {
    match decision {
        Some(Value::Bool(decision)) => Ok(*decision),
        _ => Err("no \"decision\" in the answer".to_owned()),
    }
}

const fn said(decision: bool) -> Answer {
    if decision {
        Answer::Permits
    } else {
        Answer::Refuses
    }
}
