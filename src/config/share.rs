//! Shares, as operators write them.

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;

/// A number, also as text: Envoy's YAML reader makes strings of numbers with a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShareVisitor;

        impl Visitor<'_> for ShareVisitor {
            type Value = Share;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number such as 0.8")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Share, E> {
                Ok(Share(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Share, E> {
                u32::try_from(value)
                    .map(|value| Share(f64::from(value)))
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Share, E> {
                text.parse()
                    .map(Share)
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(ShareVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_also_as_text() {
        for (text, want) in [("0.5", 0.5), ("\"0.5\"", 0.5), ("1", 1.0), ("-2.5", -2.5)] {
            assert_eq!(serde_json::from_str::<Share>(text).unwrap(), Share(want));
        }
        for text in ["\"half\"", "null", "[]", "\"\"", "18446744073709551615"] {
            let error = serde_json::from_str::<Share>(text).unwrap_err().to_string();
            assert!(error.contains("a number such as 0.8"), "{error}");
        }
    }
}
