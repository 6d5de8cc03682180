//! Who calls: thousands with good credentials of every kind, and what the application must hear of each.

use super::policy::{ES, Issuers, KEYS, RS, USERS};
use super::proof::{bound, proven};
use super::random::Random;
use super::schedule::Target;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::client::Request;
use lab::issuer::{SigningKey, unix_now};
use serde_json::{Value, json};

/// How many different callers there are of each kind that has no list.
const CALLERS: u64 = 4000;
/// How long tokens hold: longer than any wall clock is wrong.
const HOLDS: u64 = 4 * 3600;

/// Whom the application must see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) user: String,
    /// Every caller has a group of its own.
    pub(super) groups: String,
    pub(super) provider: &'static str,
    pub(super) permissions: Option<String>,
}

/// What must become of a request.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// It passes, as somebody or as nobody.
    Passes(Option<Identity>),
    /// It is refused.
    Refused,
}

/// A request, and what must become of it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) kind: &'static str,
    pub(super) request: Request,
    pub(super) expected: Expected,
    /// Whose disturbance may refuse an honest caller.
    pub(super) needs: &'static [Target],
    /// By which generation of keys it was signed, and whether it may be sent again.
    pub(super) signed: Option<(Target, usize)>,
    pub(super) again: bool,
    /// A token that its issuer can revoke.
    pub(super) opaque: Option<String>,
}

