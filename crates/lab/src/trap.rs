//! The module that ships, broken on purpose: what a host makes of a filter that ends in the middle of a request.

use crate::tools::{lab_dir, wasm};
use std::ops::Range;
use std::path::PathBuf;
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// The module that ships, but for one callback of its own: that one is `unreachable`.
///
/// # Errors
/// When the module cannot be built, has no such callback, or cannot be written.
pub fn trapping_in(callback: &str) -> Result<PathBuf, String> {
    let built = wasm()?;
    let io = |error: std::io::Error| format!("{}: {error}", built.display());
    let mut module = std::fs::read(&built).map_err(io)?;
    let body = body_of(&module, callback)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("the module exports no {callback}"))?;
    // No locals, a trap, as many instructions without effect as there is room for, and the end.
    let filling = body.len().saturating_sub(3);
    let replaced = [&[0, 0][..], &vec![1; filling], &[0x0b]].concat();
    module.splice(body, replaced);
    let path = lab_dir("trap")?.join("auth_filter.wasm");
    std::fs::write(&path, module).map_err(io)?;
    Ok(path)
}

/// Where the body of an exported function stands.
fn body_of(module: &[u8], name: &str) -> wasmparser::Result<Option<Range<usize>>> {
    let (mut imported, mut index, mut bodies) = (0, None, Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.name == name && export.kind == ExternalKind::Func {
                        index = usize::try_from(export.index).ok();
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                bodies.push(range.start as usize..range.end as usize);
            }
            _ => {}
        }
    }
    let at = index.and_then(|index: usize| index.checked_sub(imported));
    Ok(at.and_then(|at| bodies.get(at).cloned()))
}
