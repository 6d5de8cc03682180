//! Where the providers of a configuration look for credentials. What stands there goes upstream only where it held and is
//! to be forwarded: an application may believe that the proxy has verified what it finds.

use std::rc::Rc;

use super::{Credential, Location, cookie, query, websocket};
use crate::headers::Headers;
use crate::query::is_read_as;
use crate::text::{folded, is_folded};

/// The header that has a scheme in front of a credential: behind others it carries what is none of the filter's.
const AUTHORIZATION: &str = "authorization";

/// All places of all providers.
#[derive(Clone, Debug, Default)]
pub struct Places {
    headers: Vec<HeaderPlace>,
    cookies: Vec<String>,
    parameters: Vec<String>,
    among_subprotocols: bool,
}

#[derive(Clone, Debug)]
struct HeaderPlace {
    name: Rc<str>,
    /// What is a credential there, and whether all providers that read it forward it.
    locations: Vec<(Location, bool)>,
}

/// Which places are emptied.
#[derive(Clone, Copy, Debug)]
pub enum Emptying<'c> {
    /// Every place where some provider looks.
    All,
    /// All but that of this credential, where it is forwarded.
    Beside {
        /// The credential that authenticated the caller.
        held: &'c Credential<'c>,
        /// Whether it goes upstream.
        forward: bool,
        /// Where another stands that goes upstream too: it is the application's own.
        foreign: Option<&'c Location>,
    },
    /// Headers, but for those of providers that forward: nobody has looked at what stands there.
    Unasked,
}

/// What takes credentials out of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emptied {
    /// One header, by the name that the configuration has for it.
    pub credential: Option<Rc<str>>,
    /// Further headers, by the names as they were received.
    pub remove: Vec<Vec<u8>>,
    /// Headers that have this value instead, once.
    pub set: Vec<(String, Vec<u8>)>,
}

/// What a host can change of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Whether the host lets the filter change headers.
    pub headers: bool,
    /// The target, and so its query.
    pub target: bool,
}

impl Places {
    /// Those of all these providers: where each looks, and whether it forwards.
    #[must_use]
    pub fn of<'l>(providers: impl IntoIterator<Item = (&'l [Location], bool)>) -> Self {
        let mut places = Self::default();
        for (locations, forward) in providers {
            for location in locations {
                places.add(location, forward);
            }
        }
        places
    }

    fn add(&mut self, location: &Location, forward: bool) {
        let (list, name) = match location {
            Location::Header { name, .. } => return self.add_header(name, location, forward),
            Location::Cookie(own) => (&mut self.cookies, &own.name),
            Location::Parameter(own) => (&mut self.parameters, &own.name),
            Location::WebSocket => {
                self.among_subprotocols = true;
                return;
            }
        };
        if !list.contains(name) {
            list.push(name.clone());
        }
    }

    fn add_header(&mut self, name: &Rc<str>, location: &Location, forward: bool) {
        let known = self.headers.iter().position(|place| place.name == *name);
        let known = known.unwrap_or_else(|| {
            let name = Rc::clone(name);
            let locations = Vec::new();
            self.headers.push(HeaderPlace { name, locations });
            self.headers.len().saturating_sub(1)
        });
        let Some(place) = self.headers.get_mut(known) else {
            return;
        };
        match place
            .locations
            .iter_mut()
            .find(|(held, _)| held == location)
        {
            Some((_, all)) => *all &= forward,
            None => place.locations.push((location.clone(), forward)),
        }
    }

    /// What empties them in this request, as far as the host lets the filter.
    #[must_use]
    pub fn emptied(&self, head: &Headers, which: Emptying<'_>, reach: Reach) -> Emptied {
        let mut emptied = Emptied::default();
        if reach.headers {
            self.empty_headers(head, which, &mut emptied);
        }
        if matches!(which, Emptying::Unasked) {
            return emptied;
        }
        if reach.target && !self.parameters.is_empty() {
            let goes = |sent: &[u8]| {
                let mut names = self.parameters.iter();
                let name = names.find(|name| is_read_as(sent, name));
                name.is_some_and(|name| !which.keeps_parameter(name))
            };
            let rest = query::without(head, goes);
            let rest = rest.map(|rest| (query::HEADER.to_owned(), rest));
            emptied.set.extend(rest);
        }
        if reach.headers && !self.cookies.is_empty() {
            self.empty_cookies(head, which, &mut emptied);
        }
        if reach.headers && self.among_subprotocols {
            // Servers that fold names of headers read these as the list, and the filter does not.
            let others = head.iter().filter(|(name, _)| {
                is_folded(websocket::HEADER.as_bytes(), name)
                    && !name.eq_ignore_ascii_case(websocket::HEADER.as_bytes())
            });
            emptied.remove.extend(others.map(|(name, _)| name.to_vec()));
        }
        let protocols = Location::WebSocket;
        if reach.headers
            && self.among_subprotocols
            && !which.keeps_protocols()
            && protocols.is_used(head)
        {
            emptied.put(websocket::HEADER, websocket::without(head));
        }
        emptied
    }

    fn empty_headers(&self, head: &Headers, which: Emptying<'_>, emptied: &mut Emptied) {
        let mut own = None;
        if let Emptying::Beside { held, forward, .. } = which
            && let Location::Header { name, .. } = held.location
        {
            own = Some(name);
            if !forward {
                emptied.credential = Some(Rc::clone(name));
            }
        }
        // Nearly always the credential that held stands in the only one, and no other name is read as that.
        let is_only = |place: &HeaderPlace| own == Some(&place.name) && is_plain(&place.name);
        if self.headers.iter().all(is_only) {
            return;
        }
        for (name, _) in head.iter() {
            let same = |place: &&HeaderPlace| place.is_named(name);
            let Some(place) = self.headers.iter().find(same) else {
                continue;
            };
            let is_plain = name.eq_ignore_ascii_case(place.name.as_bytes());
            let is_own = is_plain && own == Some(&place.name);
            let is_gone = is_plain && emptied.credential.as_ref() == Some(&place.name);
            let is_foreign = is_plain && which.keeps_header(&place.name);
            if is_own || is_gone || is_foreign || !place.goes(head, which) {
                continue;
            }
            // The first costs no memory: mostly there is one.
            if is_plain && emptied.credential.is_none() {
                emptied.credential = Some(Rc::clone(&place.name));
            } else {
                emptied.remove.push(name.to_vec());
            }
        }
        // A name may be there many times.
        emptied.remove.sort_unstable();
        emptied.remove.dedup();
    }

    fn empty_cookies(&self, head: &Headers, which: Emptying<'_>, emptied: &mut Emptied) {
        let goes = |sent: &[u8], value: &[u8]| {
            let mut names = self.cookies.iter();
            let name = names.find(|name| is_read_as(sent, name));
            name.is_some_and(|name| !which.keeps_cookie(name, value))
        };
        if cookie::has(head, &goes) {
            emptied.put(cookie::HEADER, cookie::without(head, &goes));
        }
    }
}

