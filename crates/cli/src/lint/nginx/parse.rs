//! nginx's configuration as directives: words, blocks, quotes and comments, and nothing of what they mean.

/// A directive, with what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    /// Counted from 1.
    pub(super) line: usize,
    /// What stands between its braces.
    pub(super) block: Option<Vec<Self>>,
}

impl Directive {
    /// Its directives of this name.
    pub(super) fn all<'d>(&'d self, name: &'d str) -> impl Iterator<Item = &'d Self> {
        let held = self.block.iter().flatten();
        held.filter(move |held| held.name == name)
    }

    pub(super) fn argument(&self, at: usize) -> &str {
        self.arguments
            .get(at)
            .map(String::as_str)
            .unwrap_or_default()
    }
}

/// Blocks within blocks that are read; nginx's own files have six.
const DEEPEST: usize = 64;

/// Reads a file.
///
/// # Errors
/// With the line at which it is no configuration.
pub(super) fn parse(text: &str) -> Result<Vec<Directive>, String> {
    let mut reader = Reader {
        text,
        at: 0,
        line: 1,
    };
    let directives = reader.block(0)?;
    Ok(directives)
}

enum Token {
    Word(String),
    Open,
    Close,
    End,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl Reader<'_> {
    /// Directives up to the closing brace, or to the end of the file where none is open.
    fn block(&mut self, depth: usize) -> Result<Vec<Directive>, String> {
        if depth > DEEPEST {
            return Err(format!(
                "line {}: blocks within {DEEPEST} others",
                self.line
            ));
        }
        let mut directives = Vec::new();
        let mut current = Directive::default();
        loop {
            let token = self.token()?;
            match token {
                Some(Token::Word(word)) if current.name.is_empty() => {
                    current.name = word;
                    current.line = self.line;
                }
                Some(Token::Word(word)) => current.arguments.push(word),
                Some(Token::End) => directives.push(std::mem::take(&mut current)),
                Some(Token::Open) => {
                    current.block = Some(if current.name.ends_with("_by_lua_block") {
                        self.skip_code()?;
                        Vec::new()
                    } else {
                        self.block(depth + 1)?
                    });
                    directives.push(std::mem::take(&mut current));
                }
                Some(Token::Close) if depth > 0 && current.name.is_empty() => {
                    return Ok(directives);
                }
                Some(Token::Close) => {
                    return Err(format!("line {}: `}}` where none is open", self.line));
                }
                None if depth == 0 && current.name.is_empty() => return Ok(directives),
                None => {
                    return Err(format!(
                        "line {}: the file ends within a directive or block",
                        self.line
                    ));
                }
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        self.line += usize::from(next == '\n');
        Some(next)
    }

    fn token(&mut self) -> Result<Option<Token>, String> {
        loop {
            match self.peek() {
                None => return Ok(None),
                Some(blank) if blank.is_whitespace() => drop(self.next()),
                Some('#') => {
                    while self.peek().is_some_and(|next| next != '\n') {
                        self.next();
                    }
                }
                Some(_) => break,
            }
        }
        Ok(Some(match self.peek() {
            Some('{') => self.take(Token::Open),
            Some('}') => self.take(Token::Close),
            Some(';') => self.take(Token::End),
            Some(quote @ ('"' | '\'')) => Token::Word(self.quoted(quote)?),
            _ => Token::Word(self.bare()),
        }))
    }

    fn take(&mut self, token: Token) -> Token {
        self.next();
        token
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let begun = self.line;
        self.next();
        let mut word = String::new();
        while let Some(next) = self.next() {
            if next == quote {
                return Ok(word);
            }
            // nginx takes a backslash away before a quote and before itself, and leaves any other.
            if next == '\\'
                && let Some(held @ ('"' | '\'' | '\\')) = self.peek()
            {
                word.push(held);
                self.next();
            } else {
                word.push(next);
            }
        }
        Err(format!("line {begun}: a quote that does not end"))
    }

    fn bare(&mut self) -> String {
        let mut word = String::new();
        while let Some(next) = self.peek() {
            if next.is_whitespace()
                || matches!(next, ';' | '}')
                || (next == '{' && !word.ends_with('$'))
            {
                break;
            }
            word.push(next);
            self.next();
            // `${name}` is one word.
            if next == '{' {
                while let Some(held) = self.next() {
                    word.push(held);
                    if held == '}' {
                        break;
                    }
                }
            }
        }
        word
    }

    /// Code of another language, up to the brace that ends it.
    fn skip_code(&mut self) -> Result<(), String> {
        let begun = self.line;
        let mut open = 1_usize;
        while let Some(next) = self.next() {
            match next {
                '{' => open += 1,
                '}' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return Ok(());
            }
        }
        Err(format!("line {begun}: code that does not end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_blocks_quotes_and_comments() {
        let text = "a 1 'b \\' c' \"d;e\"; # no ; {\nserver {\n  listen 80; set $x ${y}z;\n  content_by_lua_block { if a { b; } }\n}\n";
        let read = parse(text).unwrap();
        assert_eq!(read[0].arguments, ["1", "b ' c", "d;e"]);
        let server = &read[1];
        assert_eq!((server.name.as_str(), server.line), ("server", 2));
        assert_eq!(server.all("set").next().unwrap().arguments, ["$x", "${y}z"]);
        assert_eq!(server.all("content_by_lua_block").next().unwrap().line, 4);
    }

    #[test]
    fn what_is_no_configuration_is_told_with_its_line() {
        for (text, line) in [
            ("a;\nb", 2),
            ("a {\n b;\n", 3),
            ("a;\n}\n", 2),
            ("a '\n\n", 1),
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.starts_with(&format!("line {line}:")),
                "{text:?} {error}"
            );
        }
        let deep = "a {".repeat(100_000);
        assert!(parse(&deep).unwrap_err().contains("within 64 others"));
    }
}
