//! Passwords: making hashes, and checking some at a time.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use auth_filter::password::PasswordHash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::Semaphore;

/// Memory in KiB and passes of argon2id, as OWASP's Password Storage Cheat Sheet has them for one lane.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;

/// How many checks may wait for each that runs; what is above is refused at once.
const QUEUE: usize = 32;

/// Why a password was not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unchecked {
    /// Too many wait already.
    #[error("too many passwords wait to be checked")]
    Busy,
    /// The check itself failed.
    #[error("a password's check failed")]
    Failed,
}

/// A hash of a password by argon2id, in the PHC string format.
///
/// # Errors
/// On a system without random numbers.
pub(crate) fn hash(password: &[u8]) -> Result<String, String> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(|error| format!("no random numbers: {error}"))?;
    let params = Params::new(MEMORY, PASSES, 1, Some(32)).map_err(|error| error.to_string())?;
    let mut made = [0_u8; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, &salt, &mut made)
        .map_err(|error| error.to_string())?;
    let (salt, made) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(made));
    Ok(format!(
        "$argon2id$v=19$m={MEMORY},t={PASSES},p=1${salt}${made}"
    ))
}

/// Reads a hash in any format that the filter reads.
///
/// # Errors
/// What is wrong with it; quotes nothing of it.
pub(crate) fn parse(text: &str) -> Result<PasswordHash, String> {
    PasswordHash::parse(text).map_err(|error| format!("the password's hash {error}"))
}

/// Checks passwords beside the server's own threads, some at a time.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    decoy: Arc<PasswordHash>,
}

impl Checker {
    /// Checks at most `workers` passwords at a time.
    ///
    /// # Errors
    /// On a system without random numbers.
    pub(crate) fn new(workers: usize) -> Result<Self, String> {
        let workers = workers.max(1);
        Ok(Self {
            running: Arc::new(Semaphore::new(workers)),
            waiting: Arc::new(Semaphore::new(workers.saturating_mul(QUEUE))),
            decoy: Arc::new(parse(&hash(b"nobody's")?)?),
        })
    }

    /// Whether this is the password of the hash. Without a hash, where nobody has the name, it takes the same time and is
    /// not; a hash of another cost than this service makes takes that time, and says so by `true` behind it.
    pub(crate) async fn check(
        &self,
        hash: Option<PasswordHash>,
        password: Vec<u8>,
    ) -> Result<(bool, bool), Unchecked> {
        let _place = self.waiting.try_acquire().map_err(|_| Unchecked::Busy)?;
        let permit = Arc::clone(&self.running).acquire_owned().await;
        let permit = permit.map_err(|_| Unchecked::Failed)?;
        let decoy = Arc::clone(&self.decoy);
        let check = move || {
            // Held until the hash is made, also where nobody waits for the answer any more.
            let _permit = permit;
            let right = hash.as_ref().unwrap_or(&decoy).verify(&password);
            let other_cost = hash.as_ref().is_some_and(|hash| !hash.same_cost(&decoy));
            (right && hash.is_some(), other_cost)
        };
        tokio::task::spawn_blocking(check)
            .await
            .map_err(|_| Unchecked::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_passwords_and_no_others() {
        let made = hash("zo\u{eb}".as_bytes()).unwrap();
        let read = parse(&made).unwrap();
        assert!(read.verify("zo\u{eb}".as_bytes()) && !read.verify(b"zoe"));
        assert_ne!(made, hash("zo\u{eb}".as_bytes()).unwrap());
    }

    #[tokio::test]
    async fn what_is_above_the_queue_is_refused_at_once() {
        let checker = Checker::new(1).unwrap();
        let all = checker.running.clone().acquire_owned().await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..QUEUE {
            let checker = checker.clone();
            let check = async move { checker.check(None, b"x".to_vec()).await };
            waiting.push(tokio::spawn(check));
        }
        while checker.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            checker.check(None, b"x".to_vec()).await,
            Err(Unchecked::Busy)
        );
        waiting.drain(1..).for_each(|task| task.abort());
        drop(all);
        assert_eq!(waiting.remove(0).await.unwrap(), Ok((false, false)));
        assert_eq!(checker.check(None, b"x".to_vec()).await, Ok((false, false)));
    }
}
