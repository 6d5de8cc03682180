//! The kernel beside ed25519-dalek: the same verdict on every signature, whatever its key, its point and its scalar.

mod arithmetic;
mod points;

use curve25519_dalek::{
    EdwardsPoint, Scalar as LibraryScalar, constants::EIGHT_TORSION, edwards::CompressedEdwardsY,
    traits::IsIdentity as _,
};
use ed25519_dalek::{Signature, VerifyingKey};
use rsa::rand_core::Rng as _;
use sha2::{Digest as _, Sha512};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Affine, EddsaKernel, Multiples, SMALL_ORDERS, Shape, Upkeep};
use crate::jose::{
    kernel::tests::{random_bytes, rounds},
    testing::Salts,
};

/// `L`, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A key of which the secret is known, a point of small order added.
struct Signer {
    secret: LibraryScalar,
    bytes: [u8; 32],
    kernel: EddsaKernel,
    multiples: [Multiples; 2],
    library: VerifyingKey,
}

impl Signer {
    fn new(secret: LibraryScalar, torsion: EdwardsPoint) -> Self {
        let point = EdwardsPoint::mul_base(&secret) + torsion;
        let bytes = point.compress().to_bytes();
        let inverse = Affine::from_bytes(&bytes).unwrap().negated();
        Self {
            secret,
            bytes,
            kernel: EddsaKernel::new(&bytes),
            multiples: [Shape::TABLE, Shape::FEW].map(|shape| Multiples::of(&inverse, shape)),
            library: VerifyingKey::from_bytes(&bytes).unwrap(),
        }
    }

    fn random(random: &mut Salts, torsion: EdwardsPoint) -> Self {
        Self::new(random_scalar(random), torsion)
    }

    /// The scalar that the hash of a signature's point, the key and a message is.
    fn challenge(&self, r: &[u8; 32], message: &[u8]) -> LibraryScalar {
        let hash = Sha512::digest([r.as_slice(), &self.bytes, message].concat());
        LibraryScalar::from_bytes_mod_order_wide(&hash.into())
    }

    /// `s` is made for the generator's multiple by `nonce`, and for whatever `r` says.
    fn signature(&self, nonce: &LibraryScalar, r: [u8; 32], message: &[u8]) -> [u8; 64] {
        let s = nonce + self.challenge(&r, message) * self.secret;
        [r, s.to_bytes()].concat().try_into().unwrap()
    }

    fn sign(&self, nonce: &LibraryScalar, message: &[u8]) -> [u8; 64] {
        let r = EdwardsPoint::mul_base(nonce).compress().to_bytes();
        self.signature(nonce, r, message)
    }

    /// What both say, with a table and without; they have to say the same.
    fn verdict(&self, message: &[u8], signature: &[u8]) -> bool {
        let expected = Signature::from_slice(signature)
            .is_ok_and(|signature| self.library.verify_strict(message, &signature).is_ok());
        let by = |multiples| self.kernel.holds(message, signature, multiples);
        let verdicts = self.multiples.each_ref().map(by);
        let kept_nothing = self.kernel.verify(message, signature, Upkeep::NONE);
        for verdict in [
            verdicts[0].unwrap_or(false),
            verdicts[1].unwrap_or(false),
            kept_nothing,
        ] {
            let bytes = self.bytes;
            assert_eq!(verdict, expected, "{bytes:x?} {message:x?} {signature:x?}");
        }
        expected
    }
}

fn random_scalar(random: &mut Salts) -> LibraryScalar {
    let bytes = random_bytes(random, 64);
    LibraryScalar::from_bytes_mod_order_wide(&bytes.try_into().unwrap())
}

/// The sum of two numbers of 256 bits, as far as it has room.
fn wrapping_sum(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let bytes = left.iter().zip(right).map(|(left, right)| {
        let sum = u16::from(*left) + u16::from(*right) + carry;
        carry = sum >> 8;
        u8::try_from(sum & 0xff).unwrap()
    });
    bytes.collect()
}

/// Encodings of points of small order, canonical or not, with either sign.
fn small_orders() -> Vec<[u8; 32]> {
    let prime = {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xed, 0x7f);
        bytes
    };
    let mut larger = prime;
    larger[0] += 1;
    let all = SMALL_ORDERS.into_iter().chain([prime, larger]);
    all.flat_map(|bytes| {
        let mut negative = bytes;
        negative[31] |= 0x80;
        [bytes, negative]
    })
    .collect()
}

