//! JSON Web Tokens.

mod error;

pub use self::error::TokenError;
