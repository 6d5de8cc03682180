//! The headers and the filter state that only the filter sets, by which the upstream learns who the caller is.

mod own_names;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use self::own_names::OwnNames;
use super::principal::{Principal, Tellable};
use crate::config::DisabledIdentity;
use crate::headers::Headers;
use crate::json::ClaimPath;
use crate::overrides::{METHOD_HEADERS, TARGET_HEADERS};
use crate::services::TemporaryCredentials;
use crate::text::{self, LONGEST_TOLD, header_list, header_text};

/// The identity headers, in the order in which [`UpstreamHeaders::set`] fills them.
const IDENTITY: [&str; 10] = [
    "user-id",
    "user-name",
    "user-email",
    "groups",
    "roles",
    "permissions",
    "scopes",
    "provider",
    "client-id",
    "m2m",
];

/// The identity headers whose values are lists.
const LISTS: [&str; 4] = ["groups", "roles", "permissions", "scopes"];

/// The headers of temporary AWS credentials.
const AWS: [&str; 5] = [
    "x-aws-access-key-id",
    "x-aws-secret-access-key",
    "x-aws-session-token",
    "x-aws-credentials-expiration",
    "x-aws-identity-id",
];

/// What the identity headers' names begin with where the configuration does not say it.
pub(super) const PREFIX: &str = "x-auth-";

/// Headers in which servers expect the part of the path that is theirs, and the rest: with them a client has another path
/// served than the one that it asks for.
const SERVER: [&str; 2] = ["script-name", "path-info"];

/// What a request is changed to say, in names of headers or of filter state.
pub(super) type Pairs = Vec<(String, String)>;

/// What is told about a caller: names with texts.
#[derive(Debug, Default)]
pub struct UpstreamIdentity {
    /// The identity as headers: names with values.
    pub headers: Vec<(Rc<str>, Rc<str>)>,
    /// As the host's filter state: the same texts, and each as it stands there, which is another one only where it is long.
    pub state: Vec<(Rc<str>, Rc<str>, Rc<str>)>,
}

impl UpstreamIdentity {
    /// How many bytes it takes. The names are the configuration's.
    #[must_use]
    pub fn weight(&self) -> usize {
        let headers = self
            .headers
            .capacity()
            .saturating_mul(size_of::<(Rc<str>, Rc<str>)>());
        let state = self
            .state
            .capacity()
            .saturating_mul(size_of::<(Rc<str>, Rc<str>, Rc<str>)>());
        let texts = self.headers.iter().map(|(_, text)| text.len());
        let cut = self
            .state
            .iter()
            .filter(|(_, whole, cut)| !Rc::ptr_eq(whole, cut));
        let texts = texts.chain(cut.map(|(_, _, cut)| cut.len()));
        texts.fold(headers.saturating_add(state), usize::saturating_add)
    }
}

/// The names of all headers and of all filter state that the filter may set.
#[derive(Clone, Debug)]
pub struct UpstreamHeaders {
    /// The names of the identity headers, in the order of [`IDENTITY`].
    identity: Vec<Rc<str>>,
    /// The name of the header that says how shadow mode would have refused the request.
    shadow: String,
    /// Every header that only the filter may set, and those by which servers take a request for another.
    own: OwnNames,
    claims: Vec<(Rc<str>, ClaimPath)>,
    profile: Vec<(Rc<str>, ClaimPath)>,
    payload: Option<Rc<str>>,
    /// Names in the host's filter state, by the order of [`IDENTITY`], of what stands there.
    state: Vec<Option<Rc<str>>>,
}

impl UpstreamHeaders {
    pub(super) fn new(prefix: &str, aws: bool) -> Self {
        let named = |prefix: &str| {
            let names = IDENTITY.iter().chain(&["shadow"]);
            let names = names.map(|name| format!("{prefix}{name}"));
            names.collect::<Vec<_>>()
        };
        let mut own = OwnNames::default();
        // Applications that trusted the usual names before may do so still.
        let usual = Some(PREFIX).filter(|usual| *usual != prefix);
        let names = std::iter::once(prefix).chain(usual).flat_map(named);
        names.for_each(|name| own.add(&name));
        let fixed = SERVER.iter().chain(AWS.iter().filter(|_| aws));
        fixed.for_each(|name| own.add(name));
        let identity = IDENTITY.iter();
        Self {
            identity: identity
                .map(|name| format!("{prefix}{name}").into())
                .collect(),
            shadow: format!("{prefix}shadow"),
            own,
            claims: Vec::new(),
            profile: Vec::new(),
            payload: None,
            state: state_names().map(|name| Some(state_name(&name))).collect(),
        }
    }

