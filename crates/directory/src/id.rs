//! Row identifiers in the form that the tables have: a KSUID, 27 letters and digits that sort by time.

use std::time::{SystemTime, UNIX_EPOCH};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// When KSUIDs began to count, in seconds since 1970.
const EPOCH: u64 = 1_400_000_000;

/// A new identifier.
///
/// # Errors
/// On a system without random numbers.
pub(crate) fn new() -> Result<String, String> {
    let mut payload = [0_u8; 16];
    getrandom::fill(&mut payload).map_err(|error| format!("no random numbers: {error}"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs()).saturating_sub(EPOCH);
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    Ok(encode(seconds, payload))
}

/// Twenty bytes as 27 digits of base 62.
fn encode(seconds: u32, payload: [u8; 16]) -> String {
    let mut number: Vec<u8> = [&seconds.to_be_bytes()[..], &payload].concat();
    let mut digits = [b'0'; 27];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u16;
        for byte in &mut number {
            let value = rest << 8 | u16::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *digit = DIGITS.get(usize::from(rest)).copied().unwrap_or(b'0');
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_a_ksuid() {
        // The least, the greatest, and the example of the format's authors.
        assert_eq!(encode(0, [0; 16]), "0".repeat(27));
        assert_eq!(encode(u32::MAX, [255; 16]), "aWgEPTl1tmebfsQzFP4bxwgy80V");
        let payload = 0xB5A1_CD34_B5F9_9D11_54FB_6853_345C_9735_u128.to_be_bytes();
        assert_eq!(encode(107_608_047, payload), "0ujtsYcgvSTl8PAuAdqWYSMnLOv");
    }

    #[test]
    fn identifiers_are_new() {
        assert_ne!(new().unwrap(), new().unwrap());
    }
}
