//! Durations as text: `"500ms"`, `"20m"`, `"1h30m"`.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;
use std::time::Duration;

/// A duration with its unit written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationText(pub Duration);

impl DurationText {
    /// Reads `"500ms"`, `"30s"`, `"20m"`, `"1h"`, `"7d"`, or several of them in a row.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut total: u64 = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
            let (number, tail) = rest.split_at_checked(digits)?;
            let number: u64 = number.parse().ok()?;
            let letters = tail
                .find(|letter: char| letter.is_ascii_digit())
                .unwrap_or(tail.len());
            let (unit, tail) = tail.split_at_checked(letters)?;
            total = total.checked_add(number.checked_mul(millis_of(unit)?)?)?;
            rest = tail;
        }
        (!text.is_empty()).then(|| Self(Duration::from_millis(total)))
    }
}

fn millis_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    })
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DurationVisitor;

        impl Visitor<'_> for DurationVisitor {
            type Value = DurationText;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter
                    .write_str("a duration with its unit, such as \"500ms\", \"30s\" or \"20m\"")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<DurationText, E> {
                DurationText::parse(value)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(value), &self))
            }
        }

        deserializer.deserialize_str(DurationVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_needs_a_number_and_a_unit() {
        let cases = [
            ("500ms", Some(500)),
            ("20m", Some(1_200_000)),
            ("1h30m", Some(5_400_000)),
            ("0s", Some(0)),
            ("", None),
            ("20", None),
            ("m", None),
            ("-1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("1w", None),
            ("1é", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ];
        for (text, want) in cases {
            assert_eq!(
                DurationText::parse(text),
                want.map(|ms| DurationText(Duration::from_millis(ms))),
                "{text}"
            );
        }
    }
}
