//! Methods, authorities and paths of one request.

use std::borrow::Cow;

use super::path::{self, Paths};
use super::{LONGEST_LIST, Reader, Reading, as_read};
use crate::config::{OverrideHeaders, Spelling};
use crate::headers::Headers;
use crate::overrides::{METHOD_HEADERS, TARGET_HEADERS, is_one_of, methods_of};
use crate::policy::denial::Denial;
use crate::policy::route::{Target, any_port, is_authority};
use crate::query::{values_of, whole_values_of};
use crate::text::percent_decode_leniently;

/// Headers by which frameworks replace the host.
const HOST_HEADERS: [&str; 3] = ["x-forwarded-host", "x-host", "x-original-host"];
/// The lengths of all of these, and of `forwarded`: other headers are not compared.
const LENGTHS: [usize; 8] = [6, 9, 13, 14, 15, 16, 17, 22];
/// A parameter whose value WordPress takes for a path, and where it serves such paths.
const WORDPRESS: (&str, &[u8]) = ("rest_route", b"/wp-json");

/// All readings: each method with each authority and each path.
pub(super) struct Readings<'h> {
    head: &'h Headers,
    method: Cow<'h, [u8]>,
    methods: Vec<Vec<u8>>,
    authority: &'h [u8],
    authorities: Vec<Vec<u8>>,
    paths: Paths<'h>,
    /// Whether a header has taken the place of the method, or of the path.
    replaces_method: bool,
    replaces_path: bool,
}

impl<'h> Readings<'h> {
    pub(super) fn of(head: &'h Headers, reader: &Reader) -> Result<Self, Denial> {
        let pseudo = |name| head.first(name).unwrap_or_default();
        let authority = head.first(":authority").or_else(|| head.first("host"));
        let authority = authority.unwrap_or_default();
        if !authority.is_empty() && !is_authority(authority) {
            return Err(Denial::MalformedAuthority);
        }
        let (method, target) = (pseudo(":method"), pseudo(":path"));
        let mut readings = Self {
            head,
            method: Cow::Borrowed(method),
            methods: Vec::new(),
            authority,
            authorities: Vec::new(),
            paths: path::read(target, &reader.spellings)?,
            replaces_method: false,
            replaces_path: false,
        };
        for (name, value) in head.iter() {
            if LENGTHS.contains(&name.len()) {
                readings.look_at(name, value, reader)?;
            }
        }
        if let Some(read) = as_read(head).filter(|_| !readings.replaces_path) {
            readings.add_path(path::plain(read, &reader.spellings))?;
        }
        if reader.by_method && !readings.replaces_method {
            readings.add_method(method)?;
        }
        readings.look_at_query(target, reader)?;
        readings.look_behind_marks(reader)?;
        if reader.by_port {
            readings.add_any_port();
        }
        if readings.count() > LONGEST_LIST {
            return Err(Denial::AmbiguousRequest);
        }
        Ok(readings)
    }

