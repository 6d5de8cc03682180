//! The compiled configuration, and its decisions about requests and callers.

#[cfg(not(target_arch = "wasm32"))]
mod advice;
pub mod claim;
mod compile;
pub mod decision;
pub mod denial;
mod explain;
mod matcher;
pub mod path;
pub mod principal;
pub mod provider;
mod readings;
mod remark;
pub mod requirement;
pub mod resource_metadata;
pub mod route;
mod self_tests;
pub mod unmet;
mod upstream;

use std::rc::Rc;
use std::time::Duration;

pub use self::upstream::{UpstreamHeaders, UpstreamIdentity};

pub use self::explain::Explanation;

use self::denial::{Challenge, Denial};
use self::matcher::Matcher;
use self::path::{CanonicalPath, MatchPath};
use self::principal::{Kind, Principal};
use self::provider::{ChallengeScheme, Provider};
use self::readings::Reader;
pub use self::readings::{Disagreement, Reading};
use self::requirement::{RequestView, Requirement};
use self::resource_metadata::ResourceMetadata;
use self::route::Route;
use self::unmet::Unmet;
use crate::config::{ClientAddress, ConfigError, DisabledIdentity, Mode, ProviderId, Resolve};
use crate::credential::{Location, Places, Reach};
use crate::headers::Headers;
use crate::jose::TokenError;
use crate::json::Reads;
use crate::keys::{KeySource, Seal};
use crate::possession::Dpop;
use crate::services::Service;
#[cfg(doc)]
use crate::services::ServiceId;
use crate::sigv4::Scope;

/// A compiled rule: the requests that it decides and what their callers need.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The rule's name in logs, metrics and decisions.
    pub name: String,
    /// The conditions on a request for the rule to decide it.
    pub route: Route,
    /// What a caller needs for the request to pass.
    pub requirement: Requirement,
    /// The providers whose credentials the rule accepts.
    pub accepted: Box<[ProviderId]>,
    /// Where the filter looks for those credentials.
    pub locations: Box<[Location]>,
    /// The schemes in which the filter challenges a client that has no good credential.
    pub challenges: Box<[ChallengeScheme]>,
    /// The scopes that the requirement asks for, space-separated, for challenges.
    pub scope: Option<String>,
    /// What of the caller is found out for the upstream, whether or not the requirement depends on it.
    pub resolve: Box<[Resolve]>,
    /// Whether the upstream gets the caller's temporary AWS credentials.
    pub aws_credentials: bool,
    /// For which AWS service the request is signed with them.
    pub aws_sigv4: Option<AwsSigV4>,
}

impl Rule {
    /// Whether the caller passes, `None` being anonymous, and everything that the upstream is told is known.
    ///
    /// # Errors
    /// As [`Requirement::check`].
    pub fn check(
        &self,
        mut caller: Option<&mut Principal<'_>>,
        view: &RequestView<'_>,
    ) -> Result<(), Unmet> {
        // Where there are several readings, each must pass.
        let mut reading = view.readings.get(..1).unwrap_or_default();
        for place in 0..view.readings.len().max(1) {
            reading = view.readings.get(place..=place).unwrap_or(reading);
            let view = RequestView {
                readings: reading,
                ..*view
            };
            self.requirement.check(caller.as_deref_mut(), &view)?;
        }
        let Some(caller) = caller else {
            return Ok(());
        };
        for part in &self.resolve {
            let mut list = |kind| caller.attribute(kind).missing;
            let missing = match part {
                Resolve::Groups => list(Kind::Groups),
                Resolve::Permissions => list(Kind::Permissions),
                Resolve::Profile => caller.look_at_profile().err(),
                Resolve::Roles => list(Kind::Roles),
            };
            match missing {
                // Groups that nobody knows are not told, and nothing depends on them.
                None | Some(Unmet::Denied(Denial::GroupsOverage)) => {}
                Some(unmet) => return Err(unmet),
            }
        }
        Ok(())
    }
}

