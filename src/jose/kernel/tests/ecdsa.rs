use rsa::rand_core::Rng as _;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Ring, Salts, random_bytes, residue, rounds, unhex};
use crate::jose::kernel::{
    EcdsaKernel, P256, P384, P521, Secp256k1, Upkeep,
    point::{Affine, Table},
};

/// Whether a signature is good for a hash.
type Verify = dyn Fn(&[u8], &[u8]) -> bool;
type Sign = dyn Fn(&[u8]) -> Vec<u8>;

/// What a kernel and the library know of a key.
struct Pair {
    kernel: Box<Verify>,
    library: Box<Verify>,
    sign: Box<Sign>,
    /// The first coordinate.
    x: Vec<u8>,
}

/// A curve as the library has it.
struct Group {
    field: Ring,
    order: Ring,
    /// The generator times a scalar, which is not zero.
    multiple: fn(&[u8]) -> Pair,
    /// The first coordinate of that.
    x_of_multiple: fn(&[u8]) -> Vec<u8>,
    /// The point of a first coordinate, if there is one.
    at: fn(&[u8]) -> Option<Pair>,
}

macro_rules! group {
    ($library:ident, $curve:ty, $limbs:literal, $moduli:expr, $normalized:expr) => {{
        use $library::ecdsa::{Signature, SigningKey, VerifyingKey, signature::hazmat};
        fn pair(key: VerifyingKey, secret: Option<SigningKey>) -> Pair {
            let point = key.to_sec1_point(false);
            let (x, y) = point.as_bytes()[1..].split_at(point.as_bytes().len() / 2);
            let kernel = EcdsaKernel::<$curve, $limbs>::new(x, y).unwrap();
            let table = Table::<$curve, $limbs>::of_key(&Affine::from_be_bytes(x, y).unwrap());
            let library = move |hash: &[u8], signature: &[u8]| {
                use hazmat::PrehashVerifier as _;
                let normalized: fn(Signature) -> Signature = $normalized;
                Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_prehash(hash, &normalized(signature)).is_ok())
            };
            let sign = move |hash: &[u8]| {
                use hazmat::PrehashSigner as _;
                let secret = secret.as_ref().unwrap();
                let signature: Signature = secret.sign_prehash(hash).unwrap();
                signature.to_bytes().to_vec()
            };
            Pair {
                kernel: Box::new(move |hash, signature| {
                    let verdict = kernel.verify(hash, signature, Upkeep::NONE);
                    let by_table = kernel.holds(hash, signature, Some(&table));
                    assert_eq!(by_table.unwrap_or(false), verdict, "with a table");
                    verdict
                }),
                library: Box::new(library),
                sign: Box::new(sign),
                x: x.to_vec(),
            }
        }
        let [field, order] = $moduli;
        Group {
            field: Ring::new(&unhex(field)),
            order: Ring::new(&unhex(order)),
            multiple: |scalar| {
                let secret = SigningKey::from_slice(scalar).unwrap();
                pair(*secret.verifying_key(), Some(secret))
            },
            x_of_multiple: |scalar| {
                let secret = SigningKey::from_slice(scalar).unwrap();
                let point = secret.verifying_key().to_sec1_point(false);
                point.as_bytes()[1..=scalar.len()].to_vec()
            },
            at: |x| {
                let compressed = [&[2], x].concat();
                let key = VerifyingKey::from_sec1_bytes(&compressed).ok()?;
                Some(pair(key, None))
            },
        }
    }};
}

/// On WebAssembly, one: there the libraries take their time, and the code is the same for each.
fn groups() -> Vec<Group> {
    let mut groups = vec![
        group!(p256, P256, 9, residue::P256, |signature| signature),
        group!(p384, P384, 14, residue::P384, |signature| signature),
        group!(p521, P521, 19, residue::P521, |signature| signature),
        group!(k256, Secp256k1, 9, residue::SECP256K1, |signature| {
            signature.normalize_s()
        }),
    ];
    if cfg!(target_arch = "wasm32") {
        groups.truncate(1);
    }
    groups
}

impl Pair {
    /// What both say; they have to say the same.
    fn verdict(&self, hash: &[u8], signature: &[u8]) -> bool {
        let verdict = (self.kernel)(hash, signature);
        let expected = (self.library)(hash, signature);
        assert_eq!(verdict, expected, "{:x?} {hash:x?} {signature:x?}", self.x);
        verdict
    }
}

