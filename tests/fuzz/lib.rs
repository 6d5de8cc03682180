//! What the fuzz targets share: good keys and good tokens, and what stories are made of.

pub mod scene;
pub mod story;

use std::sync::LazyLock;

use auth_filter::jose::{KeySet, KeySetLimits};
use auth_filter::time::{Now, UnixTime};
use serde_json::{Value, json};

/// One token of each algorithm, all good at [`NOW`].
pub static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    vectors()
        .iter()
        .map(|vector| text(&vector["token"]))
        .collect()
});

/// The keys of these tokens, as a JWKS document with the secrets.
pub static JWKS: LazyLock<Value> = LazyLock::new(|| {
    let keys: Vec<_> = vectors()
        .iter()
        .map(|vector| vector["jwk"].clone())
        .collect();
    json!({ "keys": keys })
});

thread_local! {
    /// The same, parsed: a set keeps what it makes of its keys, and is one thread's own.
    pub static KEYS: KeySet = KeySet::parse_inline(JWKS.to_string().as_bytes(), &KeySetLimits::default())
        .expect("our own keys are good");
}

/// When the stories begin.
pub const NOW: Now = Now::on(UnixTime::from_secs(1_800_000_000));

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../vectors/tokens.json")).expect("our own file")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
