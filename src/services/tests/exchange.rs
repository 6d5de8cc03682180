//! The exchange of an ID token for temporary credentials.

use super::*;
use crate::keys::testing::turn;

fn pool() -> ServiceStore {
    let mut service = service(Protocol::IdentityPool(IdentityPool {
        id: "eu-west-1:pool".to_owned(),
        login: "cognito-idp.us-east-1.amazonaws.com/us-east-1_x".to_owned(),
    }));
    service.cache_duration = Duration::from_secs(12 * 3600);
    ServiceStore::new(&[service], 100, [0; 32])
}

fn login(token: &str) -> Question {
    question(Ask::Credentials {
        subject: "u-1".into(),
        token: token.into(),
        expires_at: Some(at(2000).wall),
    })
}

/// Asks a pool for credentials; `GetId` succeeds, and this is the second answer.
fn exchange(store: &mut ServiceStore, status: u16, second: &Value) -> Option<Notice> {
    store.want(&login("t-1"), at(0));
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    let request = store.request(call).unwrap();
    let logins = json!({ "cognito-idp.us-east-1.amazonaws.com/us-east-1_x": "t-1" });
    let body: Value = serde_json::from_slice(&request.body.unwrap()).unwrap();
    assert_eq!(
        body,
        json!({ "IdentityPoolId": "eu-west-1:pool", "Logins": logins })
    );
    let target = ("x-amz-target", "AWSCognitoIdentityService.GetId".to_owned());
    assert!(request.headers.contains(&target));
    assert_eq!(
        answer(
            store,
            call,
            200,
            &json!({ "IdentityId": "eu-west-1:i" }),
            at(0)
        ),
        None
    );
    // Only the tick sends the second.
    assert_eq!(
        store.poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono)
        ),
        None
    );
    let call = store
        .poll_call(
            Leader::Tick,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    let body = store.request(call).unwrap().body.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body,
        json!({ "IdentityId": "eu-west-1:i", "Logins": logins })
    );
    answer(store, call, status, second, at(0))
}

fn issued(expiration: &Value) -> Value {
    json!({ "IdentityId": "eu-west-1:i", "Credentials": {
        "AccessKeyId": "ASIA", "SecretKey": "secret", "SessionToken": "session", "Expiration": expiration,
    } })
}

#[test]
fn an_id_token_buys_credentials_that_serve_until_five_minutes_before_their_end() {
    let mut store = pool();
    let _ = exchange(&mut store, 200, &issued(&json!(1_001_000.25)));
    let Ok(Some(Answer::Credentials(held))) = store.lookup(&login("t-1"), at(0)) else {
        panic!("credentials");
    };
    assert_eq!(held.credentials.access_key_id, "ASIA");
    assert_eq!(
        (held.identity_id.as_str(), held.expires_at),
        ("eu-west-1:i", at(1000).wall)
    );
    assert_eq!(format!("{held:?}"), "TemporaryCredentials(..)");
    // They are the subject's, whichever of its tokens comes.
    assert_eq!(known(&store, &login("t-2"), at(699)), "credentials");
    assert_eq!(known(&store, &login("t-2"), at(700)), "pending");
    // And never longer than the token for which they were given.
    let mut store = pool();
    let _ = exchange(&mut store, 200, &issued(&json!(1_090_000)));
    assert_eq!(known(&store, &login("t-1"), at(1999)), "credentials");
    assert_eq!(known(&store, &login("t-1"), at(2000)), "pending");
}

#[test]
fn what_aws_says_of_the_caller_and_what_of_itself_are_told_apart() {
    let error = |kind: &str| json!({ "__type": kind, "message": "m" });
    for (status, body, want) in [
        (400, error("NotAuthorizedException"), "refuses"),
        (
            400,
            error("com.amazonaws#ResourceNotFoundException"),
            "refuses",
        ),
        (403, error("AccessDeniedException"), "refuses"),
        (400, error("TooManyRequestsException"), "unavailable"),
        (400, error("aws#ThrottlingException"), "unavailable"),
        (400, json!({}), "unavailable"),
        (400, json!("x"), "unavailable"),
        (500, error("InternalErrorException"), "unavailable"),
        (429, json!({}), "unavailable"),
        (200, json!({}), "unavailable"),
        (200, issued(&json!(-1)), "unavailable"),
        (200, issued(&json!(0)), "unavailable"),
        (200, issued(&json!(1e300)), "unavailable"),
        (200, issued(&json!("soon")), "unavailable"),
    ] {
        let mut store = pool();
        let _ = exchange(&mut store, status, &body);
        assert_eq!(known(&store, &login("t-1"), at(0)), want, "{status} {body}");
    }
}

#[test]
fn why_aws_gives_no_credentials_is_told() {
    for (body, want) in [
        (
            json!({ "__type": "NotAuthorizedException" }),
            Some("NotAuthorizedException"),
        ),
        (
            json!({ "__type": "com.amazonaws#InvalidIdentityPoolConfigurationException" }),
            Some("InvalidIdentityPoolConfigurationException"),
        ),
        (json!({ "__type": "x\ny \"z\"" }), Some("x%0Ay%20%22z%22")),
    ] {
        let notice = exchange(&mut pool(), 400, &body);
        let want = want.map(|why| Notice::Refused {
            why: why.to_owned(),
        });
        assert_eq!(notice, want, "{body}");
    }
    let long = json!({ "__type": "x".repeat(1000) });
    let Some(Notice::Refused { why }) = exchange(&mut pool(), 400, &long) else {
        panic!("{long}");
    };
    assert_eq!(why.len(), 128);
    let given = exchange(&mut pool(), 200, &issued(&json!(1_001_000)));
    assert_eq!(given, Some(Notice::Answered));
}
