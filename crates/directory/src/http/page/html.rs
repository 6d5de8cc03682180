//! Texts of the pages. Whatever comes from the database or from an address goes through [`escape`].

use auth_filter::text::push_form_text;
use serde_json::{Map, Value};

use crate::browse::Credentials;
use crate::entry::{Entry, Reason, Reasons};

/// The style of all pages: a policy names it by its hash.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
body{max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.6rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:1.5rem 0 .3rem}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884;vertical-align:top;overflow-wrap:anywhere}\
th{font-weight:600;width:40%}\
ul{columns:16rem;padding-left:1.2rem}li{overflow-wrap:anywhere}\
input,button{font:inherit;padding:.2rem .5rem}nav{margin:1rem 0}.none{opacity:.65}";

/// Text as HTML shows it, also within an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

/// An address with its query, ready for an attribute.
pub(super) fn link(path: &str, query: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    for (index, (key, value)) in query.iter().enumerate() {
        out.push_str(if index == 0 { "?" } else { "&amp;" });
        out.push_str(key);
        out.push('=');
        push_form_text(&mut out, value);
    }
    out
}

/// A whole page.
pub(super) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{} - directory</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title)
    )
}

/// A page that only says what is wrong.
pub(super) fn refused(text: &str) -> String {
    document(
        "Directory",
        &format!("<h1>Directory</h1>\n<p>{}</p>\n", escape(text)),
    )
}

/// Of one of whom there is no entry.
pub(super) const UNKNOWN: &str = "<p>Nothing is known of this subject: the filter gets 404.</p>\n";

/// The title of the list, and the form that narrows it.
pub(super) fn search(prefix: &str) -> String {
    format!(
        "<h1>Subjects</h1>\n<form><label>Name begins with <input name=\"q\" value=\"{}\"></label> <button>Search</button></form>\n",
        escape(prefix)
    )
}

/// A list of subjects, each with its page.
pub(super) fn subjects(subjects: &[String]) -> String {
    if subjects.is_empty() {
        return "<p>Nobody.</p>\n".to_owned();
    }
    let item = |subject: &String| {
        let (to, shown) = (link("/subject", &[("name", subject)]), escape(subject));
        format!("<li><a href=\"{to}\"><bdi>{shown}</bdi></a></li>\n")
    };
    let items: String = subjects.iter().map(item).collect();
    format!("<ul>\n{items}</ul>\n")
}

/// What is known of a subject.
pub(super) fn entry(entry: &Entry) -> String {
    [
        reasons("Permissions", &entry.permissions),
        reasons("Roles", &entry.roles),
        reasons("Groups", &entry.groups),
        profile(&entry.profile),
    ]
    .concat()
}

/// A table of names and why each is there.
fn reasons(title: &str, what: &Reasons) -> String {
    if what.is_empty() {
        return format!("<h2>{title}</h2>\n<p class=\"none\">None.</p>\n");
    }
    let rows: String = what
        .iter()
        .map(|(name, reasons)| {
            let why: Vec<_> = reasons.iter().map(reason).collect();
            let why = why.join(", ");
            format!(
                "<tr><th scope=\"row\"><bdi>{}</bdi></th><td>{why}</td></tr>\n",
                escape(name)
            )
        })
        .collect();
    format!("<h2>{title}</h2>\n<table>\n{rows}</table>\n")
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Direct => "granted directly".to_owned(),
        Reason::Group(group) => format!("from the group <bdi>{}</bdi>", escape(group)),
        Reason::Role(role) => format!("from the role <bdi>{}</bdi>", escape(role)),
    }
}

fn profile(profile: &Map<String, Value>) -> String {
    if profile.is_empty() {
        return String::new();
    }
    let rows: String = profile
        .iter()
        .map(|(key, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let (key, value) = (escape(key), escape(&value));
            format!("<tr><th scope=\"row\"><bdi>{key}</bdi></th><td><bdi>{value}</bdi></td></tr>\n")
        })
        .collect();
    format!("<h2>Profile</h2>\n<table>\n{rows}</table>\n")
}

/// Which credentials there are, by nothing that would help to use them.
pub(super) fn credentials(credentials: &Credentials) -> String {
    let mut rows = String::new();
    if credentials.password {
        rows.push_str("<tr><th scope=\"row\">Password</th><td>is set</td></tr>\n");
    }
    for key in &credentials.keys {
        let digest: String = key.digest.chars().take(12).collect();
        let groups = if key.groups.is_empty() {
            "no groups".to_owned()
        } else {
            format!("groups: {}", escape(&key.groups.join(", ")))
        };
        let ends = key.expires_at.as_deref().map_or_else(
            || "does not end".to_owned(),
            |ends| format!("ends {}", escape(ends)),
        );
        rows.push_str(&format!(
            "<tr><th scope=\"row\">API key {}...</th><td>{groups}; {ends}</td></tr>\n",
            escape(&digest)
        ));
    }
    if rows.is_empty() {
        return String::new();
    }
    format!("<h2>Credentials</h2>\n<table>\n{rows}</table>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_becomes_markup() {
        assert_eq!(
            escape("<a href='x'>\"&"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;"
        );
        assert_eq!(
            link("/", &[("q", "a&\"<"), ("after", "\u{e9} ")]),
            "/?q=a%26%22%3C&amp;after=%C3%A9%20"
        );
        let page = document("</title><script>", "");
        assert!(!page.contains("<script"), "{page}");
    }
}