    /// The request as it is read first.
    pub(super) fn first(&self) -> Target<'_> {
        self.target(&self.method, self.authority, &self.paths.first)
    }

    /// Whether there is no other reading than the first.
    pub(super) const fn is_one(&self) -> bool {
        self.methods.is_empty() && self.authorities.is_empty() && self.paths.others.is_empty()
    }

    /// All readings but the first.
    pub(super) fn others(&self) -> impl Iterator<Item = Target<'_>> {
        self.all().skip(1)
    }

    /// Every reading, the first included.
    pub(super) fn all(&self) -> impl Iterator<Item = Target<'_>> {
        self.paths().flat_map(move |path| {
            each(self.authority, &self.authorities).flat_map(move |authority| {
                self.methods()
                    .map(move |method| self.target(method, authority, path))
            })
        })
    }

    fn methods(&self) -> impl Iterator<Item = &[u8]> {
        each(&self.method, &self.methods)
    }

    fn paths(&self) -> impl Iterator<Item = &[u8]> {
        each(&self.paths.first, &self.paths.others)
    }

    /// What a decision point has to permit, each once: the request as it came, and every method with every path that it
    /// may be read as, the paths also in lower case where case may not count.
    pub(super) fn decided(&self, case: Spelling) -> Vec<Reading> {
        let sent = self.head.first(":path").unwrap_or_default();
        let sent = sent.split(|byte| *byte == b'?').next().unwrap_or_default();
        let sent = Some(sent).filter(|_| !self.replaces_path);
        let paths = sent.into_iter().chain(self.paths());
        let mut all: Vec<Reading> = Vec::new();
        for path in paths {
            let lower = (case != Spelling::Distinct).then(|| path.to_ascii_lowercase());
            for path in std::iter::once(path).chain(lower.as_deref()) {
                for method in self.methods() {
                    let reading = Reading {
                        method: String::from_utf8_lossy(method).into_owned(),
                        path: String::from_utf8_lossy(path).into_owned(),
                    };
                    if !all.contains(&reading) {
                        all.push(reading);
                    }
                }
            }
        }
        all
    }

    /// Whether a decision point hears of another request than the one that came.
    pub(super) const fn replaces(&self) -> bool {
        self.replaces_method || self.replaces_path
    }

    fn target<'t>(&'t self, method: &'t [u8], authority: &'t [u8], path: &'t [u8]) -> Target<'t> {
        Target {
            method,
            authority,
            path,
            headers: self.head,
        }
    }

    fn count(&self) -> usize {
        let of = |others: usize| others.saturating_add(1);
        of(self.methods.len())
            .saturating_mul(of(self.authorities.len()))
            .saturating_mul(of(self.paths.others.len()))
    }

    /// Takes in what a header says in the place of the request's own parts.
    fn look_at(&mut self, name: &[u8], value: &'h [u8], reader: &Reader) -> Result<(), Denial> {
        let is_one_of = |names: &[&str]| is_one_of(names, name);
        let reads = reader.overrides != OverrideHeaders::Remove;
        if reader.by_method && reads && is_one_of(&METHOD_HEADERS) {
            // Of a list some take the first, and proxies make a list of two headers.
            for method in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                let trusts = reader.overrides == OverrideHeaders::Trust && !method.is_empty();
                if trusts && !self.replaces_method {
                    self.replaces_method = true;
                    self.method = Cow::Owned(method.to_ascii_uppercase());
                }
                self.add_method(method)?;
            }
        } else if reads && is_one_of(&TARGET_HEADERS) {
            let target = without_origin(value.trim_ascii())?;
            if !target.is_empty() {
                // Some servers put a slash in front of what has none; that is nobody's target.
                let paths = path::read(target, &reader.spellings)?;
                let trusts = reader.overrides == OverrideHeaders::Trust;
                if trusts && !self.replaces_path {
                    self.replaces_path = true;
                    self.paths = paths;
                } else {
                    self.add_paths(paths)?;
                }
            }
            self.look_at_query(target, reader)?;
        } else if reader.by_host && is_one_of(&HOST_HEADERS) {
            for host in value.split(|byte| *byte == b',') {
                self.add_authority(host.trim_ascii())?;
            }
        } else if reader.by_host && is_one_of(&["forwarded"]) {
            for pair in value.split(|byte| matches!(byte, b',' | b';')) {
                let pair = pair.trim_ascii();
                if let Some((key, host)) = pair.split_at_checked(5)
                    && key.eq_ignore_ascii_case(b"host=")
                {
                    let unquoted = host
                        .strip_prefix(b"\"")
                        .and_then(|host| host.strip_suffix(b"\""));
                    self.add_authority(unquoted.unwrap_or(host))?;
                }
            }
        }
        Ok(())
    }

    /// The parameters by which frameworks let a query name the method, or the path.
    fn look_at_query(&mut self, target: &[u8], reader: &Reader) -> Result<(), Denial> {
        if reader.by_method {
            for value in methods_of(target) {
                self.add_method(percent_decode_leniently(value).trim_ascii())?;
            }
        }
        for name in &reader.spellings.query_path {
            let values = values_of(target, name).chain(whole_values_of(target, name));
            let mut values = values.enumerate().peekable();
            if values.peek().is_none() {
                continue;
            }
            let folders = self.folders()?;
            let mut seen: Vec<Vec<u8>> = Vec::new();
            // One more than there may be tells that there are too many.
            for (place, value) in values {
                if place > LONGEST_LIST {
                    return Err(Denial::AmbiguousRequest);
                }
                let value = value
                    .iter()
                    .map(|byte| if *byte == b'+' { b' ' } else { *byte });
                let value = percent_decode_leniently(&value.collect::<Vec<u8>>());
                // Each costs its readings in every folder, and nothing twice.
                if seen.contains(&value) {
                    continue;
                }
                for folder in &folders {
                    self.add_paths(path::read_value(folder, &value, &reader.spellings)?)?;
                    if name == WORDPRESS.0 {
                        let folder = [folder, WORDPRESS.1].concat();
                        self.add_paths(path::read_value(&folder, &value, &reader.spellings)?)?;
                    }
                }
                seen.push(value);
            }
        }
        Ok(())
    }

    /// What hands a decoded path on as a target of its own makes a query of what stands behind its `?`, which was `%3f`.
    fn look_behind_marks(&mut self, reader: &Reader) -> Result<(), Denial> {
        let mut next = 0;
        loop {
            let Some(path) = self.paths().nth(next) else {
                return Ok(());
            };
            let marked = path.contains(&b'?').then(|| path.to_vec());
            if let Some(target) = marked {
                self.look_at_query(&target, reader)?;
            }
            next = next.saturating_add(1);
        }
    }

    /// Where an application may stand that reads its paths from the query: at the root, at each path, and in every folder
    /// above it.
    fn folders(&self) -> Result<Vec<Vec<u8>>, Denial> {
        let mut folders = vec![Vec::new()];
        for path in self.paths() {
            let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
            let folders_above = slashes.filter_map(|(end, _)| path.get(..end));
            let itself = Some(path).filter(|path| !path.ends_with(b"/"));
            for folder in folders_above.chain(itself) {
                if !folders.iter().any(|known| known == folder) {
                    folders.push(folder.to_vec());
                    bounded(&folders)?;
                }
            }
        }
        Ok(folders)
    }

    fn add_method(&mut self, method: &[u8]) -> Result<(), Denial> {
        let is_plain = !self.method.iter().any(u8::is_ascii_lowercase);
        let known = |held: &Vec<u8>| held.eq_ignore_ascii_case(method);
        if method.is_empty()
            || is_plain && method.eq_ignore_ascii_case(&self.method)
            || self.methods.iter().any(known)
        {
            return Ok(());
        }
        self.methods.push(method.to_ascii_uppercase());
        bounded(&self.methods)
    }

    fn add_authority(&mut self, authority: &[u8]) -> Result<(), Denial> {
        if !authority.is_empty() && !is_authority(authority) {
            return Err(Denial::MalformedAuthority);
        }
        let known = |held: &Vec<u8>| held.eq_ignore_ascii_case(authority);
        if !authority.is_empty()
            && !authority.eq_ignore_ascii_case(self.authority)
            && !self.authorities.iter().any(known)
        {
            self.authorities.push(authority.to_vec());
        }
        bounded(&self.authorities)
    }

    /// Servers that do not look at ports take each authority for its host.
    fn add_any_port(&mut self) {
        let named = each(self.authority, &self.authorities);
        let mut hosts: Vec<Vec<u8>> = named.map(any_port).collect();
        hosts.sort_unstable();
        hosts.dedup();
        self.authorities.extend(hosts);
    }

    fn add_paths(&mut self, paths: Paths<'_>) -> Result<(), Denial> {
        self.add_path(paths.first.into_owned())?;
        paths
            .others
            .into_iter()
            .try_for_each(|path| self.add_path(path))
    }

    fn add_path(&mut self, path: Vec<u8>) -> Result<(), Denial> {
        if path != *self.paths.first && !self.paths.others.contains(&path) {
            self.paths.others.push(path);
        }
        bounded(&self.paths.others)
    }
}

