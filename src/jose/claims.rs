//! The claims of a token (RFC 7519 section 4) and what they say about time.

use std::{borrow::Cow, fmt, time::Duration};

use serde_json::{Map, Value};

use super::{Malformation, TokenError};
use crate::{
    json::{ClaimPath, Reads, StrictObject, map_weight},
    time::UnixTime,
};

/// The claims of one token, each of a registered name having its registered type.
///
/// By itself this proves nothing: whether anybody vouches for the claims is said by where they came
/// from, an `UntrustedToken` or a `VerifiedClaims`.
#[derive(Clone, PartialEq)]
pub struct ClaimSet {
    members: Map<String, Value>,
    /// All of them as JSON, where `members` are only a part of them and somebody is handed all.
    whole: Option<Box<str>>,
    expires_at: Option<UnixTime>,
    not_before: Option<UnixTime>,
    issued_at: Option<UnixTime>,
}

impl ClaimSet {
    /// A JSON object: the payload of a token, or what a service or the configuration says of a caller.
    ///
    /// A date may be any number (RFC 7519 section 2): those beyond 285 million years count as that far away.
    ///
    /// # Errors
    ///
    /// `Malformed` for what is no such object, repeats a member or has a registered claim of another type.
    pub fn parse(json: &[u8]) -> Result<Self, TokenError> {
        let StrictObject(mut members) = serde_json::from_slice(json)
            .map_err(|_| TokenError::Malformed(Malformation::Claims))?;
        for name in ["iss", "sub"] {
            if !members.get(name).is_none_or(Value::is_string) {
                return Err(TokenError::Malformed(Malformation::NotText(name)));
            }
        }
        if !members.get("aud").is_none_or(is_audience) {
            return Err(TokenError::Malformed(Malformation::Audience));
        }
        let mut date = |name| {
            let Some(value) = members.get_mut(name) else {
                return Ok(None);
            };
            let fault = TokenError::Malformed(Malformation::NotANumber(name));
            let seconds = whole_seconds(value).ok_or(fault)?;
            *value = seconds.into();
            // Before the epoch is before everything that this filter will ever compare it with.
            Ok(Some(UnixTime::from_secs(
                u64::try_from(seconds).unwrap_or(0),
            )))
        };
        let (expires_at, not_before, issued_at) = (date("exp")?, date("nbf")?, date("iat")?);
        Ok(Self {
            members,
            whole: None,
            expires_at,
            not_before,
            issued_at,
        })
    }

    /// The same claims without the members that nobody reads: a tree of them takes up to nineteen times their text.
    #[must_use]
    pub fn narrowed(&self, reads: &Reads) -> Self {
        Self {
            members: reads.part_of(&self.members),
            whole: reads.is_whole().then(|| self.text().into()),
            ..*self
        }
    }

    /// All the claims as JSON.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match &self.whole {
            Some(whole) => Cow::Borrowed(whole),
            None => Cow::Owned(serde_json::to_string(&self.members).unwrap_or_default()),
        }
    }

    /// The members, of narrowed claims those that are read; `exp`, `nbf` and `iat` as whole seconds.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// `iss` (RFC 7519 section 4.1.1).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.members.get("iss")?.as_str()
    }

    /// `sub` (RFC 7519 section 4.1.2).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.members.get("sub")?.as_str()
    }

    /// The claim of this name, where it is a text.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    /// `aud`, one or many (RFC 7519 section 4.1.3).
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let audience = self.members.get("aud");
        let many = audience
            .and_then(Value::as_array)
            .map_or_else(<&[Value]>::default, Vec::as_slice);
        many.iter().chain(audience).filter_map(Value::as_str)
    }

    /// `exp` (RFC 7519 section 4.1.4), without a fraction of a second.
    #[must_use]
    pub const fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }

    /// `nbf` (RFC 7519 section 4.1.5), without a fraction of a second.
    #[must_use]
    pub const fn not_before(&self) -> Option<UnixTime> {
        self.not_before
    }

    /// `iat` (RFC 7519 section 4.1.6), without a fraction of a second.
    #[must_use]
    pub const fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// The value that `path` leads to.
    #[must_use]
    pub fn find(&self, path: &ClaimPath) -> Option<&Value> {
        path.find(&self.members)
    }

    /// The value that `path` leads to, where it is a string.
    #[must_use]
    pub fn string(&self, path: &ClaimPath) -> Option<&str> {
        self.find(path)?.as_str()
    }

    /// How many bytes of memory they take.
    #[must_use]
    pub fn weight(&self) -> usize {
        let whole = self.whole.as_ref().map_or(0, |whole| whole.len());
        size_of::<Self>()
            .saturating_add(map_weight(&self.members))
            .saturating_add(whole)
    }

    /// Holds the times against `now`.
    ///
    /// A token is good until just before `exp` plus the skew: RFC 7519 section 4.1.4 refuses it "on or
    /// after" that moment. It is good from `nbf` less the skew on, that moment included.
    ///
    /// # Errors
    ///
    /// In this order: `ExpirationMissing`, `Expired`, `NotYetValid`, `LifetimeTooLong`. `iat` is held against now only where
    /// a lifetime begins with it: nothing else is said of it (RFC 7519 section 4.1.6).
    pub fn check_times(&self, rules: &TimeRules, now: UnixTime) -> Result<(), TokenError> {
        let skew = rules.clock_skew;
        match self.expires_at {
            None if rules.require_expiration => return Err(TokenError::ExpirationMissing),
            Some(expires_at) if now >= expires_at.plus(skew) => return Err(TokenError::Expired),
            _ => {}
        }
        let in_future = |time: Option<UnixTime>| time.is_some_and(|time| now.plus(skew) < time);
        let counts = rules.max_lifetime.is_some();
        if in_future(self.not_before) || counts && in_future(self.issued_at) {
            return Err(TokenError::NotYetValid);
        }
        match rules.max_lifetime {
            Some(longest) if self.lifetime(now) > longest => Err(TokenError::LifetimeTooLong),
            _ => Ok(()),
        }
    }

    /// Without `exp` there is no end; without `iat` the beginning may have been, at best, now.
    fn lifetime(&self, now: UnixTime) -> Duration {
        let issued_at = self.issued_at.unwrap_or(now);
        self.expires_at
            .map_or(Duration::MAX, |expires_at| expires_at.since(issued_at))
    }
}

/// Claims are about people: only their number is for logs.
impl fmt::Debug for ClaimSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClaimSet")
            .field("members", &self.members.len())
            .finish_non_exhaustive()
    }
}

/// The seconds of a date without their fraction, and no more of them than a double can tell apart.
fn whole_seconds(date: &Value) -> Option<i64> {
    /// 2^53: up to here a double represents every whole number.
    const MOST: i64 = 1 << 53;
    let number = date.as_number()?;
    if let Some(seconds) = number.as_i64() {
        return Some(seconds.clamp(-MOST, MOST));
    }
    let seconds = number.as_f64()?;
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "there is no other, and what does not fit is brought to the bounds"
    )]
    let whole = seconds.trunc() as i64;
    Some(whole.clamp(-MOST, MOST))
}

fn is_audience(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(Value::is_string),
        other => other.is_string(),
    }
}

/// What a provider asks of the times in its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRules {
    /// By how much the issuer's clock and ours may differ.
    pub clock_skew: Duration,
    /// Whether a token without `exp` is refused.
    pub require_expiration: bool,
    /// The longest accepted time from `iat` (without one, from now) to `exp`.
    pub max_lifetime: Option<Duration>,
}

#[cfg(test)]
mod tests;
