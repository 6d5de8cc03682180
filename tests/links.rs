//! Links between the pages of the repository lead somewhere: to a file that is there, and to a heading that it has.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use lab::files::below;
use lab::tools::workspace;

/// Lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The anchor that a heading gets: lower case, without punctuation, with `-` for blanks.
fn anchor(heading: &str) -> String {
    let shown = heading.replace("](", "]\u{0}");
    let mut text = String::new();
    let mut in_target = false;
    for letter in shown.chars() {
        match letter {
            '\u{0}' => in_target = true,
            ')' if in_target => in_target = false,
            _ if in_target => {}
            ' ' => text.push('-'),
            _ if letter.is_alphanumeric() || letter == '-' || letter == '_' => {
                text.extend(letter.to_lowercase());
            }
            _ => {}
        }
    }
    text
}

fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            seen.push(anchor(heading.trim()));
        }
    }
    let numbered = seen.iter().enumerate().map(|(at, name)| {
        let before = seen.iter().take(at).filter(|other| *other == name).count();
        match before {
            0 => name.clone(),
            _ => format!("{name}-{before}"),
        }
    });
    numbered.collect()
}

fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// What of a page's links leads nowhere.
fn broken(page: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for behind in line.split("](").skip(1) {
            let link = behind.split([')', ' ']).next().unwrap_or_default();
            if link.contains(':') || link.is_empty() {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.to_owned(),
                path => normal(&page.parent().unwrap().join(path)),
            };
            let is_page = target.extension().is_some_and(|ending| ending == "md");
            let leads = target.exists()
                && (heading.is_empty()
                    || !is_page
                    || anchors(&fs::read_to_string(&target).unwrap()).contains(heading));
            if !leads {
                found.push(format!("{}:{}: {link}", page.display(), number + 1));
            }
        }
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let all = below(workspace(), "md", &["target", "node_modules"]).unwrap();
    assert!(all.len() > 20, "{} pages", all.len());
    let broken: Vec<String> = all
        .iter()
        .flat_map(|page| broken(page, &fs::read_to_string(page).unwrap()))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_link_to_nothing_is_found() {
    let page = workspace().join("README.md");
    let text = "# A heading, `with` signs\n[a](#a-heading-with-signs) [b](#nothing) [c](nowhere.md) [d](Cargo.toml)\n";
    // The anchors are those of the page as it is.
    assert_eq!(broken(&page, text).len(), 3);
    assert!(anchors(text).contains("a-heading-with-signs"));
}
