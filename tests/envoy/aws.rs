//! Temporary AWS credentials and signatures: moto's Cognito Identity gives them, botocore checks them.

use crate::lab::{Exchange, Lab};
use lab::client::Request;
use lab::echo::Echo;
use lab::envoy::{Envoy, EnvoyConfig, Filter};
use lab::moto::{Moto, REGION, Tokens};
use lab::server::{Answer, Server};
use lab::tools;
use serde_json::json;
use std::sync::LazyLock;

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::start);

struct Scene {
    lab: Lab,
    /// The same filter before moto's S3.
    storage: Envoy,
    alice: Tokens,
    /// Gives credentials, slowly.
    slow: Server,
    _moto: Moto,
    _others: [Server; 2],
}

/// Says this, with status 400.
fn saying(kind: &'static str) -> Server {
    let body = json!({ "__type": kind, "message": "m" });
    Server::start(move |_| Some(Answer::json(400, &body))).unwrap()
}

/// Both steps of the exchange, each after a while.
fn slow() -> Server {
    Server::start(|request| {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let first = request.header("x-amz-target").unwrap().ends_with(".GetId");
        Some(Answer::json(
            200,
            &if first {
                json!({ "IdentityId": "us-east-1:i" })
            } else {
                json!({ "IdentityId": "us-east-1:i", "Credentials": {
                    "AccessKeyId": "ASIA", "SecretKey": "secret", "SessionToken": "session", "Expiration": 4_102_444_800_u64,
                } })
            },
        ))
    })
    .unwrap()
}

impl Scene {
    fn start() -> Self {
        let moto = Moto::start().unwrap();
        let pool = moto.user_pool("people").unwrap();
        pool.user("alice", &["staff"]).unwrap();
        let identity_pool = moto.identity_pool("people", &pool).unwrap();
        let provider = |identity_pool: &str, upstream: &str| {
            json!({
                "kind": "cognito", "region": REGION, "user_pool_id": pool.id, "client_ids": [pool.client_id],
                "token_use": ["access", "id"], "jwks": { "upstream": "cognito" },
                "identity_pool": { "id": identity_pool, "upstream": upstream },
            })
        };
        let rule = |name: &str, provider: &str, more: serde_json::Value| {
            let mut rule = json!({
                "name": name, "match": { "path_prefix": format!("/{name}") }, "require": { "provider": provider },
            });
            rule.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            rule
        };
        let signed =
            |service: &str| json!({ "aws_sigv4": { "service": service, "region": "eu-west-1" } });
        let host = json!({ "aws_sigv4": { "service": "s3", "region": REGION, "host": "bucket.s3.amazonaws.com" } });
        let policy = json!({
            "providers": {
                "users": provider(&identity_pool, "cognito"),
                "denied": provider(&identity_pool, "strict"),
                "busy": provider(&identity_pool, "busy"),
                "slow": provider(&identity_pool, "slow"),
                "away": provider(&identity_pool, "nowhere"),
            },
            "rules": [
                rule("credentials", "users", json!({ "aws_credentials": true })),
                rule("api", "users", signed("execute-api")),
                rule("s3", "users", host),
                rule("denied", "denied", json!({ "aws_credentials": true })),
                rule("busy", "busy", json!({ "aws_credentials": true })),
                rule("slow", "slow", json!({ "aws_credentials": true })),
                rule("away", "away", json!({ "aws_credentials": true })),
                { "name": "plain", "match": {}, "require": { "provider": "users" } },
            ],
        });
        // moto gives everybody credentials; AWS says no like this.
        let strict = saying("NotAuthorizedException");
        let busy = saying("TooManyRequestsException");
        let slow = slow();
        let objects = json!({
            "providers": { "users": provider(&identity_pool, "cognito") },
            "rules": [{
                "match": { "path_prefix": "/photos" }, "require": "user",
                "aws_sigv4": { "service": "s3", "region": REGION, "host": "s3.amazonaws.com" },
            }],
        });
        let storage = EnvoyConfig::new(tools::wasm().unwrap(), Filter::json(objects))
            .upstream(moto.addr())
            .cluster("cognito", moto.addr())
            .start()
            .unwrap();
        let echo = Echo::start().unwrap();
        let envoy = EnvoyConfig::new(tools::wasm().unwrap(), Filter::json(policy))
            .upstream(echo.addr())
            .cluster("cognito", moto.addr())
            .cluster("strict", strict.addr())
            .cluster("busy", busy.addr())
            .cluster("slow", slow.addr())
            .cluster("nowhere", lab::ports::free().unwrap())
            .start()
            .unwrap();
        Self {
            alice: pool.tokens("alice").unwrap(),
            lab: Lab { envoy, echo },
            storage,
            slow,
            _moto: moto,
            _others: [strict, busy],
        }
    }
}

