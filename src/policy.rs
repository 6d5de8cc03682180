//! What a request needs, compiled from the configuration once.

/// Refusals, and the answers that they become.
pub mod denial;
pub mod path;
pub mod principal;
pub mod requirement;
pub mod route;

/// A provider's place in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(pub u16);

/// A key set's place in the policy: providers of one issuer share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySourceId(pub u16);
