//! Services that are asked about one caller: is this token active, is this password right, which groups has she.
//!
//! Each question has one call in flight, however many requests wait for it; its answer is kept for as long as the
//! service's configuration and the answer itself allow, in a store with a bound. Nothing here performs a callout or
//! reads a clock: [`ServiceStore::poll_call`] says what must go out, [`ServiceStore::handle_answered`] takes what
//! came back. Answers stay within their VM, but for the entries of directories that are marked as shared: the other VMs
//! of the process find those in the host's shared data, and one of them asks for all.

mod ask;
mod decision;
mod directory;
mod error;
mod identity_pool;
mod introspection;
mod reading;
mod secret;
mod shared;
mod store;
mod verifier;

use std::any::Any;
use std::rc::Rc;
use std::time::Duration;

pub use self::ask::Ask;
pub use self::decision::{Batch, DecisionProtocol, Evaluation};
pub use self::directory::{Attributes, Directory, Extract, Mapping};
pub use self::error::{CallError, Unreadable};
pub use self::identity_pool::{IdentityPool, TemporaryCredentials};
pub use self::introspection::Introspection;
pub use self::secret::Secret;
pub use self::store::{Call, Notice, Question, ServiceStore, Unavailable};

use crate::callout::CalloutRequest;
use crate::expiring::{Digest, keyed_digest};
use crate::jose::ClaimSet;
use crate::json::Reads;
use crate::keys::Endpoint;
use crate::ledger::{Charge, Ledger};
use crate::memo::Memo;
use crate::time::UnixTime;

/// How long a service is left alone at the most because it limits the filter.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// A service's place in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u16);

/// A service and how it is asked.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its place in the configuration, for logs.
    pub name: String,
    /// The host's name for where the callout goes.
    pub upstream: String,
    /// Where it listens; the path may be a template of its protocol.
    pub endpoint: Endpoint,
    /// Headers of every question, by their lower-case names.
    pub headers: Vec<(String, Secret)>,
    /// How long one callout may take.
    pub timeout: Duration,
    /// The longest time that an answer serves.
    pub cache_duration: Duration,
    /// The longest time that a "no" serves.
    pub negative_cache_duration: Duration,
    /// The protocol in which the filter asks the service.
    pub protocol: Protocol,
    /// What is read of the claims that it vouches for: nothing else is kept.
    pub reads: Rc<Reads>,
}

/// What a service speaks.
#[derive(Clone, Debug)]
pub enum Protocol {
    /// A question whether a caller may do something, and where several go at once.
    Decision(DecisionProtocol, Option<Batch>),
    /// `GET` of a caller's groups, roles, permissions and profile.
    Directory(Directory),
    /// Amazon Cognito's exchange of an ID token for temporary credentials.
    IdentityPool(IdentityPool),
    /// Token introspection (RFC 7662).
    Introspection(Introspection),
    /// A `POST` of the credential: 200 with the caller, or 401.
    Verifier,
}

/// What a service said.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What the caller has.
    Attributes(Rc<Attributes>),
    /// Temporary AWS credentials for the caller.
    Credentials(Box<TemporaryCredentials>),
    /// The caller may do what was asked about.
    Permits,
    /// The credential does not hold, or the caller may not have what was asked for.
    Refuses,
    /// It vouches for a caller.
    Vouches(Rc<Vouching>),
}

/// Claims that a service vouches for, and what was made of them: it is the same at each request.
#[derive(Debug)]
pub struct Vouching {
    claims: Rc<ClaimSet>,
    derived: Memo<(Rc<dyn Any>, Charge)>,
}

impl Vouching {
    /// What a service says of a caller.
    #[must_use]
    pub fn new(claims: ClaimSet) -> Self {
        Self {
            claims: Rc::new(claims),
            derived: Memo::default(),
        }
    }

    /// The claims about the caller.
    #[must_use]
    pub fn claims(&self) -> &Rc<ClaimSet> {
        &self.claims
    }

