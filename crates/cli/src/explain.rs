//! Which rule a request comes to, what each part of its requirement says and why, and the answer.

use crate::check::load;
use crate::{Failure, say};
use auth_filter::config::SelfTest;
use auth_filter::headers::Headers;
use auth_filter::jose::UntrustedToken;
use auth_filter::json::StrictObject;
use auth_filter::policy::Policy;
use auth_filter::policy::Rule;
use auth_filter::policy::principal::{Identity, Principal, TrustedClaims};
use auth_filter::policy::provider::Verification;
use auth_filter::policy::requirement::{RequestView, Requirement};
use auth_filter::services::ServiceStore;
use auth_filter::time::{Now, UnixTime};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::rc::Rc;

/// A request, and who makes it.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// A configuration of the filter
    file: String,
    /// The path of the request, with its query
    #[arg(long, default_value = "/")]
    path: String,
    /// The method of the request: GET unless said otherwise
    #[arg(long)]
    method: Option<String>,
    /// The host of the request
    #[arg(long, default_value = "", hide_default_value = true)]
    host: String,
    /// A header of the request; may be given several times
    #[arg(long = "header", value_name = "NAME:VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The token that the caller sends
    #[arg(long, conflicts_with_all = ["claims", "provider"])]
    token: Option<String>,
    /// The claims of the caller, as JSON
    #[arg(long, value_name = "JSON", value_parser = json_value)]
    claims: Option<Value>,
    /// The provider that vouches for the claims, where there are several
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// What every directory says of the caller, as JSON
    #[arg(long, value_name = "JSON", value_parser = json_value)]
    directory: Option<Value>,
    /// What every decision point says
    #[arg(long, value_name = "true|false")]
    decision: Option<bool>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| format!("{text:?} is not NAME:VALUE"))?;
    Ok((name.to_owned(), value.trim().to_owned()))
}

fn json_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

impl Explain {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let policy = load(&self.file, false)?.policy;
        Ok(say(out, &lines(&policy, &self.asked()?)?)?)
    }

    /// The same as a configuration's own tests ask it.
    fn asked(&self) -> Result<Asked, String> {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), json!(value)));
        let request = members([
            ("method", self.method.as_ref().map(|method| json!(method))),
            ("path", Some(json!(self.path))),
            ("host", Some(json!(self.host))),
            ("headers", Some(headers.collect::<Map<_, _>>().into())),
        ]);
        let is_anonymous = self.claims.is_none() && self.token.is_none();
        let test = members([
            ("name", Some(json!("this request"))),
            ("request", Some(request)),
            ("anonymous", Some(json!(is_anonymous))),
            ("provider", self.provider.as_ref().map(|name| json!(name))),
            ("claims", self.claims.clone()),
            ("directory", self.directory.clone()),
            ("decision", self.decision.map(|said| json!(said))),
            ("expect", Some(json!("allow"))),
        ]);
        let test = serde_json::from_value(test).map_err(|error| error.to_string())?;
        let token = self.token.clone();
        Ok(Asked { test, token })
    }
}

/// An object of those members that have a value.
fn members<const N: usize>(all: [(&str, Option<Value>); N]) -> Value {
    let held = all.into_iter();
    let held = held.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    held.collect::<Map<_, _>>().into()
}

/// A request and who makes it, as a test and, where it is one, the token.
struct Asked {
    test: SelfTest,
    token: Option<String>,
}

fn lines(policy: &Policy, asked: &Asked) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut test = asked.test.clone();
    if let Some(text) = &asked.token {
        let (name, said) = judge(policy, text);
        let claims = claims_of(policy, text)?;
        out.push(format!("token: {said}"));
        let Some(name) = name else {
            return Ok(out);
        };
        test.provider = Some(name);
        test.claims = Some(claims);
    }
    let head = head(policy, &test);
    match policy.find_in_each_reading(&head) {
        Err((denial, told)) => {
            out.push(format!("rule: none ({})", denial.reason()));
            let told = told.into_iter().flat_map(|told| [told.first, told.other]);
            out.extend(told.map(|(reading, rule)| format!("  {reading}: {rule}")));
        }
        Ok((rule, variables)) => {
            out.push(format!("rule: {}", rule.name));
            for (name, value) in &variables {
                out.push(format!("  {{{name}}} is {value:?}"));
            }
            let view = RequestView {
                rule: &rule.name,
                variables: &variables,
                head: &head,
                readings: &policy.decided(rule, &head),
            };
            out.extend(requirements(policy, rule, &test, &view)?);
        }
    }
    out.push(answer(policy, &test, &head)?);
    Ok(out)
}