    /// Leaves out of the filter state what is not among these facts.
    ///
    /// # Errors
    /// The first one that is no fact, and its place.
    pub(super) fn narrow_state<'f>(&mut self, facts: &'f [String]) -> Result<(), (usize, &'f str)> {
        let is_fact = |fact: &String| state_names().any(|name| name == *fact);
        let mut named = facts.iter().enumerate();
        if let Some((place, fact)) = named.find(|(_, fact)| !is_fact(fact)) {
            return Err((place, fact));
        }
        let kept = |name: String| facts.contains(&name).then(|| state_name(&name));
        self.state = state_names().map(kept).collect();
        Ok(())
    }

    pub(super) fn add_claim(&mut self, name: String, path: ClaimPath) {
        self.own.add(&name);
        self.claims.push((name.into(), path));
    }

    pub(super) fn add_profile(&mut self, name: String, path: ClaimPath) {
        self.own.add(&name);
        self.profile.push((name.into(), path));
    }

    pub(super) fn remove_overrides(&mut self) {
        let names = METHOD_HEADERS.iter().chain(&TARGET_HEADERS);
        names.for_each(|name| self.own.add(name));
    }

    pub(super) fn set_payload(&mut self, name: String) {
        self.own.add(&name);
        self.payload = Some(name.into());
    }

    /// What is read of claims, and of profiles.
    pub(super) fn reads(&self) -> [impl Iterator<Item = &ClaimPath>; 2] {
        [&self.claims, &self.profile].map(|named| named.iter().map(|(_, path)| path))
    }

    /// Whether the upstream is handed the text of tokens' claims.
    #[must_use]
    pub const fn tells_payload(&self) -> bool {
        self.payload.is_some()
    }

    /// The header that says what shadow mode would have answered.
    #[must_use]
    pub fn shadow(&self) -> &str {
        &self.shadow
    }

    /// Whether a header tells of the caller what the host's filter state tells too.
    #[must_use]
    pub fn is_identity(&self, name: &str) -> bool {
        let mut told = self.identity.iter().zip(&self.state);
        told.any(|(own, state)| state.is_some() && **own == *name)
    }

    /// Whether a header is the filter's own, or one by which servers take a path for another. Case does not count, and
    /// whatever is no letter and no digit is `-`: behind CGI and its descendants `X_Auth_User_Id`, `x.auth.user.id` and
    /// `x-auth-user-id` are the same variable.
    #[must_use]
    pub fn owns(&self, name: &[u8]) -> bool {
        self.own.contain(name)
    }

    /// Whether `Connection` of a request for another protocol names more than that: the next hop takes out the headers that
    /// it names (RFC 9110 §7.6.1), the filter's own among them.
    #[must_use]
    pub fn is_hidden_by_connection(&self, head: &Headers) -> bool {
        let names = head
            .all("connection")
            .flat_map(|value| value.split(|byte| *byte == b','));
        let mut names = names
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty());
        let is_upgrade = |name: &[u8]| name.eq_ignore_ascii_case(b"upgrade");
        let (mut upgrades, mut others) = (false, false);
        names.by_ref().for_each(|name| {
            upgrades |= is_upgrade(name);
            others |= !is_upgrade(name);
        });
        upgrades && others
    }

    /// The names, as received, of the headers that only the filter may set: each is removed, whatever rule applies.
    #[must_use]
    pub fn spoofed(&self, head: &Headers) -> Vec<Vec<u8>> {
        let owned = head.iter().filter(|(name, _)| self.owns(name));
        let owned = owned.map(|(name, _)| name.to_vec());
        let mut names: Vec<Vec<u8>> = owned.collect();
        // A name has many spellings, and a client may send each many times.
        if names.len() > 1 {
            let mut seen = BTreeSet::new();
            names.retain(|name| seen.insert(name.clone()));
        }
        names
    }

    /// The headers that tell the upstream about a caller, each only where it has a value, and the same facts as the
    /// host's filter state.
    #[must_use]
    pub fn set(&self, caller: &Principal<'_>) -> Rc<UpstreamIdentity> {
        let with_profile = !self.profile.is_empty();
        caller.told_once(with_profile, |tellable| self.tell(caller, tellable))
    }

    fn tell(&self, caller: &Principal<'_>, tellable: &Tellable) -> UpstreamIdentity {
        let text = |value: &Option<String>| value.as_deref().map(header_text).unwrap_or_default();
        let [groups, roles, permissions, scopes] = tellable
            .lists
            .each_ref()
            .map(|list| header_list(list.iter()));
        let mut told = self.identity_facts([
            text(&caller.subject),
            text(&caller.name),
            text(&caller.email),
            groups,
            roles,
            permissions,
            scopes,
            header_text(&caller.provider.name),
            text(&caller.client_id),
            if caller.m2m {
                "true".to_owned()
            } else {
                String::new()
            },
        ]);
        let claims = self.claims.iter().filter_map(|(name, path)| {
            let claim = caller.vouched.claims().find(path)?;
            Some((Rc::clone(name), claim_text(claim).into()))
        });
        // Of several directories the first that knows a member counts.
        let member = |path: &ClaimPath| {
            let mut entries = tellable.profile.iter();
            entries.find_map(|entry| path.find(&entry.profile).map(claim_text))
        };
        let profile = self
            .profile
            .iter()
            .filter_map(|(name, path)| Some((Rc::clone(name), member(path)?.into())));
        let payload = self
            .payload
            .iter()
            .filter_map(|name| Some((Rc::clone(name), caller.vouched.payload()?.into())));
        let more = claims.chain(profile).chain(payload);
        told.headers
            .extend(more.filter(|(_, value): &(Rc<str>, Rc<str>)| !value.is_empty()));
        told
    }

    /// The headers that tell the upstream about nobody in particular, while nothing is checked.
    #[must_use]
    pub fn set_disabled(&self, identity: &DisabledIdentity) -> UpstreamIdentity {
        let text = |value: &Option<String>| value.as_deref().map(header_text).unwrap_or_default();
        let list = |values: &[String]| header_list(values.iter().map(String::as_str));
        self.identity_facts([
            header_text(&identity.user_id),
            text(&identity.user_name),
            text(&identity.user_email),
            list(&identity.groups),
            list(&identity.roles),
            list(&identity.permissions),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ])
    }

    /// Values in the order of [`IDENTITY`] as headers and as filter state.
    fn identity_facts(&self, values: [String; 10]) -> UpstreamIdentity {
        let mut told = UpstreamIdentity::default();
        let names = self.identity.iter().zip(&self.state);
        for ((header, state), value) in names.zip(values) {
            if value.is_empty() {
                continue;
            }
            let value: Rc<str> = value.into();
            if let Some(name) = state {
                let cut = match state_text(name, &value) {
                    Cow::Borrowed(_) => Rc::clone(&value),
                    Cow::Owned(cut) => cut.into(),
                };
                told.state.push((Rc::clone(name), Rc::clone(&value), cut));
            }
            told.headers.push((Rc::clone(header), value));
        }
        told
    }

    /// The headers of a caller's temporary AWS credentials.
    #[must_use]
    pub fn set_aws(issued: &TemporaryCredentials) -> Pairs {
        let credentials = &issued.credentials;
        let values = [
            header_text(&credentials.access_key_id),
            header_text(&credentials.secret_access_key),
            credentials
                .session_token
                .as_deref()
                .map(header_text)
                .unwrap_or_default(),
            issued.expires_at.rfc3339(),
            header_text(&issued.identity_id),
        ];
        AWS.iter()
            .map(|name| (*name).to_owned())
            .zip(values)
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }
}

