//! A policy decision point: may this caller do this?

use std::fmt;
use std::ops::Range;

use serde_json::{Value, json};

use super::{Answer, Ask, CallError, Reading, Unreadable};
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

/// A question to a decision point as it is sent: text, since a tree takes many times its size and many may wait.
#[derive(Clone, PartialEq, Eq)]
pub struct Evaluation {
    text: Box<str>,
    /// Subject, action and resource, where it has them.
    parts: [Option<Part>; 3],
}

/// One part of a question.
#[derive(Clone, PartialEq, Eq)]
struct Part {
    /// Where it stands in the text.
    at: Range<usize>,
    /// Its type, id and name.
    name: Box<str>,
}

impl Evaluation {
    /// An access evaluation from its JSON object.
    #[must_use]
    pub fn new(question: &Value) -> Self {
        let Value::Object(members) = question else {
            return Self {
                text: question.to_string().into(),
                parts: Default::default(),
            };
        };
        let mut text = String::new();
        let mut parts: [Option<Part>; 3] = Default::default();
        for (name, value) in members {
            text.push(if text.is_empty() { '{' } else { ',' });
            // Names are the filter's own.
            text.extend(["\"", name, "\":"]);
            let start = text.len();
            text.push_str(&value.to_string());
            let named = PARTS.iter().zip(&mut parts).find(|(own, _)| *own == name);
            if let Some((_, part)) = named {
                let of = |key: &str| value.get(key).cloned();
                *part = Some(Part {
                    at: start..text.len(),
                    name: json!([of("type"), of("id"), of("name")]).to_string().into(),
                });
            }
        }
        text.push_str(if text.is_empty() { "{}" } else { "}" });
        Self {
            text: text.into(),
            parts,
        }
    }

    /// How many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        let names = self.parts.iter().flatten().map(|part| part.name.len());
        names.fold(
            self.text.len().saturating_add(size_of::<Self>()),
            usize::saturating_add,
        )
    }

    /// A part's text and its name.
    fn part(&self, index: usize) -> Option<(&str, &str)> {
        let part = self.parts.get(index)?.as_ref()?;
        Some((self.text.get(part.at.clone())?, &part.name))
    }
}

/// What a caller may do is not for logs.
impl fmt::Debug for Evaluation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Evaluation(..)")
    }
}

/// The parts by which decision points know a question.
const PARTS: [&str; 3] = ["subject", "action", "resource"];

pub(super) fn prepare(request: &mut CalloutRequest<'_>, ask: &Ask) {
    if let Ask::Decision { question, .. } = ask {
        post(request, question.text.to_string());
    }
}

/// Several questions as one, in their order. Each says everything itself: there is nothing that a reader could take
/// for the default of another.
pub(super) fn prepare_batch<'a>(
    request: &mut CalloutRequest<'_>,
    asks: impl Iterator<Item = &'a Ask>,
) {
    let evaluations = asks.filter_map(|ask| match ask {
        Ask::Decision { question, .. } => Some(&*question.text),
        _ => None,
    });
    let evaluations: Vec<&str> = evaluations.collect();
    let options = json!({ "evaluations_semantic": "execute_all" });
    let body = format!(
        "{{\"evaluations\":[{}],\"options\":{options}}}",
        evaluations.join(",")
    );
    post(request, body);
}

fn post(request: &mut CalloutRequest<'_>, body: String) {
    request.body = Some(body.into_bytes());
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
    let parts = || (0..PARTS.len()).map(|part| (one.part(part), other.part(part)));
    let name = |part: Option<(&str, &str)>| part.map(|(_, name)| name.to_owned());
    let named_alike = |one, other| name(one) == name(other);
    parts().all(|(one, other)| one == other || !named_alike(one, other))
        && !parts().all(|(one, other)| named_alike(one, other))
}

/// Nothing but a plain yes permits: AuthZEN's `decision`, OPA's `result` or the `allow` within it. What OPA leaves
/// undefined is a no, as it is for OPA.
pub(super) fn read(
    protocol: DecisionProtocol,
    status: u16,
    body: &[u8],
) -> Result<Reading, CallError> {
    let answer = object(status, body)?;
    let decision = match protocol {
        DecisionProtocol::AuthZen => evaluation(answer.get("decision"))?,
        DecisionProtocol::Opa => match answer.get("result") {
            None => false,
            Some(Value::Bool(decision)) => *decision,
            Some(Value::Object(result)) => match result.get("allow") {
                Some(Value::Bool(decision)) => *decision,
                None => false,
                Some(_) => return Err(Unreadable::NoBoolean("allow").into()),
            },
            Some(_) => return Err(Unreadable::NoBoolean("result").into()),
        },
    };
    Ok(Reading::Done(said(decision), None))
}

/// The answers to so many questions, in their order; fewer or more are none.
pub(super) fn read_batch(status: u16, body: &[u8], asked: usize) -> Result<Vec<Answer>, CallError> {
    let answer = object(status, body)?;
    let Some(Value::Array(evaluations)) = answer.get("evaluations") else {
        return Err(Unreadable::NoMember("evaluations").into());
    };
    if evaluations.len() != asked {
        let (decisions, questions) = (evaluations.len(), asked);
        return Err(Unreadable::Miscounted {
            decisions,
            questions,
        }
        .into());
    }
    evaluations
        .iter()
        .map(|answer| evaluation(answer.get("decision")).map(said))
        .collect()
}

fn object(status: u16, body: &[u8]) -> Result<serde_json::Map<String, Value>, CallError> {
    if status != 200 {
        return Err(CallError::status(status));
    }
    let StrictObject(answer) = serde_json::from_slice(body).map_err(|_| Unreadable::NoDecision)?;
    Ok(answer)
}

fn evaluation(decision: Option<&Value>) -> Result<bool, CallError> {
    match decision {
        Some(Value::Bool(decision)) => Ok(*decision),
        _ => Err(Unreadable::NoMember("decision").into()),
    }
}

const fn said(decision: bool) -> Answer {
    if decision {
        Answer::Permits
    } else {
        Answer::Refuses
    }
}
