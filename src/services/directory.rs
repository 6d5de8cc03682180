//! A directory: what an HTTP API knows of a caller.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Answer, Ask, CallError, Reading, Unreadable};
use crate::callout::CalloutRequest;
use crate::json::{Pointer, Reads, StrictObject, StrictValue, map_weight};
use crate::names::{Names, shared};
use crate::text::push_form_text;

/// What a directory knows of a caller.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Attributes {
    /// The groups that the directory knows of the caller.
    #[serde(default, with = "shared")]
    pub groups: Rc<Names>,
    /// The roles that the directory knows of the caller.
    #[serde(default, with = "shared")]
    pub roles: Rc<Names>,
    /// The permissions that the directory knows of the caller.
    #[serde(default, with = "shared")]
    pub permissions: Rc<Names>,
    /// What is read of whatever else.
    #[serde(default)]
    pub profile: Map<String, Value>,
}

impl Attributes {
    /// How many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        let lists = [&self.groups, &self.roles, &self.permissions];
        let lists = lists.map(|list| size_of::<Names>().saturating_add(list.weight()));
        lists
            .into_iter()
            .fold(map_weight(&self.profile), usize::saturating_add)
            .saturating_add(size_of::<Self>())
    }

    /// Reads the form that directories answer in; `None` for anything else.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let StrictObject(members) = serde_json::from_slice(body).ok()?;
        serde_json::from_value(Value::Object(members)).ok()
    }
}

/// A directory, and where in its answers the parts of an entry stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    /// Of an API that answers in a form of its own; nothing is read but what is named here.
    pub mapping: Option<Mapping>,
    /// Whether the VMs of the process share its answers.
    pub shared: bool,
    /// What is read of profiles: nothing else is kept.
    pub profile: Rc<Reads>,
}

/// Where the parts of an entry stand in an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// The place of the groups; `None` where they are not read.
    pub groups: Option<Extract>,
    /// The place of the roles; `None` where they are not read.
    pub roles: Option<Extract>,
    /// The place of the permissions; `None` where they are not read.
    pub permissions: Option<Extract>,
    /// The members of the profile, by their names.
    pub profile: Vec<(String, Pointer)>,
    /// An object whose members are the profile's.
    pub whole_profile: Option<Pointer>,
}

/// Where a list stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Extract {
    /// The list, or one text of words.
    pub list: Pointer,
    /// Where in each of its items the value stands; the item itself where there is none.
    pub item: Option<Pointer>,
}

/// Fills the placeholders of the path.
pub(super) fn prepare(request: &mut CalloutRequest<'_>, ask: &Ask) {
    let Ask::Entry {
        provider,
        subject,
        name,
    } = ask
    else {
        return;
    };
    for (placeholder, value) in [
        ("{subject}", subject),
        ("{name}", name),
        ("{provider}", provider),
    ] {
        let mut encoded = String::new();
        push_form_text(&mut encoded, value);
        request.path = request.path.replace(placeholder, &encoded);
    }
    request.method = "GET";
}

/// 404 means that the directory knows nothing of the caller.
pub(super) fn read(directory: &Directory, status: u16, body: &[u8]) -> Result<Reading, CallError> {
    let attributes = match (status, &directory.mapping) {
        (200, None) => Attributes::parse(body),
        (200, Some(mapping)) => serde_json::from_slice(body)
            .ok()
            .and_then(|StrictValue(answer)| mapping.read(&answer)),
        (404, _) => Some(Attributes::default()),
        (other, _) => return Err(CallError::status(other)),
    };
    let mut attributes = attributes.ok_or(Unreadable::NoEntry)?;
    attributes.profile = directory.profile.part_of(&attributes.profile);
    Ok(Reading::Done(Answer::Attributes(Rc::new(attributes)), None))
}

impl Mapping {
    /// `None` where a part is there and is not what it should be: a group that cannot be read could be one that a
    /// rule excludes.
    fn read(&self, answer: &Value) -> Option<Attributes> {
        let list = |extract: &Option<Extract>| match extract {
            Some(extract) => Some(Rc::new(Names::from(extract.read(answer)?.as_slice()))),
            None => Some(Rc::default()),
        };
        let mut profile = match &self.whole_profile {
            None => Map::new(),
            Some(pointer) => match pointer.find(answer) {
                None | Some(Value::Null) => Map::new(),
                Some(Value::Object(members)) => members.clone(),
                Some(_) => return None,
            },
        };
        for (name, pointer) in &self.profile {
            if let Some(value) = pointer.find(answer) {
                profile.insert(name.clone(), value.clone());
            }
        }
        Some(Attributes {
            groups: list(&self.groups)?,
            roles: list(&self.roles)?,
            permissions: list(&self.permissions)?,
            profile,
        })
    }
}

impl Extract {
    fn read(&self, answer: &Value) -> Option<Vec<String>> {
        match (self.list.find(answer), &self.item) {
            (None | Some(Value::Null), _) => Some(Vec::new()),
            (Some(Value::String(words)), None) => {
                Some(words.split_whitespace().map(str::to_owned).collect())
            }
            (Some(Value::Array(items)), item) => items
                .iter()
                .map(|held| match item {
                    Some(item) => text(item.find(held)?),
                    None => text(held),
                })
                .collect(),
            _ => None,
        }
    }
}

/// A name; APIs also number things.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}
