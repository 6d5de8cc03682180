use super::*;

const REACH: Reach = Reach {
    headers: true,
    target: true,
};

fn header(name: &str, prefix: &str) -> Location {
    Location::Header {
        name: name.into(),
        prefix: prefix.to_owned(),
    }
}

/// The places of four providers, of which the last forwards.
fn places() -> Places {
    let users = [
        Location::bearer(),
        Location::Cookie("session".into()),
        Location::Parameter("access_token".into()),
        Location::WebSocket,
    ];
    Places::of([
        (&users[..], false),
        (&[header("x-api-key", "")], false),
        (&[Location::basic()], false),
        (&[header("x-legacy", ""), Location::bearer()], true),
    ])
}

fn gone(head: &Headers, which: Emptying<'_>) -> Vec<String> {
    let emptied = places().emptied(head, which, REACH);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let removed = emptied.remove.iter().map(|name| format!("-{}", text(name)));
    let mut gone: Vec<String> = removed.collect();
    if let Some(name) = emptied.credential {
        let is_held = |which| matches!(which, Emptying::Beside { held, .. } if matches!(held.location, Location::Header { name: own, .. } if *own == name));
        gone.push(format!("{}{name}", if is_held(which) { "=" } else { "-" }));
    }
    gone.sort_unstable();
    let set = emptied.set.iter();
    gone.extend(set.map(|(name, value)| format!("{name}: {}", text(value))));
    gone
}

fn everything() -> Headers {
    Headers::from_pairs(&[
        (":path", "/a?x=1&access_token=t&Access.Token[]=u&y"),
        ("authorization", "Bearer forged"),
        ("X-API-Key", "k"),
        ("x_api_key", "k2"),
        ("x_api_key", "k3"),
        ("x.legacy", "l"),
        ("x-legacy", "l"),
        ("x-other", "o"),
        ("cookie", "a=1; session=s; b=2; SESSION=s2"),
        ("sec-websocket-protocol", "chat, bearer, w"),
    ])
}

#[test]
fn whatever_stands_where_a_provider_looks_goes_unless_it_held() {
    let head = everything();
    let target = ":path: /a?x=1&y";
    let cookie = "cookie: a=1; b=2";
    let protocol = "sec-websocket-protocol: chat, bearer";
    let rest = [target, cookie, protocol];
    let twins = [
        "-X-API-Key",
        "-authorization",
        "-x-legacy",
        "-x.legacy",
        "-x_api_key",
    ];
    assert_eq!(gone(&head, Emptying::All), [&twins[..], &rest].concat());
    let held = |token: &'static str, location: &'static str| -> (Location, &str) {
        let location = match location {
            "session" => Location::Cookie("session".into()),
            "access_token" => Location::Parameter("access_token".into()),
            "protocol" => Location::WebSocket,
            name => header(name, ""),
        };
        (location, token)
    };
    for (token, place, forward, want) in [
        (
            "k",
            "x-api-key",
            false,
            vec![
                "-authorization",
                "-x-legacy",
                "-x.legacy",
                "-x_api_key",
                "=x-api-key",
                target,
                cookie,
                protocol,
            ],
        ),
        // Another spelling of its name is not what held.
        (
            "k",
            "x-api-key",
            true,
            vec![
                "-authorization",
                "-x-legacy",
                "-x.legacy",
                "-x_api_key",
                target,
                cookie,
                protocol,
            ],
        ),
        (
            "l",
            "x-legacy",
            true,
            vec![
                "-X-API-Key",
                "-authorization",
                "-x.legacy",
                "-x_api_key",
                target,
                cookie,
                protocol,
            ],
        ),
        ("s", "session", false, [&twins[..], &rest].concat()),
        // Nor is another value of its cookie.
        (
            "s2",
            "session",
            true,
            [
                &twins[..],
                &[target, "cookie: a=1; b=2; SESSION=s2", protocol],
            ]
            .concat(),
        ),
        (
            "t",
            "access_token",
            true,
            [&twins[..], &[cookie, protocol]].concat(),
        ),
        (
            "w",
            "protocol",
            true,
            [&twins[..], &[target, cookie]].concat(),
        ),
    ] {
        let (location, token) = held(token, place);
        let held = Credential {
            token: token.into(),
            location: &location,
        };
        let held = &held;
        assert_eq!(
            gone(
                &head,
                Emptying::Beside {
                    held,
                    forward,
                    foreign: None
                }
            ),
            want,
            "{place}"
        );
    }
}

#[test]
fn where_nobody_has_looked_headers_go_but_those_that_are_forwarded() {
    let want = ["-X-API-Key", "-authorization", "-x_api_key"];
    assert_eq!(gone(&everything(), Emptying::Unasked), want);
}

#[test]
fn other_schemes_and_other_headers_stay() {
    for (value, goes) in [
        ("Negotiate abc", false),
        ("AWS4-HMAC-SHA256 Credential=x", false),
        ("bearer x", true),
        ("Bearer", true),
        ("Basic YTpi", true),
        ("Negotiate abc, Bearer forged", true),
    ] {
        let head = Headers::from_pairs(&[("authorization", value), (":path", "/access_token=1?x")]);
        for which in [Emptying::All, Emptying::Unasked] {
            assert_eq!(
                gone(&head, which),
                if goes { vec!["-authorization"] } else { vec![] }
            );
        }
    }
    let two = [
        ("authorization", "Negotiate x"),
        ("authorization", "Bearer forged"),
    ];
    let head = Headers::from_pairs(&two);
    assert_eq!(gone(&head, Emptying::All), ["-authorization"]);
}

#[test]
fn a_host_is_asked_for_nothing_that_it_cannot_do() {
    let reach = |headers, target| {
        let reach = Reach { headers, target };
        let emptied = places().emptied(&everything(), Emptying::All, reach);
        let headers = emptied.remove.len() + usize::from(emptied.credential.is_some());
        (headers, emptied.set.len())
    };
    assert_eq!(reach(true, false), (5, 2));
    assert_eq!(reach(false, true), (0, 1));
    assert_eq!(reach(false, false), (0, 0));
}
