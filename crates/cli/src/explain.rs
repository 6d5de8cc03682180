//! What a configuration says, without a proxy: the filter's own core, compiled natively.

use crate::lint;
use auth_filter::capabilities::Capabilities;
use auth_filter::config::ProviderId;
use auth_filter::config::{Config, ConfigError, HostName, SelfTest};
use auth_filter::headers::Headers;
use auth_filter::jose::{ClaimSet, UntrustedToken};
use auth_filter::policy::Policy;
use auth_filter::policy::principal::{Identity, Principal, TrustedClaims};
use auth_filter::policy::provider::Verification;
use auth_filter::policy::requirement::{RequestView, Requirement};
use auth_filter::services::ServiceStore;
use auth_filter::time::{Now, UnixTime};
use serde_json::{Value, json};
use std::fs;
use std::rc::Rc;

/// Validates a configuration and prints what an operator should know of it. Of a proxy's file (`envoy.yaml`, `nginx.conf`,
/// `kong.conf`), what in it lets requests go past the filter, and the configurations of the filter that stand in it.
///
/// # Errors
/// With the place and what is wrong.
pub fn check(file: &str, environment: bool) -> Result<(), String> {
    let text = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let found = match std::str::from_utf8(&text) {
        Ok(text) => lint::read(file, text)?,
        Err(_) => None,
    };
    let Some(found) = found else {
        for line in checked(file, text, None, environment)? {
            println!("{line}");
        }
        return Ok(());
    };
    for finding in &found.findings {
        println!("{file}: {finding}");
    }
    if found.configurations.is_empty() && !found.is_settings {
        println!(
            "{file}: warning: no configuration of the filter is in this file: what is in others, or comes from elsewhere, was not looked at"
        );
    }
    let mut refused = found.errors();
    for own in &found.configurations {
        let name = format!("{file}: {}", own.place);
        let host = match own.host {
            lint::Host::Envoy => HostName::Envoy,
            lint::Host::Nginx => HostName::Nginx,
        };
        match checked(
            &name,
            own.text.clone().into_bytes(),
            Some(host),
            environment,
        ) {
            Ok(lines) => lines.iter().for_each(|line| println!("{line}")),
            Err(error) => {
                println!("{error}");
                refused += 1;
            }
        }
    }
    println!(
        "{file}: {}, {} of the filter",
        counted(found.findings.len(), "finding"),
        counted(found.configurations.len(), "configuration"),
    );
    if refused > 0 {
        return Err(format!("{file}: {}", counted(refused, "error")));
    }
    Ok(())
}

