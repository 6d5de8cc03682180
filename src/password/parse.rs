//! The formats of password hashes.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use phc::PasswordHash as Phc;
use thiserror::Error;

use super::{LONGEST, Method, PasswordHash};
use crate::text::hex_bytes;

/// The shortest hash that is not guessed by accident, in bytes.
const SHORTEST: usize = 16;
/// The most memory of argon2id and scrypt, in KiB.
const MEMORY: u32 = 64 * 1024;
/// The most work of argon2id: memory in KiB times passes.
const ARGON2_WORK: u64 = 192 * 1024;
/// The most rounds of bcrypt, as a power of two.
const BCRYPT_COST: u32 = 12;
/// The most rounds of PBKDF2 with SHA-256.
const PBKDF2_SHA256: u32 = 600_000;
/// The most rounds of PBKDF2 with SHA-512, whose rounds cost more.
const PBKDF2_SHA512: u32 = 400_000;
/// The most work of scrypt: N times r times p.
const SCRYPT_WORK: u64 = 1 << 19;

/// Why a text is not a hash that is read. Quotes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PasswordHashError {
    /// The format is known, and what stands in it is not right.
    #[error("is not a well-formed {0} hash")]
    Malformed(&'static str),
    /// It would block a worker of the proxy for too long, or take too much of its memory.
    #[error("costs too much for a proxy's worker: {0}")]
    TooExpensive(String),
    /// It is not a hash that protects a password, or not one that is known.
    #[error("{0}; make a hash with `auth-filter user NAME`")]
    Unsupported(&'static str),
}

impl PasswordHash {
    /// Reads argon2id, scrypt and PBKDF2 in the PHC string format, bcrypt in its own, `pbkdf2_sha256$rounds$salt$hash` in
    /// hexadecimal, and a bare SHA-256.
    ///
    /// # Errors
    /// Any other text, with a hint where it is a known format.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        const REFUSED: [(&str, &str); 11] = [
            ("$apr1$", "htpasswd's MD5 ($apr1$) is guessed in seconds"),
            (
                "{SHA}",
                "htpasswd's {SHA} is unsalted and guessed in seconds",
            ),
            (
                "{SSHA}",
                "{SSHA} is one round of SHA-1 and guessed in seconds",
            ),
            ("$1$", "MD5-crypt ($1$) is guessed in seconds"),
            ("$5$", "SHA-256-crypt ($5$) is not supported"),
            ("$6$", "SHA-512-crypt ($6$) is not supported"),
            ("$y$", "yescrypt ($y$) is not supported"),
            ("$argon2i$", "argon2i is not supported; argon2id is"),
            ("$argon2d$", "argon2d is not supported; argon2id is"),
            (
                "$pbkdf2$",
                "PBKDF2 with SHA-1 is not supported; with SHA-256 it is",
            ),
            ("$2x$", "$2x$ hashes come from a faulty bcrypt"),
        ];
        if let Some((_, why)) = REFUSED.iter().find(|(start, _)| text.starts_with(start)) {
            return Err(PasswordHashError::Unsupported(why));
        }
        if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            return bcrypt(text);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_sha256$") {
            return pbkdf2_hex(rest);
        }
        for (start, name) in [
            ("$argon2id$", "argon2id"),
            ("$scrypt$", "scrypt"),
            ("$pbkdf2-sha256$", "pbkdf2-sha256"),
            ("$pbkdf2-sha512$", "pbkdf2-sha512"),
        ] {
            if text.starts_with(start) {
                let hash = Phc::new(text).map_err(|_| PasswordHashError::Malformed(name))?;
                return phc(name, &hash);
            }
        }
        let bare = text.len() == 64 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex_bytes(text).filter(|_| bare) {
            Some(expected) => Ok(Self {
                method: Method::Sha256,
                salt: Vec::new(),
                expected,
            }),
            None => Err(PasswordHashError::Unsupported(
                "is not a password hash: passwords themselves have no place in a configuration",
            )),
        }
    }
}

