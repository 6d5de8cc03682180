//! `cargo xtask oci`: the module as an image.

use lab::oci::{self, Variant};
use lab::tools::{target, wasm};
use std::fs;
use std::path::PathBuf;

/// Builds the module and lays it out.
///
/// # Errors
/// For unknown options, and when the module cannot be built or files cannot be written.
pub fn run(options: &[&str]) -> Result<(), String> {
    let (mut variant, mut folder) = (Variant::Compat, target().join("oci"));
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--variant" => {
                variant = match rest.next() {
                    Some(&"compat") => Variant::Compat,
                    Some(&"oci") => Variant::Oci,
                    other => return Err(format!("--variant: {other:?} is not compat or oci")),
                }
            }
            name if !name.starts_with('-') => folder = PathBuf::from(name),
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    let module = wasm()?;
    let bytes = fs::read(&module).map_err(|error| format!("{}: {error}", module.display()))?;
    let digest = oci::layout(&bytes, variant, &folder)?;
    println!("{}", folder.display());
    println!("image  {digest}");
    println!("module sha256:{}", oci::hex(&bytes));
    Ok(())
}
