//! Providers: the keys of all kinds together.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

use super::{
    ClaimCondition, Csrf, DurationText, GroupsOverage, Introspection, OneOrMany, ProofOfPossession,
    SecretText, Service, Share, Throttle,
};
use crate::json::{StrictValue, UniqueMap};

/// A provider: the keys of all kinds together; those of another kind are refused when compiled.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Which kind of provider, and so which other keys it takes.
    pub kind: ProviderKind,

    /// Defaults for an issuer of this make.
    pub preset: Option<Preset>,
    /// Exact values of `iss`, any of which is accepted.
    pub issuer: Option<OneOrMany>,
    /// Values of `aud`, any of which is accepted.
    pub audiences: Option<Vec<String>>,

    /// AWS region of the user pool.
    pub region: Option<String>,
    /// The user pool's id.
    pub user_pool_id: Option<String>,
    /// App clients whose tokens are accepted.
    pub client_ids: Option<Vec<String>>,
    /// Accepted values of `token_use`; `["access"]` where absent.
    pub token_use: Option<Vec<TokenUse>>,

    /// The Entra tenant, by its id.
    pub tenant_id: Option<String>,
    /// The Entra tenants, any of which is accepted, by their ids.
    pub tenants: Option<Vec<String>>,
    /// Where Entra is: the host of a national cloud.
    pub authority: Option<String>,
    /// What holds for a caller in more groups than a token can name; `"deny"` where absent.
    pub groups_overage: Option<GroupsOverage>,

    /// The protection space of `Basic` challenges (RFC 7617 §2); the provider's name where absent.
    pub realm: Option<String>,
    /// Users with their password hashes, by name.
    pub users: Option<UniqueMap<BasicUser>>,
    /// API keys, by the name of their owner.
    pub keys: Option<UniqueMap<ApiKey>>,
    /// The service that verifies the credential.
    pub verify: Option<Service>,
    /// How many wrong passwords are looked at.
    pub throttle: Option<Throttle>,
    /// Whether password hashes are taken that block a worker for long.
    pub slow: Option<bool>,
    /// The authorization server's introspection endpoint.
    pub introspection: Option<Introspection>,
    /// The identity pool that gives the caller temporary AWS credentials.
    pub identity_pool: Option<IdentityPool>,

    /// Signature algorithms that are accepted (RFC 7518 §3.1).
    pub algorithms: Option<Vec<String>>,
    /// Where the keys come from.
    pub jwks: Option<Jwks>,
    /// Headers that carry the token; `Authorization: Bearer` where absent, no header where empty.
    pub from_headers: Option<Vec<FromHeader>>,
    /// Parameters of the query that carry the token, too.
    pub from_params: Option<Vec<FromNamed>>,
    /// Cookies that carry the token, too.
    pub from_cookies: Option<Vec<FromNamed>>,
    /// From which sites requests that change something may come with a cookie or a password; `"enforce"` where absent.
    pub csrf: Option<Csrf>,
    /// Whether the token may stand in `Sec-WebSocket-Protocol`, too.
    #[serde(default)]
    pub from_websocket_protocol: bool,
    /// What becomes of a token in a header that is none of the rule's providers', beside a cookie that holds; `"remove"`
    /// where absent.
    pub foreign: Option<Foreign>,
    /// Whether the credential goes upstream; removed by default.
    #[serde(default)]
    pub forward: bool,
    /// How far clocks may differ.
    pub clock_skew: Option<DurationText>,
    /// Whether a token must expire; true by default.
    pub require_expiration: Option<bool>,
    /// The longest time between a token's issue and its expiry.
    pub max_lifetime: Option<DurationText>,
    /// Accepted values of the header `typ`.
    pub token_types: Option<Vec<String>>,
    /// Whether tokens have base64url with padding, as AWS's load balancers make them.
    pub padded: Option<bool>,
    /// Members that the header of each token must have, with their tests.
    #[serde(default)]
    pub required_header: UniqueMap<ClaimCondition>,
    /// Claims that each token must have, with their tests.
    #[serde(default)]
    pub required_claims: UniqueMap<ClaimCondition>,

    /// The claim that identifies the caller, in order of preference.
    pub subject: Option<OneOrMany>,
    /// The claim that names the caller, in order of preference.
    pub name: Option<OneOrMany>,
    /// The claim with the caller's e-mail address, in order of preference.
    pub email: Option<OneOrMany>,
    /// Where groups come from.
    pub groups: Option<Vec<Source>>,
    /// Where roles come from.
    pub roles: Option<Vec<Source>>,
    /// Where permissions come from.
    pub permissions: Option<Vec<Source>>,
    /// Where scopes come from.
    pub scopes: Option<Vec<Source>>,
    /// The directories whose profiles the caller has; those of its other lists where absent.
    pub profile: Option<Vec<ProfileSource>>,
    /// The claim that names the client that the token was issued to, in order of preference.
    pub client_id: Option<OneOrMany>,
    /// What tells a machine's token: claims with their tests, all of which hold.
    pub machine: Option<UniqueMap<ClaimCondition>>,
    /// How tokens that are bound to a key are held against it; the binding is not looked at where absent.
    pub proof_of_possession: Option<ProofOfPossession>,
}