impl HeaderPlace {
    /// Whether servers may take a header for this one.
    fn is_named(&self, name: &[u8]) -> bool {
        let mut bytes = self.name.bytes().zip(name);
        self.name.len() == name.len() && bytes.all(|(own, held)| folded(own) == folded(*held))
    }

    fn goes(&self, head: &Headers, which: Emptying<'_>) -> bool {
        let unasked = matches!(which, Emptying::Unasked);
        let goes = |(location, forward): &(Location, bool)| {
            (!unasked || !forward) && (*self.name != *AUTHORIZATION || location.is_used(head))
        };
        self.locations.iter().any(goes)
    }
}

impl<'c> Emptying<'c> {
    /// What held, where it goes upstream.
    const fn kept(self) -> Option<&'c Credential<'c>> {
        match self {
            Self::Beside {
                held,
                forward: true,
                ..
            } => Some(held),
            _ => None,
        }
    }

    fn keeps_parameter(self, name: &str) -> bool {
        let kept = self.kept().map(|held| held.location);
        matches!(kept, Some(Location::Parameter(own)) if own.name == name)
    }

    fn keeps_protocols(self) -> bool {
        let kept = self.kept().map(|held| held.location);
        matches!(kept, Some(Location::WebSocket))
    }

    /// Of a cookie's values only the one that held goes upstream.
    fn keeps_cookie(self, name: &str, value: &[u8]) -> bool {
        self.kept().is_some_and(|held| {
            let token = held.token.as_bytes();
            matches!(held.location, Location::Cookie(own)
                if own.name == name && own.behind_prefix(value) == Some(token))
        })
    }

    /// Whether a header has what is the application's own.
    fn keeps_header(self, own: &str) -> bool {
        let Self::Beside {
            foreign: Some(Location::Header { name, .. }),
            ..
        } = self
        else {
            return false;
        };
        **name == *own
    }
}

impl Emptied {
    fn put(&mut self, name: &str, rest: Option<Vec<u8>>) {
        match rest {
            Some(rest) => self.set.push((name.to_owned(), rest)),
            None => self.remove.push(name.into()),
        }
    }
}

/// Whether no other name is read as this one.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests;
