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

#[test]
fn no_schema_has_the_name_of_the_constructor_of_another() {
    let document = written();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(!schemas.contains_key(&format!("New{name}")), "New{name}");
    }
}
