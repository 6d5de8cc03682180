//! The module as an image: an OCI image layout, made without an engine, the same bytes each time.
//!
//! There are two ways to put a Wasm module into an image, and Istio, Envoy Gateway and Higress pull both. `compat` is an image
//! as any other, with one compressed layer in which `plugin.wasm` lies; every registry takes it. `oci` is an artifact with the
//! module itself as a layer of its own media type.

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The media type of image manifests.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an image's configuration.
pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of a compressed layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The media type of what a runtime is told of a module.
pub const WASM_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
/// The media type of a module.
pub const WASM_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// Which of the two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// An image with one layer of files.
    Compat,
    /// An artifact with the module as a layer.
    Oci,
}

/// Writes an image layout with this module into the folder, which it empties before, and says the manifest's digest.
///
/// # Errors
/// When files cannot be written.
pub fn layout(module: &[u8], variant: Variant, folder: &Path) -> Result<String, String> {
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    // Nothing but an earlier layout is removed.
    if folder.join("oci-layout").exists() {
        fs::remove_dir_all(folder.join("blobs")).map_err(io)?;
    }
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).map_err(io)?;
    let put = |media_type: &str, bytes: &[u8]| {
        let digest = hex(bytes);
        let written = fs::write(blobs.join(&digest), bytes).map_err(io);
        written.map(|()| json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() }))
    };
    let (config, layers) = match variant {
        Variant::Compat => {
            let files = tar("plugin.wasm", module)?;
            let config = json!({
                "architecture": "wasm", "os": "wasip1", "config": {},
                "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex(&files))] },
            });
            let config = put(IMAGE_CONFIG, config.to_string().as_bytes())?;
            (config, vec![put(LAYER, &gzip(&files).map_err(io)?)?])
        }
        Variant::Oci => {
            let runtime = json!({ "type": "envoy_proxy", "abiVersions": ["v0.2.1"], "config": { "rootIds": [] } });
            let config = put(WASM_CONFIG, runtime.to_string().as_bytes())?;
            let titled = |mut layer: Value, title: &str| {
                layer["annotations"] = json!({ "org.opencontainers.image.title": title });
                layer
            };
            let module = titled(put(WASM_LAYER, module)?, "plugin.wasm");
            // Who pulls it wants two layers, the second of which says for which runtime the first is.
            (
                config.clone(),
                vec![module, titled(config, "runtime-config.json")],
            )
        }
    };
    let mut annotations = json!({
        "org.opencontainers.image.title": "auth-filter",
        "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
        "org.opencontainers.image.licenses": "MIT",
    });
    if variant == Variant::Compat {
        annotations["module.wasm.image/variant"] = json!("compat");
    }
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, "annotations": annotations,
    });
    let mut manifest = put(MANIFEST, manifest.to_string().as_bytes())?;
    let digest = manifest["digest"].as_str().unwrap_or_default().to_owned();
    manifest["annotations"] =
        json!({ "org.opencontainers.image.ref.name": env!("CARGO_PKG_VERSION") });
    let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest] });
    fs::write(folder.join("index.json"), index.to_string()).map_err(io)?;
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .map_err(io)?;
    Ok(digest)
}

/// The SHA-256 of these bytes, as digests have it.
pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Without a time and a name of a file, which would differ from run to run.
fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// An archive (POSIX ustar) of one file that belongs to root and was never touched.
fn tar(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let size = format!("{:011o}", bytes.len());
    if size.len() > 11 {
        return Err(format!("{name} is too large for an archive"));
    }
    let mut header = [0_u8; 512];
    let mut set = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    set(0, name.as_bytes());
    set(100, b"0000644\0");
    set(108, b"0000000\0");
    set(116, b"0000000\0");
    set(124, size.as_bytes());
    set(136, b"00000000000");
    // The checksum counts its own field as spaces.
    set(148, b"        ");
    set(156, b"0");
    set(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(bytes);
    // Whole blocks, and two empty ones at the end.
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    Ok(archive)
}
