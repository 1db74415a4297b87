//! What generators of clients need of the whole document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document;

fn written() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// Each operation, as `get /path`.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    each.filter(|(_, operation)| operation.is_object()).collect()
}

/// The schemas of which an answer has one.
fn alternatives(schema: &Value) -> BTreeSet<String> {
    match schema["oneOf"].as_array() {
        Some(each) => each.iter().map(Value::to_string).collect(),
        None => BTreeSet::from([schema.to_string()]),
    }
}

/// Its entity tag is the same in each process, and the committed one is what is written.
#[test]
fn the_document_is_the_same_each_time() {
    let first = document().to_json().unwrap();
    for _ in 0..50 {
        assert!(
            document().to_json().unwrap() == first,
            "the order of its parts differs"
        );
    }
}

#[test]
fn every_success_can_be_read_by_the_schema_of_the_lowest() {
    let document = written();
    let mut several = 0;
    for (name, operation) in operations(&document) {
        let successes: Vec<_> = operation["responses"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(status, _)| status.starts_with('2'))
            .map(|(_, response)| &response["content"]["application/json"]["schema"])
            .filter(|schema| !schema.is_null())
            .map(alternatives)
            .collect();
        let [lowest, others @ ..] = &successes[..] else {
            continue;
        };
        several += others.len();
        for other in others {
            assert!(other.is_subset(lowest), "{name}: {other:?} is not in {lowest:?}");
        }
    }
    assert!(several > 0, "creating operations answer 201");
}

/// The schemas within a part of the document, each with where it is; `found` is called for every object.
fn walk<'a>(value: &'a Value, place: &str, found: &mut impl FnMut(&str, &'a Value)) {
    match value {
        Value::Object(members) => {
            found(place, value);
            for (name, member) in members {
                walk(member, &format!("{place}/{name}"), found);
            }
        }
        Value::Array(each) => {
            for (index, member) in each.iter().enumerate() {
                walk(member, &format!("{place}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

/// The JSON types that a schema takes.
fn types<'a>(document: &'a Value, schema: &'a Value) -> BTreeSet<&'a str> {
    let schema = resolved(document, schema);
    let parts = ["oneOf", "allOf"]
        .iter()
        .filter_map(|name| schema[name].as_array());
    match &schema["type"] {
        Value::String(one) => BTreeSet::from([one.as_str()]),
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => parts.flatten().flat_map(|part| types(document, part)).collect(),
    }
}

/// The members that an object of a schema has at least.
fn required<'a>(document: &'a Value, schema: &'a Value) -> BTreeSet<&'a str> {
    let schema = resolved(document, schema);
    let own = schema["required"].as_array().into_iter().flatten();
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.filter_map(Value::as_str)
        .chain(parts.flat_map(|part| required(document, part)))
        .collect()
}

#[test]
fn no_value_fits_two_alternatives() {
    let document = written();
    let mut pairs = 0;
    walk(&document, "", &mut |place, schema| {
        let alternatives = schema["oneOf"].as_array().map_or(&[][..], Vec::as_slice);
        for (index, one) in alternatives.iter().enumerate() {
            assert!(!types(&document, one).is_empty(), "{place}: {one} has no type");
            for other in &alternatives[index + 1..] {
                pairs += 1;
                let mut both = &types(&document, one) & &types(&document, other);
                // Readers tell objects apart by the members that they must have.
                if both.remove("object") {
                    let (one, other) = (required(&document, one), required(&document, other));
                    assert!(
                        !one.is_subset(&other) && !other.is_subset(&one),
                        "{place}: {one:?} {other:?}"
                    );
                }
                assert!(both.is_empty(), "{place}: two alternatives are {both:?}");
            }
        }
    });
    assert!(pairs > 0, "there are alternatives");
}

#[test]
fn no_schema_has_the_name_of_the_constructor_of_another() {
    let document = written();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(!schemas.contains_key(&format!("New{name}")), "New{name}");
    }
}