/// For which AWS service a request is signed.
#[derive(Clone, Debug)]
pub struct AwsSigV4 {
    /// The service and the region that the signature is made for.
    pub scope: Scope,
    /// The host that is signed; the request's own where there is none.
    pub host: Option<String>,
}

/// Bounds on the memory, the time and the callouts that requests may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest token that is looked at, in bytes.
    pub token_bytes: usize,
    /// The most callouts in flight per VM.
    pub callouts: usize,
    /// Requests that may wait at one time per VM.
    pub held_requests: usize,
    /// Bytes of their headers and of the questions that they wait for.
    pub held_bytes: usize,
    /// Answers of services that are kept per VM.
    pub service_cache_entries: usize,
    /// Bytes that they may take, with the questions that wait for one and what is made of them.
    pub service_cache_bytes: usize,
    /// Entries of directories that the VMs of a process share.
    pub shared_entries: usize,
    /// The longest time that a request may wait for an answer.
    pub hold: Duration,
    /// Verified tokens that are kept per VM; 0 for none.
    pub token_cache_entries: usize,
    /// Bytes per VM that verified tokens may take.
    pub token_cache_bytes: usize,
    /// Time for hashing passwords per second and VM.
    pub hash_time: Duration,
    /// How much of a second the signatures of tokens may take that do not hold, in each VM.
    pub signature_time: Duration,
    /// How much of a second those of proofs of known tokens may take.
    pub proof_time: Duration,
}

/// A compiled configuration: everything that a decision depends on but time, keys and answers of services.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What the filter does with its decisions: enforce them, only log them, or make none.
    pub mode: Mode,
    /// The realm of all challenges but `Basic` ones.
    pub realm: String,
    /// All providers; a [`ProviderId`] is an index into this list.
    pub providers: Box<[Provider]>,
    /// Key sets that the filter fetches; a [`KeySourceId`](crate::keys::KeySourceId) is an index into this list.
    pub sources: Box<[KeySource]>,
    /// Services that are asked about callers, by [`ServiceId`].
    pub services: Box<[Service]>,
    /// What is read of claims: nothing else of them is kept.
    pub reads: Rc<Reads>,
    /// The rules in their order; the first that matches decides.
    pub rules: Box<[Rule]>,
    /// An index of the rules by host and path.
    matcher: Matcher,
    /// The readings of a request that upstreams may have.
    reader: Reader,
    /// Whether CORS preflight requests need no credential.
    pub bypass_cors_preflight: bool,
    /// What clients may know of the protected resource.
    pub resource_metadata: Option<ResourceMetadata>,
    /// The headers and the filter state that carry the caller's identity.
    pub upstream: UpstreamHeaders,
    /// Whom it is told of in disabled mode.
    pub disabled_identity: Option<DisabledIdentity>,
    /// Where the filter reads the client's address.
    pub client_address: ClientAddress,
    /// The digest of the text that it was made of, where that is known.
    pub digest: Option<[u8; 32]>,
    /// The seal of what the VMs of a process share, where others may write there.
    pub seal: Option<Seal>,
    /// Bounds on the memory, the time and the callouts that requests may cost.
    pub limits: Limits,
    /// Whether the host lets the filter take headers out. Where it does not, a request that brings headers that only the
    /// filter may set is refused, whatever the host is told to take out: what it is told holds in one of its locations, and
    /// a forgotten line sends the client's header on. No honest client has them.
    removes_headers: bool,
    /// All places where some provider looks for credentials.
    pub(crate) places: Places,
    /// Whether the host lets the filter change the target.
    sets_target: bool,
    /// Whether the host lets a request wait for a time.
    lets_wait: bool,
    /// What an operator should be warned of at each load, each with its place.
    pub warnings: Vec<ConfigError>,
}

