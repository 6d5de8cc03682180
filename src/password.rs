//! Hashes of passwords: which are read, what they may cost, and whether a password is the one.
//!
//! A worker of a proxy is one thread, and a hash blocks it: each format has a ceiling, checked when the configuration
//! is loaded, so that no hash takes longer than about half a second in WebAssembly.

mod cost;
mod parse;

use argon2::Argon2;
use hmac::EagerHash;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

pub use self::parse::PasswordHashError;

/// The longest hash that a format has here, in bytes.
const LONGEST: usize = 64;

/// The hash of one password.
#[derive(Clone)]
pub struct PasswordHash {
    method: Method,
    salt: Vec<u8>,
    expected: Vec<u8>,
}

/// How a hash is made: two of the same method cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// RFC 9106: memory in KiB, passes, lanes.
    Argon2id {
        memory: u32,
        passes: u32,
        lanes: u32,
    },
    /// As OpenBSD made it: two to this power rounds.
    Bcrypt { cost: u32 },
    /// RFC 8018 §5.2 with HMAC-SHA-256.
    Pbkdf2Sha256 { rounds: u32 },
    /// RFC 8018 §5.2 with HMAC-SHA-512.
    Pbkdf2Sha512 { rounds: u32 },
    /// scrypt (RFC 7914) with `N` as a power of two.
    Scrypt { log_n: u8, r: u32, p: u32 },
    /// One round, no salt.
    Sha256,
}

impl PasswordHash {
    /// Whether this is the password. The comparison takes the same time wherever the hashes differ.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        let mut buffer = [0_u8; LONGEST];
        let Some(made) = buffer.get_mut(..self.expected.len()) else {
            return false;
        };
        self.method.hash(password, &self.salt, made).is_some()
            && bool::from(made.ct_eq(&self.expected))
    }

    /// What checking a password costs, in microseconds of a core.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.method.cost(self.expected.len())
    }

    /// Whether checking a password costs more than half of what is taken: whoever wants that must say so.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.method.is_slow(self.expected.len())
    }

    /// Whether the hash is a bare SHA-256, which is guessed as fast as hardware can.
    #[must_use]
    pub const fn is_legacy(&self) -> bool {
        matches!(self.method, Method::Sha256)
    }

    /// Whether checking a password costs the same for both.
    #[must_use]
    pub fn same_cost(&self, other: &Self) -> bool {
        self.method == other.method
    }
}

/// Hashes are for guessing: none of it is for logs.
impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PasswordHash")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Method {
    /// Fills `made`; `None` for a password that the method cannot tell from others.
    fn hash(self, password: &[u8], salt: &[u8], made: &mut [u8]) -> Option<()> {
        match self {
            Self::Argon2id {
                memory,
                passes,
                lanes,
            } => {
                let params = argon2::Params::new(memory, passes, lanes, Some(made.len())).ok()?;
                Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
                    .hash_password_into(password, salt, made)
                    .ok()
            }
            Self::Bcrypt { cost } => {
                // The method ends at a NUL and looks at 72 bytes at the most: what lies behind would not count.
                if password.contains(&0) || password.len() > 72 {
                    return None;
                }
                let mut ended = [password, b"\0"].concat();
                ended.truncate(72);
                let hash = bcrypt::bcrypt(cost, salt.try_into().ok()?, &ended);
                made.copy_from_slice(hash.get(..made.len())?);
                Some(())
            }
            Self::Pbkdf2Sha256 { rounds } => {
                pbkdf2::<Sha256>(password, salt, rounds, made);
                Some(())
            }
            Self::Pbkdf2Sha512 { rounds } => {
                pbkdf2::<Sha512>(password, salt, rounds, made);
                Some(())
            }
            Self::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p).ok()?;
                scrypt::scrypt(password, salt, &params, made).ok()
            }
            Self::Sha256 => {
                made.copy_from_slice(&Sha256::digest(password));
                Some(())
            }
        }
    }
}

fn pbkdf2<D: EagerHash>(password: &[u8], salt: &[u8], rounds: u32, made: &mut [u8]) {
    pbkdf2::pbkdf2_hmac::<D>(password, salt, rounds, made);
}

#[cfg(test)]
mod tests;