/// The kinds of honest callers.
pub(super) const HONEST: &[Honest] = &[
    Honest::Public,
    Honest::Es,
    Honest::Ed,
    Honest::Rs,
    Honest::Admin,
    Honest::Own,
    Honest::Dpop,
    Honest::Directory,
    Honest::Decision,
    Honest::Opaque,
    Honest::Key,
    Honest::RemoteKey,
    Honest::Password,
    Honest::RemotePassword,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Honest {
    Public,
    Es,
    Ed,
    Rs,
    Admin,
    Own,
    Dpop,
    Directory,
    Decision,
    Opaque,
    Key,
    RemoteKey,
    Password,
    RemotePassword,
}

impl Honest {
    /// Those who feel it when this is disturbed.
    pub(super) fn of(target: Target) -> Self {
        match target {
            Target::Es => Self::Es,
            Target::Ed => Self::Ed,
            Target::Rs => Self::Rs,
            Target::Directory => Self::Directory,
            Target::Introspection => Self::Opaque,
            Target::Decision => Self::Decision,
            Target::Verifier => Self::RemoteKey,
            _ => Self::Key,
        }
    }

    /// A caller of this kind.
    pub(super) fn call(self, issuers: &Issuers, random: &mut Random) -> Call {
        let number = random.below(CALLERS);
        match self {
            Self::Public => {
                let call = Call::new("public", Request::get("/public/page"), None, &[]);
                Call {
                    again: false,
                    ..call
                }
            }
            Self::Es => es(issuers, "es", &format!("es-{number}"), "/es/x"),
            Self::Own => {
                let user = format!("own-{number}");
                es(issuers, "own path", &user, &format!("/users/{user}/orders"))
            }
            Self::Ed => ed(issuers, &format!("ed-{number}"), "/ed/x", &[Target::Ed]),
            Self::Rs => rs(
                issuers,
                "rs",
                &format!("rs-{number}"),
                "/rs/x",
                &[Target::Rs],
            ),
            Self::Admin => admin(issuers, number),
            Self::Dpop => dpop(issuers, number, random.next()),
            Self::Directory => {
                let user = format!("ed-{number}");
                let mut call = ed(
                    issuers,
                    &user,
                    "/reports/x",
                    &[Target::Ed, Target::Directory],
                );
                call.kind = "directory";
                if let Expected::Passes(Some(identity)) = &mut call.expected {
                    identity.permissions = Some(format!("report.read,p-{user}"));
                }
                call
            }
            Self::Decision => {
                let needs = &[Target::Rs, Target::Decision];
                rs(
                    issuers,
                    "decision",
                    &format!("rs-{number}"),
                    "/decide/x",
                    needs,
                )
            }
            Self::Opaque => opaque(number, random.next()),
            Self::Key => key(random.below(KEYS)),
            Self::RemoteKey => {
                let user = format!("rk-{number}");
                let request =
                    Request::get("/remote-key/x").header("x-api-key", format!("rk.{user}"));
                let identity = Identity::of(&user, "remote_keys");
                Call::new("remote key", request, Some(identity), &[Target::Verifier])
            }
            Self::Password => password(random.below(USERS)),
            Self::RemotePassword => {
                let user = format!("rp-{number}");
                let request = basic("/remote-password/x", &user, &format!("pw-{user}"));
                let identity = Identity::of(&user, "remote_users");
                Call::new(
                    "remote password",
                    request,
                    Some(identity),
                    &[Target::Verifier],
                )
            }
        }
    }
}

impl Identity {
    pub(super) fn of(user: &str, provider: &'static str) -> Self {
        Self {
            user: user.into(),
            groups: format!("g-{user}"),
            provider,
            permissions: None,
        }
    }
}

impl Call {
    pub(super) fn new(
        kind: &'static str,
        request: Request,
        identity: Option<Identity>,
        needs: &'static [Target],
    ) -> Self {
        Self {
            kind,
            request,
            expected: Expected::Passes(identity),
            needs,
            signed: None,
            again: true,
            opaque: None,
        }
    }

    pub(super) fn refused(kind: &'static str, request: Request) -> Self {
        Self {
            expected: Expected::Refused,
            again: false,
            ..Self::new(kind, request, None, &[])
        }
    }
}

/// Claims that hold, for this caller.
pub(super) fn claims(issuer: &str, user: &str) -> Value {
    json!({
        "iss": issuer, "aud": "soak", "sub": user, "groups": [format!("g-{user}")], "exp": unix_now() + HOLDS,
    })
}

fn es(issuers: &Issuers, kind: &'static str, user: &str, path: &str) -> Call {
    let (key, generation) = issuers.es.key();
    let token = key.sign(json!({}), &claims(ES, user));
    let identity = Identity::of(user, "es");
    let request = Request::get(path).bearer(&token);
    Call {
        signed: Some((Target::Es, generation)),
        ..Call::new(kind, request, Some(identity), &[Target::Es])
    }
}

fn ed(issuers: &Issuers, user: &str, path: &str, needs: &'static [Target]) -> Call {
    let (key, generation) = issuers.ed.key();
    let token = key.sign(json!({}), &claims(&issuers.ed.url(), user));
    let request = Request::get(path).bearer(&token);
    Call {
        signed: Some((Target::Ed, generation)),
        ..Call::new("ed", request, Some(Identity::of(user, "ed")), needs)
    }
}

fn rs(
    issuers: &Issuers,
    kind: &'static str,
    user: &str,
    path: &str,
    needs: &'static [Target],
) -> Call {
    let token = issuers.rs.key().0.sign(json!({}), &claims(RS, user));
    let request = Request::get(path).bearer(&token);
    Call::new(kind, request, Some(Identity::of(user, "rs")), needs)
}

fn admin(issuers: &Issuers, number: u64) -> Call {
    let user = format!("admin-{number}");
    let (key, generation) = issuers.es.key();
    let mut claims = claims(ES, &user);
    claims["groups"] = json!(["admin", format!("g-{user}")]);
    let request = Request::get("/admin/x").bearer(&key.sign(json!({}), &claims));
    let identity = Identity {
        groups: format!("admin,g-{user}"),
        ..Identity::of(&user, "es")
    };
    Call {
        signed: Some((Target::Es, generation)),
        ..Call::new("admin", request, Some(identity), &[Target::Es])
    }
}

/// A token that is bound to its caller's key, with a proof that is good once.
fn dpop(issuers: &Issuers, number: u64, serial: u64) -> Call {
    let user = format!("dpop-{number}");
    let own = SigningKey::es256_seeded("", (number % 250) as u8);
    let (key, _) = issuers.es.key();
    let token = bound(&key, &own, &user);
    let request = proven("/es/x", &token, &own, serial);
    let identity = Identity::of(&user, "es");
    Call {
        again: false,
        ..Call::new(
            "dpop",
            request,
            Some(identity),
            &[Target::Es, Target::Clock],
        )
    }
}

fn opaque(number: u64, serial: u64) -> Call {
    let user = format!("op-{number}");
    let token = format!("tok.{user}.{serial:x}");
    let request = Request::get("/opaque/x").bearer(&token);
    let identity = Identity::of(&user, "opaque");
    Call {
        opaque: Some(token),
        ..Call::new("opaque", request, Some(identity), &[Target::Introspection])
    }
}

fn key(number: u64) -> Call {
    let request = Request::get("/key/x").header("x-api-key", format!("ak-{number}"));
    let identity = Identity::of(&format!("k-{number}"), "keys");
    Call::new("key", request, Some(identity), &[])
}

fn password(number: u64) -> Call {
    let user = format!("u-{number}");
    let request = basic("/password/x", &user, &format!("pw-{user}"));
    Call::new("password", request, Some(Identity::of(&user, "users")), &[])
}

/// A request with a name and a password.
pub(super) fn basic(path: &str, name: &str, password: &str) -> Request {
    let pair = STANDARD.encode(format!("{name}:{password}"));
    Request::get(path).header("authorization", format!("Basic {pair}"))
}