impl Policy {
    /// The rule of a request, as [`Self::find_in_each_reading`] finds it.
    ///
    /// # Errors
    /// As [`Self::find_in_each_reading`], without the readings that differ.
    pub fn find(&self, head: &Headers) -> Result<(&Rule, Variables), Denial> {
        self.find_in_each_reading(head)
            .map_err(|(denial, _)| denial)
    }

    /// The challenge of a refusal: the schemes, the scopes and the realm of the rule.
    #[must_use]
    pub fn challenge<'p>(&'p self, rule: Option<&'p Rule>, head: &Headers) -> Challenge<'p> {
        let with_proof = |rule: &Rule| {
            let mut places = rule.locations.iter();
            places.any(|place| place.is_dpop() && place.is_used(head))
        };
        Challenge {
            with_proof: rule.is_some_and(with_proof),
            schemes: rule.map(|rule| &*rule.challenges).unwrap_or_default(),
            realm: &self.realm,
            scope: rule.and_then(|rule| rule.scope.as_deref()),
            resource_metadata: self.resource_metadata.as_ref().map(ResourceMetadata::url),
        }
    }

    /// The refusal of what cannot be a credential where it stands, in the words of those who look there for a rule.
    #[cold]
    pub(crate) fn refusal(&self, rule: &Rule, location: &Location, error: TokenError) -> Denial {
        let accepted = rule.accepted.iter();
        let looks = |provider: &&Provider| provider.locations.contains(location);
        let readers = accepted.filter_map(|id| self.provider(*id)).filter(looks);
        let refusals = readers.map(|provider| match provider.challenge() {
            ChallengeScheme::ApiKey => Denial::BadKey,
            ChallengeScheme::Basic(_) => Denial::BadPassword,
            ChallengeScheme::Bearer | ChallengeScheme::Dpop(_) => error.into(),
        });
        refusals
            .reduce(Denial::most_specific)
            .unwrap_or(Denial::Token(error))
    }

    /// Whether some provider's tokens may be bound to certificates.
    #[must_use]
    pub fn asks_for_certificate(&self) -> bool {
        let mut providers = self.providers.iter();
        providers.any(|provider| provider.mtls().is_some())
    }

    /// Whether a request may be let wait: not where the host cannot, nor where nothing is to be held up.
    #[must_use]
    pub fn lets_wait(&self) -> bool {
        self.lets_wait && self.mode == Mode::Enforce
    }

    /// What the host lets the filter change of a request.
    pub(crate) fn reach(&self) -> Reach {
        Reach {
            headers: self.removes_headers,
            target: self.sets_target,
        }
    }

    /// Whether the request brings a header that only the filter may set, and nobody would take it out.
    pub(crate) fn refuses_headers_of(&self, head: &Headers) -> bool {
        let owned = |(name, _): (&[u8], &[u8])| self.upstream.owns(name);
        !self.removes_headers && head.iter().any(owned)
    }

    /// How long after its making a proof may count for one of the providers.
    #[must_use]
    pub fn longest_proof(&self) -> Duration {
        let providers = self.providers.iter().filter_map(Provider::dpop);
        providers.map(Dpop::window).max().unwrap_or_default()
    }

    /// The provider with this id; `None` for an id of another configuration.
    #[must_use]
    pub fn provider(&self, id: ProviderId) -> Option<&Provider> {
        self.providers.get(usize::from(id.0))
    }
}

/// What the variables of a rule's path stand for in a request: names with texts. A segment that is not UTF-8 is
/// left out, and so equals no claim.
pub type Variables = Vec<(String, String)>;

fn variables(rule: &Rule, path: &[u8]) -> Variables {
    let MatchPath::Template(template) = &rule.route.path else {
        return Variables::new();
    };
    template
        .capture(path)
        .filter_map(|(name, value)| {
            let value = std::str::from_utf8(value).ok()?;
            // A slash that stayed within its segment is one to whoever reads the segment.
            let value = value.replace("%2F", "/").replace("%2f", "/");
            Some((name.to_owned(), value))
        })
        .collect()
}