/// The hash and the signature for which the key's and the generator's scalars come out as these two.
///
/// `r` is the first coordinate of the sum modulo the order.
fn signature_of(order: &Ring, u1: &[u8], u2: &[u8], r: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let s = order.product(r, &order.inverse(u2));
    (order.product(u1, &s), [r, &s].concat())
}

fn is_zero(number: &[u8]) -> bool {
    number.iter().all(|byte| *byte == 0)
}

/// Sums of equal points, of a point and its inverse, and partial sums of them.
#[test]
fn sums_of_related_points_are_right() {
    for group in groups() {
        let order = &group.order;
        let small = |number: u8| order.sum(&[0], &[number]);
        let powers = [6, 60].map(|power| order.power(&[2], &[power]));
        let half = order.inverse(&[2]);
        let scalars: Vec<_> = [1, 2, 32, 33]
            .map(small)
            .into_iter()
            .chain(powers)
            .chain([half])
            .flat_map(|scalar| [order.difference(&[0], &scalar), scalar])
            .collect();
        let mut infinite = 0;
        for key_scalar in &scalars {
            let key = (group.multiple)(key_scalar);
            for u1 in scalars.iter().chain([&small(0)]) {
                for u2 in scalars.iter().step_by(5).chain([key_scalar, &small(1)]) {
                    let sum = order.sum(u1, &order.product(u2, key_scalar));
                    if is_zero(&sum) {
                        infinite += 1;
                        let (hash, signature) = signature_of(order, u1, u2, &small(1));
                        assert!(!key.verdict(&hash, &signature));
                        continue;
                    }
                    let r = order.sum(&(group.x_of_multiple)(&sum), &[0]);
                    let (hash, signature) = signature_of(order, u1, u2, &r);
                    assert!(key.verdict(&hash, &signature), "{u1:x?} {u2:x?}");
                }
            }
        }
        assert!(infinite > 5);
    }
}

/// A first coordinate that is not below the order, which one in 2^128 is.
#[test]
fn a_coordinate_is_taken_modulo_the_order() {
    for group in groups() {
        let (field, order) = (&group.field, &group.order);
        let minus_order = order.difference(&[0], &[1]);
        let base = field.sum(&minus_order, &[1]);
        let mut found = 0;
        for offset in 1..20 {
            let r = order.sum(&[0], &[offset]);
            let x = field.sum(&base, &[offset]);
            // The scalars are zero and one: the sum is the key itself.
            let zero = vec![0; 32];
            let signature = [&*r, &*r].concat();
            if let Some(key) = (group.at)(&x) {
                assert!(key.verdict(&zero, &signature));
                found += 1;
            }
            if let Some(key) = (group.at)(&field.sum(&r, &[0])) {
                assert!(key.verdict(&zero, &signature));
            }
        }
        assert!(found > 3);
    }
}

/// Signatures, and what is nearly one.
#[test]
fn signatures_hold_as_for_the_library() {
    for group in groups() {
        let order = &group.order;
        let length = order.length;
        let modulus = {
            let mut bytes = order.difference(&[0], &[1]);
            let last = bytes.last_mut().unwrap();
            *last += 1;
            bytes
        };
        let extremes = [
            vec![0; length],
            order.sum(&[0], &[1]),
            order.difference(&[0], &[1]),
            modulus,
            vec![0xff; length],
        ];
        let mut random = Salts(u64::try_from(length).unwrap());
        let mut key = (group.multiple)(&order.sum(&[7], &[0]));
        for round in 0..rounds() {
            if round % 64 == 0 {
                key = (group.multiple)(&order.sum(&random_bytes(&mut random, length), &[1]));
            }
            let hash = random_bytes(&mut random, length.min(64));
            let mut signature = (key.sign)(&hash);
            assert!(key.verdict(&hash, &signature));
            let (r, s) = signature.split_at(length);
            let mirrored = [r, &order.difference(&[0], s)].concat();
            assert!(key.verdict(&hash, &mirrored));
            let extreme = &extremes[usize::try_from(round).unwrap() % extremes.len()];
            assert!(!key.verdict(&hash, &[r, extreme].concat()));
            assert!(!key.verdict(&hash, &[extreme, s].concat()));
            let bit = usize::try_from(random.next_u32()).unwrap() % (16 * length);
            signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verdict(&hash, &signature));
        }
    }
}
