//! Changes of everything but the path itself.

use super::draft::{Draft, HOST, VIRTUAL};
use super::judge::{FORGED, OWNED};
use crate::soak::random::Random;

/// Paths that a header may name in the place of the request's own.
const ELSEWHERE: [&str; 10] = [
    "/admin",
    "/admin/users",
    "/exact",
    "/users/alice",
    "/users/bob",
    "/items/7",
    "/public",
    "//x/admin",
    "http://api.example.com/admin",
    "/Admin",
];

/// A name with other bytes between its words, and other cases.
fn spelled(name: &str, random: &mut Random) -> Vec<u8> {
    let between = random.pick(&[
        "-", "_", ".", "_", ".", "+", "~", "!", "*", "'", "`", "|", "^", "&", "%", "$", "#",
    ]);
    let mut out = Vec::new();
    for byte in name.bytes() {
        match byte {
            b'-' if random.below(4) > 0 => out.extend(between.bytes()),
            byte if random.one_in(5) => out.push(byte.to_ascii_uppercase()),
            byte => out.push(byte),
        }
    }
    out
}

pub(super) fn original_url(draft: &mut Draft, random: &mut Random) {
    let name = random.pick(&[
        "x-original-url",
        "x-rewrite-url",
        "X-Original-URL",
        "x-original-uri",
        "x-forwarded-uri",
    ]);
    let name = if random.one_in(3) {
        spelled(name, random)
    } else {
        name.into()
    };
    let value = random.pick(&ELSEWHERE);
    if random.one_in(4) {
        draft.header(name.clone(), random.pick(&ELSEWHERE));
    }
    draft.header(name, value);
    if random.one_in(2) {
        draft.path = b"/public".to_vec();
    }
}

pub(super) fn script_name(draft: &mut Draft, random: &mut Random) {
    let name = random.pick(&[
        "script-name",
        "path-info",
        "script_name",
        "path_info",
        "Script.Name",
        "x-script-name",
        "x-forwarded-prefix",
        "SCRIPT_NAME",
        "PATH_INFO",
        "request-uri",
        "REQUEST_URI",
        "x-forwarded-path",
    ]);
    let prefix = random.pick(&["/public", "/reports", "/other", "/users", "/"]);
    let name = if random.one_in(4) {
        spelled(name, random)
    } else {
        name.into()
    };
    let value = random.pick(&[prefix, prefix, "/admin", "/x", ""]);
    draft.header(name, value);
    let mut path = prefix.as_bytes().to_vec();
    path.extend(&draft.path);
    draft.path = path;
}

pub(super) fn query_path(draft: &mut Draft, random: &mut Random) {
    let name = random.pick(&[
        "rest_route",
        "q",
        "q",
        "rest.route",
        "rest%5froute",
        "rest+route",
        "rest[route",
        "Rest_Route",
        "%71",
        "+q",
        "%20q",
        "q%00",
        "q%00x",
        "q[]",
        "q[",
        "Q",
        "qq",
    ]);
    let value: String = String::from_utf8_lossy(&draft.path).into_owned();
    let value = match random.below(9) {
        0 => value.trim_start_matches('/').to_owned(),
        1 => value.replace('/', "%2f"),
        2 => value.replace('/', "%252f"),
        3 => value.replace('a', "%61"),
        4 => format!("/{value}"),
        5 => format!("{value}/"),
        6 => format!("{value}+"),
        7 => format!("/public/..{value}"),
        _ => value,
    };
    if random.one_in(3) {
        draft.parameter(&format!("{name}=/public"), "&");
    }
    draft.parameter(&format!("{name}={value}"), random.pick(&["&", ";", "&&"]));
    if random.one_in(3) {
        draft.parameter("q=/public", "&");
    }
    draft.path = random
        .pick(&["/", "/public", "/index.php", "/other"])
        .into();
}

pub(super) fn authority_port(draft: &mut Draft, random: &mut Random) {
    let port = random.pick(&[
        ":",
        ":0",
        ":80",
        ":080",
        ":443",
        ":65535",
        ":65536",
        ":99999999999",
        ":80:80",
        "::",
        ":+80",
        ":-1",
        ":x",
        ": 80",
        ":80 ",
        ":0x50",
        ":８０",
        ":%38%30",
        ":80.",
        ".:80",
        ".:",
    ]);
    draft.authority.extend(port.as_bytes());
}