#[track_caller]
fn get(path: &str, token: &str) -> Exchange {
    SCENE.lab.send(Request::get(path).bearer(token))
}

const HEADERS: [&str; 5] = [
    "x-aws-access-key-id",
    "x-aws-secret-access-key",
    "x-aws-session-token",
    "x-aws-credentials-expiration",
    "x-aws-identity-id",
];

#[test]
fn an_id_token_buys_temporary_credentials_for_the_rules_that_ask() {
    let seen = get("/credentials", &SCENE.alice.id);
    let held = HEADERS.map(|name| seen.passed().header(name).expect(name));
    assert!(held[4].starts_with("us-east-1:"), "{held:?}");
    assert!(held[3].ends_with('Z'), "{held:?}");
    let again = get("/credentials", &SCENE.alice.id);
    assert_eq!(
        HEADERS.map(|name| again.passed().header(name).unwrap()),
        held
    );
    // Elsewhere nobody gets them, and nobody can pretend to have them.
    let mut request = Request::get("/other").bearer(&SCENE.alice.id);
    for name in HEADERS {
        request = request.header(name, "forged");
    }
    let seen = SCENE.lab.send(request);
    assert_eq!(
        HEADERS.map(|name| seen.passed().header(name)),
        [const { None }; 5]
    );
}

#[test]
fn who_comes_without_an_id_token_gets_none() {
    for path in ["/credentials", "/api", "/s3"] {
        let seen = get(path, &SCENE.alice.access);
        seen.refused(
            403,
            Some(", error=\"insufficient_scope\""),
            "Operation not allowed",
        );
    }
}

#[test]
fn a_pool_that_refuses_is_a_refusal_and_one_that_is_away_an_outage() {
    let seen = get("/denied", &SCENE.alice.id);
    seen.refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
    get("/away", &SCENE.alice.id).unavailable();
    get("/busy", &SCENE.alice.id).unavailable();
}

#[test]
fn many_requests_of_one_caller_make_one_exchange() {
    std::thread::scope(|scope| {
        let requests: Vec<_> = (0..50)
            .map(|_| scope.spawn(|| get("/slow", &SCENE.alice.id)))
            .collect();
        for request in requests {
            let seen = request.join().unwrap();
            let key = seen.passed().header("x-aws-access-key-id");
            assert_eq!(key.as_deref(), Some("ASIA"));
        }
    });
    assert_eq!(SCENE.slow.count(), 2);
}

/// Recomputes the signature of a request as it arrived, with botocore.
fn signature_by_botocore(
    seen: &Exchange,
    credentials: &[String; 5],
    service: &str,
    region: &str,
) -> String {
    const PROGRAM: &str = "
import json, sys
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
method, url, headers, key, secret, session, service, region, date, payload = sys.argv[1:]
request = AWSRequest(method=method, url=url, headers=json.loads(headers))
request.context['timestamp'] = date
request.context['payload_signing_enabled'] = False
kind = S3SigV4Auth if service == 's3' else SigV4Auth
class Unsigned(kind):
    def payload(self, request):
        return payload
auth = Unsigned(Credentials(key, secret, session), service, region)
canonical = auth.canonical_request(request)
to_sign = auth.string_to_sign(request, canonical)
print(auth.signature(to_sign, request))
";
    let passed = seen.passed();
    let authorization = passed.header("authorization").unwrap();
    let signed = authorization
        .split("SignedHeaders=")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let headers: serde_json::Map<String, serde_json::Value> = signed
        .split(';')
        .map(|name| (name.to_owned(), json!(passed.header(name).unwrap())))
        .collect();
    let url = format!("http://{}{}", passed.header("host").unwrap(), passed.target);
    let date = passed.header("x-amz-date").unwrap();
    let [id, secret, session, ..] = credentials;
    let headers = serde_json::Value::Object(headers).to_string();
    let arguments = [
        &passed.method,
        &url,
        &headers,
        id,
        secret,
        session,
        service,
        region,
        &date,
        &passed.header("x-amz-content-sha256").unwrap(),
    ];
    let printed = tools::ensure_venv()
        .unwrap()
        .script(PROGRAM, &arguments)
        .unwrap();
    printed.trim().to_owned()
}