fn phc(name: &'static str, hash: &Phc) -> Result<PasswordHash, PasswordHashError> {
    let malformed = || PasswordHashError::Malformed(name);
    let number = |key: &str| hash.params.get_decimal(key).ok_or_else(malformed);
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Err(malformed());
    };
    let expected = expected.as_bytes();
    let known: &[&str] = match name {
        "argon2id" => &["m", "t", "p"],
        "scrypt" => &["ln", "r", "p"],
        _ => &["i", "l"],
    };
    if hash
        .params
        .iter()
        .any(|(key, _)| !known.contains(&key.as_str()))
    {
        return Err(malformed());
    }
    let method = match name {
        "argon2id" => {
            // Hashes of version 16 do not say so.
            if hash.version != Some(19) {
                return Err(PasswordHashError::Unsupported(
                    "an argon2id hash of version 16 is not supported",
                ));
            }
            let (memory, passes, lanes) = (number("m")?, number("t")?, number("p")?);
            ceiling("m (KiB)", memory.into(), MEMORY.into())?;
            ceiling(
                "m (KiB) times t",
                u64::from(memory).saturating_mul(passes.into()),
                ARGON2_WORK,
            )?;
            argon2::Params::new(memory, passes, lanes, None).map_err(|_| malformed())?;
            if salt.as_ref().len() < argon2::MIN_SALT_LEN {
                return Err(malformed());
            }
            Method::Argon2id {
                memory,
                passes,
                lanes,
            }
        }
        "scrypt" => {
            let (log_n, r, p) = (number("ln")?, number("r")?, number("p")?);
            let n = 1_u64.checked_shl(log_n).unwrap_or(u64::MAX);
            let blocks = n.saturating_mul(r.into());
            ceiling(
                "128 N r (KiB)",
                blocks.saturating_mul(128) / 1024,
                MEMORY.into(),
            )?;
            ceiling("N r p", blocks.saturating_mul(p.into()), SCRYPT_WORK)?;
            let log_n = u8::try_from(log_n).map_err(|_| malformed())?;
            scrypt::Params::new(log_n, r, p).map_err(|_| malformed())?;
            Method::Scrypt { log_n, r, p }
        }
        "pbkdf2-sha256" => Method::Pbkdf2Sha256 {
            rounds: rounds(number("i")?, expected, (32, PBKDF2_SHA256), name)?,
        },
        _ => Method::Pbkdf2Sha512 {
            rounds: rounds(number("i")?, expected, (64, PBKDF2_SHA512), name)?,
        },
    };
    let length = hash
        .params
        .get_decimal("l")
        .and_then(|l| usize::try_from(l).ok());
    let sound = (SHORTEST..=LONGEST).contains(&expected.len());
    if length.is_some_and(|length| length != expected.len()) || !sound {
        return Err(malformed());
    }
    Ok(PasswordHash {
        method,
        salt: salt.as_ref().to_vec(),
        expected: expected.to_vec(),
    })
}

fn bcrypt(text: &str) -> Result<PasswordHash, PasswordHashError> {
    /// Its own alphabet; the last character of salt and hash has bits to spare, which some writers fill.
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::BCRYPT,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone),
    );
    let parts = || {
        let (cost, rest) = text.get(4..)?.split_once('$')?;
        let cost = decimal(cost).filter(|_| cost.len() == 2)?;
        let (salt, hash) = rest.split_at_checked(22)?;
        let decoded = (ENGINE.decode(salt).ok()?, ENGINE.decode(hash).ok()?);
        ((4..=31).contains(&cost) && hash.len() == 31).then_some((cost, decoded))
    };
    let (cost, (salt, expected)) = parts().ok_or(PasswordHashError::Malformed("bcrypt"))?;
    ceiling("the cost", cost.into(), BCRYPT_COST.into())?;
    Ok(PasswordHash {
        method: Method::Bcrypt { cost },
        salt,
        expected,
    })
}

fn pbkdf2_hex(rest: &str) -> Result<PasswordHash, PasswordHashError> {
    const NAME: &str = "pbkdf2_sha256";
    let parts = || {
        let mut parts = rest.split('$');
        let (rounds, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let decoded = (decimal(rounds)?, hex_bytes(salt)?, hex_bytes(hash)?);
        let (_, salt, hash) = &decoded;
        (parts.next().is_none() && !salt.is_empty() && hash.len() == 32).then_some(decoded)
    };
    let (given, salt, expected) = parts().ok_or(PasswordHashError::Malformed(NAME))?;
    Ok(PasswordHash {
        method: Method::Pbkdf2Sha256 {
            rounds: rounds(given, &expected, (32, PBKDF2_SHA256), NAME)?,
        },
        salt,
        expected,
    })
}

/// The rounds of PBKDF2, which are gone through once for each block of the output: `block` is the output's length in
/// bytes that the rounds `most` may be spent on.
fn rounds(
    given: u32,
    output: &[u8],
    (block, most): (usize, u32),
    name: &'static str,
) -> Result<u32, PasswordHashError> {
    if given == 0 {
        return Err(PasswordHashError::Malformed(name));
    }
    let blocks = u64::try_from(output.len().div_ceil(block)).unwrap_or(u64::MAX);
    let what = match blocks {
        0 | 1 => "the number of rounds",
        _ => "the number of rounds times blocks of output",
    };
    ceiling(what, u64::from(given).saturating_mul(blocks), most.into())?;
    Ok(given)
}

/// Digits, and nothing else: a sign is none.
fn decimal(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn ceiling(what: &str, given: u64, most: u64) -> Result<(), PasswordHashError> {
    if given <= most {
        Ok(())
    } else {
        Err(PasswordHashError::TooExpensive(format!(
            "{what} is {given}, and {most} at the most"
        )))
    }
}
