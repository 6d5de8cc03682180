//! Signing a request for an AWS service with its caller's own credentials.

use super::Grant;
use crate::headers::Headers;
use crate::policy::AwsSigV4;
use crate::services::TemporaryCredentials;
use crate::sigv4;
use crate::time::UnixTime;

/// A body is not part of the signature: it has not arrived yet.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// The SHA-256 of no body.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// What the signature itself is made of; whatever a client sent of it goes.
const OWN: [&str; 4] = [
    "authorization",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
];

/// Signs the request as it will go upstream, with all `x-amz-` headers, as services ask.
pub(super) fn sign(
    grant: &mut Grant,
    (head, body_follows): (&Headers, bool),
    signing: &AwsSigV4,
    issued: &TemporaryCredentials,
    now: UnixTime,
) {
    let own = |name: &[u8]| {
        OWN.iter()
            .any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
    };
    let names: Vec<Vec<u8>> = head
        .iter()
        .filter(|(name, _)| own(name))
        .map(|(name, _)| name.to_vec())
        .collect();
    grant.remove.extend(names);
    // A token behind `Authorization` is what makes room here; one that would be forwarded there gives way.
    grant.set.retain(|(name, _)| !own(name.as_bytes()));
    let changed = |wanted: &str| {
        let found = grant.set.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    };
    let target =
        changed(":path").unwrap_or_else(|| head.first(":path").unwrap_or_default().to_vec());
    let host = match &signing.host {
        Some(host) => host.clone().into_bytes(),
        None => head
            .first(":authority")
            .or_else(|| head.first("host"))
            .unwrap_or_default()
            .to_vec(),
    };
    let further: Vec<(String, Vec<u8>)> = head
        .iter()
        .filter(|(name, _)| !own(name))
        // What is taken out of the request is not part of what is signed.
        .filter(|(name, _)| {
            let gone = |removed: &Vec<u8>| removed.eq_ignore_ascii_case(name);
            !grant.remove.iter().any(gone)
        })
        .filter_map(|(name, value)| {
            let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
            name.starts_with("x-amz-").then(|| (name, value.to_vec()))
        })
        .collect();
    let further: Vec<(&str, &[u8])> = further
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    let request = sigv4::Request {
        method: head.first(":method").unwrap_or_default(),
        target: &target,
        host: &host,
        headers: &further,
        payload_hash: if body_follows { UNSIGNED } else { EMPTY },
    };
    let signed = sigv4::sign(&request, &issued.credentials, &signing.scope, now);
    if signing.host.is_some() {
        grant.set.push((":authority".to_owned(), host));
    }
    grant.set.extend(
        signed
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into_bytes())),
    );
}
