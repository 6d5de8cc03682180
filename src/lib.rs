//! Authentication and authorization at the proxy.
//!
//! One WebAssembly module in front of any application: it verifies who calls, decides what they may do, and
//! tells the application who they are. This is the flow of one request, and each step is a module:
//!
//! 1. The host adapter (`host`, compiled for WASI only) hands over the request's [`headers`] as bytes.
//! 2. [`gateway::Gateway`] knows the requests of one VM: it makes an [`exchange::Exchange`] of this one.
//! 3. [`policy::Policy::find`] gives the rule: the first whose [route](policy::route) matches the
//!    [canonical path](policy::path), the method and the host. A request that servers read in several ways
//!    (`policy/readings`) must come to one rule in each of them. What needs no credential is answered before that: the
//!    mode `disabled`, the metadata of a resource, a preflight (`exchange/request.rs`).
//! 4. [`credential`] finds the one credential of the request, or none, or copies that a browser sends and that are judged
//!    together; it refuses a request with several otherwise. `exchange/authenticate.rs` takes the steps from here to 8.
//! 5. [`jose::UntrustedToken`] reads the token and proves nothing; [`policy::provider::TokenRules`] checks what needs no
//!    key: issuer, type, times, audience. [`basic`], [`api_key`] or [`services`] verify other credentials.
//! 6. [`keys::KeyStore`] has the issuer's keys, and [`services::ServiceStore`] the answers of services. Where one is
//!    missing the request waits for it (`gateway/holding.rs`), [`gateway::Gateway::poll_callout`] says which callout must
//!    go out, and [`gateway::Gateway::poll_settled`] which requests its answer settled. `keys/fetch.rs` reads an answer
//!    with keys.
//! 7. [`jose::KeySet::verify`] verifies the token's signature; nothing else makes [`jose::VerifiedClaims`].
//!    [`tokens::TokenStore`] remembers the outcome, so that the next request with the token costs no signature.
//!    For a token that is bound to a key, [`possession`] checks at each request that the caller has the key.
//! 8. [`policy::principal::Principal`] is the caller, completed by the directories that the rule depends on. The caller
//!    meets the rule's [requirement](policy::requirement) or does not.
//! 9. [`exchange::Grant`] says what changes in the request before it goes upstream; [`policy::denial::Denial`] is the only
//!    place where a refusal becomes a status, a challenge and a body.
//!
//! # How it is built
//!
//! **The core performs no input or output.** Nothing outside `host` reads a clock, sends a callout or calls a
//! proxy: time is an argument, and what hosts differ in is data ([`capabilities`]). The gateway calls [`exchange::Exchange::advance`] again whenever something may have
//! changed, and it answers from what is known then. So there is nothing to resume and no callback to be entered twice,
//! which is how filters of this kind have crashed. Tests can also tell whole stories (an issuer that is down for an
//! hour, four VMs that start at once) in milliseconds, without a host.
//!
//! **What is not allowed cannot be written.** A request goes upstream only behind a [`exchange::Grant`], and only
//! [`exchange::Exchange`] makes one: `advance`, and `give_up` where refusals are only noted. A decision reads claims only from [`policy::principal::TrustedClaims`], which
//! come from [`jose::VerifiedClaims`], a service's answer or the configuration. A configuration is refused, with the
//! place of its error, or becomes a [`policy::Policy`] in which every name is resolved.
//!
//! **VMs share, and do not trust each other.** A process has a VM per worker thread. They agree through the host's
//! shared data ([`keys::SharedData`]): one takes a lease and fetches, the others import what it stored, and parse it
//! again like an issuer's answer. A leader that dies is replaced when its lease is over.
//!
//! **A head is a value.** [`headers::Headers`] is all pairs of the request, fetched from the host in one call. Asking for one
//! value hides the second `Authorization` on some hosts, and asking for several costs more than the copy.
//!
//! # Adding a kind of provider
//!
//! A kind is a type of the configuration and a function that compiles it. All that the kind `http` has (a service verifies any
//! credential) is in these files:
//!
//! 1. `config/provider/http.rs`: [`config::HttpProvider`], with the keys that only this kind has, and the parts that it
//!    shares with others: [`config::Common`], [`config::Places`], [`config::Tokens`], [`config::Signatures`]. The reader
//!    and the schema follow from it; `cargo xtask schema` writes the latter.
//! 2. `config/provider.rs`: its variant of [`config::Provider`], and what the variant has of the shared parts.
//! 3. `config/secret.rs`: which of its texts may come from the environment. The compiler asks for this, as it does for 4.
//! 4. `policy/compile/providers.rs`: the call of its function.
//! 5. `policy/compile/providers/http.rs`: that function. It makes a [`policy::provider::Verification`], and says where the
//!    credentials are read by default and what the callers' claims are called.
//!
//! `tests/schema/whole.json` has one with every key, and `filter-config/providers` a page for each. Credentials that are
//! verified in a way that no kind has yet need a variant of [`policy::provider::Verification`] too, which
//! [`exchange::Exchange::advance`] then knows what to do with.
//!
//! Each maker's tokens have one file with all that is known of them: `cognito.rs` and `entra_id.rs` beside `http.rs`, where
//! that takes code. An issuer whose defaults are all there is to know is a preset: a file in `policy/compile/providers/preset`.
//!
//! # Floors
//!
//! A module uses those below it, and none above or beside it, so that each can be understood without its users
//! (`tests/floors.rs` checks this). From the ground up:
//!
//! - `client` `headers` `json` `ledger` `memo` `names` `text` `time`
//! - `query`
//! - `bucket` `callout` `expiring` `jose` `overrides` `password` `sigv4` `tally`
//! - `api_key` `keys` `time_budget`
//! - `possession` `services`
//! - `config`
//! - `basic` `capabilities` `credential`
//! - `policy`
//! - `tokens`
//! - `exchange`
//! - `gateway`
//! - `host`

pub mod api_key;
pub mod basic;
#[cfg(any(test, target_os = "wasi"))]
mod bucket;
pub mod callout;
pub mod capabilities;
pub mod client;
pub mod config;
pub mod credential;
pub mod exchange;
mod expiring;
pub mod gateway;
pub mod headers;
#[cfg(target_os = "wasi")]
mod host;
pub mod jose;
pub mod json;
pub mod keys;
pub mod ledger;
mod memo;
pub mod names;
mod overrides;
pub mod password;
pub mod policy;
pub mod possession;
mod query;
pub mod services;
pub mod sigv4;
mod tally;
pub mod text;
pub mod time;
pub mod time_budget;
pub mod tokens;
