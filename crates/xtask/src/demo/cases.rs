//! The requests of the demonstration, each with what must come of it.

use super::identities::Identities;
use lab::client::{Request, Response};
use lab::server::Received;

/// One request.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) request: Request,
    want: Want,
}

/// What must come of a request.
enum Want {
    /// The upstream has it, with exactly these identity headers.
    Upstream(&'static [(&'static str, &'static str)]),
    /// It is refused with this status, and a challenge that contains this text, or none.
    Refused(u16, Option<&'static str>),
}

const IDENTITY: &[&str] = &[
    "x-auth-user-id",
    "x-auth-user-name",
    "x-auth-groups",
    "x-auth-permissions",
];

pub(super) fn all(identities: &Identities) -> Vec<Case> {
    let case = |name, request, want| Case {
        name,
        request,
        want,
    };
    let get = |path: &str| Request::get(path);
    let invalid = Want::Refused(401, Some("error=\"invalid_token\""));
    let (id, token) = identities.user.split_at(identities.user.len() - 20);
    let tampered = format!("{id}AAAA{}", token.get(4..).unwrap_or_default());
    let ann: &[_] = &[("x-auth-user-name", "ann")];
    vec![
        case("anonymous, open path", get("/public"), Want::Upstream(&[])),
        case(
            "anonymous, open path, x-auth-user-id: admin",
            get("/public").header("x-auth-user-id", "admin"),
            Want::Upstream(&[]),
        ),
        case(
            "anonymous",
            get("/api/orders"),
            Want::Refused(401, Some("Bearer realm=\"api\"")),
        ),
        case(
            "user",
            get("/api/orders").bearer(&identities.user),
            Want::Upstream(ann),
        ),
        case(
            "user, x-auth-user-name: adam, X_Auth_Groups: admin",
            get("/api/orders")
                .bearer(&identities.user)
                .header("x-auth-user-name", "adam")
                .header("X_Auth_Groups", "admin"),
            Want::Upstream(ann),
        ),
        case(
            "user, admin's path",
            get("/admin").bearer(&identities.user),
            Want::Refused(403, Some("error=\"insufficient_scope\"")),
        ),
        case(
            "admin, admin's path",
            get("/admin").bearer(&identities.admin),
            Want::Upstream(&[("x-auth-user-name", "adam"), ("x-auth-groups", "admin")]),
        ),
        case(
            "user, report.read in the directory",
            get("/reports").bearer(&identities.user),
            Want::Upstream(&[
                ("x-auth-user-name", "ann"),
                ("x-auth-permissions", "report.read"),
            ]),
        ),
        case(
            "admin, nothing in the directory",
            get("/reports").bearer(&identities.admin),
            Want::Refused(403, Some("error=\"insufficient_scope\"")),
        ),
        case(
            "expired token",
            get("/admin").bearer(&identities.expired),
            invalid,
        ),
        case(
            "forged token (another key)",
            get("/admin").bearer(&identities.forged),
            Want::Refused(401, Some("error=\"invalid_token\"")),
        ),
        case(
            "forged token (alg: none)",
            get("/admin").bearer(&identities.unsigned),
            Want::Refused(401, Some("error=\"invalid_token\"")),
        ),
        case(
            "tampered signature",
            get("/api/orders").bearer(&tampered),
            Want::Refused(401, Some("error=\"invalid_token\"")),
        ),
        case(
            "ID token where access tokens are asked",
            get("/api/orders").bearer(&identities.user_id_token),
            Want::Refused(401, Some("error=\"invalid_token\"")),
        ),
        case(
            "not a token",
            get("/api/orders").bearer("hello"),
            Want::Refused(401, Some("error=\"invalid_token\"")),
        ),
        case(
            "two Authorization headers",
            get("/api/orders")
                .bearer(&identities.user)
                .bearer(&identities.admin),
            Want::Refused(400, Some("error=\"invalid_request\"")),
        ),
        case(
            "/public/..%2fadmin",
            get("/public/..%2fadmin").bearer(&identities.user),
            Want::Refused(400, None),
        ),
        case(
            "a path without a rule",
            get("/other").bearer(&identities.admin),
            Want::Refused(403, None),
        ),
    ]
}

impl Case {
    /// What is not as it must be.
    pub(super) fn judge(&self, answer: &Response, upstream: Option<&Received>) -> Vec<String> {
        let mut wrong = Vec::new();
        match (&self.want, upstream) {
            (Want::Upstream(_), None) => wrong.push("it must reach the upstream".to_owned()),
            (Want::Upstream(want), Some(received)) => {
                let mut got = identity(received);
                // Moto makes up a user's `sub`.
                got.retain(|(name, _)| *name != "x-auth-user-id" || want.is_empty());
                let want: Vec<_> = want.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
                if got != want {
                    wrong.push(format!("the upstream must see {want:?}"));
                }
                if received.header("authorization").is_some() {
                    wrong.push("the credential must stay behind".to_owned());
                }
            }
            (Want::Refused(..), Some(_)) => wrong.push("it must not reach the upstream".to_owned()),
            (Want::Refused(status, challenge), None) => {
                if answer.status != *status {
                    wrong.push(format!("the status must be {status}"));
                }
                let header = answer.header("www-authenticate");
                let fits = match (challenge, &header) {
                    (Some(text), Some(header)) => header.contains(text),
                    (wanted, header) => wanted.is_none() && header.is_none(),
                };
                if !fits {
                    wrong.push(format!("the challenge must be {challenge:?}"));
                }
            }
        }
        wrong
    }
}

fn identity(received: &Received) -> Vec<(&'static str, String)> {
    IDENTITY
        .iter()
        .flat_map(|name| {
            received
                .header_all(name)
                .into_iter()
                .map(|value| (*name, value))
        })
        .collect()
}

/// What a reader wants to know of an answer.
pub(super) fn summary(answer: &Response, upstream: Option<&Received>) -> String {
    let Some(received) = upstream else {
        let challenge = answer
            .header("www-authenticate")
            .map(|value| format!("  {value}"));
        return answer.text() + &challenge.unwrap_or_default();
    };
    let seen = identity(received);
    if seen.is_empty() {
        return "upstream saw no identity".to_owned();
    }
    let seen: Vec<_> = seen
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    format!("upstream saw {}", seen.join(", "))
}
