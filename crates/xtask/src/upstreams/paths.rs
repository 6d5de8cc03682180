//! Changes of the path.

use super::draft::{Draft, HOST, VIRTUAL};
use crate::soak::random::Random;

/// Puts it behind a path that another rule is for.
fn behind(draft: &mut Draft, random: &mut Random, joint: &[u8]) {
    let before = random.pick(&["/public", "/reports", "/other"]);
    let mut path = before.as_bytes().to_vec();
    path.extend(joint);
    path.extend(&draft.path);
    draft.path = path;
}

pub(super) fn leading_slashes(draft: &mut Draft, random: &mut Random) {
    let before = random.pick(&[
        "/",
        "//",
        "//x",
        "//public",
        "//reports",
        "//admin.example.com",
        "//api.example.com:80",
        "//x@y",
        "///x",
        "/.",
        "/%2f",
        "/\\",
        "\\",
        "//:0",
        "//[::1]",
        "//x:y@z",
        "//%61",
    ]);
    draft.insert(0, before.as_bytes());
}

pub(super) fn double_slash(draft: &mut Draft, random: &mut Random) {
    if random.one_in(3) {
        behind(draft, random, b"/");
        return;
    }
    let with = random.pick(&["//", "///", "/%2f", "//////"]);
    if let Some(at) = draft.some(random, |byte| byte == b'/') {
        draft.replace(at, with.as_bytes());
    }
}

pub(super) fn dot_segment(draft: &mut Draft, random: &mut Random) {
    let dots = random.pick(&[
        "/.",
        "/./.",
        "/%2e",
        "/x/..",
        "/x/%2e%2e",
        "/x/.%2E",
        "/x/%2e.",
        "/..",
    ]);
    if random.one_in(2) {
        let dots = dots.replace("/x", "");
        behind(draft, random, dots.as_bytes());
        return;
    }
    let ends = draft.ends();
    let at = if random.one_in(2) {
        0
    } else {
        random.pick(&ends)
    };
    draft.insert(at, dots.as_bytes());
}

pub(super) fn odd_dots(draft: &mut Draft, random: &mut Random) {
    let joint = random.pick(&[
        "/..%20",
        "/.. ",
        "/..;",
        "/..;x",
        "/%2e%2e;",
        "/..%00",
        "/..%0a",
        "/..%09",
        "/...",
        "/....",
        "/..%5c",
        "/..\\",
        "/%252e%252e",
        "/.%00.",
        "/. .",
        "/%2e%20%2e",
        "/..::$INDEX_ALLOCATION",
        "/..%3b",
        "/..%2f",
        "/..%c0%af",
        "/..%ef%bc%8f",
        "/%ef%bc%8e%ef%bc%8e",
        "/..%u2215",
        "/..+",
        "/..%a0",
        "/..%c2%a0",
    ]);
    behind(draft, random, joint.as_bytes());
}

pub(super) fn encoded_slash(draft: &mut Draft, random: &mut Random) {
    let slash = random.pick(&[
        "%2f",
        "%2F",
        "%252f",
        "%25%32%66",
        "%5c",
        "\\",
        "%255c",
        "%2f/",
        "/%2f",
        "%c0%af",
        "%u2215",
        "%e2%88%95",
        "%2f%2f",
    ]);
    if random.one_in(3) {
        let joint = random.pick(&["%2f..", "%2f.", "%2f%2e%2e", "/..%2f", "%5c..", ""]);
        behind(draft, random, joint.as_bytes());
    }
    let first = random.one_in(4);
    if let Some(at) = draft.some(random, |byte| byte == b'/') {
        draft.replace(if first { 0 } else { at }, slash.as_bytes());
    }
}

pub(super) fn parameters(draft: &mut Draft, random: &mut Random) {
    if random.one_in(4) {
        let joint = random.pick(&["/;", ";", "/..;", "/..;/", ";/..", "/x;/..", ";x=/.."]);
        behind(draft, random, joint.as_bytes());
        return;
    }
    let with = random.pick(&[
        ";",
        ";x",
        ";x=1",
        ";x=/",
        "%3b",
        "%3Bx",
        ";.json",
        ";/",
        ";%2f",
        ";jsessionid=0",
        ",x",
        "%253b",
        ":x",
        "!x",
        "@x",
        "&x",
        "=",
        "$",
        ";;",
        ";a;b",
    ]);
    let ends = draft.ends();
    let at = if random.one_in(4) {
        1
    } else {
        random.pick(&ends)
    };
    draft.insert(at, with.as_bytes());
}

pub(super) fn case(draft: &mut Draft, random: &mut Random) {
    match random.below(4) {
        0 => draft.path.make_ascii_uppercase(),
        1 => {
            for byte in &mut draft.path {
                if random.one_in(2) {
                    byte.make_ascii_uppercase();
                }
            }
        }
        _ => {
            if let Some(at) = draft.some(random, |byte| byte.is_ascii_lowercase()) {
                draft.path[at].make_ascii_uppercase();
            }
        }
    }
}

