//! What checking a password costs, in microseconds of a core: by this budgets of time are charged.
//!
//! Nobody reads a clock for it: a clock may stand still within a callback, and the same requests must have the same
//! answers on each host. These are the costs of the shipped module in V8 on the machine of the benchmark; a test in the real
//! Envoy measures them anew, and fails where one is more than half off in proportion to the others.

use super::Method;

impl Method {
    /// What one hash of so many bytes costs.
    pub(super) fn cost(self, bytes: usize) -> u32 {
        // PBKDF2 goes through its rounds for each block of the output.
        let blocks = |size: usize| u64::try_from(bytes.div_ceil(size)).unwrap_or(u64::MAX);
        let cost = match self {
            Self::Argon2id { memory, passes, .. } => {
                per(u64::from(memory).saturating_mul(passes.into()), ARGON2ID)
            }
            Self::Bcrypt { cost } => per(1 << cost.min(31), BCRYPT),
            Self::Pbkdf2Sha256 { rounds } => {
                per(u64::from(rounds).saturating_mul(blocks(32)), PBKDF2_SHA256)
            }
            Self::Pbkdf2Sha512 { rounds } => {
                per(u64::from(rounds).saturating_mul(blocks(64)), PBKDF2_SHA512)
            }
            Self::Scrypt { log_n, r, p } => {
                let blocks = u64::from(r).saturating_mul(p.into());
                per(blocks.saturating_mul(1 << log_n.min(31)), SCRYPT)
            }
            Self::Sha256 => 0,
        };
        cost.saturating_add(10)
    }
}

/// A hash that costs more must be asked for, where it is taken at all: argon2id of 96 MiB and passes, bcrypt of 11, PBKDF2
/// with 300,000 rounds of SHA-256 or 200,000 of SHA-512, scrypt with N r p of 2^18. Each is half of what is taken.
impl Method {
    /// Whether a hash of so many bytes is dearer than that.
    pub(super) fn is_slow(self, bytes: usize) -> bool {
        let blocks = |size: usize| u64::try_from(bytes.div_ceil(size)).unwrap_or(u64::MAX);
        match self {
            Self::Argon2id { memory, passes, .. } => {
                u64::from(memory).saturating_mul(passes.into()) > 96 * 1024
            }
            Self::Bcrypt { cost } => cost > 11,
            Self::Pbkdf2Sha256 { rounds } => u64::from(rounds).saturating_mul(blocks(32)) > 300_000,
            Self::Pbkdf2Sha512 { rounds } => u64::from(rounds).saturating_mul(blocks(64)) > 200_000,
            Self::Scrypt { log_n, r, p } => {
                let blocks = u64::from(r).saturating_mul(p.into());
                blocks.saturating_mul(1 << log_n.min(31)) > 1 << 18
            }
            Self::Sha256 => false,
        }
    }
}

/// A pass over a KiB of memory, in nanoseconds.
const ARGON2ID: u64 = 1050;
/// A round, which expands the key twice.
const BCRYPT: u64 = 70_000;
/// A round of two compressions.
const PBKDF2_SHA256: u64 = 395;
const PBKDF2_SHA512: u64 = 655;
/// One block of 128 bytes, mixed twice.
const SCRYPT: u64 = 212;

fn per(units: u64, nanoseconds: u64) -> u32 {
    let micros = units.saturating_mul(nanoseconds) / 1000;
    u32::try_from(micros).unwrap_or(u32::MAX)
}
