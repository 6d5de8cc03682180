use super::*;
use crate::policy::denial::Denial;

type Found = Result<Option<String>, Denial>;

/// The refusal of what is no token.
const UNREADABLE: Denial = Denial::Token(super::UNREADABLE);

/// What those say who look at a place.
fn refuse(location: &Location) -> Denial {
    if *location == Location::basic() {
        Denial::BadPassword
    } else {
        UNREADABLE
    }
}

fn looked_for<'h>(head: &'h Headers, locations: &'h [Location]) -> Result<Presented<'h>, Denial> {
    find(head, locations).map_err(|error| match error {
        CredentialError::Ambiguous => Denial::Ambiguous,
        CredentialError::Malformed => Denial::Malformed,
        CredentialError::Unreadable(place) => refuse(place),
    })
}

fn header(name: &str, prefix: &str) -> Location {
    Location::Header {
        name: name.into(),
        prefix: prefix.to_owned(),
    }
}

/// What is found at one place.
fn found(location: &Location, pairs: &[(&str, &[u8])]) -> Found {
    let head = Headers::from_pairs(pairs);
    let locations = [location.clone()];
    looked_for(&head, &locations).map(|found| match found {
        Presented::Copies(copies) => {
            let tokens: Vec<_> = copies.iter().map(|copy| copy.token.as_ref()).collect();
            Some(tokens.join(" | "))
        }
        Presented::Nothing => None,
        Presented::Outranking(..) => panic!("there is one place"),
        Presented::One(credential) => Some(credential.token.into_owned()),
    })
}

/// What is left of a header without what stands at one place.
fn rest_of(location: &Location, pairs: &[(&str, &[u8])], name: &str) -> Option<String> {
    let head = Headers::from_pairs(pairs);
    let places = Places::of([(std::slice::from_ref(location), false)]);
    let reach = Reach {
        headers: true,
        target: true,
    };
    let emptied = places.emptied(&head, Emptying::All, reach);
    assert_eq!(emptied.credential, None);
    if emptied
        .remove
        .iter()
        .any(|removed| removed == name.as_bytes())
    {
        return None;
    }
    let set = emptied.set.iter().find(|(set, _)| set == name);
    let rest = match set {
        Some((_, value)) => value.clone(),
        None if head.first(name).is_none() => return None,
        None => head.all(name).collect::<Vec<_>>().join(&b", "[..]),
    };
    Some(String::from_utf8(rest).unwrap())
}

fn some(token: &str) -> Found {
    Ok(Some(token.to_owned()))
}

#[test]
fn the_one_bearer_token_is_found() {
    let cases: &[(&[u8], Found)] = &[
        (b"Bearer a.b-c_d~+/==", some("a.b-c_d~+/==")),
        (b"bEaReR  abc ", some("abc")),
        (b"Bearer", Err(Denial::Malformed)),
        (b"Bearer ", Err(Denial::Malformed)),
        (b"Bearer =", Err(UNREADABLE)),
        (b"Bearer\tabc", Err(Denial::Malformed)),
        (b"Bearer a b", Err(UNREADABLE)),
        (b"Bearer a, Bearer b", Err(Denial::Ambiguous)),
        (b"Bearer \xff\xfe", Err(UNREADABLE)),
        (b"Bearer a\0b", Err(UNREADABLE)),
        (b"Basic YTpi", Ok(None)),
        (b"Basic YTpi,Bearer a.b.c", Err(Denial::Ambiguous)),
        (b"x ,, bearer", Err(Denial::Ambiguous)),
        (b",Bearer a.b.c", Err(Denial::Ambiguous)),
        (b"Digest username=\"bearer\", realm=bearer", Ok(None)),
        (b"Bearerabc", Ok(None)),
        (b"\xff", Ok(None)),
        (b"", Ok(None)),
    ];
    for (value, want) in cases {
        let got = found(&Location::bearer(), &[("Authorization", value)]);
        assert_eq!(got, *want, "{:?}", String::from_utf8_lossy(value));
    }
}

