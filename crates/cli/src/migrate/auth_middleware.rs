//! Environment variables of the Python library `auth-middleware`.

use super::draft::Draft;
use super::matching::Matching;
use super::need::Need;
use super::rules::Entry;
use super::source::Node;
use serde_json::{Map, Value, json};

/// Variables that change nothing in the library, with what there is instead.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("AUTH_MIDDLEWARE_LOG_LEVEL", "the proxy has the log's level"),
    (
        "AUTH_MIDDLEWARE_LOG_FORMAT",
        "the proxy has the log's format",
    ),
    (
        "USER_POOL_CLIENT_SECRET",
        "verification needs no secret; take it out of the environment",
    ),
    (
        "JWT_SECRET_KEY",
        "an inline oct key in jwks.inline, of a provider of kind jwt",
    ),
    ("JWT_ALGORITHM", "algorithms of a provider"),
    (
        "ENABLE_AWS_CREDENTIALS",
        "aws_credentials: true in the rules whose application needs them",
    ),
    (
        "CREDENTIALS_DURATION_SECONDS",
        "AWS says how long its credentials hold",
    ),
];

/// Variables that documents name and no code reads.
const ONLY_DOCUMENTED: &[&str] = &[
    "AWS_COGNITO_USER_POOL_ID",
    "AWS_COGNITO_USER_POOL_REGION",
    "TOKEN_VERIFICATION_DISABLED",
    "JWT_ISSUER",
    "AUTH_MIDDLEWARE_LOGGER_NAME",
];

/// The settings of the database's connection.
const POOL: &[&str] = &[
    "AUTHZ_POOL_SIZE",
    "AUTHZ_MAX_OVERFLOW",
    "AUTHZ_POOL_PRE_PING",
    "AUTHZ_ECHO_POOL",
    "AUTHZ_POOL_RECYCLE_IN_SECONDS",
    "AUTHZ_POOL_RESET_ON_RETURN",
    "AUTHZ_POOL_TIMEOUT_IN_SECONDS",
    "AUTHZ_POOL",
];

/// The variables of a `.env` file; `None` where it is none.
pub(super) fn parse(text: &str) -> Option<Value> {
    let mut variables = Map::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let name = name.trim();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return None;
        }
        let value = value.trim();
        let quoted = |quote| {
            value
                .strip_prefix(quote)
                .and_then(|inner: &str| inner.strip_suffix(quote))
        };
        let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
        variables.insert(name.to_ascii_uppercase(), json!(value));
    }
    (!variables.is_empty()).then_some(Value::Object(variables))
}

/// Reads the variables.
///
/// # Errors
/// Where they name no issuer.
pub(super) fn read(node: &Node<'_>, draft: &mut Draft) -> Result<(), String> {
    let directory = directory(node, draft);
    cognito(node, draft, directory);
    entra(node, draft, directory);
    general(node);
    if draft.providers.is_empty() {
        return Err("has neither USER_POOL_ID nor AUTH_PROVIDER_AZURE_ENTRA_ID_TENANT_ID".into());
    }
    draft.entries.push(Entry {
        name: "application".into(),
        matching: Matching::any(),
        need: Need::User,
    });
    node.differs("a request without a credential is refused; the library lets it pass to the guards: write \"optional\" in the place of \"user\" for that");
    node.differs("guards stand in the application's code: write a rule for each, as { \"match\": { \"path_prefix\": \"/admin\" }, \"require\": { \"groups\": [\"admin\"] } }");
    Ok(())
}

fn filled(node: &Node<'_>, name: &str) -> Option<String> {
    node.text(name).filter(|value| !value.is_empty())
}

/// Whether groups and permissions are in a database.
fn directory(node: &Node<'_>, draft: &mut Draft) -> bool {
    let uri = node.get("AUTHZ_SQLALCHEMY_DATABASE_URI");
    if let Some(uri) = &uri {
        uri.differs("the filter asks a directory service, which reads the same tables: start one with this database, and have the cluster authz lead to it");
        let people = json!({ "uri": "http://authz/v1/subjects/{name}", "upstream": "authz" });
        draft
            .other
            .insert("directories".into(), json!({ "people": people }));
    }
    for name in POOL {
        node.drop(
            name,
            "the filter has no database",
            "settings of the directory service",
        );
    }
    uri.is_some()
}

fn sources(object: &mut Map<String, Value>, claim: &str, directory: bool) {
    let mut groups = vec![json!({ "claim": claim })];
    if directory {
        groups.push(json!({ "directory": "people" }));
        object.insert("permissions".into(), json!([{ "directory": "people" }]));
    }
    object.insert("groups".into(), json!(groups));
}

