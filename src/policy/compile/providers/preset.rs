//! What issuers of a make are known to do: defaults, each of which a key of the configuration replaces.

use crate::config::{
    ClaimTest, ClaimTestObject, ConfigError, Jwks, Literal, OneOrMany, Preset, Provider, Source,
};

/// The provider with its preset's defaults where it says nothing itself.
pub(super) fn fill(at: &str, provider: &Provider) -> Result<Provider, ConfigError> {
    let mut filled = provider.clone();
    let Some(preset) = provider.preset else {
        return Ok(filled);
    };
    let defaults = Defaults::of(preset, provider);
    if filled.issuer.is_none() {
        if defaults.issuers.is_empty() {
            return Err(ConfigError::new(
                format!("{at}.issuer"),
                "this key is missing: the preset does not say it",
            ));
        }
        filled.issuer = Some(many(defaults.issuers));
    }
    let keys = filled.jwks.get_or_insert_with(Jwks::default);
    if keys.inline.is_none() && keys.uri.is_none() && keys.discovery.is_none() {
        match defaults.keys {
            Some(uri) => keys.uri = Some(uri),
            None => keys.discovery = Some(true),
        }
    }
    let names = |names: &[&str]| (!names.is_empty()).then(|| many(names));
    filled.subject = filled.subject.or_else(|| names(defaults.subject));
    filled.name = filled.name.or_else(|| names(defaults.name));
    filled.client_id = filled.client_id.or_else(|| names(defaults.client_id));
    filled.groups = filled.groups.or_else(|| sources(&defaults.groups));
    filled.roles = filled.roles.or_else(|| sources(&defaults.roles));
    filled.permissions = filled
        .permissions
        .or_else(|| sources(&defaults.permissions));
    if filled.machine.is_none() && !defaults.machine.is_empty() {
        let tests = defaults.machine.into_iter();
        filled.machine = Some(
            tests
                .map(|(claim, test)| (claim.to_owned(), test))
                .collect(),
        );
    }
    Ok(filled)
}

#[derive(Default)]
struct Defaults {
    issuers: &'static [&'static str],
    /// Where the keys are, unless the issuer's OpenID configuration says it.
    keys: Option<String>,
    subject: &'static [&'static str],
    name: &'static [&'static str],
    client_id: &'static [&'static str],
    groups: Vec<String>,
    roles: Vec<String>,
    permissions: Vec<String>,
    machine: Vec<(&'static str, ClaimTest)>,
}

impl Defaults {
    fn of(preset: Preset, provider: &Provider) -> Self {
        let issuer = match &provider.issuer {
            Some(OneOrMany(issuers)) => issuers.first().map(String::as_str).unwrap_or_default(),
            None => "",
        };
        match preset {
            Preset::Auth0 => Self {
                name: &["nickname", "name", "sub"],
                permissions: vec!["permissions".to_owned()],
                machine: vec![("gty", equals("client-credentials"))],
                ..Self::default()
            },
            Preset::Firebase => Self {
                keys: Some(
                    "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
                        .to_owned(),
                ),
                name: &["name", "email", "sub"],
                ..Self::default()
            },
            Preset::GithubActions => Self {
                issuers: &["https://token.actions.githubusercontent.com"],
                keys: Some(
                    "https://token.actions.githubusercontent.com/.well-known/jwks".to_owned(),
                ),
                name: &["repository", "sub"],
                client_id: &["repository"],
                groups: vec!["repository_owner".to_owned()],
                machine: vec![("repository", present())],
                ..Self::default()
            },
            Preset::Gitlab => Self {
                issuers: &["https://gitlab.com"],
                name: &["project_path", "sub"],
                client_id: &["project_path"],
                groups: vec!["namespace_path".to_owned()],
                machine: vec![("project_path", present())],
                ..Self::default()
            },
            Preset::Google => Self {
                // Google writes either into `iss`.
                issuers: &["https://accounts.google.com", "accounts.google.com"],
                keys: Some("https://www.googleapis.com/oauth2/v3/certs".to_owned()),
                name: &["name", "email", "sub"],
                groups: vec!["hd".to_owned()],
                ..Self::default()
            },
            Preset::Keycloak => Self {
                groups: vec!["groups".to_owned()],
                // Roles of the realm, and those of the clients that this API is.
                roles: ["/realm_access/roles".to_owned()]
                    .into_iter()
                    .chain(provider.audiences.iter().flatten().map(|audience| {
                        let name = audience.replace('~', "~0").replace('/', "~1");
                        format!("/resource_access/{name}/roles")
                    }))
                    .collect(),
                machine: vec![("preferred_username", prefix("service-account-"))],
                ..Self::default()
            },
            Preset::Kubernetes => Self {
                issuers: &["https://kubernetes.default.svc.cluster.local"],
                keys: Some(if issuer.is_empty() {
                    "https://kubernetes.default.svc.cluster.local/openid/v1/jwks".to_owned()
                } else {
                    format!("{}/openid/v1/jwks", issuer.trim_end_matches('/'))
                }),
                name: &["/kubernetes.io/serviceaccount/name", "sub"],
                client_id: &["/kubernetes.io/serviceaccount/name"],
                groups: vec!["/kubernetes.io/namespace".to_owned()],
                machine: vec![("sub", prefix("system:serviceaccount:"))],
                ..Self::default()
            },
            Preset::Okta => Self {
                subject: &["uid", "sub"],
                name: &["preferred_username", "sub"],
                client_id: &["cid"],
                groups: vec!["groups".to_owned()],
                machine: vec![("uid", absent()), ("cid", present())],
                ..Self::default()
            },
        }
    }
}

fn many(names: &[&str]) -> OneOrMany {
    OneOrMany(names.iter().map(|name| (*name).to_owned()).collect())
}

fn sources(claims: &[String]) -> Option<Vec<Source>> {
    let claims: Vec<_> = claims.iter().map(|claim| Source::claim(claim)).collect();
    (!claims.is_empty()).then_some(claims)
}

fn equals(text: &str) -> ClaimTest {
    ClaimTest::Literal(Literal::Text(text.to_owned()))
}

fn prefix(text: &str) -> ClaimTest {
    ClaimTest::Object(ClaimTestObject {
        prefix: Some(text.to_owned()),
        ..ClaimTestObject::default()
    })
}

fn present() -> ClaimTest {
    ClaimTest::Object(ClaimTestObject {
        present: Some(true),
        ..ClaimTestObject::default()
    })
}

fn absent() -> ClaimTest {
    ClaimTest::Object(ClaimTestObject {
        present: Some(false),
        ..ClaimTestObject::default()
    })
}