/// What a token claims, whoever signed it.
fn claims_of(policy: &Policy, text: &str) -> Result<StrictObject, String> {
    let most = policy.limits.token_bytes;
    let token = UntrustedToken::parse(text, most)
        .or_else(|error| UntrustedToken::parse_padded(text, most).map_err(|_| error))
        .map_err(|error| format!("the token: {error}"))?;
    Ok(StrictObject(token.claims().members().clone()))
}

/// The request as the rules see it.
fn head(policy: &Policy, test: &SelfTest) -> Headers {
    let request = &test.request;
    let mut pairs = vec![
        (":method", request.method.as_deref().unwrap_or("GET")),
        (":authority", request.host.as_str()),
        (":path", request.path.as_str()),
    ];
    let headers = request.headers.iter();
    pairs.extend(headers.map(|(name, value)| (name, value.as_str())));
    let head = Headers::from_pairs(&pairs);
    policy.rewrite(&head).unwrap_or(head)
}

/// What each part of a rule's requirement says to the caller, and what of the caller is known.
fn requirements(
    policy: &Policy,
    rule: &Rule,
    test: &SelfTest,
    view: &RequestView<'_>,
) -> Result<Vec<String>, String> {
    let caller = policy.caller_of(test).map_err(|error| error.to_string())?;
    let (id, claims) = match caller {
        Some(caller) if rule.requirement != Requirement::Public => caller,
        _ => return Ok(vec!["caller: nobody in particular".to_owned()]),
    };
    let services = ServiceStore::new(&policy.services, 1, [0; 32]);
    let now = Now::on(UnixTime::from_secs(0));
    let provider = policy.provider(id).ok_or("no such provider")?;
    let profile = Identity::new(provider, TrustedClaims::claims_of(claims));
    let mut caller = Principal::new(id, provider, Rc::new(profile), &services, now);
    let mut out = vec!["require:".to_owned()];
    out.extend(rule.requirement.explain(policy, &mut caller, view).lines(1));
    let resolved = rule.explain_resolve(policy, &mut caller);
    if !resolved.is_empty() {
        out.push("resolve:".to_owned());
    }
    out.extend(resolved.iter().flat_map(|part| part.lines(1)));
    Ok(out)
}

/// What becomes of the request.
fn answer(policy: &Policy, test: &SelfTest, head: &Headers) -> Result<String, String> {
    let (rule, outcome) = policy.try_test(test).map_err(|error| error.to_string())?;
    let Err(denial) = outcome else {
        return Ok("answer: it goes upstream".to_owned());
    };
    let mut rules = policy.rules.iter();
    let rule = rules.find(|known| Some(known.name.as_str()) == rule);
    let answer = denial.answer(policy.challenge(rule, head));
    let remark = policy.remark(rule, denial, head);
    let remark = remark.map_or_else(String::new, |remark| format!(": {remark}"));
    Ok(format!(
        "answer: {} {} ({}){remark}",
        answer.status, answer.body, answer.reason
    ))
}