    /// What the only provider that asks the service makes of the claims, once, where there is room to keep it. `make` gives
    /// it with the bytes that it takes.
    #[must_use]
    pub fn derived<T: Any>(&self, ledger: &Ledger, make: impl FnOnce() -> (Rc<T>, usize)) -> Rc<T> {
        let find = |(kept, _): &(Rc<dyn Any>, Charge)| Rc::clone(kept).downcast().ok();
        self.derived.find(find).unwrap_or_else(|| {
            let (made, bytes) = make();
            if let Some(charge) = ledger.charge(bytes) {
                self.derived.keep((Rc::<T>::clone(&made), charge), 1);
            }
            made
        })
    }
}

impl Answer {
    /// How many bytes it takes besides its own size.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Attributes(entry) => entry.weight(),
            Self::Credentials(issued) => issued.weight(),
            Self::Permits | Self::Refuses => 0,
            Self::Vouches(vouching) => {
                size_of::<Vouching>().saturating_add(vouching.claims.weight())
            }
        }
    }
}

/// What a response means.
enum Reading {
    /// The answer, and when it ends by its own account.
    Done(Answer, Option<UnixTime>),
    /// One more callout is needed, with this from the first.
    Next(String),
}

/// What is not asked for a while, because the service says so.
#[derive(Clone, Copy, Debug)]
enum Pause {
    /// No question goes to the service for so long.
    Service(Duration),
    /// The service, the same once more. Verifiers limit the guesses at one name: whoever guesses must not bring an outage
    /// upon others.
    Question(Duration),
}

impl Service {
    fn request(&self, ask: &Ask, progress: Option<&str>) -> CalloutRequest<'_> {
        let mut request = self.callout(&self.endpoint);
        match &self.protocol {
            Protocol::Decision(..) => decision::prepare(&mut request, ask),
            Protocol::Directory(_) => directory::prepare(&mut request, ask),
            Protocol::IdentityPool(pool) => pool.prepare(&mut request, ask, progress),
            Protocol::Introspection(introspection) => introspection.prepare(&mut request, ask),
            Protocol::Verifier => verifier::prepare(&mut request, ask),
        }
        self.add_headers(&mut request);
        request
    }

    /// Several questions in one request, where the service takes that.
    fn batch_request<'a>(&self, asks: impl Iterator<Item = &'a Ask>) -> Option<CalloutRequest<'_>> {
        let batch = self.batch()?;
        let mut request = self.callout(&batch.endpoint);
        decision::prepare_batch(&mut request, asks);
        self.add_headers(&mut request);
        Some(request)
    }

    fn callout<'s>(&'s self, endpoint: &'s Endpoint) -> CalloutRequest<'s> {
        CalloutRequest {
            upstream: &self.upstream,
            method: "POST",
            scheme: endpoint.scheme,
            authority: &endpoint.authority,
            path: endpoint.path.clone(),
            headers: Vec::new(),
            body: None,
            timeout: self.timeout,
        }
    }

    fn add_headers<'s>(&'s self, request: &mut CalloutRequest<'s>) {
        let own = self.headers.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.reveal().to_owned()));
        request.headers.extend(own);
    }

    /// How it takes several questions at once, if it does.
    const fn batch(&self) -> Option<&Batch> {
        match &self.protocol {
            Protocol::Decision(_, batch) => batch.as_ref(),
            _ => None,
        }
    }

    /// Whether the VMs of the process share its answers.
    const fn is_shared(&self) -> bool {
        matches!(&self.protocol, Protocol::Directory(directory) if directory.shared)
    }

    /// Tells it from services that are asked otherwise or elsewhere, also those of another configuration.
    fn fingerprint(&self) -> Digest {
        let mut parts = vec![
            self.upstream.as_bytes().to_vec(),
            self.endpoint.uri().into_bytes(),
        ];
        for (name, value) in &self.headers {
            parts.extend([name.as_bytes().to_vec(), value.reveal().as_bytes().to_vec()]);
        }
        if let Protocol::Directory(directory) = &self.protocol {
            parts.push(format!("{:?}", directory.mapping).into_bytes());
            // Entries without what another configuration reads are not for its VMs.
            parts.push(format!("{:?}", directory.profile).into_bytes());
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        keyed_digest(&[0; 32], &parts)
    }
}

#[cfg(test)]
mod tests;
