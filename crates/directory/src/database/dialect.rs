//! How the kinds of databases write the same statement.

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
}

impl Dialect {
    /// Writes a template out. No value ever stands in one: values are bound.
    pub(crate) fn render(self, template: &str) -> String {
        let mut out = String::with_capacity(template.len().saturating_add(256));
        let mut values = 0_u32;
        self.append(&mut out, template, &mut values);
        out
    }

    fn append(self, out: &mut String, template: &str, values: &mut u32) {
        let mut rest = template;
        while let Some(found) = rest.find(['?', '"', 'e', 'k']) {
            let (before, tail) = rest.split_at(found);
            out.push_str(before);
            rest = match tail {
                _ if starts_word(before) && tail.starts_with("exact(") => {
                    self.wrapped(out, tail.get(6..).unwrap_or(""), values, true)
                }
                _ if starts_word(before) && tail.starts_with("key(") => {
                    self.wrapped(out, tail.get(4..).unwrap_or(""), values, false)
                }
                _ => {
                    let (first, tail) = tail.split_at(1);
                    self.mark(out, first, values);
                    tail
                }
            };
        }
        out.push_str(rest);
    }

    fn mark(self, out: &mut String, mark: &str, values: &mut u32) {
        match (mark, self) {
            ("?", Self::Postgres) => {
                *values = values.saturating_add(1);
                out.push_str(&format!("${values}"));
            }
            ("\"", Self::MySql) => out.push('`'),
            _ => out.push_str(mark),
        }
    }

    /// Writes what stands in the parentheses, and returns what is behind them.
    ///
    /// A text of MySQL compares by its column's collation, which mostly takes `Alice`, `alice` and `alice ` for one name.
    /// An index serves only that comparison, so that a `key` stays as it is there, and whoever asks looks at the rows.
    fn wrapped<'t>(
        self,
        out: &mut String,
        tail: &'t str,
        values: &mut u32,
        exact: bool,
    ) -> &'t str {
        let mut depth = 1_u32;
        let end = tail.find(|letter| {
            match letter {
                '(' => depth = depth.saturating_add(1),
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        let (inner, tail) = tail.split_at(end.unwrap_or(tail.len()));
        let (before, after) = match (self, exact) {
            (Self::Postgres, _) => ("", " COLLATE \"C\""),
            (Self::Sqlite, _) => ("", " COLLATE BINARY"),
            (Self::MySql, false) => ("", ""),
            (Self::MySql, true) => ("CONVERT(", " USING utf8mb4) COLLATE utf8mb4_bin"),
        };
        out.push_str(before);
        self.append(out, inner, values);
        out.push_str(after);
        tail.get(1..).unwrap_or("")
    }
}

/// Whether a word could begin behind this.
fn starts_word(before: &str) -> bool {
    !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_written_out_for_each_database() {
        let template = "SELECT exact(COALESCE(g.\"group\", '')) FROM monkey g WHERE key(g.username) = ? AND x = ?";
        for (dialect, want) in [
            (
                Dialect::Postgres,
                "SELECT COALESCE(g.\"group\", '') COLLATE \"C\" FROM monkey g WHERE g.username COLLATE \"C\" = $1 AND x = $2",
            ),
            (
                Dialect::MySql,
                "SELECT CONVERT(COALESCE(g.`group`, '') USING utf8mb4) COLLATE utf8mb4_bin FROM monkey g WHERE g.username = ? AND x = ?",
            ),
            (
                Dialect::Sqlite,
                "SELECT COALESCE(g.\"group\", '') COLLATE BINARY FROM monkey g WHERE g.username COLLATE BINARY = ? AND x = ?",
            ),
        ] {
            assert_eq!(dialect.render(template), want);
        }
    }
}