fn each<'r>(first: &'r [u8], others: &'r [Vec<u8>]) -> impl Iterator<Item = &'r [u8]> {
    std::iter::once(first).chain(others.iter().map(Vec::as_slice))
}

/// Refuses a list before it is long: each entry was compared with all others.
fn bounded(list: &[Vec<u8>]) -> Result<(), Denial> {
    if list.len() > LONGEST_LIST {
        return Err(Denial::AmbiguousRequest);
    }
    Ok(())
}

/// A target without the scheme and authority of its absolute form. Where that is no authority, servers do not agree on its
/// end.
fn without_origin(target: &[u8]) -> Result<&[u8], Denial> {
    let slash = target.iter().position(|byte| *byte == b'/');
    let scheme = target.windows(3).position(|part| part == b"://");
    // Behind the first slash it is a part of the path or the query.
    let scheme = scheme.filter(|at| slash.is_none_or(|slash| *at < slash));
    let Some(rest) = scheme.and_then(|at| target.get(at.saturating_add(3)..)) else {
        return Ok(target);
    };
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let (authority, target) = rest
        .split_at_checked(end.unwrap_or(rest.len()))
        .unwrap_or_default();
    if !is_authority(authority) {
        return Err(Denial::MalformedPath);
    }
    // Without a path it is the root's, whatever its query has.
    Ok(if target.starts_with(b"/") {
        target
    } else {
        b"/"
    })
}
