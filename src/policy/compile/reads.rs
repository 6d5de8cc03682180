//! What of a caller's claims and profile anything reads: nothing else is kept of answers and tokens.

use std::rc::Rc;

use crate::json::{ClaimPath, Reads};
use crate::policy::provider::{IdentityClaims, Machine, Provider, Source};
use crate::policy::requirement::Requirement;
use crate::policy::{Rule, UpstreamHeaders};
use crate::services::{Protocol, Service};

/// The claims that the filter itself reads by their names, whatever the configuration says.
const OWN: [&str; 18] = [
    "_claim_names",
    "active",
    "aud",
    "azp",
    "client_id",
    "cnf",
    "email",
    "exp",
    "hasgroups",
    "iat",
    "iss",
    "jti",
    "name",
    "nbf",
    "scp",
    "sub",
    "tid",
    "token_use",
];

/// Says each service what to keep of its answers; what is kept of claims.
pub(super) fn fit(
    services: &mut [Service],
    providers: &[Provider],
    rules: &[Rule],
    upstream: &UpstreamHeaders,
) -> Rc<Reads> {
    let mut claims = Reads::default();
    add_named(&OWN, &mut claims);
    for provider in providers {
        of_provider(provider, &mut claims);
    }
    for rule in rules {
        of_requirement(&rule.requirement, &mut claims);
    }
    let mut profile = Reads::default();
    let [of_claims, of_profile] = upstream.reads();
    of_claims.for_each(|path| claims.add(path));
    of_profile.for_each(|path| profile.add(path));
    // A decision point is told all.
    if services
        .iter()
        .any(|service| matches!(service.protocol, Protocol::Decision(..)))
    {
        claims.add_whole();
    }
    let (claims, profile) = (Rc::new(claims), Rc::new(profile));
    for service in services {
        service.reads = Rc::clone(&claims);
        if let Protocol::Directory(directory) = &mut service.protocol {
            directory.profile = Rc::clone(&profile);
        }
    }
    claims
}

fn of_provider(provider: &Provider, reads: &mut Reads) {
    let IdentityClaims {
        subject,
        name,
        email,
        client_id,
        groups,
        roles,
        permissions,
        scopes,
        machine,
        machines_are_in_no_group: _,
        // Of directories.
        profile: _,
        overage: _,
    } = &provider.identity;
    for path in [subject, name, email, client_id].into_iter().flatten() {
        reads.add(path);
    }
    for source in [groups, roles, permissions, scopes].into_iter().flatten() {
        if let Source::Claim(path) = source {
            reads.add(path);
        }
    }
    match machine {
        Machine::Claims(rules) => rules.iter().for_each(|rule| reads.add(&rule.path)),
        Machine::Made { reads: named, .. } => add_named(named, reads),
    }
    if let Some(rules) = provider.token_rules() {
        let required = rules.required_claims.iter();
        required.for_each(|rule| reads.add(&rule.path));
    }
}

fn add_named(names: &[&str], reads: &mut Reads) {
    let paths = names.iter().filter_map(|name| ClaimPath::parse(name).ok());
    paths.for_each(|path| reads.add(&path));
}

