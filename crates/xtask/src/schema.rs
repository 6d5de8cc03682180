//! `cargo xtask schema`: the JSON Schema of configurations, written where editors find it.

use auth_filter_cli::schema;
use lab::tools::{workspace, write};

/// Writes `filter-config/schema.json`.
///
/// # Errors
/// When it cannot be written.
pub fn run() -> Result<(), String> {
    let path = workspace().join("filter-config/schema.json");
    write(&path, &schema::text())?;
    println!("{}", path.display());
    Ok(())
}