pub(super) fn authority_dot(draft: &mut Draft, random: &mut Random) {
    match random.below(4) {
        0 => drop(draft.authority.splice(0..0, *b".")),
        1 => draft.authority.extend(b".."),
        2 => {
            if let Some(at) = draft.authority.iter().position(|byte| *byte == b'.') {
                draft.authority.insert(at, b'.');
            }
        }
        _ => draft.authority.push(b'.'),
    }
}

pub(super) fn authority_case(draft: &mut Draft, random: &mut Random) {
    let all = random.one_in(3);
    for byte in &mut draft.authority {
        if all || random.one_in(3) {
            byte.make_ascii_uppercase();
        }
    }
}

pub(super) fn authority_user(draft: &mut Draft, random: &mut Random) {
    let held = String::from_utf8_lossy(&draft.authority).into_owned();
    draft.authority = match random.below(6) {
        0 => format!("x@{held}"),
        1 => format!("x:y@{held}"),
        2 => format!("{HOST}@{held}"),
        3 => format!("{held}@{HOST}"),
        4 => format!("{HOST}:80@{held}"),
        _ => format!("@{held}"),
    }
    .into_bytes();
}

pub(super) fn authority_byte(draft: &mut Draft, random: &mut Random) {
    let held = String::from_utf8_lossy(&draft.authority).into_owned();
    let text = match random.below(14) {
        0 => held.replacen('.', "%2e", 1),
        1 => held.replacen('.', "。", 1),
        2 => held.replacen('.', "．", 1),
        3 => format!("{held},{HOST}"),
        4 => format!("{HOST},{held}"),
        5 => format!("{held}/"),
        6 => format!("{held}\\"),
        7 => format!("{held}#"),
        8 => format!("{held}?"),
        9 => format!("{held} "),
        10 => format!("\t{held}"),
        11 => format!("{held}%00"),
        12 => held.replacen('i', "ı", 1),
        _ => format!("[{held}]"),
    };
    draft.authority = text.into_bytes();
}

pub(super) fn authority_twice(draft: &mut Draft, random: &mut Random) {
    let name = random.pick(&["host", "Host", "HOST"]);
    let other = random.pick(&[HOST, VIRTUAL, "", "admin.example.com:80"]);
    if random.one_in(2) {
        draft.headers.insert(0, (name.into(), other.into()));
    } else {
        draft.header(name, other);
    }
}

pub(super) fn forwarded_host(draft: &mut Draft, random: &mut Random) {
    let host = random.pick(&[
        VIRTUAL,
        VIRTUAL,
        HOST,
        "admin.example.com:",
        "Admin.Example.com.",
        "x, admin.example.com",
        "admin.example.com, x",
    ]);
    let name = random.pick(&[
        "x-forwarded-host",
        "X-Forwarded-Host",
        "x-host",
        "x-original-host",
        "forwarded",
        "x-forwarded-server",
    ]);
    let value = match (name, random.below(3)) {
        ("forwarded", 0) => format!("host=\"{host}\""),
        ("forwarded", 1) => format!("for=1.2.3.4; Host={host};proto=http"),
        ("forwarded", _) => format!("host={host}"),
        (_, 0) => format!(" {host}"),
        _ => host.to_owned(),
    };
    let name = if random.one_in(4) {
        spelled(name, random)
    } else {
        name.into()
    };
    draft.header(name, value);
    draft.authority = HOST.into();
}

pub(super) fn method_case(draft: &mut Draft, random: &mut Random) {
    if random.below(4) > 0 {
        draft.method = b"DELETE".to_vec();
    }
    let all = random.one_in(2);
    for byte in &mut draft.method {
        if all || random.one_in(2) {
            byte.make_ascii_lowercase();
        }
    }
}

pub(super) fn method_header(draft: &mut Draft, random: &mut Random) {
    let name = random.pick(&[
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "X-HTTP-Method-Override",
        "x-method",
        "_method",
    ]);
    let name = if random.one_in(3) {
        spelled(name, random)
    } else {
        name.into()
    };
    let value = random.pick(&[
        "DELETE",
        "delete",
        "Delete",
        " DELETE ",
        "DELETE,GET",
        "GET, DELETE",
        "DELETE;",
        "\"DELETE\"",
    ]);
    if random.one_in(4) {
        draft.header(name.clone(), "GET");
    }
    draft.header(name, value);
    draft.method = random.pick(&["POST", "POST", "POST", "GET"]).into();
}