/// A fact as filter state has it, for logs that are text: each text, and each item of a list, is cut.
fn state_text<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    let is_list = LISTS.iter().any(|list| name.ends_with(list));
    if !is_list {
        return text::cut(value, LONGEST_TOLD);
    }
    if value.split(',').all(|item| item.len() <= LONGEST_TOLD) {
        return Cow::Borrowed(value);
    }
    let items = value.split(',').map(|item| text::cut(item, LONGEST_TOLD));
    Cow::Owned(items.collect::<Vec<_>>().join(","))
}

/// What facts are called in the configuration, by the order of [`IDENTITY`].
pub(super) fn state_names() -> impl Iterator<Item = String> {
    IDENTITY.iter().map(|name| name.replace('-', "_"))
}

fn state_name(fact: &str) -> Rc<str> {
    format!("auth_filter.{fact}").into()
}

/// A claim as a header: text as it is, an array of strings as a list, anything else as its JSON.
fn claim_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => header_text(text),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            header_list(items.iter().filter_map(Value::as_str))
        }
        other => header_text(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_state_has_no_text_that_is_long() {
        let long = "x".repeat(129);
        let cut = format!("{}%...", "x".repeat(124));
        assert_eq!(state_text("auth_filter.user_id", &long[1..]), long[1..]);
        assert_eq!(state_text("auth_filter.user_id", &long), cut);
        let list = format!("a,{long},{}", &long[1..]);
        let want = format!("a,{cut},{}", &long[1..]);
        assert_eq!(state_text("auth_filter.groups", &list), want);
        assert_eq!(state_text("auth_filter.user_name", &list).len(), 128);
    }
}
