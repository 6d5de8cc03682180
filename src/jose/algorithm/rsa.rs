//! RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 7518 sections 3.3 and 3.5).
//!
//! A signature has as many bytes as the modulus (RFC 8017 sections 8.1.2 and 8.2.2). PSS takes the hash
//! of the message for MGF1 too, and a salt of exactly its length.

mod examination;
mod factors;

use std::cell::RefCell;
use std::rc::Rc;

use rsa::BoxedUint;
use sha2::{Sha256, Sha384, Sha512};

use self::examination::Examination;
pub(in crate::jose) use self::examination::{Examined, Patience};
use super::{Algorithm, AlgorithmSet};
use crate::jose::{
    KeyError, cost,
    kernel::{OWN_KERNELS, Place, RsaKernel, Upkeep},
};
use crate::time::MonoTime;

/// At least what RFC 7518 section 3.3 asks for.
const LEAST_BITS: usize = 2048;
/// At most what a signature by an issuer's key may cost: sixteen times one of 2048 bits.
const MOST_BITS: usize = 8192;
/// The same of a key that a stranger brings, which is read for each signature: RSA of 4096 bits is four times 2048 bits,
/// and no more secure ones are in use for proofs.
const MOST_BITS_OF_STRANGERS: usize = 4096;
/// The library's own bound of an exponent, for the sake of what a signature costs.
const MOST_OF_EXPONENT: u64 = rsa::PublicKey::MAX_PUB_EXPONENT;

/// A modulus of an accepted size and an odd exponent of 2 to 33 bits. Nothing is computed of it before it has a signature
/// to verify: then the library admits it, and the kernel verifies.
#[derive(Clone, Debug)]
pub(in crate::jose) struct RsaKey {
    /// The exponent in eight bytes, then the modulus without leading zeros: no two keys have the same bytes.
    numbers: Box<[u8]>,
    place: Place,
    examination: RefCell<Examination>,
}

/// What is computed of a key.
#[derive(Debug)]
struct Ready {
    library: rsa::PublicKey,
    kernel: Option<RsaKernel>,
}

impl RsaKey {
    /// A key from modulus and exponent, big-endian (RFC 7518 section 6.3.1), for which whoever can read could sign:
    /// whatever costs no more than reading it is looked for at once, the rest by [`examine`](Self::examine).
    pub(in crate::jose) fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        Self::within(modulus, exponent, MOST_BITS)
    }

    /// The same of a key that a stranger brings.
    pub(in crate::jose) fn of_stranger(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        Self::within(modulus, exponent, MOST_BITS_OF_STRANGERS)
    }

    fn within(modulus: &[u8], exponent: &[u8], most: usize) -> Result<Self, KeyError> {
        let (modulus, exponent) = (
            without_leading_zeros(modulus),
            without_leading_zeros(exponent),
        );
        let last = modulus.last().ok_or(KeyError::Malformed)?;
        match bits(modulus) {
            size if size > MOST_BITS => return Err(KeyError::KeyTooLarge),
            size if size > most => return Err(KeyError::KeyTooLargeForProof),
            size if size < LEAST_BITS => return Err(KeyError::KeyTooSmall),
            _ if last % 2 == 0 => return Err(KeyError::EvenModulus),
            _ => {}
        }
        let exponent = odd_exponent(exponent)?;
        factors::check(modulus)?;
        Ok(Self {
            numbers: [&exponent.to_be_bytes(), modulus].concat().into(),
            place: Place::default(),
            examination: RefCell::default(),
        })
    }

    pub(in crate::jose) fn algorithms() -> AlgorithmSet {
        AlgorithmSet::from_iter([
            Algorithm::Ps256,
            Algorithm::Ps384,
            Algorithm::Ps512,
            Algorithm::Rs256,
            Algorithm::Rs384,
            Algorithm::Rs512,
        ])
    }

    /// What a signature costs, in microseconds; the first one more, as do all for which there is no room.
    pub(super) fn cost(&self) -> u32 {
        let (exponent, modulus) = self.numbers();
        let exponent = exponent
            .iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let length = u64::BITS - exponent.leading_zeros();
        let size = bits(modulus);
        let key = if self.place.is_taken() {
            0
        } else {
            cost::of_rsa_key(size)
        };
        cost::of_rsa(size, length + exponent.count_ones()).saturating_add(key)
    }

    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        (message, signature): (&[u8], &[u8]),
        upkeep: Upkeep<'_>,
    ) -> bool {
        // The length is known without any arithmetic.
        let (_, modulus) = self.numbers();
        if signature.len() != modulus.len() {
            return false;
        }
        self.ready(upkeep).is_some_and(|ready| {
            if OWN_KERNELS {
                ready.verify_by_kernel(algorithm, message, signature)
            } else {
                ready.verify_by_library(algorithm, message, signature)
            }
        })
    }

    /// What must be known of the modulus before a signature counts, and takes too long to find out when a set is read.
    ///
    /// # Errors
    /// The modulus can be factored.
    pub(super) fn examine(&self, patience: &Patience, now: MonoTime) -> Result<Examined, KeyError> {
        let mut examination = self.examination.borrow_mut();
        examination.proceed(self.numbers(), patience, now)
    }

    /// The public exponent in 8 bytes, and the modulus; both are big-endian.
    fn numbers(&self) -> (&[u8], &[u8]) {
        self.numbers.split_at_checked(8).unwrap_or_default()
    }

    /// What is computed of the key, which is kept where there is room.
    fn ready(&self, upkeep: Upkeep<'_>) -> Option<Rc<Ready>> {
        if let Some(ready) = self.place.find(upkeep, &self.numbers) {
            return Some(ready);
        }
        let (exponent, modulus) = self.numbers();
        let ready = Rc::new(Ready::new(modulus, exponent)?);
        let bytes = Ready::bytes(modulus);
        self.place.offer(upkeep, &self.numbers, bytes, &ready);
        Some(ready)
    }
}