pub(super) fn method_query(draft: &mut Draft, random: &mut Random) {
    let pair = random.pick(&[
        "_method=DELETE",
        "_method=delete",
        "_Method=DELETE",
        "_METHOD=DELETE",
        "%5fmethod=DELETE",
        "_%6dethod=DELETE",
        "_method=%44ELETE",
        "_method[]=DELETE",
        "_method[0]=DELETE",
        "_method%5b%5d=DELETE",
        "_method=+DELETE",
        "_method=DELETE+",
        "_method=%20DELETE",
        "_method=GET&_method=DELETE",
        "_method=DELETE&_method=GET",
        "_method=DELETE%00",
        "+_method=DELETE",
        "_method%00=DELETE",
        "_method.x=DELETE",
        ".method=DELETE",
        "_method=DELETE#",
        "?_method=DELETE",
    ]);
    let delimiter = random.pick(&["&", ";", "&&", "?"]);
    if random.one_in(2) {
        draft.parameter("a=1", "&");
    }
    draft.parameter(pair, delimiter);
    draft.method = random.pick(&["POST", "POST", "POST", "GET"]).into();
}

pub(super) fn method_other(draft: &mut Draft, random: &mut Random) {
    let method = random.pick(&[
        "HEAD", "OPTIONS", "PATCH", "PUT", "PURGE", "PROPFIND", "DELETE", "GETX", "REPORT",
        "M-SEARCH", "DELETED",
    ]);
    draft.method = method.into();
    // The answer to it has no body, and of a head in HTTP/2 only the status is read here.
    draft.is_http1 |= method == "HEAD";
}

/// A header of the filter's, with a value that it never gives.
fn owned(random: &mut Random) -> (&'static str, String) {
    let any = random.pick(&OWNED);
    let name = random.pick(&["x-auth-user-id", "x-auth-groups", any]);
    let value = random.pick(&["root", "admin", "x", "alice"]);
    (name, format!("{FORGED}{value}"))
}

pub(super) fn identity_header(draft: &mut Draft, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let (name, value) = owned(random);
        let mut name = name.as_bytes().to_vec();
        if random.one_in(2) {
            name.iter_mut()
                .filter(|_| random.one_in(3))
                .for_each(u8::make_ascii_uppercase);
        }
        draft.header(name, value);
    }
}

pub(super) fn identity_fold(draft: &mut Draft, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let (name, value) = owned(random);
        let name = spelled(name, random);
        draft.header(name, value);
    }
}

pub(super) fn identity_trailer(draft: &mut Draft, random: &mut Random) {
    for _ in 0..=random.below(2) {
        let (name, value) = owned(random);
        let name = if random.one_in(2) {
            name.into()
        } else {
            spelled(name, random)
        };
        draft.trailers.push((name, value.into_bytes()));
    }
    if matches!(&draft.method[..], b"GET" | b"HEAD") {
        draft.method = b"POST".to_vec();
    }
}

pub(super) fn identity_connection(draft: &mut Draft, random: &mut Random) {
    let name = random.pick(&OWNED);
    let value = match random.below(5) {
        0 => name.to_owned(),
        1 => format!("keep-alive, {name}"),
        2 => format!("Upgrade, {name}"),
        3 => format!("{name}, authorization"),
        _ => format!("close,{}", name.to_uppercase()),
    };
    if value.starts_with("Upgrade") {
        draft.header("Upgrade", random.pick(&["websocket", "h2c", "x"]));
    }
    if random.one_in(3) {
        draft.header("connection", "keep-alive");
    }
    draft.header(
        random.pick(&["connection", "Connection", "proxy-connection", "te"]),
        value,
    );
    // The header does not exist in HTTP/2 (RFC 9113 §8.2.2).
    draft.is_http1 = true;
}

pub(super) fn token_query(draft: &mut Draft, random: &mut Random) {
    let name = random.pick(&[
        "access_token",
        "access_token[]",
        "access_token[0]",
        "access_token[x]",
        "access.token",
        "access%5ftoken",
        "access_token%5b%5d",
        "Access_Token",
        "ACCESS_TOKEN",
        "access+token",
        "access%20token",
        "+access_token",
        "%20access_token",
        "access_token%00",
        "access[token",
        "access_token[",
        "access_token.x",
        "a[access_token]",
        "access_token]",
    ]);
    let delimiter = random.pick(&["&", ";", "&&", "&", "?"]);
    if random.one_in(2) {
        draft.parameter("a=1", "&");
    }
    draft.parameter(&format!("{name}={FORGED}token"), delimiter);
    if random.one_in(4) {
        draft.parameter("b=2", delimiter);
    }
}
