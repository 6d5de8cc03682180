use rsa::{rand_core::Rng as _, signature::Verifier, traits::PublicKeyParts};
use sha2::{Digest, Sha256};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Ring, Salts, random_bytes, random_number, rounds};
use crate::jose::{
    Algorithm,
    kernel::{
        Fermat, RsaKernel,
        montgomery::{scalar, vector},
    },
    testing::{rsa_key, sign},
};

const EXPONENTS: [u64; 9] = [
    2,
    3,
    5,
    17,
    257,
    65_537,
    0xffff_ffff,
    0x1_0000_0001,
    0x1_ffff_ffff,
];

/// A power by each of the two kernels, which are the same; of a modulus that both take.
macro_rules! power {
    ($kernel:ident, $modulus:expr, $base:expr, $exponent:expr) => {{
        let modulus = $kernel::Modulus::new($modulus).unwrap();
        let power = modulus.power(&$kernel::Number::from_be_bytes($base), $exponent);
        assert!(modulus.exceeds(&power));
        let mut bytes = vec![0; $base.len()];
        power.write_be_bytes(&mut bytes);
        bytes
    }};
}

fn agrees(modulus: &[u8], bases: &[Vec<u8>], exponent: u64) {
    let ring = Ring::new(modulus);
    for base in bases {
        let expected = ring.power(base, &exponent.to_be_bytes());
        let powers = [
            power!(scalar, modulus, base, exponent),
            power!(vector, modulus, base, exponent),
        ];
        assert_eq!(
            powers,
            [&*expected, &*expected],
            "{modulus:x?} {base:x?} {exponent}"
        );
    }
}

/// A modulus of so many bits: the least, the largest, or a random one, always odd.
fn moduli(bits: usize, random: &mut Salts) -> [Vec<u8>; 3] {
    let length = bits.div_ceil(8);
    let top = 1 << ((bits - 1) % 8);
    let mut least = vec![0; length];
    least[0] = top;
    least[length - 1] |= 1;
    let mut largest = vec![0xff; length];
    largest[0] = top | (top - 1);
    let mut between = random_number(random, length);
    between[0] = between[0] & (top - 1) | top;
    between[length - 1] |= 1;
    [least, largest, between]
}

#[test]
fn powers_are_those_of_the_library() {
    let mut random = Salts(1);
    // The sizes of keys, and each side of where another block or another pass begins.
    let sizes = [
        206, 207, 1246, 1247, 2048, 2049, 2078, 2079, 2126, 2127, 2494, 2495, 3072, 3470, 3471,
        3742, 3743, 4096, 6942, 6943, 8192,
    ];
    for (place, bits) in sizes.into_iter().enumerate() {
        for bytes in moduli(bits, &mut random) {
            let ring = Ring::new(&bytes);
            let mut bases = vec![
                ring.difference(&[0], &[0]),
                ring.difference(&[0], &[1]),
                ring.difference(&[0], &[2]),
                ring.sum(&[0], &[1]),
                ring.sum(&[0], &[2]),
            ];
            bases.push(ring.sum(&random_number(&mut random, bytes.len()), &[0]));
            agrees(&bytes, &bases, EXPONENTS[place % EXPONENTS.len()]);
            agrees(&bytes, &bases, 65_537);
        }
    }
}

/// A power of two by digits of five bits, by each of the two kernels, as what leaves Montgomery form.
macro_rules! raised {
    ($kernel:ident, $modulus:expr, $digits:expr) => {{
        let modulus = $kernel::Modulus::new($modulus).unwrap();
        let one = modulus.in_form(&$kernel::Number::power_of_two(0));
        let (first, second) = $digits.split_at($digits.len() / 3);
        let power = modulus.raised(&one, first.iter().copied());
        let power = modulus.raised(&power, second.iter().copied());
        let expected = |bytes: &[u8]| modulus.in_form(&$kernel::Number::from_be_bytes(bytes));
        let ring = Ring::new($modulus);
        let exponent = $digits.iter().fold(vec![0; 8], |exponent: Vec<u8>, digit| {
            let number = exponent
                .iter()
                .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            (number << 5 | u64::try_from(*digit).unwrap())
                .to_be_bytes()
                .to_vec()
        });
        assert!(
            power == expected(&ring.power(&[2], &exponent)),
            "{:x?}",
            $modulus
        );
    }};
}

#[test]
fn powers_of_two_are_those_of_the_library() {
    let mut random = Salts(3);
    let sizes = [206, 1247, 2048, 2049, 2079, 2126, 3072, 3471, 4096, 8192];
    for bits in sizes {
        for bytes in moduli(bits, &mut random) {
            let digits: Vec<_> = (0..12)
                .map(|_| usize::try_from(random.next_u32() % 32).unwrap())
                .collect();
            raised!(scalar, &bytes, digits);
            raised!(vector, &bytes, digits);
        }
    }
}