#[test]
fn two_credentials_are_refused_whatever_they_are() {
    let twice: &[(&str, &[u8])] = &[
        ("authorization", b"Basic x"),
        ("AUTHORIZATION", b"Bearer y"),
    ];
    assert_eq!(found(&Location::bearer(), twice), Err(Denial::Ambiguous));
    assert_eq!(found(&Location::bearer(), &[]), Ok(None));
}

#[test]
fn a_token_stands_behind_any_prefix_or_none() {
    let cases: &[(&str, &[u8], Found)] = &[
        ("", b"a.b.c", some("a.b.c")),
        ("", b"", Ok(None)),
        ("", b"a b", Err(UNREADABLE)),
        ("", b"a,b", Err(Denial::Ambiguous)),
        ("jwt=", b"JWT=a.b.c", some("a.b.c")),
        ("jwt=", b"a.b.c", Ok(None)),
        ("jwt=", b"jwt=", Ok(None)),
        ("Token ", b"token a.b.c", some("a.b.c")),
        ("Token ", b"Token", Err(Denial::Malformed)),
        ("Token ", b"Bearer a.b.c", Ok(None)),
        // A key of one's own may have what no token has, but not what a host joins values with.
        (
            "",
            b"k:1!$%&'()*<>?@[]^`{|}~",
            some("k:1!$%&'()*<>?@[]^`{|}~"),
        ),
        ("", b"k;1", Err(UNREADABLE)),
        ("", b"k\\1", Err(UNREADABLE)),
        ("", b"\"k\"", Err(UNREADABLE)),
        ("", b"k\x7f", Err(UNREADABLE)),
        ("", "k\u{e9}".as_bytes(), Err(UNREADABLE)),
        ("", b"==", Err(UNREADABLE)),
        ("Token ", b"Token k:1", Err(UNREADABLE)),
    ];
    for (prefix, value, want) in cases {
        let location = header("x-token", prefix);
        let got = found(&location, &[("X-Token", value)]);
        assert_eq!(got, *want, "{prefix} {:?}", String::from_utf8_lossy(value));
    }
}

