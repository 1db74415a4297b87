//! The schema of a profile in the OpenAPI document: that of the configuration, as answers are written.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};

use super::Profile;

impl utoipa::ToSchema for Profile {
    fn name() -> Cow<'static, str> {
        "Profile".into()
    }
}

impl utoipa::PartialSchema for Profile {
    fn schema() -> RefOr<Schema> {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        let schema = settings
            .with_transform(RecursiveTransform(simplify))
            .into_generator()
            .into_root_schema_for::<rules::Profile>();
        serde_json::from_value::<Schema>(schema.to_value()).map_or_else(
            |error| {
                tracing::error!(%error, "the schema of a profile cannot be written");
                RefOr::T(ObjectBuilder::new().build().into())
            },
            RefOr::T,
        )
    }
}

/// Answers hold every member in its form, so that defaults and patterns say nothing; a choice of texts is one text, and
/// generators have no type for the width of a number.
fn simplify(schema: &mut schemars::Schema) {
    schema.remove("default");
    schema.remove("title");
    schema.remove("pattern");
    if matches!(schema.get("format"), Some(Value::String(format)) if format.starts_with("uint")) {
        schema.remove("format");
    }
    if let Some(text) = schema.remove("const") {
        schema.insert("enum".to_owned(), json!([text]));
    }
    let texts: Option<Vec<Value>> = schema.get("oneOf").and_then(Value::as_array).and_then(|choices| {
        // Before the choices themselves were simplified.
        choices
            .iter()
            .map(|choice| choice.get("const").cloned())
            .collect()
    });
    if let Some(texts) = texts {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), Value::Array(texts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_a_profile_is_described() {
        let schema = serde_json::to_value(<Profile as utoipa::PartialSchema>::schema()).unwrap();
        let profile = rules::Profiles::default().named("tls-server").unwrap().clone();
        let profile = serde_json::to_value(profile.as_ref()).unwrap();
        for name in profile.as_object().unwrap().keys() {
            assert!(schema["properties"][name].is_object(), "{name}: {schema}");
        }
        assert_eq!(
            schema["properties"]["revocation"]["enum"],
            json!(["published", "not-available", "nocheck"])
        );
    }
}