pub(super) fn segment_end(draft: &mut Draft, random: &mut Random) {
    let end = random.pick(&[
        ".",
        "..",
        "...",
        "%20",
        "%20.",
        ".%20",
        "+",
        "%00",
        "%0a",
        "%0d",
        "%09",
        "::$DATA",
        "::$INDEX_ALLOCATION",
        ":",
        "~",
        "%2e",
        "%252e",
        "%2520",
        "%a0",
        "%c2%a0",
        "%e3%80%80",
        "%e2%80%8b",
        "%ad",
        "%c2%ad",
        "*",
        "$",
        "\"",
        "<",
        ">",
        "|",
        "^",
        "`",
        "{",
        "}",
        "%7f",
        "%22",
        "_",
        "-",
    ]);
    let ends = draft.ends();
    let at = random.pick(&ends);
    draft.insert(at, end.as_bytes());
}

pub(super) fn final_slash(draft: &mut Draft, random: &mut Random) {
    let end = random.pick(&[
        "/", "//", "/.", "/%2e", "%2f", "/%2f", "/;", "/;x", "/%20", "/..", "/x/..", "\\", "%5c",
        "/?",
    ]);
    draft.path.extend(end.as_bytes());
}

pub(super) fn suffix(draft: &mut Draft, random: &mut Random) {
    let suffix = random.pick(&[
        ".json",
        ".html",
        ".xml",
        ".JSON",
        ".js",
        ".php",
        ".a",
        ".12345678",
        ".json/",
        ".json.html",
        ".j%73on",
        "%2ejson",
        ".json;x",
        ";.json",
        ".json%20",
        ".js.",
        "/.json",
        ".json%2f",
        ".tar.gz",
        ".123456789",
        ".a-b",
        ".x_y",
        ".%6a",
        ".é",
        ".a%20b",
        ".verylongsuffix",
        ".a%2fb",
    ]);
    let ends = draft.ends();
    let last = draft.path.len();
    let at = if random.one_in(4) {
        random.pick(&ends)
    } else {
        last
    };
    draft.insert(at, suffix.as_bytes());
}

pub(super) fn overlong(draft: &mut Draft, random: &mut Random) {
    if random.one_in(3) {
        let joint = random.pick(&[
            "/%c0%ae%c0%ae",
            "/%e0%80%ae%e0%80%ae",
            "/%c0%2e%c0%2e",
            "%c0%af..",
            "/%f0%80%80%ae.",
        ]);
        behind(draft, random, joint.as_bytes());
        return;
    }
    let Some(at) = draft.some(random, |_| true) else {
        return;
    };
    let byte = draft.path[at];
    let text = match random.below(3) {
        0 => format!("%{:02x}%{:02x}", 0xc0 | byte >> 6, 0x80 | byte & 0x3f),
        1 => format!("%e0%{:02x}%{:02x}", 0x80 | byte >> 6, 0x80 | byte & 0x3f),
        _ => format!("%f0%80%{:02x}%{:02x}", 0x80 | byte >> 6, 0x80 | byte & 0x3f),
    };
    draft.replace(at, text.as_bytes());
}

pub(super) fn fullwidth(draft: &mut Draft, random: &mut Random) {
    let others = [
        ('k', '\u{212a}'),
        ('s', '\u{17f}'),
        ('i', '\u{131}'),
        ('i', '\u{130}'),
        ('a', '\u{aa}'),
        ('o', '\u{ba}'),
    ];
    let Some(at) = draft.some(random, |byte| byte.is_ascii_graphic()) else {
        return;
    };
    let byte = draft.path[at];
    let fits: Vec<char> = others
        .iter()
        .filter(|(plain, _)| *plain == char::from(byte))
        .map(|(_, other)| *other)
        .collect();
    let wide = char::from_u32(u32::from(byte) + 0xfee0).unwrap_or('x');
    let letter = if fits.is_empty() || random.one_in(2) {
        wide
    } else {
        random.pick(&fits)
    };
    let mut utf8 = [0; 4];
    let utf8 = letter.encode_utf8(&mut utf8).as_bytes();
    let text = if random.one_in(4) {
        utf8.to_vec()
    } else {
        encoded(utf8)
    };
    draft.replace(at, &text);
}

pub(super) fn encoded_letter(draft: &mut Draft, random: &mut Random) {
    let Some(at) = draft.some(random, |byte| byte.is_ascii_graphic()) else {
        return;
    };
    let byte = draft.path[at];
    let text = match random.below(7) {
        0 => format!("%u00{byte:02x}"),
        1 => format!("%U00{byte:02X}"),
        2 => format!("%{:x}", byte >> 4),
        3 => format!("%{byte:02X}"),
        4 => format!("\\x{byte:02x}"),
        5 => format!("&#{byte};"),
        _ => format!("%{byte:02x}"),
    };
    draft.replace(at, text.as_bytes());
}

pub(super) fn encoded_twice(draft: &mut Draft, random: &mut Random) {
    let Some(at) = draft.some(random, |byte| byte.is_ascii_graphic()) else {
        return;
    };
    let byte = draft.path[at];
    let text = match random.below(4) {
        0 => format!("%2525{byte:02x}"),
        1 => format!("%25%{:02x}%{:02x}", hex(byte >> 4), hex(byte & 15)),
        2 => format!("%%{:02x}{:x}", hex(byte >> 4), byte & 15),
        _ => format!("%25{byte:02x}"),
    };
    draft.replace(at, text.as_bytes());
}

