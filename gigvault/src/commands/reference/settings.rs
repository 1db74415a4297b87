//! The settings: a commented file with the defaults, and the JSON Schema. Both come from the types.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};

use crate::wiring::Settings;

pub(super) fn reference() -> anyhow::Result<String> {
    Ok(format!(
        "# Configuration\n\nOne YAML file (`--config`), and a variable `GIGVAULT_<SECTION>__<FIELD>` for every field: \
         `GIGVAULT_LISTEN__HTTPS_PORT=443`. Variables win over the file, flags over both. A key that is not known is \
         refused, with the nearest that is. Editors check and complete a file by its JSON Schema, \
         [configuration.schema.json](configuration.schema.json). These are the defaults.\n\n```yaml\n{}```\n",
        commented_defaults()?
    ))
}

/// JSON Schema (2020-12) of the file.
pub(super) fn schema() -> anyhow::Result<String> {
    let schema = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(standardize))
        .into_generator()
        .into_root_schema_for::<Settings>();
    let mut text = serde_json::to_string_pretty(&schema).context("writing the schema")?;
    text.push('\n');
    Ok(text)
}

/// Formats that JSON Schema does not have are refused by strict readers: those of numbers say what their bounds say, and an IP
/// address is of one of two.
fn standardize(schema: &mut Schema) {
    let Some(Value::String(format)) = schema.get("format").cloned() else {
        return;
    };
    let largest = match format.as_str() {
        "uint8" => u64::from(u8::MAX),
        "uint16" => u64::from(u16::MAX),
        "uint32" => u64::from(u32::MAX),
        "uint64" | "uint" => u64::MAX,
        "ip" => {
            schema.remove("format");
            schema.insert(
                "anyOf".to_owned(),
                json!([{"format": "ipv4"}, {"format": "ipv6"}]),
            );
            return;
        }
        _ => return,
    };
    schema.remove("format");
    if schema.get("maximum").is_none() {
        schema.insert("maximum".to_owned(), largest.into());
    }
}

/// All defaults as YAML, each field with what its type says about it.
pub(in crate::commands) fn commented_defaults() -> anyhow::Result<String> {
    let yaml = serde_saphyr::to_string(&Settings::default()).context("writing the defaults")?;
    let described = descriptions();
    let mut out = String::new();
    let mut path: Vec<&str> = Vec::new();
    for line in yaml.lines() {
        let indent = line.len() - line.trim_start().len();
        path.truncate(indent / INDENT);
        path.push(line.trim_start().split(':').next().unwrap_or_default());
        for comment in described
            .get(&path.join("."))
            .into_iter()
            .flat_map(|text| text.lines())
        {
            let _infallible = writeln!(out, "{:indent$}# {comment}", "");
        }
        let _infallible = writeln!(out, "{line}");
    }
    Ok(out)
}

/// Blanks per level of the YAML that is written.
const INDENT: usize = 2;

/// What the comments of the types say, by the path of the field.
fn descriptions() -> BTreeMap<String, String> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<Settings>();
    let mut all = BTreeMap::new();
    collect(schema.as_value(), "", &mut all);
    all
}

fn collect(schema: &Value, path: &str, all: &mut BTreeMap<String, String>) {
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path = match path {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        if let Some(text) = property.get("description").and_then(Value::as_str) {
            all.insert(path.clone(), text.to_owned());
        }
        collect(property, &path, all);
    }
}