/// Signatures, and what is nearly one.
#[test]
fn signatures_hold_as_for_the_library() {
    let mut random = Salts(25519);
    let neutral = EIGHT_TORSION[0];
    let mut key = Signer::random(&mut random, neutral);
    for round in 0..rounds() {
        if round % 64 == 0 {
            key = Signer::random(&mut random, neutral);
        }
        let length = usize::try_from(random.next_u32() % 300).unwrap();
        let message = random_bytes(&mut random, length);
        let nonce = random_scalar(&mut random);
        let mut signature = key.sign(&nonce, &message);
        assert!(key.verdict(&message, &signature));
        assert!(!key.verdict(&[&*message, &[0]].concat(), &signature));
        let (r, s) = signature.split_at(32);
        assert!(!key.verdict(&message, &[r, &wrapping_sum(s, &ORDER)].concat()));
        let mirrored = (-LibraryScalar::from_bytes_mod_order(s.try_into().unwrap())).to_bytes();
        assert!(!key.verdict(&message, &[r, &mirrored].concat()));
        signature[31] ^= 0x80;
        assert!(!key.verdict(&message, &signature));
        signature[31] ^= 0x80;
        let bit = usize::try_from(random.next_u32()).unwrap() % 512;
        signature[bit / 8] ^= 1 << (bit % 8);
        assert!(!key.verdict(&message, &signature));
    }
}

#[test]
fn scalars_at_the_ends_hold_as_for_the_library() {
    let mut random = Salts(1);
    let zero = LibraryScalar::ZERO;
    let edges = [zero, LibraryScalar::ONE, -LibraryScalar::ONE];
    for scalar in edges {
        let key = Signer::random(&mut random, EIGHT_TORSION[0]);
        let point = EdwardsPoint::mul_base(&random_scalar(&mut random)).compress();
        let signature = [point.to_bytes(), scalar.to_bytes()].concat();
        assert!(!key.verdict(b"message", &signature));
    }
    for secret in [LibraryScalar::ONE, -LibraryScalar::ONE] {
        let key = Signer::new(secret, EIGHT_TORSION[0]);
        for nonce in [secret, -secret, LibraryScalar::from(64_u64)] {
            assert!(key.verdict(b"message", &key.sign(&nonce, b"message")));
        }
    }
    let key = Signer::random(&mut random, EIGHT_TORSION[0]);
    let signature = key.sign(&random_scalar(&mut random), b"message");
    for s in [
        [0; 32],
        ORDER,
        [0xff; 32],
        wrapping_sum(&ORDER, &[0xff; 32]).try_into().unwrap(),
    ] {
        assert!(!key.verdict(b"message", &[&signature[..32], &s].concat()));
    }
    for length in [0, 32, 63, 65, 96] {
        assert!(!key.verdict(b"message", &vec![0; length]));
    }
}

/// A signature for `R` of small order holds but for its order, which its maker can bring about.
#[test]
fn a_point_of_small_order_is_refused() {
    let mut random = Salts(2);
    for torsion in EIGHT_TORSION {
        let key = Signer::random(&mut random, torsion);
        let mut held = 0;
        for message in 0..16_u8 {
            for r in small_orders() {
                let signature = key.signature(&LibraryScalar::ZERO, r, &[message]);
                assert!(!key.verdict(&[message], &signature));
                let k = key.challenge(&r, &[message]);
                let sum = EdwardsPoint::mul_base(&(k * key.secret)) - k * point(&key.bytes);
                held += u8::from(sum.compress().to_bytes() == r);
            }
        }
        assert!(held > 5, "{held}");
    }
}

fn point(bytes: &[u8; 32]) -> EdwardsPoint {
    CompressedEdwardsY(*bytes).decompress().unwrap()
}

/// A key with a part of small order is one of large order. Its signatures hold for the `R` that has the fitting part, and
/// only if the hash is reduced as the library does it.
#[test]
fn a_key_with_a_part_of_small_order_holds_as_for_the_library() {
    let mut random = Salts(3);
    for torsion in EIGHT_TORSION {
        let key = Signer::random(&mut random, torsion);
        let mut held = 0;
        for message in 0..16_u8 {
            let nonce = random_scalar(&mut random);
            for part in EIGHT_TORSION {
                let r = (EdwardsPoint::mul_base(&nonce) + part).compress();
                let signature = key.signature(&nonce, r.to_bytes(), &[message]);
                held += u8::from(key.verdict(&[message], &signature));
            }
        }
        assert!(held > 5, "{held}");
    }
}

#[test]
fn small_orders_are_those_of_the_library() {
    let canonical = |bytes: &&[u8; 32]| point(bytes).compress().to_bytes() == **bytes;
    let encodings = small_orders();
    assert!(encodings.iter().all(|bytes| point(bytes).is_small_order()));
    assert_eq!(encodings.iter().filter(canonical).count(), 8);
    for torsion in EIGHT_TORSION {
        assert!(torsion.mul_by_cofactor().is_identity());
        assert!(super::is_of_small_order(&torsion.compress().to_bytes()));
    }
}

#[test]
fn eight_keys_have_tables() {
    assert_eq!((1 << 20) / Shape::TABLE.bytes(), 8);
}
