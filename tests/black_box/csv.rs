//! CSV as its readers take it: the rule of the guide, read backwards.

use serde_json::Value;

/// The records of a text (RFC 4180 section 2), and of each its cells as they were before they were made safe.
pub(crate) fn records(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            _ if quoted => cell.push(character),
            ',' => record.push(restored(&std::mem::take(&mut cell))),
            '\r' => {
                assert_eq!(characters.next(), Some('\n'), "{text}");
                record.push(restored(&std::mem::take(&mut cell)));
                records.push(std::mem::take(&mut record));
            }
            _ => cell.push(character),
        }
    }
    assert!(cell.is_empty() && record.is_empty() && !quoted, "{text}");
    records
}

/// One apostrophe less at the start of the cell and behind each separator, blanks and quotes passed over.
fn restored(cell: &str) -> String {
    let mut text = String::new();
    let mut starts = true;
    let mut characters = cell.chars();
    while let Some(mut character) = characters.next() {
        if starts && character == '\'' {
            character = characters.next().unwrap();
        }
        text.push(character);
        starts = matches!(character, ';' | '|' | '\t') || (starts && matches!(character, ' ' | '"'));
    }
    text
}

/// What the cell of a column has to say of a row of JSON.
pub(crate) fn cell_of(row: &Value, column: &str) -> String {
    let value = column.split('.').fold(row, |object, member| &object[member]);
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The members of a list's rows by the schema of its answer; `outer.inner` for those of a member that is an object.
pub(crate) fn members(document: &Value, list: &str) -> Vec<String> {
    let answer = &document["paths"][list]["get"]["responses"]["200"]["content"];
    let page = resolved(document, &answer["application/json"]["schema"]);
    let mut members = Vec::new();
    collect(document, &page["properties"]["items"]["items"], "", &mut members);
    members
}

fn collect(document: &Value, schema: &Value, path: &str, members: &mut Vec<String>) {
    match resolved(document, schema)["properties"].as_object() {
        Some(properties) => {
            for (name, member) in properties {
                let dot = if path.is_empty() { "" } else { "." };
                collect(document, member, &format!("{path}{dot}{name}"), members);
            }
        }
        None => members.push(path.to_owned()),
    }
}

/// The schema itself, of what may be null that of what it is else.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        return resolved(document, document.pointer(pointer).unwrap());
    }
    let Some(choices) = schema["oneOf"].as_array() else {
        return schema;
    };
    match &choices
        .iter()
        .filter(|choice| choice["type"] != "null")
        .collect::<Vec<_>>()[..]
    {
        [only] => resolved(document, only),
        _ => schema,
    }
}