#[test]
fn a_cookie_is_found_and_only_it_is_taken_out() {
    let location = Location::Cookie("session".into());
    type Row = (&'static [&'static str], Found, Option<&'static str>);
    let cases: &[Row] = &[
        (&["session=a.b.c"], some("a.b.c"), None),
        (
            &["a=1; session=a.b.c; b=2"],
            some("a.b.c"),
            Some("a=1; b=2"),
        ),
        (
            &["session=a.b.c;b=2;  c=\"3\""],
            some("a.b.c"),
            Some("b=2;  c=\"3\""),
        ),
        (
            &["a=1", "session=\"a.b.c\"", "b=2"],
            some("a.b.c"),
            Some("a=1; b=2"),
        ),
        (
            &["session=a.b.c", "a=1;b=2 ", ""],
            some("a.b.c"),
            Some("a=1;b=2"),
        ),
        (&["a=1; session = a.b.c ;"], some("a.b.c"), Some("a=1")),
        (
            &["sessions=x; xsession=z"],
            Ok(None),
            Some("sessions=x; xsession=z"),
        ),
        (&["session="], Ok(None), None),
        (&["session"], Ok(None), Some("session")),
        (&["session=a; session=b"], some("a | b"), None),
        (&["session=a", "session=a"], some("a"), None),
        (&["session=a; Session=a; b=1"], some("a"), Some("b=1")),
        (&["session=a; SESSION=b"], some("a"), None),
        // What some servers only read as the cookie goes, and opens nothing: a sibling domain can set it.
        (
            &["__Host-x=1; ..session=b"],
            Ok(None),
            Some("__Host-x=1; ..session=b"),
        ),
        (&["%73ession=b"], Err(UNREADABLE), None),
        (&["session=a; \u{a0}session=b; c=1"], some("a"), Some("c=1")),
        (
            &["session=a; session\u{3000}=b; c=1"],
            some("a"),
            Some("c=1"),
        ),
        (&["\u{85}session=b"], Err(UNREADABLE), None),
        (&["session[]=b"], Err(UNREADABLE), None),
        (&["session=; session=a"], some("a"), None),
        (&["session=s%3Aa.b:c"], some("s%3Aa.b:c"), None),
        (&["session=a b"], Err(UNREADABLE), None),
        (&["session=a,b"], Err(UNREADABLE), None),
        // Python's http.cookies begins another cookie behind a blank, and readers of RFC 2109 behind a comma.
        (&["a=1 session=b; c=2"], Err(UNREADABLE), Some("c=2")),
        (&["c=2; a=1\tSession=b x=3"], Err(UNREADABLE), Some("c=2")),
        (&["a=1,session=b,x"], Err(UNREADABLE), None),
        (&["a=1  session = b"], Err(UNREADABLE), None),
        (&["x session=b"], Err(UNREADABLE), None),
        (&["a=1, session=\"b\""], Err(UNREADABLE), None),
        (&["session=a; x=1 session=b"], some("a"), None),
        (&["session=a; x=1 session=a"], some("a"), None),
        (&["a=1 session="], Ok(None), None),
        (&["a=1 session=b\"c"], Err(UNREADABLE), None),
        (&["session=a session=b"], Err(UNREADABLE), None),
        (&["a=1 session"], Ok(None), Some("a=1 session")),
        (&["a=session=b"], Ok(None), Some("a=session=b")),
        (&["a=1 xsession=b"], Ok(None), Some("a=1 xsession=b")),
        (&["a=session x=b"], Ok(None), Some("a=session x=b")),
        (&[], Ok(None), None),
    ];
    for (values, want, rest) in cases {
        let pairs: Vec<_> = values
            .iter()
            .map(|value| ("Cookie", value.as_bytes()))
            .collect();
        assert_eq!(found(&location, &pairs), *want, "{values:?}");
        assert_eq!(
            rest_of(&location, &pairs, "cookie").as_deref(),
            *rest,
            "{values:?}"
        );
    }
}

#[test]
fn a_parameter_is_found_and_only_it_is_taken_out() {
    let location = Location::Parameter("access_token".into());
    let cases = [
        ("/a?access_token=a.b.c", some("a.b.c"), "/a"),
        (
            "/a?x=1&access_token=a.b.c&y=%2f",
            some("a.b.c"),
            "/a?x=1&y=%2f",
        ),
        ("/a?access_token=a.b.c&&y", some("a.b.c"), "/a?&y"),
        ("/a?access%5Ftoken=a%2Eb.c", some("a.b.c"), "/a"),
        ("/a?access_token=a.b%3D", some("a.b="), "/a"),
        ("/a?x;access_token=a&access_token=a&y", some("a"), "/a?x&y"),
        // Each is what some server takes for the parameter: PHP by its name, others by its separator.
        ("/a?a=1;access_token=b;c=2", some("b"), "/a?a=1;c=2"),
        ("/a?access.token=b&a=1;", some("b"), "/a?a=1;"),
        ("/a?access_token[]=b", some("b"), "/a"),
        ("/a?ACCESS_TOKEN=b", some("b"), "/a"),
        (
            "/a?access_token=a&access.token=b",
            Err(Denial::Ambiguous),
            "/a",
        ),
        (
            "/a?access_token=a;access_token[0]=b",
            Err(Denial::Ambiguous),
            "/a",
        ),
        (
            "/a?access_token=a&access%5ftoken=b",
            Err(Denial::Ambiguous),
            "/a",
        ),
        ("/a?access_token", Ok(None), "/a"),
        ("/a?access_token=", Ok(None), "/a"),
        ("/a?access_token=a%", Err(UNREADABLE), "/a"),
        ("/a?access_token=a%ff", Err(UNREADABLE), "/a"),
        ("/a?access_token=a%20b", Err(UNREADABLE), "/a"),
        ("/a?access_token=a%0d%0ab", Err(UNREADABLE), "/a"),
        ("/a?access_token=k%3a%7b1%7d", some("k:{1}"), "/a"),
        ("/a?access_token=a b", Err(UNREADABLE), "/a"),
        ("/a?xaccess_token=a", Ok(None), "/a?xaccess_token=a"),
        // Spellings that PHP, Express, CGI.pm and others read as the name.
        ("/a?x=1;access_token=a;y", some("a"), "/a?x=1;y"),
        ("/a?x=1;y&z", Ok(None), "/a?x=1;y&z"),
        ("/a?access_token[]=a", some("a"), "/a"),
        ("/a?access_token%5B0%5d=a&b", some("a"), "/a?b"),
        ("/a?access.token=a", some("a"), "/a"),
        ("/a?access[token=a", some("a"), "/a"),
        ("/a?access_token[=a", some("a"), "/a"),
        ("/a?%20+access+token=a", some("a"), "/a"),
        ("/a?access_token%00x=a", some("a"), "/a"),
        ("/a?ACCESS_Token=a", some("a"), "/a"),
        (
            "/a?access_token=a;access.token=b",
            Err(Denial::Ambiguous),
            "/a",
        ),
        ("/a?a[access_token]=a", Ok(None), "/a?a[access_token]=a"),
        ("/a?access_token_=a", Ok(None), "/a?access_token_=a"),
        ("/a?", Ok(None), "/a?"),
        ("/access_token=a", Ok(None), "/access_token=a"),
        ("/a?b?access_token=a", Ok(None), "/a?b?access_token=a"),
    ];
    for (target, want, rest) in cases {
        let pairs = [(":path", target.as_bytes())];
        assert_eq!(found(&location, &pairs), want, "{target}");
        let left = rest_of(&location, &pairs, ":path");
        assert_eq!(left.as_deref(), Some(rest), "{target}");
    }
}

