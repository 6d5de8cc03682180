//! What a story is made of: a configuration, then requests, answers, ticks, and clients that leave.

use arbitrary::Arbitrary;
use auth_filter::headers::Headers;

use crate::TOKENS;

/// A story of the VMs of one process.
#[derive(Arbitrary, Debug)]
pub struct Story {
    pub setup: Setup,
    pub events: Vec<Event>,
}

/// What the configuration says, and how many VMs have it.
#[derive(Arbitrary, Debug)]
pub struct Setup {
    pub discovery: bool,
    pub forward: bool,
    pub cookie: bool,
    pub websocket: bool,
    pub preflight: bool,
    pub retry: u8,
    pub cache_seconds: u16,
    pub stale_seconds: u16,
    pub usages: Option<u8>,
    pub held: u8,
    /// Whether the rules ask services too.
    pub services: bool,
    pub vms: u8,
}

#[derive(Arbitrary, Debug)]
pub enum Event {
    Request {
        vm: u8,
        request: Request,
    },
    /// The same request so many times at once, and up to 99 more.
    Flood {
        vm: u8,
        request: Request,
        times: u8,
    },
    Answer {
        callout: u8,
        answer: Answer,
    },
    Tick {
        millis: u16,
    },
    Wait {
        seconds: u16,
    },
    /// The wall clock is set.
    Jump {
        back: bool,
        seconds: u32,
    },
    Leave {
        request: u8,
    },
    Abandon {
        callout: u8,
    },
    /// The host never says what became of a callout.
    Lose {
        callout: u8,
    },
}

#[derive(Arbitrary, Debug)]
pub struct Request {
    pub path: Path,
    pub method: Option<Vec<u8>>,
    pub credential: Credential,
    pub headers: Vec<(Name, Vec<u8>)>,
}

#[derive(Arbitrary, Debug)]
pub enum Path {
    Public,
    Protected,
    /// Needs a permission that only the directory gives.
    Reports,
    /// Needs a decision.
    Decide,
    /// Needs a token that introspection knows.
    Opaque,
    /// Needs a key that a service verifies.
    Key,
    Raw(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
pub enum Credential {
    None,
    Good {
        token: u8,
    },
    /// One byte of a good token is another.
    Damaged {
        token: u8,
        at: u16,
        byte: u8,
    },
    /// A token of no form.
    Opaque {
        number: u8,
    },
    Raw(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
pub enum Name {
    UserId,
    Groups,
    Cookie,
    Origin,
    RequestMethod,
    WebSocket,
    Authorization,
    ApiKey,
    Raw(Vec<u8>),
}

/// What comes back for a callout.
#[derive(Arbitrary, Debug)]
pub enum Answer {
    /// What an issuer or a service says to somebody whom it knows.
    Good {
        cache_control: Vec<u8>,
    },
    /// The issuer's OpenID configuration.
    Configuration,
    NotModified,
    /// What a service says to somebody whom it does not know.
    Refusal,
    Failed,
    /// As large, as deep or as long as the filter reads, and beyond.
    Bound {
        shape: u8,
        beyond: bool,
    },
    Raw {
        status: u16,
        body: Vec<u8>,
    },
}

impl Request {
    #[must_use]
    pub fn head(&self) -> Headers {
        let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = vec![
            (
                b":method".to_vec(),
                self.method.clone().unwrap_or_else(|| b"GET".to_vec()),
            ),
            (b":authority".to_vec(), b"api".to_vec()),
            (b":path".to_vec(), self.path.bytes()),
        ];
        if let Some(value) = self.credential.value() {
            pairs.push((b"authorization".to_vec(), value));
        }
        pairs.extend(
            self.headers
                .iter()
                .map(|(name, value)| (name.bytes(), value.clone())),
        );
        Headers::from_pairs(&pairs)
    }

    /// Whether a token of ours is anywhere in it.
    #[must_use]
    pub fn has_good_token(&self) -> bool {
        let holds = |value: &[u8]| {
            // Of an ECDSA or PSS token the signature may have another spelling.
            TOKENS
                .iter()
                .filter_map(|good| good.rsplit_once('.'))
                .any(|(signed, _)| {
                    value
                        .windows(signed.len())
                        .any(|window| window == signed.as_bytes())
                })
        };
        self.credential.value().is_some_and(|value| holds(&value))
            || self.headers.iter().any(|(_, value)| holds(value))
    }

    /// Whether its path, or what it is, is open to everybody.
    #[must_use]
    pub fn may_pass_without(&self, setup: &Setup) -> bool {
        let preflight = setup.preflight && self.method.as_deref() == Some(b"OPTIONS");
        match &self.path {
            Path::Public => true,
            // Which spellings are public is for the tests of paths; here, that the open prefix is named at all.
            Path::Raw(path) => {
                path.windows(2)
                    .any(|pair| pair.eq_ignore_ascii_case(b"pu") || pair.contains(&b'%'))
                    || preflight
            }
            _ => preflight,
        }
    }
}

impl Path {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Public => b"/public".to_vec(),
            Self::Protected => b"/orders".to_vec(),
            Self::Reports => b"/reports".to_vec(),
            Self::Decide => b"/decide".to_vec(),
            Self::Opaque => b"/opaque".to_vec(),
            Self::Key => b"/key".to_vec(),
            Self::Raw(bytes) => bytes.clone(),
        }
    }
}

impl Credential {
    fn value(&self) -> Option<Vec<u8>> {
        let good = |token: u8| {
            format!("Bearer {}", TOKENS[usize::from(token) % TOKENS.len()]).into_bytes()
        };
        match self {
            Self::None => None,
            Self::Good { token } => Some(good(*token)),
            Self::Damaged { token, at, byte } => {
                let mut value = good(*token);
                let at = usize::from(*at) % value.len();
                value[at] = *byte;
                Some(value)
            }
            Self::Opaque { number } => Some(format!("Bearer opaque-{number}").into_bytes()),
            Self::Raw(bytes) => Some(bytes.clone()),
        }
    }
}

impl Name {
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::UserId => b"x-auth-user-id".to_vec(),
            Self::Groups => b"X_Auth_Groups".to_vec(),
            Self::Cookie => b"cookie".to_vec(),
            Self::Origin => b"origin".to_vec(),
            Self::RequestMethod => b"access-control-request-method".to_vec(),
            Self::WebSocket => b"sec-websocket-protocol".to_vec(),
            Self::Authorization => b"authorization".to_vec(),
            Self::ApiKey => b"x-api-key".to_vec(),
            Self::Raw(bytes) => bytes.clone(),
        }
    }
}
