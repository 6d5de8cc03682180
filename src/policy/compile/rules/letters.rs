//! Rules that only the case of letters tells apart.

use std::collections::BTreeMap;

use crate::config::ConfigError;
use crate::policy::Rule;
use crate::policy::matcher::{stem, stems};
use crate::policy::route::Route;

/// Refuses rules that no request comes to where letters are not told apart by their case: each that they match may be
/// read as one that an earlier rule matches, and is refused for that.
pub(in crate::policy::compile) fn tell_apart_without_case(
    rules: &[Rule],
) -> Result<(), ConfigError> {
    let folded: Vec<Route> = rules.iter().map(|rule| rule.route.without_case()).collect();
    let mut by_stem: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (index, route) in folded.iter().enumerate() {
        let stem = stem(&route.path);
        let covering = stems(&stem)
            .chain([b"".as_slice()])
            .filter_map(|stem| by_stem.get(stem))
            .flatten()
            .find(|earlier| {
                folded
                    .get(**earlier)
                    .is_some_and(|earlier| earlier.covers(route))
            });
        if let Some(earlier) = covering.and_then(|earlier| rules.get(*earlier)) {
            return Err(ConfigError::new(
                format!("rules[{index}]"),
                format!(
                    "differs from {} in the case of letters only, and \"paths\": {{\"case\": \"same_rule\"}} refuses every request that two rules may be for; write it once, or \"distinct\" where the upstream tells letters apart",
                    earlier.name
                ),
            ));
        }
        by_stem.entry(stem).or_default().push(index);
    }
    Ok(())
}