#[test]
fn a_cookie_or_a_parameter_has_a_prefix() {
    let named = |prefix: &str| Named {
        name: "t".to_owned(),
        prefix: prefix.to_owned(),
    };
    for (prefix, value, want) in [
        ("jwt:", "jwt:a.b.c", some("a.b.c")),
        ("jwt:", "JWT:a.b.c", some("a.b.c")),
        ("jwt:", "a.b.c", Ok(None)),
        ("jwt:", "jwt:", Ok(None)),
        ("bearer ", "Bearer+a.b.c", some("a.b.c")),
        ("bearer ", "Bearera.b.c", Ok(None)),
    ] {
        let cookie = format!("a=1; t={value}");
        let cookie: &[(&str, &[u8])] = &[("cookie", cookie.as_bytes())];
        assert_eq!(
            found(&Location::Cookie(named(prefix)), cookie),
            want,
            "{value}"
        );
        let target = format!("/?a=1&t={value}");
        let target: &[(&str, &[u8])] = &[(":path", target.as_bytes())];
        assert_eq!(
            found(&Location::Parameter(named(prefix)), target),
            want,
            "{value}"
        );
        // Whatever stands before it, nobody else is to read it.
        let rest = rest_of(&Location::Cookie(named(prefix)), cookie, "cookie");
        assert_eq!(rest.as_deref(), Some("a=1"));
        let rest = rest_of(&Location::Parameter(named(prefix)), target, ":path");
        assert_eq!(rest.as_deref(), Some("/?a=1"));
    }
    let location = Location::Cookie(named("bearer "));
    let spaced: &[(&str, &[u8])] = &[("cookie", b"t=Bearer a.b.c; t=x")];
    assert_eq!(found(&location, spaced), some("a.b.c"));
    let location = Location::Parameter(named("bearer "));
    let encoded: &[(&str, &[u8])] = &[(":path", b"/?t=%42earer%20a%2Eb")];
    assert_eq!(found(&location, encoded), some("a.b"));
}

