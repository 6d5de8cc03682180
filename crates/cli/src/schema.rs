//! The JSON Schema of configurations, by which editors complete and check them.

use auth_filter::config::Config;

/// The schema as `filter-config/schema.json` has it.
pub fn text() -> String {
    format!("{:#}\n", Config::schema())
}