/// The warnings and which hosts refuse it, with line and column, and a summary. The host is the one that the file is of,
/// where that is known.
fn checked(
    file: &str,
    text: Vec<u8>,
    host: Option<HostName>,
    environment: bool,
) -> Result<Vec<String>, String> {
    let Loaded {
        text,
        config,
        policy,
        refusals,
    } = compile(file, text, host, environment)?;
    let warnings = [policy.warnings.clone(), policy.advice(&config)].concat();
    let mut lines: Vec<String> = warnings
        .iter()
        .cloned()
        .map(|warning| format!("{file}: warning: {}", warning.located(&text)))
        .collect();
    lines.extend(refusals.into_iter().map(|(host, error)| {
        format!(
            "{file}: {} refuses it: {}",
            host.word(),
            error.located(&text)
        )
    }));
    lines.push(format!(
        "{file}: {}, {}, {}, {}",
        counted(policy.providers.len(), "provider"),
        counted(policy.rules.len(), "rule"),
        counted(config.tests.len(), "test"),
        counted(warnings.len(), "warning"),
    ));
    Ok(lines)
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn load(file: &str, environment: bool) -> Result<Loaded, String> {
    let text = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    compile(file, text, None, environment)
}

fn compile(
    file: &str,
    text: Vec<u8>,
    host: Option<HostName>,
    environment: bool,
) -> Result<Loaded, String> {
    let mut config = Config::parse(&text).map_err(|error| format!("{file}: {error}"))?;
    if environment {
        let read = |name: &str| std::env::var(name).ok();
        let refused = |error: ConfigError| format!("{file}: {}", error.located(&text));
        config
            .read_environment(read, "set it, not empty, in this environment")
            .map_err(refused)?;
    } else {
        // What the proxy's environment holds is not here, and nothing that is told depends on it.
        config.stand_in_for_environment();
    }
    let refused = |error: ConfigError| format!("{file}: {}", error.located(&text));
    // Where nothing says which host loads it, any may: what one of them refuses is of use on the others.
    let hosts = match config.host.named().or(host) {
        Some(host) => vec![host],
        None => vec![HostName::Envoy, HostName::Nginx, HostName::Apisix],
    };
    let mut taken = None;
    let mut refusals = Vec::new();
    for host in hosts {
        match Policy::compile(&config, &Capabilities::of(host, &config.nginx)) {
            Ok(policy) => taken = taken.or(Some(policy)),
            Err(error) => refusals.push((host, error)),
        }
    }
    match (taken, refusals.first()) {
        (Some(policy), _) => Ok(Loaded {
            text,
            config,
            policy,
            refusals,
        }),
        (None, Some((_, error))) => Err(refused(error.clone())),
        (None, None) => Err(format!("{file}: no host is named")),
    }
}

/// A configuration that at least one host takes.
struct Loaded {
    text: Vec<u8>,
    config: Config,
    /// As the first host that takes it has it.
    policy: Policy,
    /// Hosts that refuse it, and why.
    refusals: Vec<(HostName, ConfigError)>,
}

/// Prints which rule a request comes to, what each of its requirements says and why, and the answer.
///
/// # Errors
/// For a configuration that does not hold, or options that say nothing.
pub fn explain(file: &str, options: &[&str]) -> Result<(), String> {
    let policy = load(file, false)?.policy;
    let asked = Asked::parse(options)?;
    for line in lines(&policy, &asked)? {
        println!("{line}");
    }
    Ok(())
}

/// A request and who makes it.
struct Asked {
    test: SelfTest,
    token: Option<String>,
}

impl Asked {
    fn parse(options: &[&str]) -> Result<Self, String> {
        let mut test = json!({ "name": "this request", "request": { "path": "/", "headers": {} }, "expect": "allow" });
        let mut token = None;
        let mut rest = options.iter();
        while let Some(option) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{option} needs a value"));
            let parsed = |text: &str| {
                serde_json::from_str::<Value>(text).map_err(|error| format!("{option}: {error}"))
            };
            match *option {
                "--method" => test["request"]["method"] = json!(value()?),
                "--path" => test["request"]["path"] = json!(value()?),
                "--host" => test["request"]["host"] = json!(value()?),
                "--header" => {
                    let text = value()?;
                    let (name, value) = text
                        .split_once(':')
                        .ok_or_else(|| format!("--header: {text:?} is not NAME:VALUE"))?;
                    test["request"]["headers"][name] = json!(value.trim());
                }
                "--provider" => test["provider"] = json!(value()?),
                "--claims" => test["claims"] = parsed(value()?)?,
                "--directory" => test["directory"] = parsed(value()?)?,
                "--decision" => test["decision"] = parsed(value()?)?,
                "--token" => token = Some((*value()?).to_owned()),
                other => return Err(format!("unknown option {other:?}")),
            }
        }
        test["anonymous"] = json!(test.get("claims").is_none() && token.is_none());
        let test = serde_json::from_value(test).map_err(|error| error.to_string())?;
        Ok(Self { test, token })
    }
}

fn lines(policy: &Policy, asked: &Asked) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut test = asked.test.clone();
    if let Some(text) = &asked.token {
        let most = policy.limits.token_bytes;
        let token = UntrustedToken::parse(text, most)
            .or_else(|error| UntrustedToken::parse_padded(text, most).map_err(|_| error))
            .map_err(|error| format!("the token: {error}"))?;
        let (name, said) = judge(policy, text);
        out.push(format!("token: {said}"));
        let Some(name) = name else {
            return Ok(out);
        };
        test.provider = Some(name);
        test.claims = Some(auth_filter::json::StrictObject(
            token.claims().members().clone(),
        ));
    }
    let request = &test.request;
    let mut pairs = vec![
        (":method", request.method.as_deref().unwrap_or("GET")),
        (":authority", request.host.as_str()),
        (":path", request.path.as_str()),
    ];
    pairs.extend(
        request
            .headers
            .iter()
            .map(|(name, value)| (name, value.as_str())),
    );
    let head = Headers::from_pairs(&pairs);
    let head = policy.rewrite(&head).unwrap_or(head);
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
            let caller = caller(policy, &test)?;
            let view = RequestView {
                rule: &rule.name,
                variables: &variables,
                head: &head,
                readings: &policy.decided(rule, &head),
            };
            let services = ServiceStore::new(&policy.services, 1, [0; 32]);
            let now = Now::on(UnixTime::from_secs(0));
            match caller {
                Some((id, claims)) if rule.requirement != Requirement::Public => {
                    let provider = policy.provider(id).ok_or("no such provider")?;
                    let profile = Identity::new(provider, TrustedClaims::claims_of(claims));
                    let mut caller = Principal::new(id, provider, Rc::new(profile), &services, now);
                    out.push("require:".to_owned());
                    out.extend(
                        rule.requirement
                            .explain(policy, &mut caller, &view)
                            .lines(1),
                    );
                    let resolved = rule.explain_resolve(policy, &mut caller);
                    if !resolved.is_empty() {
                        out.push("resolve:".to_owned());
                    }
                    out.extend(resolved.iter().flat_map(|part| part.lines(1)));
                }
                _ => out.push("caller: nobody in particular".to_owned()),
            }
        }
    }
    let (rule, outcome) = policy.try_test(&test).map_err(|error| error.to_string())?;
    out.push(match (outcome, rule) {
        (Ok(()), _) => "answer: it goes upstream".to_owned(),
        (Err(denial), _) => {
            let mut rules = policy.rules.iter();
            let rule = rules.find(|known| Some(known.name.as_str()) == rule);
            let answer = denial.answer(policy.challenge(rule, &head));
            let remark = policy.remark(rule, denial, &head);
            let remark = remark.map_or_else(String::new, |remark| format!(": {remark}"));
            format!(
                "answer: {} {} ({}){remark}",
                answer.status, answer.body, answer.reason
            )
        }
    });
    Ok(out)
}