#[test]
fn a_subprotocol_is_found_and_only_the_token_is_taken_out() {
    type Row = (&'static [&'static str], Found, Option<&'static str>);
    let cases: &[Row] = &[
        (&["bearer, a.b.c"], some("a.b.c"), Some("bearer")),
        (
            &["chat,Bearer,a.b.c , v2"],
            some("a.b.c"),
            Some("chat, v2, Bearer"),
        ),
        (
            &["bearer", "a.b.c", "chat"],
            some("a.b.c"),
            Some("chat, bearer"),
        ),
        (&["chat"], Ok(None), Some("chat")),
        (&["bearer"], Err(Denial::Malformed), Some("bearer")),
        (
            &["bearer, a, bearer, b"],
            Err(Denial::Ambiguous),
            Some("bearer"),
        ),
        (&["bearer, bearer"], Err(Denial::Ambiguous), Some("bearer")),
        (&["bearer, a@b"], Err(UNREADABLE), Some("bearer")),
        (
            &["bearer, a, chat, bearer, a"],
            some("a"),
            Some("chat, bearer"),
        ),
        (
            &["access_token, a.b.c, chat"],
            some("a.b.c"),
            Some("chat, access_token"),
        ),
        (
            &["chat, access_token"],
            Err(Denial::Malformed),
            Some("chat, access_token"),
        ),
        (
            &["bearer, a, access_token, b"],
            Err(Denial::Ambiguous),
            Some("bearer, access_token"),
        ),
        (&["bearer-a.b.c, chat"], some("a.b.c"), Some("chat")),
        (&["Bearer-a"], some("a"), None),
        (&["bearer-"], Err(Denial::Malformed), None),
        (&["bearer-a, bearer, a"], some("a"), Some("bearer")),
        (&["bearer-a, bearer-b"], Err(Denial::Ambiguous), None),
        (
            &["v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.YS5iLmM"],
            some("a.b.c"),
            Some("v4.channel.k8s.io"),
        ),
        (
            &["base64url.bearer.authorization.k8s.io.YS5iLmM, bearer, a.b.c"],
            some("a.b.c"),
            Some("bearer"),
        ),
        (
            &["base64url.bearer.authorization.k8s.io.YQ=="],
            Err(UNREADABLE),
            None,
        ),
        (
            &["base64url.bearer.authorization.k8s.io.YSBi"],
            Err(UNREADABLE),
            None,
        ),
        (
            &["base64url.bearer.authorization.k8s.io."],
            Err(Denial::Malformed),
            None,
        ),
        (&["eyJh.b.c"], some("eyJh.b.c"), None),
        (&["chat, eyJh.b.c"], some("eyJh.b.c"), Some("chat")),
        (&["eyJh.b.c, eyJh.b.d"], Err(Denial::Ambiguous), None),
        (&["eyJh.b"], Ok(None), Some("eyJh.b")),
        // A JSON object may begin with a blank, and an encrypted token has five parts.
        (
            &["chat, eyAiYWxnIjoibm9uZSJ9.e30.x"],
            some("eyAiYWxnIjoibm9uZSJ9.e30.x"),
            Some("chat"),
        ),
        (&["chat, eyJh.b.c.d.e"], some("eyJh.b.c.d.e"), Some("chat")),
        // Nothing stands behind a mark once its token is gone, or it would be one.
        (&["bearer, a, b"], some("a"), Some("b, bearer")),
        (
            &["v1.kernel.websocket.jupyter.org"],
            Ok(None),
            Some("v1.kernel.websocket.jupyter.org"),
        ),
        (&["a.b.c"], Ok(None), Some("a.b.c")),
        (&[], Ok(None), None),
    ];
    for (values, want, rest) in cases {
        let pairs: Vec<_> = values
            .iter()
            .map(|value| ("Sec-WebSocket-Protocol", value.as_bytes()))
            .collect();
        assert_eq!(found(&Location::WebSocket, &pairs), *want, "{values:?}");
        assert_eq!(
            rest_of(&Location::WebSocket, &pairs, "sec-websocket-protocol").as_deref(),
            *rest,
            "{values:?}"
        );
    }
}