#[test]
fn requests_are_signed_as_botocore_would_sign_them() {
    let seen = get("/credentials", &SCENE.alice.id);
    let credentials = HEADERS.map(|name| seen.passed().header(name).unwrap());
    for (path, service, region) in [
        ("/api", "execute-api", "eu-west-1"),
        ("/api/a%20b/c?z=1&a=2&a=1&empty", "execute-api", "eu-west-1"),
        (
            "/s3/key%20with%20spaces.txt?list-type=2&prefix=a%2Fb",
            "s3",
            REGION,
        ),
    ] {
        let request = Request::get(path)
            .bearer(&SCENE.alice.id)
            .header("x-amz-acl", "private")
            .header("x-amz-date", "forged")
            .header("x-amz-security-token", "forged");
        let seen = SCENE.lab.send(request);
        let passed = seen.passed();
        let authorization = passed.header_all("authorization");
        let [authorization] = authorization.as_slice() else {
            panic!("{authorization:?}");
        };
        let scope = format!(
            "/{region}/{service}/aws4_request, SignedHeaders=host;x-amz-acl;x-amz-content-sha256;"
        );
        assert!(authorization.contains(&scope), "{authorization}");
        assert_eq!(
            passed.header_all("x-amz-security-token"),
            [credentials[2].clone()]
        );
        assert_eq!(passed.header_all("x-amz-date").len(), 1);
        if service == "s3" {
            assert_eq!(
                passed.header("host").as_deref(),
                Some("bucket.s3.amazonaws.com")
            );
        }
        // Where no body follows, that is signed too.
        let payload = passed.header("x-amz-content-sha256").unwrap();
        assert!(
            payload.starts_with("e3b0c44298fc1c149afbf4c8996fb924"),
            "{payload}"
        );
        let want = signature_by_botocore(&seen, &credentials, service, region);
        assert!(
            authorization.ends_with(&format!("Signature={want}")),
            "{path}: {authorization}\nwant {want}"
        );
        // The credentials themselves go only where a rule hands them out.
        assert_eq!(passed.header("x-aws-secret-access-key"), None);
    }
}

#[test]
fn a_body_is_not_signed() {
    let request = Request::post("/api", "body").bearer(&SCENE.alice.id);
    let seen = SCENE.lab.send(request);
    let payload = seen.passed().header("x-amz-content-sha256");
    assert_eq!(payload.as_deref(), Some("UNSIGNED-PAYLOAD"));
}

#[test]
fn a_browser_with_an_id_token_speaks_to_s3() {
    let send = |request: Request| {
        request
            .bearer(&SCENE.alice.id)
            .send(SCENE.storage.addr())
            .unwrap()
    };
    let made = send(Request::new("PUT", "/photos"));
    assert_eq!(made.status, 200, "{}", made.text());
    let put = send(Request::new("PUT", "/photos/a%20b.txt").body("hello"));
    assert_eq!(put.status, 200, "{}", put.text());
    let got = send(Request::get("/photos/a%20b.txt"));
    assert_eq!((got.status, got.text().as_str()), (200, "hello"));
    let listed = send(Request::get("/photos?list-type=2&prefix=a"));
    assert!(
        listed.text().contains("<Key>a b.txt</Key>"),
        "{}",
        listed.text()
    );
    // Without a token nobody signs.
    let refused = Request::get("/photos/a%20b.txt")
        .send(SCENE.storage.addr())
        .unwrap();
    assert_eq!(refused.status, 401);
}
