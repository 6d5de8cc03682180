//! The identity that a credential gives its caller by its claims alone, before directories add to it.

use std::rc::{Rc, Weak};

use serde_json::Value;

use super::lists::Merged;
use super::{Attribute, Kind};
use crate::jose::{ClaimSet, VerifiedClaims};
use crate::json::{ClaimPath, Reads};
use crate::ledger::{Charge, Ledger};
use crate::memo::Memo;
use crate::names::Names;
use crate::policy::provider::Provider;
use crate::policy::upstream::UpstreamIdentity;
use crate::services::Attributes;

/// Claims that somebody vouches for: an issuer by its signature, a service by its answer, the configuration.
#[derive(Clone, Debug)]
pub struct TrustedClaims {
    claims: Rc<ClaimSet>,
    payload: Option<Box<str>>,
}

impl TrustedClaims {
    /// Claims from a service's answer or from the configuration, without a signed text.
    #[must_use]
    pub const fn claims_of(claims: Rc<ClaimSet>) -> Self {
        Self {
            claims,
            payload: None,
        }
    }

    /// What an issuer has signed: of the claims what is read, and the text where somebody is handed it.
    #[must_use]
    pub fn signed(verified: VerifiedClaims, reads: &Reads, keeps_payload: bool) -> Self {
        let claims = verified.claims().narrowed(reads);
        Self {
            payload: keeps_payload.then(|| verified.payload().into()),
            claims: Rc::new(claims),
        }
    }

    /// All claims that are kept.
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

/// The lists of a caller, each made when it is first looked at.
#[derive(Debug, Default)]
pub(super) struct Lists {
    groups: Option<Attribute>,
    roles: Option<Attribute>,
    permissions: Option<Attribute>,
    scopes: Option<Attribute>,
}

impl Lists {
    pub(super) const fn get(&self, kind: Kind) -> Option<&Attribute> {
        match kind {
            Kind::Groups => self.groups.as_ref(),
            Kind::Roles => self.roles.as_ref(),
            Kind::Permissions => self.permissions.as_ref(),
            Kind::Scopes => self.scopes.as_ref(),
        }
    }

    pub(super) fn set(&mut self, kind: Kind, list: Attribute) {
        let place = match kind {
            Kind::Groups => &mut self.groups,
            Kind::Roles => &mut self.roles,
            Kind::Permissions => &mut self.permissions,
            Kind::Scopes => &mut self.scopes,
        };
        *place = Some(list);
    }
}

/// The identity of a credential, as its claims alone describe it: the same at each request, and so kept with the token.
#[derive(Debug)]
pub struct Identity {
    /// The claims, with the signed text where it is kept.
    pub vouched: TrustedClaims,
    /// The caller's identifier, unique within the provider.
    pub subject: Option<String>,
    /// The caller's name for people; `None` where no claim has one.
    pub name: Option<String>,
    /// The caller's e-mail address; `None` where no claim has one.
    pub email: Option<String>,
    /// The client that the token was issued to.
    pub client_id: Option<String>,
    /// Whether the caller is a machine, with no user behind it.
    pub m2m: bool,
    /// The lists that no directory adds to.
    pub(super) lists: Lists,
    /// What the upstream is told, where no directory adds to it.
    pub(super) told: Option<Rc<UpstreamIdentity>>,
    /// The lists that a directory adds to.
    pub(super) merged: Merged,
    /// What the upstream is told where directories add to it.
    pub(super) told_with: ToldWith,
}

/// What there is to tell of a caller besides its claims.
#[derive(Debug)]
pub struct Tellable {
    /// The lists, in the order of [`Kind::ALL`].
    pub lists: [Rc<Names>; 4],
    /// The caller's entries in the directories of the profile.
    pub profile: Vec<Rc<Attributes>>,
}

/// For so many rules that look at other lists, what is told is remembered of one identity.
const MOST_TOLD: usize = 4;

/// The headers and the filter state that were made of an identity, kept for as long as directories give the same
/// entries.
#[derive(Debug, Default)]
pub(super) struct ToldWith(Memo<Kept>);

#[derive(Debug)]
struct Kept {
    /// What it was made of; none for an empty list, of which there are many. A weak reference keeps its place taken:
    /// nothing else is ever there.
    lists: [Option<Weak<Names>>; 4],
    profile: Vec<Weak<Attributes>>,
    told: Rc<UpstreamIdentity>,
    _charge: Charge,
}

impl ToldWith {
    pub(super) fn get_or_make(
        &self,
        of: &Tellable,
        ledger: &Ledger,
        make: impl FnOnce() -> UpstreamIdentity,
    ) -> Rc<UpstreamIdentity> {
        let same = |kept: &Option<Weak<Names>>, own: &Rc<Names>| match kept {
            Some(kept) => kept.as_ptr() == Rc::as_ptr(own),
            None => own.is_empty(),
        };
        let is_of = |kept: &Kept| {
            let lists = kept.lists.iter().zip(&of.lists);
            let profile = kept.profile.iter().zip(&of.profile);
            kept.profile.len() == of.profile.len()
                && profile
                    .into_iter()
                    .all(|(kept, own)| kept.as_ptr() == Rc::as_ptr(own))
                && lists.into_iter().all(|(kept, own)| same(kept, own))
        };
        let told = |kept: &Kept| is_of(kept).then(|| Rc::clone(&kept.told));
        if let Some(told) = self.0.find(told) {
            return told;
        }
        let told = Rc::new(make());
        if let Some(charge) = ledger.charge(size_of::<Kept>().saturating_add(told.weight())) {
            let kept = Kept {
                lists: of
                    .lists
                    .each_ref()
                    .map(|list| (!list.is_empty()).then(|| Rc::downgrade(list))),
                profile: of.profile.iter().map(Rc::downgrade).collect(),
                told: Rc::clone(&told),
                _charge: charge,
            };
            self.0.keep(kept, MOST_TOLD);
        }
        told
    }
}

impl Identity {
    /// The identity that this provider derives from these claims.
    #[must_use]
    pub fn new(provider: &Provider, vouched: TrustedClaims) -> Self {
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
            told: None,
            merged: Merged::default(),
            told_with: ToldWith::default(),
        }
    }

    /// How many bytes of memory it takes, with what was made of it so far; what directories add to is counted elsewhere.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = [&self.subject, &self.name, &self.email, &self.client_id];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let payload = self.vouched.payload().map_or(0, str::len);
        let lists = Kind::ALL
            .into_iter()
            .filter_map(|kind| self.lists.get(kind));
        let lists = lists.map(|list| size_of::<Names>().saturating_add(list.values.weight()));
        let told = self.told.as_ref().map_or(0, |told| told.weight());
        size_of::<Self>()
            .saturating_add(self.vouched.claims().weight())
            .saturating_add(payload)
            .saturating_add(texts)
            .saturating_add(told)
            .saturating_add(lists.fold(0, usize::saturating_add))
    }
}

/// A claim that names somebody or something; of a list, as `aud` may be, the first item.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Array(items) => items.first()?.as_str(),
        other => other.as_str(),
    }
}
