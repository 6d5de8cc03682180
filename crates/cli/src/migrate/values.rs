//! Values that Envoy's filters have in common: strings, headers, durations.

use super::matching::{Header, Matching, Path, escape};
use super::source::Node;
use super::terms::Terms;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a `StringMatcher` says, as far as a configuration can say it.
pub(super) enum Text {
    /// The whole.
    Exact(String),
    /// The beginning.
    Prefix(String),
    /// The end.
    Suffix(String),
    /// An expression for the whole.
    Regex(String),
    /// Something else.
    Other,
}

/// How a text becomes what it says.
type Make = fn(String) -> Text;

/// Reads a `StringMatcher`.
pub(super) fn text(node: &Node<'_>) -> Text {
    let ignores_case = node.is_true("ignore_case");
    let kinds: [(&str, Make); 3] = [
        ("exact", Text::Exact),
        ("prefix", Text::Prefix),
        ("suffix", Text::Suffix),
    ];
    let said = kinds
        .into_iter()
        .find_map(|(key, make)| node.text(key).map(make));
    let regex = node.get("safe_regex").and_then(|node| expression(&node));
    let said = said.or_else(|| regex.map(Text::Regex));
    let contains = node.get("contains").is_some() || node.get("custom").is_some();
    match said {
        Some(said) if !ignores_case && !contains => said,
        _ => Text::Other,
    }
}

/// The expression of a `RegexMatcher`.
pub(super) fn expression(node: &Node<'_>) -> Option<String> {
    // The engine's options change nothing that matters here.
    if let Some(engine) = node.get("google_re2") {
        engine.read_all();
    }
    node.text("regex")
}

/// The test of a claim's value, `None` for one that a configuration cannot say.
pub(super) fn claim_condition(text: Text) -> Option<Value> {
    match text {
        Text::Exact(value) => Some(json!(value)),
        Text::Prefix(start) => Some(json!({ "prefix": start })),
        Text::Regex(any) if any == ".*" || any == ".+" => Some(json!({ "present": true })),
        Text::Suffix(_) | Text::Regex(_) | Text::Other => None,
    }
}

/// The condition of a `HeaderMatcher` on the request; unknown where a configuration cannot say it.
pub(super) fn header(node: &Node<'_>) -> Terms {
    let name = node.text("name").unwrap_or_default().to_ascii_lowercase();
    let inverted = node.is_true("invert_match");
    let said = header_text(node);
    let matching = match said {
        None => node
            .text("present_match")
            .map(|there| Matching::of_header(&name, Header::Present(there == "true"))),
        Some(said) => header_value(node, &name, said),
    };
    let odd = node.get("range_match").is_some() || node.is_true("treat_missing_header_as_empty");
    match matching {
        Some(matching)
            if !(odd || name.starts_with(':') && matching.headers.contains_key(&name)) =>
        {
            if inverted {
                Terms::not_request(matching)
            } else {
                Terms::request(matching)
            }
        }
        _ => Terms::unknown(),
    }
}

fn header_text(node: &Node<'_>) -> Option<Text> {
    if let Some(matcher) = node.get("string_match") {
        return Some(text(&matcher));
    }
    let kinds: [(&str, Make); 4] = [
        ("exact_match", Text::Exact),
        ("prefix_match", Text::Prefix),
        ("suffix_match", Text::Suffix),
        ("contains_match", |_| Text::Other),
    ];
    let said = kinds
        .into_iter()
        .find_map(|(key, make)| node.text(key).map(make));
    said.or_else(|| {
        let regex = node.get("safe_regex_match")?;
        expression(&regex).map(Text::Regex)
    })
}

fn header_value(node: &Node<'_>, name: &str, said: Text) -> Option<Matching> {
    match (name, said) {
        (":method", Text::Exact(method)) => Some(Matching::of_method(&method)),
        (":method", Text::Regex(expression)) => methods(&expression),
        (":authority" | "host", Text::Exact(host)) => Some(Matching::of_host(&host)),
        (":authority" | "host", Text::Suffix(end)) if end.starts_with('.') => {
            Some(Matching::of_host(&format!("*{end}")))
        }
        (":path", said) => {
            node.differs("`:path` has the query, and rules look at the path without it");
            path(said).map(Matching::of_path)
        }
        (name, Text::Exact(value)) if !name.starts_with(':') => Some(Matching::of_header(
            name,
            Header::AnyOf(BTreeSet::from([value])),
        )),
        (name, Text::Prefix(start)) if !name.starts_with(':') => {
            Some(Matching::of_header(name, Header::Prefix(start)))
        }
        _ => None,
    }
}

/// `GET|HEAD` as a set of methods.
fn methods(expression: &str) -> Option<Matching> {
    let inner = expression
        .trim_start_matches(['^', '('])
        .trim_end_matches([')', '$']);
    let names: BTreeSet<String> = inner.split('|').map(str::to_owned).collect();
    let plain =
        |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
    names.iter().all(plain).then(|| Matching {
        methods: Some(names),
        ..Matching::any()
    })
}

/// A `StringMatcher` on the path.
pub(super) fn path(said: Text) -> Option<Path> {
    match said {
        Text::Exact(path) => Some(Path::Exact(path)),
        Text::Prefix(start) if start.starts_with('/') => Some(Path::Text(start)),
        Text::Suffix(end) => Some(Path::suffix(&end)),
        Text::Regex(expression) => Some(Path::Regex(expression)),
        Text::Prefix(_) | Text::Other => None,
    }
}

/// A URI template as an expression: `*` and `{name}` are a segment, `**` is any rest.
pub(super) fn template(text: &str) -> Path {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '*']) {
        out.push_str(&escape(&rest[..at]));
        rest = &rest[at..];
        let (held, after) = match rest
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
        {
            Some((name, after)) => (name.split_once('=').map_or(name, |(_, glob)| glob), after),
            None => match rest.strip_prefix("**") {
                Some(after) => ("**", after),
                None => ("*", &rest[1..]),
            },
        };
        out.push_str(if held.contains("**") { ".*" } else { "[^/]+" });
        rest = after;
    }
    out.push_str(&escape(rest));
    Path::Regex(out)
}

/// A duration as Envoy's YAML writes it: `1.5s`, or an object of seconds and nanos.
pub(super) fn duration(node: &Node<'_>) -> Option<String> {
    let millis = match node.value() {
        Value::String(text) => {
            let (number, factor) = match text.strip_suffix("ms") {
                Some(number) => (number, 1.0),
                None => {
                    let units = [('s', 1e3), ('m', 6e4), ('h', 3.6e6)];
                    let unit = units.iter().find(|(unit, _)| text.ends_with(*unit))?;
                    (&text[..text.len() - 1], unit.1)
                }
            };
            number.parse::<f64>().ok()? * factor
        }
        _ => {
            let part = |name: &str| node.text(name).and_then(|text| text.parse::<f64>().ok());
            part("seconds").unwrap_or(0.0) * 1e3 + part("nanos").unwrap_or(0.0) / 1e6
        }
    };
    let millis: u64 = format!("{:.0}", millis.round()).parse().ok()?;
    Some(if millis.is_multiple_of(1000) {
        format!("{}s", millis / 1000)
    } else {
        format!("{millis}ms")
    })
}