/// The provider that would vouch for a token, and what can be said without its issuer's keys.
#[expect(
    clippy::disallowed_methods,
    reason = "a command answers for the moment at which it runs"
)]
fn judge(policy: &Policy, text: &str) -> (Option<String>, String) {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let now = UnixTime::from_secs(now);
    let mut said = "no provider knows its issuer".to_owned();
    for provider in &policy.providers {
        let Verification::Signature(signed) = &provider.verification else {
            continue;
        };
        // Some take only what is padded, and others only what is not.
        let Ok(token) = signed.parse(text, policy.limits.token_bytes) else {
            continue;
        };
        if !signed.rules.is_named_by(token.claims()) {
            continue;
        }
        match signed.check_token(&token, now) {
            Ok(()) => {
                let said = format!(
                    "{} would vouch for it, if its signature holds, which is not checked here",
                    provider.name
                );
                return (Some(provider.name.clone()), said);
            }
            Err(error) => said = format!("{} refuses it: {error}", provider.name),
        }
    }
    (None, said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth_filter::capabilities::Capabilities;
    use auth_filter::config::Config;
    use clap::{Args as _, FromArgMatches as _};

    fn parse(options: &[&str]) -> Result<Asked, String> {
        let line = [&["explain", "filter.json"], options].concat();
        let command = Explain::augment_args(clap::Command::new("explain"));
        let matches = command
            .try_get_matches_from(line)
            .map_err(|error| error.to_string())?;
        Explain::from_arg_matches(&matches).unwrap().asked()
    }

    const CONFIG: &str = r#"{
        "providers": { "users": { "kind": "jwt", "issuer": "https://i", "audiences": ["a"], "jwks": { "uri": "https://i/k" },
            "groups": [{ "claim": "groups" }], "permissions": [{ "directory": "people" }] } },
        "directories": { "people": { "uri": "http://people/{subject}" } },
        "rules": [
            { "name": "own", "match": { "path_template": "/users/{user}" }, "require": { "any": [
                { "groups": ["admin"] }, { "claims": { "sub": { "path_variable": "user" } } } ] } },
            { "name": "write", "match": { "path": "/write" }, "require": { "permissions": ["w"] } }
        ]
    }"#;

    fn said(options: &[&str]) -> Vec<String> {
        let policy = Policy::compile(
            &Config::parse(CONFIG.as_bytes()).unwrap(),
            &Capabilities::envoy(),
        )
        .unwrap();
        lines(&policy, &parse(options).unwrap()).unwrap()
    }

    #[test]
    fn a_refusal_is_explained_part_by_part() {
        let claims = r#"{"sub":"alice","groups":["staff"]}"#;
        assert_eq!(
            said(&["--path", "/users/bob", "--claims", claims]),
            [
                "rule: own",
                "  {user} is \"bob\"",
                "require:",
                "  any of: no",
                "    one of the groups admin: no  (the caller has staff)",
                "    the claim sub is the path's {user}: no  (it is \"alice\")",
                "answer: 403 {\"detail\":\"Operation not allowed\"} (forbidden)",
            ]
        );
        let allowed = said(&["--path", "/users/alice", "--claims", claims]);
        assert_eq!(allowed.last().unwrap(), "answer: it goes upstream");
        let anonymous = said(&["--path", "/users/alice"]);
        assert_eq!(
            anonymous.last().unwrap(),
            "answer: 401 {\"detail\":\"Authentication required\"} (missing)"
        );
        assert_eq!(said(&["--path", "/nowhere"])[0], "rule: none (no_rule)");
        assert_eq!(
            said(&["--path", "//x/users/bob"]),
            [
                "rule: none (ambiguous_request)",
                "  GET //x/users/bob of : none",
                "  GET /users/bob of : own",
                "answer: 400 {\"detail\":\"Ambiguous request\"} (ambiguous_request)",
            ]
        );
    }

    #[test]
    fn a_page_of_another_site_is_judged_as_the_filter_does() {
        let text = CONFIG.replace(
            "\"issuer\":",
            "\"from_headers\": [], \"from_cookies\": [\"session\"], \"issuer\":",
        );
        let policy = Policy::compile(
            &Config::parse(text.as_bytes()).unwrap(),
            &Capabilities::envoy(),
        )
        .unwrap();
        let said = |more: &[&str]| {
            let claims = r#"{"sub":"alice","groups":["admin"]}"#;
            let request = ["--path", "/users/alice", "--method", "POST"];
            let options = [&request[..], &["--claims", claims], more].concat();
            let lines = lines(&policy, &parse(&options).unwrap()).unwrap();
            lines.last().unwrap().clone()
        };
        assert_eq!(
            said(&["--header", "Origin: https://evil.example"]),
            "answer: 403 {\"detail\":\"Cross-site request refused\"} (cross_site)"
        );
        let own = said(&["--header", "Sec-Fetch-Site: same-origin"]);
        assert_eq!(own, "answer: it goes upstream");
    }

    #[test]
    fn a_credential_that_the_rule_does_not_look_for_is_named() {
        let text = r#"{
            "providers": {
                "users": { "kind": "jwt", "issuer": "https://i", "audiences": ["a"], "jwks": { "uri": "https://i/k" } },
                "machines": { "kind": "http", "verify": { "uri": "http://m/" }, "from_headers": [{ "name": "x-api-key" }] }
            },
            "rules": [{ "match": {}, "require": { "provider": "users" } }]
        }"#;
        let policy = Policy::compile(
            &Config::parse(text.as_bytes()).unwrap(),
            &Capabilities::envoy(),
        )
        .unwrap();
        let asked = parse(&["--path", "/", "--header", "X-Api-Key: k"]).unwrap();
        assert_eq!(
            lines(&policy, &asked).unwrap().last().unwrap(),
            "answer: 401 {\"detail\":\"Authentication required\"} (missing): no provider of this rule reads the header \"x-api-key\""
        );
    }

    #[test]
    fn values_that_a_claim_is_compared_with_are_said_as_they_are_written() {
        let text = r#"{
            "providers": { "users": { "kind": "jwt", "issuer": "https://i", "audiences": ["a"], "jwks": { "uri": "https://i/k" } } },
            "rules": [{ "match": {}, "require": { "claims": { "x": { "any_of": ["a", 2, true] } } } }]
        }"#;
        let policy = Policy::compile(
            &Config::parse(text.as_bytes()).unwrap(),
            &Capabilities::envoy(),
        )
        .unwrap();
        let asked = parse(&["--path", "/", "--claims", r#"{"x":"a"}"#]).unwrap();
        let said = lines(&policy, &asked).unwrap().join("\n");
        assert!(
            said.contains(r#"the claim x is one of "a", 2, true"#),
            "{said}"
        );
    }

    #[test]
    fn what_depends_on_a_directory_says_so() {
        let claims = r#"{"sub":"alice"}"#;
        let lines = said(&["--path", "/write", "--claims", claims]);
        assert!(
            lines.contains(
                &"  one of the permissions w: depends on directories.people  (the caller has none)"
                    .to_owned()
            ),
            "{lines:?}"
        );
        let lines = said(&[
            "--path",
            "/write",
            "--claims",
            claims,
            "--directory",
            r#"{"permissions":["w"]}"#,
        ]);
        assert_eq!(lines.last().unwrap(), "answer: it goes upstream");
    }

    #[test]
    fn what_depends_on_decision_points_and_what_is_resolved_says_so() {
        let text = CONFIG
            .replace(
                "\"rules\": [",
                r#""decisions": { "pdp": { "protocol": "authzen", "uri": "http://pdp/" } },
                "rules": [
                    { "name": "accounts", "match": { "path_template": "/accounts/{account}" }, "resolve": ["groups", "profile"],
                      "require": { "any": [
                        { "decision": "pdp" },
                        { "decision": { "point": "pdp", "action": "read", "resource": { "type": "account", "id": { "path_variable": "account" } } } }
                      ] } },"#,
            );
        let policy = Policy::compile(
            &Config::parse(text.as_bytes()).unwrap(),
            &Capabilities::envoy(),
        )
        .unwrap();
        let claims = r#"{"sub":"alice","groups":["staff"]}"#;
        let path = ["--path", "/accounts/7", "--claims", claims];
        let said = |more: &[&str]| {
            let options = [&path, more].concat();
            lines(&policy, &parse(&options).unwrap())
        };
        assert_eq!(
            said(&["--decision", "false"]).unwrap(),
            [
                "rule: accounts",
                "  {account} is \"7\"",
                "require:",
                "  any of: depends on decisions.pdp",
                "    decisions.pdp permits it: depends on decisions.pdp",
                "    decisions.pdp permits read on account {account}: depends on decisions.pdp",
                "resolve:",
                "  groups: known  (staff)",
                "  the profile: depends on directories.people",
                "answer: 403 {\"detail\":\"Operation not allowed\"} (forbidden)",
            ]
        );
        assert_eq!(
            said(&["--decision", "true"]).unwrap().last().unwrap(),
            "answer: it goes upstream"
        );
        assert!(
            said(&[])
                .unwrap_err()
                .contains("depends on a decision point")
        );
    }

    #[test]
    fn options_that_say_nothing_are_refused() {
        for (options, want) in [
            (&["--path"][..], "a value is required for '--path"),
            (&["--pth", "/"], "unexpected argument '--pth'"),
            (
                &["--claims", "{"],
                "invalid value '{' for '--claims <JSON>': EOF",
            ),
            (
                &["--header", "x"],
                "invalid value 'x' for '--header <NAME:VALUE>': \"x\" is not NAME:VALUE",
            ),
        ] {
            let error = parse(options).map(drop).unwrap_err();
            assert!(error.starts_with(&format!("error: {want}")), "{error}");
        }
    }
}