/// `preset`: what an issuer of this make is known to do. Each key given beside it counts instead.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Active Directory Federation Services.
    Adfs,
    /// Sign in with Apple.
    Apple,
    /// Auth0.
    Auth0,
    /// Clerk's sessions.
    Clerk,
    /// Cloudflare Access.
    CloudflareAccess,
    /// Azure AD B2C.
    EntraB2c,
    /// Microsoft Entra External ID.
    EntraExternalId,
    /// Firebase Authentication and Google Identity Platform.
    Firebase,
    /// GitHub Actions' tokens for jobs.
    GithubActions,
    /// GitLab's ID tokens for jobs.
    Gitlab,
    /// Google accounts.
    Google,
    /// Google's Identity-Aware Proxy.
    GoogleIap,
    /// Keycloak.
    Keycloak,
    /// Kubernetes service accounts.
    Kubernetes,
    /// Okta.
    Okta,
    /// PingOne, PingFederate and PingAM (ForgeRock).
    Ping,
    /// Supabase Auth.
    Supabase,
    /// Zitadel.
    Zitadel,
}

/// A user of a `basic` provider.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BasicUser {
    /// The password's hash.
    pub password_hash: SecretText,
    /// The identifier; the user's name where absent.
    pub user_id: Option<String>,
    /// The name for people; the user's name where absent.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// A key of an `api_key` provider.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// `sha256:` and the key's SHA-256 in hexadecimal.
    pub digest: SecretText,
    /// When the key ends (RFC 3339); never where absent.
    pub expires_at: Option<String>,
    /// The name for people; the owner's name where absent.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Scopes.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// `identity_pool`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IdentityPool {
    /// The pool's id, which begins with its region.
    pub id: String,
    /// Where the callout goes.
    pub upstream: Option<String>,
    /// Where Cognito Identity is; `https://cognito-identity.{region}.amazonaws.com/` where absent.
    pub uri: Option<String>,
    /// How long one callout may take.
    pub timeout: Option<DurationText>,
}

/// `kind`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// API keys.
    ApiKey,
    /// Names and passwords (RFC 7617).
    Basic,
    /// An Amazon Cognito user pool.
    Cognito,
    /// Microsoft Entra ID.
    EntraId,
    /// Any credential that an HTTP service verifies.
    Http,
    /// Tokens that their authorization server must be asked about (RFC 7662).
    Introspection,
    /// Any issuer of JSON Web Tokens.
    Jwt,
}

/// An accepted `token_use`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenUse {
    /// An access token.
    Access,
    /// An ID token.
    Id,
}

impl TokenUse {
    /// The claim's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Id => "id",
        }
    }
}