fn cognito(node: &Node<'_>, draft: &mut Draft, directory: bool) {
    let Some(pool) = filled(node, "USER_POOL_ID") else {
        return;
    };
    let region = filled(node, "USER_POOL_REGION");
    let region = region
        .or_else(|| pool.split_once('_').map(|(region, _)| region.to_owned()))
        .unwrap_or_default();
    let mut object = Map::new();
    object.insert("kind".into(), json!("cognito"));
    object.insert("region".into(), json!(region));
    object.insert("user_pool_id".into(), json!(pool));
    match node.get("USER_POOL_CLIENT_ID") {
        Some(client) => {
            object.insert("client_ids".into(), json!([client.as_text()]));
            client.differs(
                "it has no effect in the library; here tokens of other clients are refused",
            );
        }
        None => node.differs(
            "the library accepts tokens of any client of the pool: name yours in client_ids",
        ),
    }
    let mut uses = vec!["access"];
    if let Some(id) = filled(node, "IDENTITY_POOL_ID") {
        uses = vec!["id"];
        object.insert("identity_pool".into(), json!({ "id": id }));
        node.differs("an identity pool takes ID tokens: token_use is [\"id\"]");
        if let Some(region) = node.get("IDENTITY_POOL_REGION") {
            region.differs("the pool's id begins with its region");
        }
    } else {
        node.differs("the library accepts ID tokens too; here token_use is [\"access\"]");
        node.drop(
            "IDENTITY_POOL_REGION",
            "there is no identity pool",
            "identity_pool.id",
        );
    }
    node.differs("exp, nbf, iss, the client and token_use are checked, and a scope is never a group; the library does neither");
    object.insert("token_use".into(), json!(uses));
    object.insert("jwks".into(), jwks(node, &region, &pool));
    sources(&mut object, "cognito:groups", directory);
    draft
        .providers
        .insert("users".into(), Value::Object(object));
}

fn jwks(node: &Node<'_>, region: &str, pool: &str) -> Value {
    let mut jwks = Map::new();
    jwks.insert("upstream".into(), json!("cognito_idp"));
    if let Some(template) = filled(node, "JWKS_URL_TEMPLATE") {
        let uri = template.replacen("{}", region, 1).replacen("{}", pool, 1);
        let usual =
            format!("https://cognito-idp.{region}.amazonaws.com/{pool}/.well-known/jwks.json");
        if uri != usual {
            jwks.insert("uri".into(), json!(uri));
        }
    }
    // The library takes 0 for "as usual".
    let number = |name: &str, usual: &str| {
        filled(node, name).map(|text| if text == "0" { usual.to_owned() } else { text })
    };
    if let Some(minutes) = number("JWKS_CACHE_INTERVAL", "20") {
        jwks.insert("cache_duration".into(), json!(format!("{minutes}m")));
    }
    let usages = number("JWKS_CACHE_USAGES", "1000").unwrap_or_else(|| "1000".into());
    let strategy = filled(node, "JWKS_CACHE_STRATEGY").unwrap_or_else(|| "both".into());
    if strategy != "time" {
        jwks.insert(
            "cache_usages".into(),
            json!(usages.parse::<u64>().unwrap_or(1000)),
        );
    }
    if strategy == "usage" {
        node.drop(
            "JWKS_CACHE_STRATEGY",
            "keys are always fetched again after cache_duration too",
            "a longer cache_duration",
        );
    }
    if node
        .text("JWKS_BACKGROUND_REFRESH")
        .is_some_and(|text| is_false(&text))
    {
        node.drop(
            "JWKS_BACKGROUND_REFRESH",
            "keys are always fetched ahead of time",
            "refresh_ahead: 1 for as late as can be",
        );
    }
    if let Some(share) =
        filled(node, "JWKS_BACKGROUND_REFRESH_THRESHOLD").and_then(|text| text.parse::<f64>().ok())
    {
        jwks.insert("refresh_ahead".into(), json!(share));
    }
    Value::Object(jwks)
}

fn is_false(text: &str) -> bool {
    ["false", "0", "no", "off", ""].contains(&text.to_ascii_lowercase().as_str())
}

fn entra(node: &Node<'_>, draft: &mut Draft, directory: bool) {
    let template = "AUTH_PROVIDER_AZURE_ENTRA_ID_JWKS_URL_TEMPLATE";
    let Some(tenant) = filled(node, "AUTH_PROVIDER_AZURE_ENTRA_ID_TENANT_ID") else {
        return;
    };
    let mut object = Map::new();
    object.insert("kind".into(), json!("entra_id"));
    object.insert("tenant_id".into(), json!(tenant));
    object.insert("jwks".into(), json!({ "upstream": "entra" }));
    match filled(node, "AUTH_PROVIDER_AZURE_ENTRA_ID_AUDIENCE_ID") {
        Some(audience) => drop(object.insert("audiences".into(), json!([audience]))),
        None => node
            .differs("the library checks no audience where none is set: name yours in audiences"),
    }
    node.drop(
        template,
        "the keys are where the tenant and authority say",
        "authority, for a national cloud",
    );
    sources(&mut object, "groups", directory);
    draft.providers.insert("corp".into(), Value::Object(object));
}

fn general(node: &Node<'_>) {
    let on = |name: &str| node.text(name).is_some_and(|text| !is_false(&text));
    if on("AUTH_MIDDLEWARE_DISABLED") {
        node.drop(
            "AUTH_MIDDLEWARE_DISABLED",
            "a configuration that refuses nobody is not written by a command",
            "\"mode\": \"disabled\", for as long as it must be",
        );
    }
    if on("JWT_TOKEN_VERIFICATION_DISABLED") {
        node.drop(
            "JWT_TOKEN_VERIFICATION_DISABLED",
            "no switch leaves signatures unverified",
            "\"mode\": \"shadow\" to watch, or inline keys for tests",
        );
    }
    node.drop(
        "AUTH_MIDDLEWARE_JSON_REPOSITORY_PATH",
        "users are not read from a file at run time",
        "a provider of kind basic; auth-filter user makes its users",
    );
    for (name, instead) in WITHOUT_EFFECT {
        node.drop(name, "it has no effect in the library", instead);
    }
    for name in ONLY_DOCUMENTED {
        node.drop(
            name,
            "the library's documents name it, and no code reads it",
            "the keys of a provider",
        );
    }
}