#[test]
fn one_credential_in_the_whole_request() {
    let locations = [
        Location::bearer(),
        Location::Cookie("session".into()),
        Location::Parameter("access_token".into()),
        Location::WebSocket,
    ];
    let at = |index: usize, token: &str| match index {
        0 => ("authorization", format!("Bearer {token}")),
        1 => ("cookie", format!("session={token}")),
        2 => (":path", format!("/?access_token={token}")),
        _ => ("sec-websocket-protocol", format!("bearer, {token}")),
    };
    let found = |pairs: &[(&str, String)]| {
        let head = Headers::from_pairs(pairs);
        looked_for(&head, &locations).map(|found| match found {
            Presented::One(found) => {
                let place = locations.iter().position(|place| place == found.location);
                (found.token.into_owned(), place.unwrap())
            }
            Presented::Outranking(found, copies) => {
                assert!(
                    matches!(copies.alone(), Ok(Presented::One(copy)) if copy.token != found.token)
                );
                (found.token.into_owned(), 0)
            }
            other => panic!("{other:?}"),
        })
    };
    for first in 0..4 {
        assert_eq!(found(&[at(first, "a")]), Ok(("a".to_owned(), first)));
        for second in (0..4).filter(|second| *second != first) {
            let beside = |token| found(&[at(first, "a"), at(second, token)]);
            let has_header = first == 0 || second == 0;
            // The same in two places is one; a header counts before what is elsewhere.
            let same = beside("a").unwrap();
            assert!(same.0 == "a" && (same.1 == 0) == has_header);
            let want = match (first, second) {
                (0, 1) => Ok(("a".to_owned(), 0)),
                (1, 0) => Ok(("b".to_owned(), 0)),
                _ => Err(Denial::Ambiguous),
            };
            assert_eq!(beside("b"), want, "{first} {second}");
        }
    }
}

#[test]
fn so_many_copies_are_looked_at() {
    let locations = [
        Location::Cookie("session".into()),
        Location::Cookie("sid".into()),
        Location::basic(),
        Location::bearer(),
    ];
    let found = |cookie: &str, authorization: &str| {
        let pairs = [("cookie", cookie), ("authorization", authorization)];
        let head = Headers::from_pairs(&pairs);
        looked_for(&head, &locations).map(|found| match found {
            Presented::Copies(copies) => copies.len(),
            Presented::Nothing => 0,
            Presented::One(_) | Presented::Outranking(..) => 1,
        })
    };
    for (cookie, authorization, want) in [
        ("session=a; session=b; sid=c; sid=a", "Basic YTpi", Ok(4)),
        ("session=a; session=b; sid=c; sid=d", "", Ok(4)),
        ("session=a; session=b; sid=c; sid=d; sid=a b", "", Ok(4)),
        (
            "session=a; session=b; sid=c; sid=d",
            "Basic YTpi",
            Err(Denial::Ambiguous),
        ),
        (
            "session=a; session=b; session=c; session=d; session=e",
            "",
            Err(Denial::Ambiguous),
        ),
        (
            "session=a; session=b; session=c; session=d; session=e",
            "Bearer x",
            Ok(1),
        ),
        ("session=a b; sid=c", "", Ok(1)),
        // What a browser sends by itself counts no more where it cannot be read.
        ("session=a", "Basic a b", Ok(1)),
        ("", "Basic a b", Err(Denial::BadPassword)),
        ("session=a b; sid=", "", Err(UNREADABLE)),
        ("session=; sid", "", Ok(0)),
    ] {
        assert_eq!(
            found(cookie, authorization),
            want,
            "{cookie} {authorization}"
        );
    }
}

#[test]
fn what_browsers_send_by_themselves() {
    for (prefix, want) in [
        ("basic ", true),
        ("negotiate ", true),
        ("ntlm ", true),
        ("digest ", true),
        ("bearer ", false),
        ("dpop ", false),
        ("", false),
    ] {
        assert_eq!(
            header("authorization", prefix).is_ambient(),
            want,
            "{prefix}"
        );
        assert!(!header("x-token", prefix).is_ambient(), "{prefix}");
    }
}
