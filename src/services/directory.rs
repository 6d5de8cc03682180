//! A directory: what an HTTP API knows of a caller.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Answer, Ask, Reading};
use crate::callout::CalloutRequest;
use crate::json::StrictObject;
use crate::text::push_form_text;

/// What a directory knows of a caller.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Attributes {
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Whatever else.
    #[serde(default)]
    pub profile: Map<String, Value>,
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
pub(super) fn read(status: u16, body: &[u8]) -> Result<Reading, String> {
    let attributes = match status {
        200 => {
            let object: StrictObject =
                serde_json::from_slice(body).map_err(|_| "not a directory's entry".to_owned())?;
            serde_json::from_value(Value::Object(object.0))
                .map_err(|_| "not a directory's entry".to_owned())?
        }
        404 => Attributes::default(),
        other => return Err(format!("status {other}")),
    };
    Ok(Reading::Done(Answer::Attributes(attributes), None))
}