fn of_requirement(requirement: &Requirement, reads: &mut Reads) {
    match requirement {
        Requirement::All(parts) | Requirement::Any(parts) => {
            parts.iter().for_each(|part| of_requirement(part, reads));
        }
        Requirement::Not(part) => of_requirement(part, reads),
        Requirement::Claim(rule) => reads.add(&rule.path),
        Requirement::Decision(_)
        | Requirement::Deny
        | Requirement::Groups(_)
        | Requirement::Machine(_)
        | Requirement::Optional
        | Requirement::Permissions(_)
        | Requirement::Provider(_)
        | Requirement::Public
        | Requirement::Roles(_)
        | Requirement::Scopes(_)
        | Requirement::User => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::capabilities::Capabilities;
    use serde_json::json;

    use crate::config::Config;
    use crate::policy::Policy;
    use crate::services::Protocol;

    #[test]
    fn all_that_the_configuration_names_is_kept_and_nothing_else() {
        let config = json!({
            "providers": { "a": {
                "kind": "introspection", "issuer": "i", "audiences": ["a"],
                "introspection": { "uri": "http://i/", "client_id": "c", "client_secret": "s" },
                "required_claims": { "required": true }, "machine": { "machine": true },
                "subject": ["subject"], "name": "named", "email": "mail", "client_id": "client",
                "groups": [{ "claim": "/realm/groups" }], "roles": [{ "claim": "roles" }],
                "permissions": [{ "claim": "permissions" }, { "directory": "d" }],
                "scopes": [{ "claim": "scopes" }],
            } },
            "directories": { "d": { "uri": "http://d/{subject}" } },
            "rules": [
                { "match": { "path": "/a" }, "require": { "all": [
                    { "claims": { "all": 1 } }, { "any": [{ "claims": { "any": 1 } }, "user"] },
                    { "not": { "claims": { "/not/deep": 1 } } },
                ] } },
                { "match": {}, "require": "user" },
            ],
            "upstream_headers": { "claims": { "x-c": "/up/stream" }, "profile": { "x-p": "unit" } },
        });
        let policy = Policy::compile(
            &Config::parse(config.to_string().as_bytes()).unwrap(),
            &Capabilities::envoy(),
        )
        .unwrap();
        let claims = json!({
            "required": 1, "machine": 1, "subject": 1, "named": 1, "mail": 1, "client": 1, "roles": 1,
            "realm": { "groups": 1, "x": 0 }, "permissions": 1, "scopes": 1, "all": 1, "any": 1,
            "not": { "deep": 1, "x": 0 }, "up": { "stream": 1, "x": 0 }, "x": 0, "unit": 0,
            "iss": 1, "sub": 1, "aud": 1, "exp": 1, "nbf": 1, "iat": 1, "cnf": 1, "active": 1, "tid": 1,
            "token_use": 1, "client_id": 1, "_claim_names": { "groups": 1 }, "hasgroups": 1,
        });
        let part = policy.reads.part_of(claims.as_object().unwrap());
        let mut want = claims;
        for gone in ["x", "unit"] {
            want.as_object_mut().unwrap().remove(gone);
        }
        for object in ["realm", "not", "up"] {
            want[object].as_object_mut().unwrap().remove("x");
        }
        assert_eq!(serde_json::Value::Object(part), want);
        assert!(!policy.reads.is_whole());
        for service in &policy.services {
            assert_eq!(service.reads, policy.reads, "{}", service.name);
            if let Protocol::Directory(directory) = &service.protocol {
                let held = json!({ "unit": 1, "x": 1 });
                let part = directory.profile.part_of(held.as_object().unwrap());
                assert_eq!(serde_json::Value::Object(part), json!({ "unit": 1 }));
            }
        }
    }

    #[test]
    fn a_decision_point_is_told_all_that_a_token_says() {
        let config = json!({
            "providers": { "a": { "kind": "http", "verify": { "uri": "http://v/" } } },
            "decisions": { "pdp": { "protocol": "opa", "uri": "http://p/" } },
            "rules": [{ "match": {}, "require": { "decision": "pdp" } }],
        });
        let policy = Policy::compile(
            &Config::parse(config.to_string().as_bytes()).unwrap(),
            &Capabilities::envoy(),
        )
        .unwrap();
        let claims = json!({ "sub": "a", "deep": { "x": [1] } });
        let claims = crate::jose::ClaimSet::parse(claims.to_string().as_bytes()).unwrap();
        let kept = claims.narrowed(&policy.reads);
        assert_eq!(kept.members().len(), 1);
        assert_eq!(kept.text(), claims.text());
        assert!(kept.text().contains(r#""deep":{"x":[1]}"#));
    }
}