/// Whether a number is one modulo the other to the power of the other less one, as the library computes it.
#[test]
fn fermats_test_is_that_of_the_library() {
    let mut random = Salts(4);
    for bits in [2048, 2051, 3072] {
        let [_, largest, between] = moduli(bits, &mut random);
        for bytes in [largest, between] {
            let ring = Ring::new(&bytes);
            let minus_one = ring.difference(&[0], &[1]);
            let expected = ring.power(&[2], &minus_one) == ring.sum(&[0], &[1]);
            let key = RsaKernel::new(&bytes, &[3]).unwrap();
            for part in [1, 7, 100, 1000] {
                let mut fermat = Fermat::default();
                let verdict = std::iter::repeat_with(|| fermat.proceed(&key, &bytes, part))
                    .find_map(std::convert::identity);
                assert_eq!(verdict, Some(expected), "{bytes:x?}");
            }
        }
    }
}

/// How many bits a random modulus has: one of the usual sizes, any of those between, or fewer than a key has.
fn random_size(round: u64) -> usize {
    let bits = match round % 8 {
        0..=2 => 2048,
        3 => 3072,
        4 => 4096,
        5 => 2049 + round / 8 % 1023,
        6 => 8 + round / 8 * 13 % 2040,
        _ => 3073 + round / 8 * 257 % 5120,
    };
    usize::try_from(bits).unwrap()
}

#[test]
fn random_powers_are_those_of_the_library() {
    let mut random = Salts(2);
    for round in 0..rounds() {
        let [_, _, bytes] = moduli(random_size(round), &mut random);
        let ring = Ring::new(&bytes);
        let base = ring.sum(&random_number(&mut random, bytes.len()), &[0]);
        let exponent = EXPONENTS[usize::try_from(round).unwrap() % EXPONENTS.len()];
        agrees(&bytes, &[base], exponent);
    }
}

#[test]
fn a_modulus_is_odd_and_has_room() {
    for bytes in [
        vec![],
        vec![0],
        vec![1],
        vec![2],
        vec![1, 0],
        vec![0xff; 1025],
    ] {
        assert!(scalar::Modulus::new(&bytes).is_none(), "{bytes:x?}");
        assert!(vector::Modulus::new(&bytes).is_none(), "{bytes:x?}");
    }
    for bytes in [&[3][..], &[0xff; 1024]] {
        assert!(scalar::Modulus::new(bytes).is_some());
        assert!(vector::Modulus::new(bytes).is_some());
    }
}

/// A key whose private half makes a signature of any encoding.
struct Signer {
    ring: Ring,
    secret: Vec<u8>,
    kernel: RsaKernel,
    library: rsa::PublicKey,
}

impl Signer {
    fn new() -> Self {
        let key = rsa_key();
        let modulus = key.n_bytes().to_vec();
        Self {
            ring: Ring::new(&modulus),
            secret: rsa::traits::PrivateKeyParts::d(&key).to_be_bytes().to_vec(),
            kernel: RsaKernel::new(&modulus, &[1, 0, 1]).unwrap(),
            library: key.to_public_key(),
        }
    }

    /// Signs a damaged copy of the encoding that `signature` has; whether both take it.
    fn verdicts(&self, signature: &[u8], algorithm: Algorithm, place: usize, damage: u8) -> bool {
        let mut encoded = self.ring.power(signature, &[1, 0, 1]);
        encoded[place] ^= damage;
        let forged = self.ring.power(&encoded, &self.secret);
        let message = b"message";
        let (own, expected) = if algorithm == Algorithm::Rs256 {
            let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(self.library.clone());
            let library = rsa::pkcs1v15::Signature::try_from(&*forged)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok());
            (
                self.kernel.verify_pkcs1::<Sha256>(message, &forged),
                library,
            )
        } else {
            let library = self.library.pss_verify::<Sha256>(message, &forged);
            (
                self.kernel.verify_pss::<Sha256>(message, &forged),
                library.is_ok(),
            )
        };
        assert_eq!(own, expected, "{algorithm:?} {place} {damage:x}");
        own
    }
}

/// Each byte of both encodings, damaged, under a signature of just that.
#[test]
fn an_encoding_is_right_to_the_last_bit() {
    let signer = Signer::new();
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        let signature = sign(algorithm, b"message");
        for place in (0..signature.len()).step_by(if cfg!(target_arch = "wasm32") { 8 } else { 1 })
        {
            assert!(!signer.verdicts(&signature, algorithm, place, 1 << (place % 7)));
        }
        assert!(signer.verdicts(&signature, algorithm, 9, 0));
    }
}

#[test]
fn signatures_hold_as_for_the_library() {
    let signer = Signer::new();
    let mut random = Salts(3);
    let digest = |message: &[u8]| Sha256::digest(message).to_vec();
    for _ in 0..rounds() / 10 {
        let message = digest(&random_bytes(&mut random, 32));
        let mut signature = rsa_key().pkcs1v15_sign::<Sha256>(&message).unwrap();
        assert!(signer.kernel.verify_pkcs1::<Sha256>(&message, &signature));
        let bit = usize::try_from(random.next_u32()).unwrap() % (8 * signature.len());
        signature[bit / 8] ^= 1 << (bit % 8);
        assert!(!signer.kernel.verify_pkcs1::<Sha256>(&message, &signature));
    }
}
