//! Files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a folder with this ending, in order. Folders are left out that begin with a dot, and those with one of
/// these names.
///
/// # Errors
/// With the folder that cannot be read.
pub fn below(folder: &Path, ending: &str, left_out: &[&str]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let io = |error: std::io::Error| format!("{}: {error}", next.display());
        for entry in fs::read_dir(&next).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && !left_out.contains(&&*name) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|held| held == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
