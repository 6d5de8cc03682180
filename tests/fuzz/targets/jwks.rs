//! Any bytes as the JWKS document of an issuer: bounded, no secrets, and no token of ours holds without our key.
#![no_main]

use auth_filter::jose::{Algorithm, AlgorithmSet, Budget, KeySet, KeySetLimits, UntrustedToken};
use fuzz::{KEYS, TOKENS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let limits = KeySetLimits {
        max_bytes: 16_384,
        max_keys: 16,
    };
    let set = match KeySet::parse(body, &limits) {
        Ok(set) => set,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(body.len() <= limits.max_bytes);
    assert!(set.len() > 0 && set.len() + set.skipped().len() <= limits.max_keys);
    for skipped in set.skipped() {
        assert!(skipped.index < limits.max_keys);
        assert!(!skipped.to_string().is_empty());
    }
    // A document of an issuer holds no secrets, so that each of its keys has a thumbprint.
    let thumbprints: Vec<_> = set.thumbprints().collect();
    assert_eq!(thumbprints.len(), set.len());
    let ours: Vec<_> = KEYS.with(|keys| keys.thumbprints().collect());
    for text in TOKENS.iter() {
        let token = UntrustedToken::parse(text, 16_384).expect("a good token");
        let verdict = set.verify(
            &token,
            Algorithm::ALL.iter().copied().collect::<AlgorithmSet>(),
            &mut Budget::new(4),
        );
        if let Ok(verified) = verdict {
            assert!(
                verified.algorithm().name().as_bytes()[0] != b'H',
                "a secret served"
            );
            assert!(
                thumbprints.iter().any(|print| ours.contains(print)),
                "another key verifies"
            );
        }
    }
    // The same keys, pinned, are the same set; pinned to none of them there is no set.
    let pinned = KeySet::parse_pinned(body, &limits, &thumbprints).expect("all keys are pinned");
    assert_eq!(pinned.len(), set.len());
    assert!(KeySet::parse_pinned(body, &limits, &[]).is_err());
});
