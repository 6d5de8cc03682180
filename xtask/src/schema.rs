//! The JSON Schema of configurations, by which editors complete and check them.

use crate::tools::workspace;
use auth_filter::config::Config;
use std::fs;
use std::path::PathBuf;

/// Where the schema is.
pub fn path() -> PathBuf {
    workspace().join("filter-config/schema.json")
}

/// The schema as the file has it.
pub fn text() -> String {
    format!("{:#}\n", Config::schema())
}

/// Writes the file.
///
/// # Errors
/// When it cannot be written.
pub fn write() -> Result<(), String> {
    let path = path();
    fs::write(&path, text()).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