/// `jwks`: where keys come from and how long they serve.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// The key set itself (RFC 7517 §5).
    pub inline: Option<StrictValue>,
    /// Where it is fetched.
    pub uri: Option<String>,
    /// Whether the issuer's OpenID configuration says where it is fetched.
    pub discovery: Option<bool>,
    /// Where the callout goes: a cluster in Envoy and Istio, `host[:port]` in nginx hosts.
    pub upstream: Option<String>,
    /// The only keys of the issuer that are trusted, by their thumbprints (RFC 7638, SHA-256, base64url).
    pub pinned_thumbprints: Option<Vec<String>>,
    /// How long a fetched set is fresh.
    pub cache_duration: Option<DurationText>,
    /// After how many verified tokens it is fetched again in the background.
    pub cache_usages: Option<u64>,
    /// The share of that time after which it is fetched again in the background.
    pub refresh_ahead: Option<Share>,
    /// How long a set serves beyond its time while the issuer cannot be reached.
    pub stale_for: Option<DurationText>,
    /// An unknown `kid` triggers at most one fetch per this time.
    pub unknown_kid_cooldown: Option<DurationText>,
    /// How long one callout may take.
    pub timeout: Option<DurationText>,
    /// How many more callouts a fetch makes that got no good answer; 1 where absent.
    pub retry: Option<u8>,
    /// How many keys a set may have: 1 to 1024; 256 where absent.
    pub max_keys: Option<u32>,
    /// How many bytes a set may have: 1 to 1048576; 262144 where absent.
    pub max_bytes: Option<u32>,
}

/// A header that carries a token; a cookie or a parameter with a prefix.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FromHeader {
    /// The name.
    pub name: String,
    /// What stands before the token, such as `"Bearer "`; nothing where absent.
    #[serde(default)]
    pub value_prefix: String,
}

/// A cookie or a parameter that carries a token: its name, or its name and what stands before the token.
#[derive(Clone, Debug)]
pub struct FromNamed(pub FromHeader);

impl<'de> Deserialize<'de> for FromNamed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FromNamedVisitor;

        impl<'de> Visitor<'de> for FromNamedVisitor {
            type Value = FromNamed;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name, or {\"name\": \"...\", \"value_prefix\": \"...\"}")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<FromNamed, E> {
                Ok(FromNamed(FromHeader {
                    name: name.to_owned(),
                    value_prefix: String::new(),
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FromNamed, A::Error> {
                FromHeader::deserialize(MapAccessDeserializer::new(map)).map(FromNamed)
            }
        }

        deserializer.deserialize_any(FromNamedVisitor)
    }
}

/// `foreign`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Foreign {
    /// It goes upstream: it is the application's own.
    Forward,
    /// It is taken out.
    Remove,
}

/// One source of groups, roles, permissions or scopes: exactly one of its keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A claim: literal name, or JSON Pointer where it starts with `/`.
    pub claim: Option<String>,
    /// What this directory says.
    pub directory: Option<String>,
    /// The caller's groups, as they are or mapped.
    pub from_groups: Option<FromGroups>,
    /// Values that each caller of the provider has.
    #[serde(rename = "static")]
    pub fixed: Option<Vec<String>>,
}

impl Source {
    /// A claim.
    #[must_use]
    pub fn claim(name: &str) -> Self {
        Self {
            claim: Some(name.to_owned()),
            ..Self::default()
        }
    }
}

/// One source of the profile.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileSource {
    /// The directory.
    pub directory: String,
}

/// `from_groups`.
#[derive(Clone, Debug)]
pub enum FromGroups {
    /// Each group as it is.
    Same,
    /// The values that each named group gives.
    Mapped(UniqueMap<Vec<String>>),
}

impl<'de> Deserialize<'de> for FromGroups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FromGroupsVisitor;

        impl<'de> Visitor<'de> for FromGroupsVisitor {
            type Value = FromGroups;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true, or an object of group names with lists")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<FromGroups, E> {
                if value {
                    Ok(FromGroups::Same)
                } else {
                    Err(E::custom("false gives nothing; leave the source out"))
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FromGroups, A::Error> {
                UniqueMap::deserialize(MapAccessDeserializer::new(map)).map(FromGroups::Mapped)
            }
        }

        deserializer.deserialize_any(FromGroupsVisitor)
    }
}