impl Ready {
    /// The library has the first word: what it does not take is no key.
    fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let number = BoxedUint::from_be_slice_vartime;
        let sizes = LEAST_BITS..=MOST_BITS;
        let library =
            rsa::PublicKey::new_with_size_limits(number(modulus), number(exponent), sizes).ok()?;
        let kernel = OWN_KERNELS.then(|| RsaKernel::new(modulus, exponent));
        let kernel = kernel.flatten();
        Some(Self { library, kernel })
    }

    /// Bytes of what is computed for a modulus: 7 KiB of 2048 bits.
    fn bytes(modulus: &[u8]) -> usize {
        modulus.len().saturating_mul(28)
    }

    fn verify_by_kernel(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Some(kernel) = &self.kernel else {
            return false;
        };
        match algorithm {
            Algorithm::Ps256 => kernel.verify_pss::<Sha256>(message, signature),
            Algorithm::Ps384 => kernel.verify_pss::<Sha384>(message, signature),
            Algorithm::Ps512 => kernel.verify_pss::<Sha512>(message, signature),
            Algorithm::Rs256 => kernel.verify_pkcs1::<Sha256>(message, signature),
            Algorithm::Rs384 => kernel.verify_pkcs1::<Sha384>(message, signature),
            Algorithm::Rs512 => kernel.verify_pkcs1::<Sha512>(message, signature),
            _ => false,
        }
    }

    fn verify_by_library(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = &self.library;
        match algorithm {
            Algorithm::Ps256 => key.pss_verify::<Sha256>(message, signature),
            Algorithm::Ps384 => key.pss_verify::<Sha384>(message, signature),
            Algorithm::Ps512 => key.pss_verify::<Sha512>(message, signature),
            Algorithm::Rs256 => key.pkcs1v15_verify::<Sha256>(message, signature),
            Algorithm::Rs384 => key.pkcs1v15_verify::<Sha384>(message, signature),
            Algorithm::Rs512 => key.pkcs1v15_verify::<Sha512>(message, signature),
            _ => return false,
        }
        .is_ok()
    }
}

/// The exponent, of 2 to 33 bits and odd.
fn odd_exponent(exponent: &[u8]) -> Result<u64, KeyError> {
    if exponent.is_empty() {
        return Err(KeyError::Malformed);
    }
    let value = exponent.iter().try_fold(0_u64, |value, byte| {
        Some(value.checked_mul(256)? | u64::from(*byte))
    });
    match value.filter(|value| *value <= MOST_OF_EXPONENT) {
        None => Err(KeyError::ExponentTooLarge),
        Some(1) => Err(KeyError::ExponentOne),
        Some(value) if value % 2 == 0 => Err(KeyError::ExponentEven),
        Some(value) => Ok(value),
    }
}

/// The bits of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |byte| byte.leading_zeros());
    (number.len() * 8).saturating_sub(usize::try_from(unused).unwrap_or_default())
}

/// Some issuers pad their numbers; the number is the same.
pub(in crate::jose) fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
