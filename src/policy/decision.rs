//! Questions to a policy decision point.

use serde_json::{Map, Value, json};

use super::principal::{Kind, Missing, Principal};
use super::requirement::Visit;
use crate::config::DecisionPart;
use crate::services::{Answer, Ask, DecisionProtocol, Lookup, Question, ServiceId};

/// A decision point, and what of a question its decisions depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whom to ask.
    pub service: ServiceId,
    /// How to put it.
    pub protocol: DecisionProtocol,
    /// On which parts decisions depend; on all where there are none.
    pub depends_on: Box<[DecisionPart]>,
}

impl Decision {
    /// Whether the caller may do what the request asks.
    ///
    /// # Errors
    /// The question, while it has no answer; or the outage.
    pub fn permits(&self, caller: &Principal<'_>, visit: &Visit<'_>) -> Result<bool, Missing> {
        let facts = Facts::new(caller, visit);
        let question = Question {
            service: self.service,
            ask: Ask::Decision {
                body: facts.question(self.protocol).to_string(),
                key: facts.key(&self.depends_on),
            },
        };
        match caller.lookup(&question) {
            Lookup::Ready(answer) => Ok(matches!(answer, Answer::Permits)),
            Lookup::Pending => Err(Missing::Asks(question)),
            Lookup::Unavailable { retry_after } => Err(Missing::Fails(retry_after)),
        }
    }
}

/// What a decision may depend on.
struct Facts<'f> {
    subject: &'f str,
    provider: &'f str,
    claims: &'f Map<String, Value>,
    lists: Map<String, Value>,
    m2m: bool,
    method: String,
    host: String,
    path: String,
    rule: &'f str,
    variables: Map<String, Value>,
}

impl<'f> Facts<'f> {
    fn new(caller: &'f Principal<'_>, visit: &Visit<'f>) -> Self {
        let pseudo =
            |name| String::from_utf8_lossy(visit.head.first(name).unwrap_or_default()).into_owned();
        let target = pseudo(":path");
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let host = pseudo(":authority");
        let lists = [
            ("groups", Kind::Groups),
            ("roles", Kind::Roles),
            ("permissions", Kind::Permissions),
            ("scopes", Kind::Scopes),
        ];
        Self {
            subject: caller.subject.as_deref().unwrap_or_default(),
            provider: &caller.provider.name,
            claims: caller.vouched.claims().members(),
            // What no rule asked a directory for is not asked for here.
            lists: lists
                .into_iter()
                .map(|(name, kind)| (name.to_owned(), json!(caller.told(kind))))
                .collect(),
            m2m: caller.m2m,
            method: pseudo(":method"),
            host: if host.is_empty() {
                pseudo("host")
            } else {
                host
            },
            path,
            rule: visit.rule,
            variables: visit
                .variables
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect(),
        }
    }

    fn question(&self, protocol: DecisionProtocol) -> Value {
        let mut about = self.lists.clone();
        about.insert("claims".to_owned(), json!(self.claims));
        about.insert("provider".to_owned(), json!(self.provider));
        about.insert("m2m".to_owned(), json!(self.m2m));
        match protocol {
            DecisionProtocol::AuthZen => json!({
                "subject": {
                    "type": if self.m2m { "machine" } else { "user" },
                    "id": self.subject,
                    "properties": about,
                },
                "action": { "name": self.method },
                "resource": {
                    "type": "http",
                    "id": self.path,
                    "properties": { "host": self.host, "variables": self.variables },
                },
                "context": { "rule": self.rule },
            }),
            DecisionProtocol::Opa => {
                about.insert("id".to_owned(), json!(self.subject));
                json!({
                    "input": {
                        "subject": about,
                        "request": {
                            "method": self.method,
                            "host": self.host,
                            "path": self.path,
                            "variables": self.variables,
                        },
                        "rule": self.rule,
                    },
                })
            }
        }
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
        Value::Array(parts.iter().map(part).collect()).to_string()
    }
}
