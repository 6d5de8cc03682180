//! Arithmetic of signature verification, written for WebAssembly.
//!
//! A host compiles the module to 64-bit code, but WebAssembly has neither a 64-bit by 64-bit product of 128 bits nor a
//! carry flag, which the libraries' word arithmetic is made of. Here, numbers have limbs of fewer bits than a
//! register's half, so that many products add up in 64 bits before a carry has to be taken care of; for RSA, of so few
//! that a vector's integers hold their products.
//!
//! **Verification only.** All that goes in here is public: the key, the message, the signature. So the code may branch
//! and look up by these values, take the shortest way, and keep per key what the libraries compute anew for each
//! signature. Nothing here must ever see a private key or a secret.
//!
//! **Never the only witness.** A key is admitted by its library before a kernel gets it, [`OWN_KERNELS`] gives every
//! verification back to the libraries, and the tests put the same signatures to both and take no difference. The
//! module has only one of the two: what never runs is not compiled into it.

mod curves;
mod ecdsa;
mod eddsa;
mod fermat;
mod inverse;
mod montgomery;
mod point;
mod residue;
mod room;
mod rsa;

pub(super) use self::{
    curves::{P256, P384, P521, Secp256k1},
    ecdsa::EcdsaKernel,
    eddsa::EddsaKernel,
    fermat::Fermat,
    point::Curve,
    room::{Place, Share, Upkeep},
    rsa::RsaKernel,
};

#[cfg(test)]
pub(super) use self::room::{forget_all, made};

/// Whether signatures are verified by this module, or by the libraries.
pub(super) const OWN_KERNELS: bool = !cfg!(feature = "library-arithmetic");

#[cfg(test)]
mod tests;
