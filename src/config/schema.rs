//! The JSON Schema of the configuration, made from the types that read it. What those types say by their fields is
//! derived; here is the rest: what reads itself.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{
    AlgorithmName, ClaimCondition, ClaimConditionObject, ClientAddress, Config, Csrf,
    DecisionObject, DurationText, Expectation, Extract, ExtractItems, FilterState, FromGroups,
    FromHeader, FromNamed, GroupsOverage, Literal, OneOrMany, ProfileExtract, Require,
    RequireDecision, RequireObject, ResourceId, SecretText, Share,
};
use crate::jose::Algorithm;
use crate::json::{StrictObject, StrictValue, UniqueMap};

impl Config {
    /// The schema (JSON Schema, draft 2020-12): whatever it refuses, [`Config::parse`] refuses too.
    #[must_use]
    pub fn schema() -> Value {
        let generator = SchemaSettings::draft2020_12().into_generator();
        let mut schema = generator.into_root_schema_for::<Self>();
        schema.insert("title".to_owned(), "auth-filter configuration".into());
        schema.to_value()
    }
}

/// A type that reads itself: its name in the schema, what it is, and its forms.
macro_rules! reads_itself {
    ($($type:ty, $description:literal, |$generator:ident| $forms:expr;)*) => {
        $(impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($type))
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                let mut schema: Schema = $forms;
                schema.insert("description".to_owned(), $description.into());
                schema
            }
        })*
    };
}

reads_itself! {
    AlgorithmName, "A signature algorithm; Ed25519 (RFC 9864) is EdDSA.",
        |_generator| {
            let names = Algorithm::ALL.iter().map(|algorithm| algorithm.name());
            json_schema!({ "enum": names.chain(["Ed25519"]).collect::<Vec<_>>() })
        };
    ClaimCondition, "A test of one claim: a value, or an object with exactly one of its keys.",
        |generator| either(&[generator.subschema_for::<Literal>(), generator.subschema_for::<ClaimConditionObject>()]);
    ClientAddress, "Who says where a request comes from: the proxy, nobody, or a text in the proxy's filter state.",
        |generator| either(&[
            json_schema!({ "enum": ["none", "proxy"] }),
            generator.subschema_for::<super::client_address::AddressInFilterState>(),
        ]);
    Csrf, "\"enforce\", \"off\", or the origins of other sites whose pages may send such requests.",
        |generator| either(&[
            json_schema!({ "enum": ["enforce", "off"] }),
            generator.subschema_for::<super::csrf::CsrfOrigins>(),
        ]);
    DurationText, "A duration with its unit: \"500ms\", \"30s\", \"20m\", \"1h30m\", \"7d\".",
        |_generator| json_schema!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$" });
    Expectation, "What must become of a request: \"allow\", or the status of the refusal and the rule that decides.",
        |generator| either(&[word("allow"), generator.subschema_for::<super::self_test::ExpectationObject>()]);
    Extract, "A JSON Pointer to a list, or a list and where in its items the value is.",
        |generator| either(&[text(), generator.subschema_for::<ExtractItems>()]);
    FilterState, "true for all facts about the caller, false for none, or the facts.",
        |generator| either(&[json_schema!({ "type": "boolean" }), generator.subschema_for::<Vec<String>>()]);
    FromGroups, "true for each group as it is, or the values that each named group gives.",
        |generator| either(&[
            json_schema!({ "const": true }),
            generator.subschema_for::<UniqueMap<Vec<String>>>(),
        ]);
    FromNamed, "The name of a cookie or a parameter, or its name and what stands before the token.",
        |generator| either(&[text(), generator.subschema_for::<FromHeader>()]);
    GroupsOverage, "\"deny\", or the directory that knows the groups.",
        |generator| either(&[word("deny"), generator.subschema_for::<super::groups_overage::OverageDirectory>()]);
    Literal, "What a claim is compared with.",
        |_generator| json_schema!({ "type": ["string", "integer", "boolean"] });
    OneOrMany, "A string, or a list of strings.",
        |_generator| either(&[text(), json_schema!({ "type": "array", "items": { "type": "string" } })]);
    ProfileExtract, "A JSON Pointer to an object, or one for each member.",
        |generator| either(&[text(), generator.subschema_for::<UniqueMap<String>>()]);
    Require, "What a request needs: a word, or an object whose keys must all hold.",
        |generator| either(&[
            json_schema!({ "enum": ["deny", "optional", "public", "user"] }),
            generator.subschema_for::<RequireObject>(),
        ]);
    RequireDecision, "The decision point that must permit it, or what it is asked about.",
        |generator| either(&[text(), generator.subschema_for::<DecisionObject>()]);
    ResourceId, "Which resource: a text, or the segment of the request's path that a variable names.",
        |generator| either(&[text(), generator.subschema_for::<super::require::IdVariable>()]);
    SecretText, "A text that no log shows, or the variable of the proxy's environment that has it.",
        |generator| either(&[text(), generator.subschema_for::<super::secret::EnvironmentVariable>()]);
    Share, "A share: above 0, and 1 at the most.", |_generator| json_schema!({ "type": "number" });
    StrictObject, "A JSON object in which no member is listed twice.", |_generator| json_schema!({ "type": "object" });
    StrictValue, "JSON in which no member is listed twice.", |_generator| json_schema!({});
}

impl<T: JsonSchema> JsonSchema for UniqueMap<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("MapOf{}", T::schema_name()))
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let members = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": members })
    }
}

fn either(forms: &[Schema]) -> Schema {
    json_schema!({ "anyOf": forms })
}

fn text() -> Schema {
    json_schema!({ "type": "string" })
}

fn word(word: &str) -> Schema {
    json_schema!({ "const": word })
}
