//! Names: of subjects, groups, roles and permissions.

/// The most characters of a subject, as the tables have it.
pub(crate) const LONGEST_SUBJECT: usize = 500;
/// The most characters of a group, role or permission.
pub(crate) const LONGEST_VALUE: usize = 100;

/// Whether nobody can have this name, so that no database need be asked: PostgreSQL would not even take a NUL.
pub(crate) fn is_nobodys(subject: &str) -> bool {
    subject.is_empty() || subject.contains('\0') || subject.chars().count() > LONGEST_SUBJECT
}

/// Refuses a name that would be misread: by people, by lists of headers, or by databases that forget blanks at its end.
pub(crate) fn check(what: &str, name: &str, longest: usize) -> Result<(), String> {
    let fault = if name.is_empty() {
        "is empty"
    } else if name.chars().count() > longest {
        return Err(format!("{what} is longer than {longest} characters"));
    } else if name.chars().any(char::is_control) {
        "has a control character"
    } else if name.trim() != name {
        "begins or ends with a blank"
    } else {
        return Ok(());
    };
    Err(format!("{what} {name:?} {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_be_misread_are_refused() {
        for name in ["", " a", "a ", "a\u{a0}", "a\0b", "a\nb", "\u{7f}"] {
            assert!(check("the group", name, 100).is_err(), "{name:?}");
        }
        assert!(check("the group", &"\u{e9}".repeat(101), 100).is_err());
        for name in ["a", "a b", "Zo\u{eb}", "'; DROP TABLE x; --", "order:read"] {
            check("the group", name, 100).unwrap();
        }
        check("the group", &"\u{e9}".repeat(100), 100).unwrap();
    }
}
