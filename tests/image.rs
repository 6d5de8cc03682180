//! The module's image: what is in it, that it is the same each time, and that independent tools read it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken assumption of a test should stop it"
)]

use lab::oci::{self, Variant};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands for the module; a real one is only larger.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn made(variant: Variant) -> PathBuf {
    let folder = lab::tools::lab_dir("image").unwrap().join("layout");
    oci::layout(MODULE, variant, &folder).unwrap();
    folder
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                all.insert(name, fs::read(path).unwrap());
            }
        }
    }
    all
}

/// A blob, which has the digest and the size that are said of it.
fn blob(folder: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"]
        .as_str()
        .unwrap()
        .strip_prefix("sha256:")
        .unwrap();
    let bytes = fs::read(folder.join("blobs/sha256").join(digest)).unwrap();
    let real: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(real, digest);
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

fn json_blob(folder: &Path, descriptor: &Value) -> Value {
    serde_json::from_slice(&blob(folder, descriptor)).unwrap()
}

fn manifest(folder: &Path) -> Value {
    let text = |name: &str| fs::read(folder.join(name)).unwrap();
    let layout: Value = serde_json::from_slice(&text("oci-layout")).unwrap();
    assert_eq!(layout, json!({ "imageLayoutVersion": "1.0.0" }));
    let index: Value = serde_json::from_slice(&text("index.json")).unwrap();
    let manifests = index["manifests"].as_array().unwrap();
    assert_eq!(manifests.len(), 1);
    assert_eq!(manifests[0]["mediaType"], oci::MANIFEST);
    let manifest = json_blob(folder, &manifests[0]);
    assert_eq!(manifest["mediaType"], oci::MANIFEST);
    assert_eq!(manifest["schemaVersion"], 2);
    manifest
}

#[test]
fn the_artifact_has_the_module_as_a_layer() {
    let folder = made(Variant::Oci);
    let manifest = manifest(&folder);
    assert_eq!(manifest["config"]["mediaType"], oci::WASM_CONFIG);
    let layers = manifest["layers"].as_array().unwrap();
    let types: Vec<&str> = layers
        .iter()
        .map(|layer| layer["mediaType"].as_str().unwrap())
        .collect();
    // Istio takes an artifact of two layers only.
    assert_eq!(types, [oci::WASM_LAYER, oci::WASM_CONFIG]);
    assert_eq!(blob(&folder, &layers[0]), MODULE);
    assert_eq!(json_blob(&folder, &layers[1])["type"], "envoy_proxy");
}

#[test]
fn the_image_has_a_file_plugin_wasm() {
    let folder = made(Variant::Compat);
    let manifest = manifest(&folder);
    assert_eq!(
        manifest["annotations"]["module.wasm.image/variant"],
        "compat"
    );
    assert_eq!(manifest["config"]["mediaType"], oci::IMAGE_CONFIG);
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    assert_eq!(layers[0]["mediaType"], oci::LAYER);
    let layer = folder.join("layer.tar.gz");
    fs::write(&layer, blob(&folder, &layers[0])).unwrap();
    let tar = |options: &[&str]| {
        let output = Command::new("tar")
            .arg("-xzf")
            .arg(&layer)
            .args(options)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    assert_eq!(tar(&["-O", "plugin.wasm"]), MODULE);
    // The digest of what the layer holds is that of the archive before it was compressed.
    let unpacked = Command::new("gzip")
        .arg("-dc")
        .arg(&layer)
        .output()
        .unwrap()
        .stdout;
    let digest: String = Sha256::digest(&unpacked)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let config = json_blob(&folder, &manifest["config"]);
    assert_eq!(
        config["rootfs"]["diff_ids"],
        json!([format!("sha256:{digest}")])
    );
}

#[test]
fn the_same_module_makes_the_same_bytes() {
    for variant in [Variant::Compat, Variant::Oci] {
        let (one, two) = (made(variant), made(variant));
        assert_ne!(one, two);
        assert_eq!(files(&one), files(&two), "{variant:?}");
        // A layout that is written over holds nothing of what was there.
        oci::layout(b"other", variant, &one).unwrap();
        oci::layout(MODULE, variant, &one).unwrap();
        assert_eq!(files(&one), files(&two), "{variant:?}");
    }
}

/// An image as it lies in a registry: skopeo pushes and pulls it, and nothing is lost.
#[test]
fn an_independent_tool_copies_it() {
    let skopeo = lab::debian::program("skopeo").unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(&skopeo)
            .args([
                "--insecure-policy",
                "--override-os",
                "wasip1",
                "--override-arch",
                "wasm",
            ])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for variant in [Variant::Compat, Variant::Oci] {
        let folder = made(variant);
        let copy = folder.with_file_name("copy");
        let (from, to) = (
            format!("oci:{}:{}", folder.display(), "0.1.0"),
            format!("oci:{}:{}", copy.display(), "0.1.0"),
        );
        run(&["copy", &from, &to]);
        let raw = run(&["inspect", "--raw", &to]);
        assert_eq!(
            serde_json::from_str::<Value>(&raw).unwrap(),
            manifest(&folder),
            "{variant:?}"
        );
        assert_eq!(
            files(&copy.join("blobs")),
            files(&folder.join("blobs")),
            "{variant:?}"
        );
        if variant == Variant::Compat {
            let said: Value = serde_json::from_str(&run(&["inspect", &from])).unwrap();
            assert_eq!(
                (&said["Os"], &said["Architecture"]),
                (&json!("wasip1"), &json!("wasm"))
            );
        }
    }
}
