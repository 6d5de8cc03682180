//! What matching an expression costs, and the bound on it.
//!
//! `regex-lite` walks through all states of an expression side by side, for each character: it takes time in proportion to
//! the product of both. So expressions have a bound on their states, and the paths that they are held against one on
//! their length.

use std::iter::Peekable;
use std::str::Chars;

/// The longest path that is held against expressions, in bytes: the time that one takes is proportional to it.
pub const LONGEST_PATH: usize = 4096;
/// The most states of one expression.
pub const MOST_STATES: u64 = 1000;
/// The most states of all expressions together: a path that none of them matches is held against each.
pub const MOST_STATES_OF_ALL: u64 = 4000;

/// About how many states an expression has, which must be a valid one. Counts are multiplied out, as the library does.
#[must_use]
pub fn states(expression: &str) -> u64 {
    Reader(expression.chars().peekable()).alternatives()
}

/// Reads the rest of an expression.
struct Reader<'e>(Peekable<Chars<'e>>);

impl Reader<'_> {
    /// Up to the end of the group, or of the whole.
    fn alternatives(&mut self) -> u64 {
        let mut total = 1_u64;
        while let Some(first) = self.0.next() {
            let states = match first {
                ')' => break,
                '|' => 1,
                '(' => self.group(),
                '[' => self.class(),
                '\\' => self.escape(),
                _ => 1,
            };
            total = total.saturating_add(self.repeated(states));
        }
        total
    }

    /// Behind the opening parenthesis: flags and names first.
    fn group(&mut self) -> u64 {
        if self.0.next_if_eq(&'?').is_some() {
            while let Some(next) = self.0.next_if(|next| *next != ')') {
                if matches!(next, ':' | '>') {
                    break;
                }
            }
        }
        self.alternatives().saturating_add(1)
    }

    /// Behind the opening bracket. Each of its ranges is looked at.
    fn class(&mut self) -> u64 {
        let _ = self.0.next_if_eq(&'^');
        // A closing bracket that comes first is one of the characters.
        let mut items = u64::from(self.0.next_if_eq(&']').is_some());
        while let Some(next) = self.0.next() {
            match next {
                ']' => break,
                '\\' => drop(self.0.next()),
                '[' => self.skip_named(),
                _ => {}
            }
            items = items.saturating_add(1);
        }
        // Four ranges take as long as one state.
        items.div_ceil(4).max(1)
    }

    /// A class by its name, such as `[:alpha:]`, within brackets.
    fn skip_named(&mut self) {
        if self.0.next_if_eq(&':').is_some() {
            while self.0.next_if(|next| *next != ']').is_some() {}
            let _ = self.0.next();
        }
    }

    /// Behind a backslash: one character, whichever way it is written.
    fn escape(&mut self) -> u64 {
        if let Some('x' | 'u' | 'U') = self.0.next()
            && self.0.next_if_eq(&'{').is_some()
        {
            while self.0.next().is_some_and(|next| next != '}') {}
        }
        1
    }

    /// How often what has so many states is repeated.
    fn repeated(&mut self, states: u64) -> u64 {
        let mut states = states;
        while let Some(next) = self.0.next_if(|next| matches!(next, '*' | '+' | '?' | '{')) {
            states = match next {
                '{' => self.counted(states),
                _ => states.saturating_add(1),
            };
        }
        states
    }

    /// Behind the opening brace: `{2}`, `{2,}`, `{2,5}`.
    fn counted(&mut self, states: u64) -> u64 {
        let inner = self.0.by_ref().take_while(|next| *next != '}');
        let inner: String = inner.filter(|next| !next.is_whitespace()).collect();
        let number = |text: &str| text.parse().unwrap_or(u64::MAX);
        match inner.split_once(',') {
            None => states.saturating_mul(number(&inner)),
            // Once more than the least, and around again.
            Some((least, "")) => states
                .saturating_mul(number(least).saturating_add(1))
                .saturating_add(1),
            // Each time beyond the least may be the last.
            Some((least, most)) => {
                let (least, most) = (number(least), number(most));
                let ends = most.saturating_sub(least);
                states.saturating_mul(most).saturating_add(ends)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_lite::RegexBuilder;

    const EXPRESSIONS: [&str; 22] = [
        "/files/[a-z]+\\.txt",
        "/v[0-9]+/.*",
        "/a|/b|/c(?:d|e)?",
        "/x/(?:[a-z]{1,60}/?){1,60}",
        "/(?:(?:a{1,20}){1,20}){1,20}",
        "/[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
        "/(?P<name>[^/]+)/(?<other>\\d{4})",
        "/(?i)admin/(?i:users)/[[:alpha:]]{2,}",
        "/\\x{2F}{30}\\u{2F}\\[{3}[\\]x]{9}",
        "/[]a]{5}[^]a]{5}",
        "/.{200}",
        "/.{0,200}",
        "/.{20,}",
        "/(?:.*a){30}",
        "/a{30}{30}",
        "/(?:a?){100}(?:a*){100}",
        "/(?:ab|cd|ef|gh){50}",
        "/[^a-z]{40}[aeiouxyz]{40}",
        "/[\\w.-]{1,64}@[\\w.-]{1,255}",
        "/()(?:){9}",
        "/a{1000}",
        "/(?:|a|){500}",
    ];

    /// By the memory that the library takes for it: 32 bytes for each state on this machine, and the ranges.
    fn real_states(expression: &str) -> u64 {
        let pattern = format!("^(?:{expression})$");
        let builds = |limit: usize| {
            RegexBuilder::new(&pattern)
                .size_limit(limit)
                .build()
                .is_ok()
        };
        let (mut low, mut high) = (0_usize, 64 << 20);
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            if builds(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        u64::try_from(high / 32).unwrap()
    }

    #[test]
    fn the_states_of_an_expression_are_about_those_that_the_library_makes() {
        for expression in EXPRESSIONS {
            let (got, real) = (states(expression), real_states(expression));
            // A few at the beginning and the end are everybody's.
            assert!(
                got * 2 + 8 >= real && got <= real * 2 + 8,
                "{expression}: {got} and {real}"
            );
        }
    }
}
