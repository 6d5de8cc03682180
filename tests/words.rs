//! One thing has one name: words that the code had for the same things before are not used for new ones.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption of a test should stop it"
)]

use std::fs;

use lab::files::below;
use lab::tools::workspace;

/// A word that no identifier of the core is, and the word to use.
const REPLACED: &[(&str, &str)] = &[
    ("Asks", "Pending"),
    ("Await", "Pending"),
    ("Blocked", "Unmet"),
    ("ClaimTest", "ClaimCondition"),
    ("Delivery", "Encoding"),
    ("Doubt", "Unmet"),
    ("Guess", "CountedAttempt"),
    ("Hurdle", "Unmet"),
    ("Inquiry", "Authenticator"),
    ("Journal", "AccessLog"),
    ("LEAST", "MIN_TTL, or what it is the minimum of"),
    ("MERCY", "MAX_SKIPS"),
    ("Natural", "Uint"),
    ("Need", "Pending"),
    ("PATIENCE", "FAILURES_BEFORE_BACKOFF"),
    ("PolicyTest", "SelfTest"),
    ("Told", "UpstreamIdentity"),
    ("Verdict", "Unmet"),
    ("Visit", "RequestView"),
    ("Vouched", "TrustedClaims"),
    ("acquit", "refund"),
    ("acquit_all", "refund"),
    ("claim_test", "claim_condition"),
    ("delivery", "encoding"),
    ("forgive", "refund"),
    ("inquiry", "authenticate"),
    ("journal", "access_log"),
    ("lot", "jitter"),
    ("natural", "uint"),
    ("policy_test", "self_test"),
    ("suit", "compile"),
    ("trial", "self_tests"),
    ("wait_alone", "own_callout"),
];

/// Files that are named otherwise now.
const FILES: &[(&str, &str)] = &[
    ("alone", "own_callout"),
    ("claim_test", "claim_condition"),
    ("delivery", "encoding"),
    ("foreign", "the kinds of providers"),
    ("inquiry", "authenticate"),
    ("journal", "access_log"),
    ("natural", "uint"),
    ("overage", "groups_overage"),
    ("policy_test", "self_test"),
    ("together", "sharing"),
    ("trial", "self_tests"),
];

/// The identifiers of a line of code: its comment and what it quotes are left out.
fn identifiers(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap_or_default();
    let unquoted = code.split('"').step_by(2);
    let is_sign = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    unquoted
        .flat_map(|part| part.split(move |letter| !is_sign(letter)))
        .filter(|word| !word.is_empty())
        .collect()
}

/// Where a text uses a word that was replaced.
fn replaced(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in identifiers(line) {
            if let Some((_, better)) = REPLACED.iter().find(|(old, _)| *old == word) {
                found.push(format!("{}: {word}; the word is {better}", number + 1));
            }
        }
    }
    found
}

#[test]
fn the_core_has_one_word_for_each_thing() {
    let all = below(&workspace().join("src"), "rs", &["tests"]).unwrap();
    assert!(all.len() > 100, "{} files", all.len());
    let mut found = Vec::new();
    for path in all {
        let stem = path.file_stem().unwrap().to_string_lossy();
        if let Some((_, better)) = FILES.iter().find(|(old, _)| **old == *stem) {
            found.push(format!("{}: the word is {better}", path.display()));
        }
        let text = fs::read_to_string(&path).unwrap();
        let places = replaced(&text).into_iter();
        found.extend(places.map(|place| format!("{}:{place}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_old_word_is_found_and_a_comment_is_not() {
    assert_eq!(replaced("let a = Verdict::Held; // Doubt\n").len(), 1);
    assert_eq!(replaced("let a = \"Verdict\";\n"), Vec::<String>::new());
}
