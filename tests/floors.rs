//! The modules of the core stand on floors, as the documentation of `src/lib.rs` lists them: each uses what is below it, so
//! that none can be understood only together with another that stands on it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use lab::files::below;

fn source() -> PathBuf {
    lab::tools::workspace().join("src")
}

/// The floor of each module, from the ground up: a list under "# Floors".
fn floors(lib: &str) -> BTreeMap<String, usize> {
    let docs = lib.lines().filter_map(|line| line.strip_prefix("//!"));
    let section = docs.skip_while(|line| line.trim() != "# Floors").skip(1);
    let section = section.take_while(|line| !line.trim().starts_with('#'));
    let rows = section.filter_map(|line| line.trim().strip_prefix("- "));
    let mut floors = BTreeMap::new();
    for (floor, row) in rows.enumerate() {
        for name in row.split('`').skip(1).step_by(2) {
            let before = floors.insert(name.to_owned(), floor);
            assert_eq!(before, None, "{name} stands on two floors");
        }
    }
    floors
}

/// The modules that `lib.rs` declares.
fn declared(lib: &str) -> BTreeSet<String> {
    let names = lib.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    names.map(str::to_owned).collect()
}

/// The text of a file without comments and without what is compiled for tests only.
fn product(text: &str) -> String {
    let mut out = String::new();
    let mut skips_to = None;
    let mut is_of_tests = false;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if let Some(closes_at) = skips_to {
            if indent == closes_at && line.trim_start().starts_with('}') {
                skips_to = None;
            }
            continue;
        }
        let code = line.split("//").next().unwrap_or_default();
        if code.trim() == "#[cfg(test)]" {
            is_of_tests = true;
        } else if is_of_tests && !code.trim().is_empty() && !code.trim_start().starts_with('#') {
            is_of_tests = false;
            if code.trim_end().ends_with('{') {
                skips_to = Some(indent);
            }
        } else {
            out.push_str(code);
            out.push('\n');
        }
    }
    out
}

/// Files of modules that are compiled for tests only, by the `mod` lines above them.
fn is_for_tests(path: &Path) -> bool {
    let source = source();
    let mut path = path.to_owned();
    while path != source {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let folder = path.parent().unwrap();
        let parents = [folder.with_extension("rs"), folder.join("lib.rs")];
        let declared = parents
            .iter()
            .filter_map(|parent| fs::read_to_string(parent).ok());
        let mut declared = declared.map(|text| {
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let declares = |line: &str| line.ends_with(&format!("mod {name};"));
            let place = lines.iter().position(|line| declares(line));
            place.is_some_and(|place| {
                lines
                    .iter()
                    .take(place)
                    .rev()
                    .take_while(|line| line.starts_with("#[") || line.ends_with(']'))
                    .any(|line| line.contains("cfg(test)"))
            })
        });
        if declared.any(|only| only) {
            return true;
        }
        path = folder.to_owned();
    }
    false
}

/// The modules of the core that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let first = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect()
    };
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let behind = text.get(at + "crate::".len()..).unwrap_or_default();
        match behind.strip_prefix('{') {
            Some(list) => {
                // A list of modules; what is in braces of its own belongs to the module before it.
                let mut depth = 0;
                let mut item = String::new();
                for letter in list.chars() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            names.insert(first(&item));
                            item.clear();
                        }
                        _ => item.push(letter),
                    }
                }
                names.insert(first(&item));
            }
            None => {
                names.insert(first(behind));
            }
        }
    }
    names
}

#[test]
fn no_module_uses_one_that_stands_above_it() {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    let floors = floors(&lib);
    assert_eq!(
        floors.keys().cloned().collect::<BTreeSet<_>>(),
        declared(&lib)
    );
    let all = below(&source(), "rs", &[]).unwrap();
    let mut arrows = 0;
    let mut wrong = Vec::new();
    for path in all.iter().filter(|path| !is_for_tests(path)) {
        let within = path.strip_prefix(source()).unwrap();
        let own = within.iter().next().unwrap().to_string_lossy();
        let own = own.trim_end_matches(".rs");
        let Some(floor) = floors.get(own) else {
            continue;
        };
        for name in named(&product(&fs::read_to_string(path).unwrap())) {
            let Some(below) = floors.get(&name).filter(|_| name != own) else {
                continue;
            };
            arrows += 1;
            if below >= floor {
                wrong.push(format!("{} uses {name}", within.display()));
            }
        }
    }
    assert!(arrows > 100, "{arrows}: the files are not read");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_read_of_a_file_is_what_the_product_uses() {
    let text = "use crate::{a::B, c::{D, E}, f};\n// crate::comment\nfn g() { crate::h::i(); }\n#[cfg(test)]\nmod tests {\n    use crate::t;\n}\nuse crate::z::Y;\n";
    let names: Vec<String> = named(&product(text)).into_iter().collect();
    assert_eq!(names, ["a", "c", "f", "h", "z"]);
}

/// Where the product has cells, and why. Nothing else of it is written behind a shared reference: what an evaluation changes
/// it has as `&mut`, or returns.
const CELLS: [(&str, &str); 6] = [
    (
        "client.rs",
        "the host is asked for an address once, and only where somebody asks",
    ),
    (
        "config/reader",
        "the parts of one object are read behind serde's back, before there is a request",
    ),
    ("host", "the host calls back into contexts that have one VM"),
    (
        "jose",
        "keys keep the tables that their signatures use, and what was found out of them",
    ),
    (
        "ledger.rs",
        "what is dropped gives its bytes back by itself",
    ),
    (
        "memo.rs",
        "what follows from a value is kept beside it, and nobody can tell",
    ),
];

#[test]
fn no_cell_is_written_while_a_request_is_evaluated() {
    let all = below(&source(), "rs", &[]).unwrap();
    let mut found = BTreeSet::new();
    for path in all.iter().filter(|path| !is_for_tests(path)) {
        let text = product(&fs::read_to_string(path).unwrap());
        if !["Cell<", "Cell::", "Mutex", "Atomic"]
            .iter()
            .any(|cell| text.contains(cell))
        {
            continue;
        }
        let within = path.strip_prefix(source()).unwrap();
        let within = within.to_string_lossy().into_owned();
        let known = CELLS.iter().find(|(place, _)| {
            let folder = within.strip_prefix(place);
            folder.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
        });
        let known = known.unwrap_or_else(|| panic!("a cell in {within}"));
        found.insert(known.0);
    }
    let listed = CELLS.iter().map(|(place, _)| *place);
    assert_eq!(found, listed.collect(), "each has a cell still");
}
