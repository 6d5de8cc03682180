//! RSASSA-PKCS1-v1_5 and RSASSA-PSS verification (RFC 8017 sections 8.1.2 and 8.2.2).

use sha2::{Digest, digest::const_oid::AssociatedOid};

use super::montgomery::{Modulus, Number};

/// A public key: of 2048 bits, it takes 5 KiB and, when the key is parsed, some 35 µs.
#[derive(Clone, Debug)]
pub(in crate::jose) struct RsaKernel {
    modulus: Modulus,
    bits: usize,
    exponent: u64,
}

impl RsaKernel {
    /// A key from big-endian numbers; `None` where they are not odd or too large, which the library refuses before.
    pub(in crate::jose) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let first = modulus.iter().position(|byte| *byte != 0)?;
        let digits = modulus.get(first..)?;
        let unused = usize::try_from(digits.first()?.leading_zeros()).ok()?;
        let exponent = exponent.iter().try_fold(0_u64, |value, byte| {
            Some(value.checked_mul(256)? | u64::from(*byte))
        })?;
        let is_usable = exponent > 1 && exponent % 2 == 1;
        Some(Self {
            modulus: is_usable.then(|| Modulus::new(digits))??,
            bits: digits.len() * 8 - unused,
            exponent,
        })
    }

    /// What it computes modulo.
    pub(super) const fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    /// RSASSA-PKCS1-v1_5: the encoding is made anew and compared as a whole, so that no padding is ever parsed.
    pub(in crate::jose) fn verify_pkcs1<D: Digest + AssociatedOid>(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let length = self.bits.div_ceil(8);
        let expected = pkcs1_encoding::<D>(length, message);
        expected.is_some() && self.encoded(signature, length) == expected
    }

    /// RSASSA-PSS with MGF1 of the same hash, and a salt of exactly the hash's length.
    pub(in crate::jose) fn verify_pss<D: Digest>(&self, message: &[u8], signature: &[u8]) -> bool {
        let bits = self.bits - 1;
        self.encoded(signature, bits.div_ceil(8))
            .is_some_and(|encoded| pss_holds::<D>(message, encoded, bits).unwrap_or(false))
    }

    /// The message representative in `length` bytes; none for a signature of another length or not below the modulus.
    fn encoded(&self, signature: &[u8], length: usize) -> Option<Vec<u8>> {
        let full = self.bits.div_ceil(8);
        let base = (signature.len() == full).then(|| Number::from_be_bytes(signature))?;
        if !self.modulus.exceeds(&base) {
            return None;
        }
        let mut bytes = vec![0; full];
        self.modulus
            .power(&base, self.exponent)
            .write_be_bytes(&mut bytes);
        let (above, encoded) = bytes.split_at_checked(full.checked_sub(length)?)?;
        above
            .iter()
            .all(|byte| *byte == 0)
            .then(|| encoded.to_vec())
    }
}

/// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2), with the parameter NULL that each of its hashes has.
fn pkcs1_encoding<D: Digest + AssociatedOid>(length: usize, message: &[u8]) -> Option<Vec<u8>> {
    let hash = D::digest(message);
    let oid = D::OID.as_bytes();
    let size = |bytes: usize| u8::try_from(bytes).ok();
    let (oid_size, hash_size) = (size(oid.len())?, size(hash.len())?);
    // DER: SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING }.
    let info = [
        &[
            0x30,
            oid_size + hash_size + 8,
            0x30,
            oid_size + 4,
            0x06,
            oid_size,
        ],
        oid,
        &[0x05, 0x00, 0x04, hash_size],
        &*hash,
    ]
    .concat();
    let padding = length
        .checked_sub(info.len() + 3)
        .filter(|size| *size >= 8)?;
    Some([&[0, 1], &*vec![0xff; padding], &[0], &*info].concat())
}

/// EMSA-PSS-VERIFY (RFC 8017 section 9.1.2) of an encoding of so many bits; `None` where it is too short.
fn pss_holds<D: Digest>(message: &[u8], mut encoded: Vec<u8>, bits: usize) -> Option<bool> {
    let size = <D as Digest>::output_size();
    let last = encoded.pop()?;
    let length = encoded.len().checked_sub(size)?;
    let (block, hash) = encoded.split_at_mut_checked(length)?;
    let unused = u32::try_from((block.len() + size + 1) * 8 - bits).ok()?;
    let first_mask = 0xff_u8.checked_shr(unused)?;
    if last != 0xbc || block.first()? & !first_mask != 0 {
        return Some(false);
    }
    unmask::<D>(block, hash);
    *block.first_mut()? &= first_mask;
    let (padding, salt) = block.split_at_checked(length.checked_sub(size)?)?;
    let (separator, zeros) = padding.split_last()?;
    let expected = D::new()
        .chain_update([0; 8])
        .chain_update(D::digest(message))
        .chain_update(salt)
        .finalize();
    Some(zeros.iter().all(|byte| *byte == 0) && *separator == 1 && *expected == *hash)
}

/// Adds MGF1 of the seed (RFC 8017 appendix B.2.1), bit by bit.
fn unmask<D: Digest>(block: &mut [u8], seed: &[u8]) {
    let chunks = block.chunks_mut(<D as Digest>::output_size());
    for (counter, chunk) in (0_u32..).zip(chunks) {
        let mask = D::new()
            .chain_update(seed)
            .chain_update(counter.to_be_bytes())
            .finalize();
        for (byte, mask) in chunk.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}
