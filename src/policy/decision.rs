//! Questions to a policy decision point.

use std::rc::Rc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::denial::Denial;
use super::principal::{Kind, Principal};
use super::readings::Reading;
use super::requirement::RequestView;
use super::unmet::Unmet;
use crate::config::DecisionPart;
use crate::services::{Answer, Ask, DecisionProtocol, Evaluation, Question, ServiceId};

/// A decision point, and what of a question its decisions depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The service that the filter asks.
    pub service: ServiceId,
    /// The protocol in which the filter asks it.
    pub protocol: DecisionProtocol,
    /// On which parts decisions depend; on all where there are none.
    pub depends_on: Box<[DecisionPart]>,
    /// Whether several questions may go out in one callout.
    pub batched: bool,
    /// What the caller wants to do; the request's method where there is none.
    pub action: Option<String>,
    /// To what; the request's path where there is none.
    pub resource: Option<Resource>,
}

/// What a decision is about, where that is not the request's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The type of the resource, such as `document`.
    pub kind: String,
    /// The identifier of the resource within its type.
    pub id: ResourceId,
}

/// The identifier of a resource: fixed, or from the request's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceId {
    /// The segment of the request's path that this variable names.
    PathVariable(String),
    /// This text, the same for every request.
    Text(String),
}

impl Resource {
    fn id<'v>(&'v self, view: &RequestView<'v>) -> Option<&'v str> {
        match &self.id {
            ResourceId::Text(text) => Some(text),
            ResourceId::PathVariable(name) => view
                .variables
                .iter()
                .find_map(|(known, value)| (known == name).then_some(value.as_str())),
        }
    }
}

impl Decision {
    /// What it is asked about, in words.
    #[must_use]
    pub fn what(&self) -> String {
        let action = self.action.as_deref();
        match &self.resource {
            None => action.unwrap_or("it").to_owned(),
            Some(resource) => {
                let id = match &resource.id {
                    ResourceId::PathVariable(name) => format!("{{{name}}}"),
                    ResourceId::Text(text) => text.clone(),
                };
                let action = action.unwrap_or("the method");
                format!("{action} on {} {id}", resource.kind)
            }
        }
    }

    /// Whether the caller may do what the request asks.
    ///
    /// # Errors
    /// The question, while it has no answer; or the outage.
    pub fn permits(
        &self,
        caller: &mut Principal<'_>,
        view: &RequestView<'_>,
    ) -> Result<bool, Unmet> {
        let mut facts = Inputs::new(caller, view);
        facts.action = self.action.as_deref();
        facts.resource = match &self.resource {
            None => None,
            // A segment that is not UTF-8 names nothing that anybody could decide about.
            Some(resource) => Some((
                resource.kind.as_str(),
                resource
                    .id(view)
                    .ok_or(Denial::ServiceUnavailable { retry_after: 1 })?,
            )),
        };
        let question = Question {
            service: self.service,
            ask: Ask::Decision {
                question: Rc::new(Evaluation::new(&facts.question(self.protocol))),
                key: digest(&facts.key(&self.depends_on)),
            },
        };
        match caller.lookup(&question)? {
            Some(answer) => Ok(matches!(answer, Answer::Permits)),
            None => {
                if self.batched {
                    caller.await_together(&question);
                }
                Err(question.into())
            }
        }
    }
}

/// Everything that a question contains, and that a decision may depend on.
struct Inputs<'f> {
    subject: &'f str,
    provider: &'f str,
    claims: Value,
    lists: Map<String, Value>,
    m2m: bool,
    method: String,
    host: String,
    path: String,
    rule: &'f str,
    variables: Map<String, Value>,
    /// What the rule names instead of the method.
    action: Option<&'f str>,
    /// The type and id that the rule names instead of the path.
    resource: Option<(&'f str, &'f str)>,
}