pub(super) fn unicode(draft: &mut Draft, random: &mut Random) {
    let letter = random.pick(&[
        '\u{301}',
        '\u{200b}',
        '\u{200d}',
        '\u{feff}',
        '\u{ad}',
        '\u{2024}',
        '\u{2025}',
        '\u{2026}',
        '\u{2215}',
        '\u{2044}',
        '\u{ff0f}',
        '\u{ff0e}',
        '\u{ff3c}',
        '\u{fe68}',
        '\u{3002}',
        '\u{2fee}',
        '\u{1d41a}',
        '\u{24d0}',
        '\u{e9}',
        '\u{10ffff}',
        '\u{fffd}',
        '\u{85}',
        '\u{a0}',
        '\u{2028}',
        '\u{3000}',
        '\u{0430}',
    ]);
    let mut utf8 = [0; 4];
    let utf8 = letter.encode_utf8(&mut utf8).as_bytes();
    let text = if random.one_in(4) {
        utf8.to_vec()
    } else {
        encoded(utf8)
    };
    let at = random.below(draft.path.len() as u64 + 1) as usize;
    if random.one_in(2) {
        draft.replace(at.max(1), &text);
    } else {
        draft.insert(at.max(1), &text);
    }
}

pub(super) fn control(draft: &mut Draft, random: &mut Random) {
    let text = random.pick(&[
        "%00",
        "%0a",
        "%0d",
        "%0d%0a",
        "%09",
        "%1f",
        "%7f",
        "%0b",
        "%0c",
        "\t",
        "\u{b}",
        "%2500",
        "%80",
        "%ff",
        "%C2%85",
        "%0d%0ax-auth-groups:%20admin",
        " ",
        "%08%08",
    ]);
    let at = random.below(draft.path.len() as u64 + 1) as usize;
    draft.insert(at, text.as_bytes());
}

pub(super) fn query_mark(draft: &mut Draft, random: &mut Random) {
    let text = random.pick(&[
        "%3f",
        "%3F",
        "%23",
        "#",
        "#x",
        "?",
        "??",
        "%253f",
        "%3f.json",
        "?/..",
        "#?",
        "?#",
        "%3fx=/../",
        "%3f_method=DELETE",
        "%3F_method=DELETE",
        "%253f_method=DELETE",
        "%3frest_route=/admin",
        "&",
        "%26",
        "?x=%2f..%2fadmin",
        "?%2fadmin",
    ]);
    match random.below(3) {
        0 => behind(draft, random, text.as_bytes()),
        1 => draft.path.extend(text.as_bytes()),
        _ => {
            let ends = draft.ends();
            let at = random.pick(&ends);
            draft.insert(at, text.as_bytes());
        }
    }
}

pub(super) fn absolute_form(draft: &mut Draft, random: &mut Random) {
    let scheme = random.pick(&[
        "http://", "https://", "HTTP://", "ws://", "http:", "http:/", "ftp://", "//", "http:///",
    ]);
    let host = random.pick(&[
        HOST,
        VIRTUAL,
        "admin.example.com:",
        "admin.example.com:80",
        "x@admin.example.com",
        "Admin.Example.com",
        "",
        "admin.example.com.",
        "api.example.com\\@admin.example.com",
        "api.example.com#@admin.example.com",
        "127.0.0.1",
    ]);
    draft.origin = format!("{scheme}{host}").into_bytes();
    if random.one_in(8) {
        draft.path.clear();
    }
    draft.is_http1 = random.below(8) > 0;
}

pub(super) fn front_controller(draft: &mut Draft, random: &mut Random) {
    let front = random.pick(&[
        "/index.php",
        "/index.php",
        "/index.php",
        "/index.php/",
        "/index.php/index.php",
        "/index.php/public",
        "/index.php/.",
        "/index.php;x",
        "/index.php%2f",
        "/index%2ephp",
        "/%69ndex.php",
        "/%2569ndex.php",
        "//index.php",
        "/Index.php",
        "/INDEX.PHP",
        "/index.php%20",
        "/index.php.",
        "/index.phpx",
        "/index.php/x/..",
        "/public/index.php",
        "/app.php",
    ]);
    draft.insert(0, front.as_bytes());
}

pub(super) fn any_byte(draft: &mut Draft, random: &mut Random) {
    let byte = random.below(256) as u8;
    let text = if random.one_in(2) {
        encoded(&[byte])
    } else {
        vec![byte]
    };
    let at = random.below(draft.path.len() as u64 + 1) as usize;
    if random.one_in(2) {
        draft.replace(at, &text);
    } else {
        draft.insert(at, &text);
    }
}

fn encoded(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| format!("%{byte:02x}").into_bytes())
        .collect()
}

fn hex(digit: u8) -> u8 {
    if digit < 10 {
        b'0' + digit
    } else {
        b'a' + digit - 10
    }
}
