//! The schema of a profile in the OpenAPI document: that of the configuration, as answers are written.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Map, Value, json};
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
    merge_texts(schema);
}

/// Of a choice, all that are texts become one. Readers that try each alternative in turn find no text fitting two of them.
fn merge_texts(schema: &mut schemars::Schema) {
    let Some(Value::Array(choices)) = schema.remove("oneOf") else {
        return;
    };
    let (mut texts, mut others) = (Vec::new(), Vec::new());
    for choice in choices {
        // Before the choices themselves were simplified.
        match (choice.get("const"), choice.get("enum")) {
            (Some(text @ Value::String(_)), _) => texts.push(text.clone()),
            (None, Some(Value::Array(several))) => texts.extend(several.iter().cloned()),
            _ => others.push(choice),
        }
    }
    let merged = |schema: &mut Map<String, Value>| {
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), Value::Array(texts.clone()));
    };
    if others.is_empty() {
        merged(schema.ensure_object());
        return;
    }
    if !texts.is_empty() {
        let mut text = Map::new();
        merged(&mut text);
        others.insert(0, Value::Object(text));
    }
    schema.insert("oneOf".to_owned(), Value::Array(others));
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
        let kinds = schema["properties"]["certificate"]["oneOf"].as_array().unwrap();
        assert_eq!(kinds[0]["enum"], json!(["end-entity", "root"]));
        assert_eq!((kinds.len(), &kinds[1]["type"]), (2, &json!("object")));
    }
}