impl<'f> Inputs<'f> {
    fn new(caller: &'f Principal<'_>, view: &RequestView<'f>) -> Self {
        let pseudo =
            |name| String::from_utf8_lossy(view.head.first(name).unwrap_or_default()).into_owned();
        let Reading { method, path } = view.readings.first().cloned().unwrap_or_else(|| {
            let target = pseudo(":path");
            Reading {
                method: pseudo(":method"),
                path: target.split('?').next().unwrap_or_default().to_owned(),
            }
        });
        let host = pseudo(":authority");
        let lists = [
            ("groups", Kind::Groups),
            ("roles", Kind::Roles),
            ("permissions", Kind::Permissions),
            ("scopes", Kind::Scopes),
        ];
        // What no rule asked a directory for is not asked for here.
        let lists = lists
            .into_iter()
            .map(|(name, kind)| (name.to_owned(), json!(&*caller.told(kind))))
            .collect();
        Self {
            subject: caller.subject.as_deref().unwrap_or_default(),
            provider: &caller.provider.name,
            claims: serde_json::from_str(&caller.vouched.claims().text()).unwrap_or_default(),
            lists,
            m2m: caller.m2m,
            method,
            host: if host.is_empty() {
                pseudo("host")
            } else {
                host
            },
            path,
            rule: view.rule,
            variables: view
                .variables
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect(),
            action: None,
            resource: None,
        }
    }

    fn question(&self, protocol: DecisionProtocol) -> Value {
        let mut about = self.lists.clone();
        about.insert("claims".to_owned(), json!(self.claims));
        about.insert("provider".to_owned(), json!(self.provider));
        about.insert("m2m".to_owned(), json!(self.m2m));
        match protocol {
            DecisionProtocol::AuthZen => self.evaluation(about),
            DecisionProtocol::Opa => {
                about.insert("id".to_owned(), json!(self.subject));
                let mut input = json!({
                    "subject": about,
                    "request": {
                        "method": self.method,
                        "host": self.host,
                        "path": self.path,
                        "variables": self.variables,
                    },
                    "rule": self.rule,
                });
                if let Some(input) = input.as_object_mut() {
                    let action = self.action.map(|action| json!(action));
                    let resource = self
                        .resource
                        .map(|(kind, id)| json!({ "type": kind, "id": id }));
                    input.extend(action.map(|action| ("action".to_owned(), action)));
                    input.extend(resource.map(|resource| ("resource".to_owned(), resource)));
                }
                json!({ "input": input })
            }
        }
    }

    /// An access evaluation request (AuthZEN 1.0). What the rule names stands in front, and what the request says
    /// besides it among the properties.
    fn evaluation(&self, about: Map<String, Value>) -> Value {
        let action = match self.action {
            None => json!({ "name": self.method }),
            Some(name) => json!({ "name": name, "properties": { "method": self.method } }),
        };
        let (host, variables) = (&self.host, &self.variables);
        let ((kind, id), properties) = match self.resource {
            None => (
                ("http", self.path.as_str()),
                json!({ "host": host, "variables": variables }),
            ),
            Some(named) => (
                named,
                json!({ "host": host, "path": self.path, "variables": variables }),
            ),
        };
        json!({
            "subject": {
                "type": if self.m2m { "machine" } else { "user" },
                "id": self.subject,
                "properties": about,
            },
            "action": action,
            "resource": { "type": kind, "id": id, "properties": properties },
            "context": { "rule": self.rule },
        })
    }

    /// The parts that count, each by its name.
    fn key(&self, parts: &[DecisionPart]) -> String {
        use DecisionPart::{Claims, Host, Method, Path, Rule, Subject};
        let parts = if parts.is_empty() {
            &[Claims, Host, Method, Path, Rule, Subject]
        } else {
            parts
        };
        let part = |part: &DecisionPart| match part {
            Claims => json!({ "claims": self.claims, "lists": self.lists }),
            Host => json!({ "host": self.host }),
            Method => json!({ "method": self.method }),
            Path => json!({ "path": self.path }),
            Rule => json!({ "rule": self.rule }),
            Subject => json!({ "subject": self.subject, "provider": self.provider }),
        };
        let named = json!({ "action": self.action, "resource": self.resource });
        let parts = parts.iter().map(part);
        Value::Array(std::iter::once(named).chain(parts).collect()).to_string()
    }
}

/// The name of what an answer depends on, however long it is.
fn digest(key: &str) -> Rc<str> {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(key)).into()
}
