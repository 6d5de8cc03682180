use super::*;
use crate::policy::provider::ChallengeScheme;

/// One row of the table: the refusal, then status, challenge behind its realm, body and gRPC status.
type Row = (Denial, u16, Option<&'static str>, &'static str, u8);

#[test]
fn each_refusal_has_its_answer() {
    let expired = Some(", error=\"invalid_token\", error_description=\"the token has expired\"");
    let rows: &[Row] = &[
        (
            Denial::Missing,
            401,
            Some(""),
            "Authentication required",
            16,
        ),
        (
            Denial::Malformed,
            400,
            Some(", error=\"invalid_request\""),
            "Malformed credentials",
            3,
        ),
        (
            Denial::Ambiguous,
            400,
            Some(", error=\"invalid_request\""),
            "Malformed credentials",
            3,
        ),
        (
            Denial::Token(TokenError::Expired),
            401,
            expired,
            "Invalid token",
            16,
        ),
        (
            Denial::Forbidden,
            403,
            Some(", error=\"insufficient_scope\""),
            "Operation not allowed",
            7,
        ),
        (Denial::NoRule, 403, None, "Operation not allowed", 7),
        (
            Denial::CrossSite,
            403,
            None,
            "Cross-site request refused",
            7,
        ),
        (Denial::Denied, 403, None, "Operation not allowed", 7),
        (
            Denial::KeysUnavailable { retry_after: 0 },
            503,
            None,
            "Authorization service unavailable",
            14,
        ),
        (Denial::MalformedPath, 400, None, "Malformed path", 3),
        (
            Denial::MalformedAuthority,
            400,
            None,
            "Malformed authority",
            3,
        ),
        (Denial::AmbiguousRequest, 400, None, "Ambiguous request", 3),
        (Denial::Internal, 500, None, "Internal error", 13),
    ];
    for (denial, status, challenge, detail, grpc_status) in rows {
        let answer = denial.answer(Challenge {
            schemes: &[ChallengeScheme::Bearer],
            realm: "api",
            scope: None,
            resource_metadata: None,
            with_proof: false,
        });
        let header = |name| {
            answer
                .headers
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(
            (answer.status, answer.grpc_status),
            (*status, *grpc_status),
            "{denial:?}"
        );
        assert_eq!(
            header("www-authenticate"),
            challenge.map(|rest| format!("Bearer realm=\"api\"{rest}")),
            "{denial:?}"
        );
        assert_eq!(
            answer.body,
            format!(r#"{{"detail":"{detail}"}}"#),
            "{denial:?}"
        );
        assert_eq!(
            header("retry-after").is_some(),
            *status == 503,
            "{denial:?}"
        );
    }
}

#[test]
fn the_scopes_that_were_asked_are_named() {
    let answer = Denial::Forbidden.answer(Challenge {
        schemes: &[ChallengeScheme::Bearer],
        realm: "api",
        scope: Some("read write"),
        resource_metadata: None,
        with_proof: false,
    });
    let want = "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"read write\"";
    assert!(
        answer
            .headers
            .contains(&("www-authenticate", want.to_owned()))
    );
}

#[test]
fn the_refusal_that_went_furthest_is_reported() {
    let unknown = Denial::Token(TokenError::UnknownIssuer);
    assert_eq!(Denial::Missing.most_specific(unknown), unknown);
    assert_eq!(Denial::Forbidden.most_specific(unknown), Denial::Forbidden);
}

#[test]
fn a_bearer_challenge_points_to_the_resources_metadata() {
    let url = "https://api.example/.well-known/oauth-protected-resource";
    let challenges = |denial: Denial| {
        let answer = denial.answer(Challenge {
            schemes: &[
                ChallengeScheme::Bearer,
                ChallengeScheme::Basic("ops".to_owned()),
            ],
            realm: "api",
            scope: Some("orders.read"),
            resource_metadata: Some(url),
            with_proof: false,
        });
        let headers = answer.headers.into_iter();
        headers
            .filter(|(name, _)| *name == "www-authenticate")
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        challenges(Denial::Missing),
        [
            format!("Bearer realm=\"api\", resource_metadata=\"{url}\""),
            "Basic realm=\"ops\"".to_owned()
        ]
    );
    assert_eq!(
        challenges(Denial::Forbidden),
        [format!(
            "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"orders.read\", resource_metadata=\"{url}\""
        )]
    );
    assert!(challenges(Denial::NoRule).is_empty());
}

#[test]
fn the_error_stands_where_the_token_did() {
    let (bearer, dpop) = (
        ChallengeScheme::Bearer,
        ChallengeScheme::Dpop("ES256 EdDSA".to_owned()),
    );
    let basic = ChallengeScheme::Basic("ops".to_owned());
    let challenges = |denial: Denial, with_proof: bool, schemes: &[ChallengeScheme]| {
        let answer = denial.answer(Challenge {
            schemes,
            realm: "api",
            scope: None,
            resource_metadata: None,
            with_proof,
        });
        let headers = answer.headers.into_iter();
        headers
            .filter(|(name, _)| *name == "www-authenticate")
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    let all = [bearer.clone(), basic, dpop.clone()];
    let said =
        |error: &str, what: &str| format!(", error=\"{error}\", error_description=\"{what}\"");
    let (plain_bearer, plain_dpop) = (
        "Bearer realm=\"api\"",
        "DPoP realm=\"api\", algs=\"ES256 EdDSA\"",
    );
    let plain_basic = "Basic realm=\"ops\"";
    let downgraded = said(
        "invalid_token",
        "the token is bound to a key and needs its proof",
    );
    let replayed = said("invalid_dpop_proof", "the proof was used before");
    let forbidden = ", error=\"insufficient_scope\"".to_owned();
    let malformed = ", error=\"invalid_request\"".to_owned();
    let token = Denial::Token(TokenError::Downgraded);
    let proof = Denial::Proof(ProofError::Replayed);
    let with = |scheme: &str, error: &str| format!("{scheme}{error}");
    let only = |text: &str| vec![text.to_owned()];
    // Any scheme, each plain; the error of a bearer's token, with the other scheme; that of a token with a proof.
    let rows = [
        (
            challenges(Denial::Missing, false, &all),
            vec![plain_bearer.into(), plain_basic.into(), plain_dpop.into()],
        ),
        (
            challenges(token, false, &all),
            vec![with(plain_bearer, &downgraded), plain_dpop.into()],
        ),
        (
            challenges(token, true, &all),
            only(&with(plain_dpop, &downgraded)),
        ),
        (
            challenges(token, false, &[dpop]),
            only(&with(plain_dpop, &downgraded)),
        ),
        (
            challenges(token, false, &[bearer]),
            only(&with(plain_bearer, &downgraded)),
        ),
        (
            challenges(proof, true, &all),
            only(&with(plain_dpop, &replayed)),
        ),
        (
            challenges(Denial::Forbidden, true, &all),
            only(&with(plain_dpop, &forbidden)),
        ),
        (
            challenges(Denial::Forbidden, false, &all),
            only(&with(plain_bearer, &forbidden)),
        ),
        (
            challenges(Denial::Malformed, true, &all),
            only(&with(plain_dpop, &malformed)),
        ),
        (
            challenges(Denial::ProofsThrottled { retry_after: 1 }, true, &all),
            Vec::new(),
        ),
    ];
    for (got, want) in rows {
        assert_eq!(got, want);
    }
    assert_eq!((proof.status(), proof.reason()), (401, "proof_replayed"));
}
