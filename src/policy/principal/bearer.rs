//! What a credential alone says of whoever presents it.

use std::cell::OnceCell;
use std::rc::Rc;

use serde_json::Value;

use super::{Attribute, Kind};
use crate::jose::{ClaimSet, VerifiedClaims};
use crate::json::ClaimPath;
use crate::policy::provider::Provider;
use crate::policy::upstream::Told;

/// Claims that somebody vouches for: an issuer by its signature, a service by its answer, the configuration.
#[derive(Clone, Debug)]
pub struct Vouched {
    claims: Rc<ClaimSet>,
    payload: Option<String>,
}

impl Vouched {
    /// What a service said, or the configuration.
    #[must_use]
    pub const fn claims_of(claims: Rc<ClaimSet>) -> Self {
        Self {
            claims,
            payload: None,
        }
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &ClaimSet {
        &self.claims
    }

    /// The claims as they were signed, in base64url; none where nothing was signed.
    #[must_use]
    pub fn payload(&self) -> Option<&str> {
        self.payload.as_deref()
    }
}

impl From<VerifiedClaims> for Vouched {
    fn from(verified: VerifiedClaims) -> Self {
        Self {
            payload: Some(verified.payload().to_owned()),
            claims: verified.into_claims(),
        }
    }
}

/// What the names of told facts and their lists take.
const TOLD: usize = 700;

/// The lists of a caller, each made when it is first looked at.
#[derive(Debug, Default)]
pub(super) struct Lists {
    groups: OnceCell<Attribute>,
    roles: OnceCell<Attribute>,
    permissions: OnceCell<Attribute>,
    scopes: OnceCell<Attribute>,
}

impl Lists {
    pub(super) const fn cell(&self, kind: Kind) -> &OnceCell<Attribute> {
        match kind {
            Kind::Groups => &self.groups,
            Kind::Roles => &self.roles,
            Kind::Permissions => &self.permissions,
            Kind::Scopes => &self.scopes,
        }
    }
}

/// The bearer of a credential, as its claims alone describe it: the same at each request, and so kept with the token.
#[derive(Debug)]
pub struct Bearer {
    /// What the provider vouches for.
    pub vouched: Vouched,
    /// The caller's identifier, unique within the provider.
    pub subject: Option<String>,
    /// The caller's name.
    pub name: Option<String>,
    /// The caller's e-mail address.
    pub email: Option<String>,
    /// The client that the token was issued to.
    pub client_id: Option<String>,
    /// Whether the caller is a machine, with no user behind it.
    pub m2m: bool,
    /// The lists that no directory adds to.
    pub(super) lists: Lists,
    /// What the upstream is told, where no directory adds to it.
    pub(super) told: OnceCell<Rc<Told>>,
}

impl Bearer {
    /// What these claims say to this provider.
    #[must_use]
    pub fn new(provider: &Provider, vouched: Vouched) -> Self {
        let claims = vouched.claims();
        let identity = &provider.identity;
        let first = |paths: &[ClaimPath]| {
            paths
                .iter()
                .filter_map(|path| text(claims.find(path)?))
                .find(|text| !text.is_empty())
                .map(str::to_owned)
        };
        Self {
            subject: first(&identity.subject),
            name: first(&identity.name),
            email: first(&identity.email),
            client_id: first(&identity.client_id),
            m2m: identity.machine.is(claims),
            vouched,
            lists: Lists::default(),
            told: OnceCell::new(),
        }
    }

    /// About how many bytes of memory it takes, what is told of it included.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = [&self.subject, &self.name, &self.email, &self.client_id];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let payload = self.vouched.payload().map_or(0, str::len);
        // Header and filter state, percent-encoded now and then; names, too.
        size_of::<Self>()
            .saturating_add(self.vouched.claims().weight())
            .saturating_add(payload)
            .saturating_add(texts.saturating_mul(3))
            .saturating_add(TOLD)
    }
}

/// A claim that names somebody or something; of a list, as `aud` may be, the first item.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Array(items) => items.first()?.as_str(),
        other => other.as_str(),
    }
}