/// The provider that would vouch for a token, and what can be said without its issuer's keys.
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

fn caller(policy: &Policy, test: &SelfTest) -> Result<Option<(ProviderId, Rc<ClaimSet>)>, String> {
    policy.caller_of(test).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked_file(file: &str) -> Result<Vec<String>, String> {
        checked(file, fs::read(file).unwrap(), None, false)
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
        lines(&policy, &Asked::parse(options).unwrap()).unwrap()
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
            let lines = lines(&policy, &Asked::parse(&options).unwrap()).unwrap();
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
        let asked = Asked::parse(&["--path", "/", "--header", "X-Api-Key: k"]).unwrap();
        assert_eq!(
            lines(&policy, &asked).unwrap().last().unwrap(),
            "answer: 401 {\"detail\":\"Authentication required\"} (missing): no provider of this rule reads the header \"x-api-key\""
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
            lines(&policy, &Asked::parse(&options).unwrap())
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
    fn a_check_says_what_is_wrong_or_doubtful_and_where() {
        let file = |name: &str, text: &str| {
            let path = std::env::temp_dir().join(format!("check-{}-{name}", std::process::id()));
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let doubtful = file(
            "doubtful.json",
            "{ \"$schema\": \"x\",\n  \"rules\": [{ \"match\": {}, \"require\": \"public\" }] }",
        );
        assert_eq!(
            checked_file(&doubtful).unwrap(),
            [
                format!(
                    "{doubtful}: warning: rules[0].require: \"public\" opens every path that no rule before it matches; name the open ones (line 2 column 39)"
                ),
                format!("{doubtful}: 0 providers, 1 rule, 0 tests, 1 warning"),
            ]
        );
        let wrong = file(
            "wrong.json",
            "{ \"rules\": [\n  { \"match\": {}, \"reqire\": \"public\" }] }",
        );
        let error = checked_file(&wrong).unwrap_err();
        assert!(
            error.starts_with(&format!(
                "{wrong}: rules[0].reqire: unknown key; known: name, match, require"
            )) && error.ends_with("; did you mean \"require\"? (line 2 column 28)"),
            "{error}"
        );
        let unknown = file(
            "unknown.json",
            "{ \"rules\": [\n  { \"match\": {}, \"require\": { \"decision\": \"pdp\" } }] }",
        );
        assert_eq!(
            checked_file(&unknown).unwrap_err(),
            format!(
                "{unknown}: rules[0].require.decision: \"pdp\" is not a decision point; known: none (line 2 column 43)"
            )
        );
        for path in [doubtful, wrong, unknown] {
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn options_that_say_nothing_are_refused() {
        for (options, want) in [
            (&["--path"][..], "--path needs a value"),
            (&["--pth", "/"], "unknown option \"--pth\""),
            (&["--claims", "{"], "--claims: EOF"),
            (&["--header", "x"], "--header: \"x\" is not NAME:VALUE"),
        ] {
            let error = Asked::parse(options).map(drop).unwrap_err();
            assert!(error.starts_with(want), "{error}");
        }
    }
}
