//! Where in a YAML file each setting is written, so that a value that only the program can judge is refused with its line.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// Line and column, from 1.
pub(super) type Place = (u64, u64);

/// Places by field: `listen.names[0]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(BTreeMap<String, (Place, String)>);

impl Places {
    /// Reads a file that was read as settings before; of anything else no place is known.
    pub(super) fn of(text: &str) -> Self {
        let mut places = Self::default();
        if let Ok(root) = serde_saphyr::from_str::<Node>(text) {
            places.collect(&root, "", text);
        }
        places
    }

    /// The place of a field, or else of the innermost section around it that is in the file.
    pub(super) fn find(&self, field: &str) -> Option<Place> {
        let ends = field
            .char_indices()
            .filter(|(_, c)| matches!(c, '.' | '['))
            .map(|(at, _)| at);
        let mut around: Vec<&str> = ends.filter_map(|end| field.get(..end)).collect();
        around.push(field);
        around
            .into_iter()
            .rev()
            .find_map(|field| self.0.get(field))
            .map(|(place, _)| *place)
    }

    /// The text of a field as YAML reads it, or as the file has it where YAML takes it for a number, a switch, or nothing.
    pub(super) fn value(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(|(_, value)| value.as_str())
    }

    fn collect(&mut self, node: &Node, path: &str, file: &str) {
        let mut add = |path: String, child: &Spanned<Node>| {
            self.collect(&child.value, &path, file);
            let place = (child.referenced.line(), child.referenced.column());
            let value = match &child.value {
                Node::Text(text) => text.clone(),
                Node::Plain(read) => source(file, &child.referenced).unwrap_or(read).to_owned(),
                Node::Map(_) => "{…}".to_owned(),
                Node::List(_) => "[…]".to_owned(),
            };
            self.0.insert(path, (place, value));
        };
        match node {
            Node::Text(_) | Node::Plain(_) => {}
            Node::Map(entries) => {
                for (key, child) in entries {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    add(path, child);
                }
            }
            Node::List(items) => {
                for (index, child) in items.iter().enumerate() {
                    add(format!("{path}[{index}]"), child);
                }
            }
        }
    }
}

/// The file's spelling of a number at that place, and of nothing else: other text may hold a secret.
pub(super) fn number<'a>(file: &'a str, location: &Location) -> Option<&'a str> {
    let number = |text: &&str| {
        let start = text.trim_start_matches(['+', '-', '.']);
        start.starts_with(|c: char| c.is_ascii_digit()) || start.eq_ignore_ascii_case("inf")
    };
    source(file, location)
        .filter(|text| text.len() <= 20)
        .filter(number)
}

enum Node {
    Map(Vec<(String, Spanned<Node>)>),
    List(Vec<Spanned<Node>>),
    Text(String),
    /// A number, a switch or nothing, as its value is written by us.
    Plain(String),
}

/// What the file has there.
fn source<'a>(file: &'a str, location: &Location) -> Option<&'a str> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    file.get(start..start.checked_add(length)?).map(str::trim)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Node, E> {
        Ok(Node::Plain(String::new()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Plain(String::new()))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Plain(String::new()))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        Node::deserialize(from)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Node::Plain(String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_where_it_is_written_or_by_its_section() {
        let text = "listen:\n  names: [a, b]\n  https_port: 1\nca:\n  profiles:\n    - name: x\n      keys: [p256]\npeers: {ca: {url: 'https://a'}}\n";
        let places = Places::of(text);
        assert_eq!(places.find("listen.https_port"), Some((3, 15)));
        assert_eq!(places.find("listen.names[1]"), Some((2, 14)));
        assert_eq!(places.find("ca.profiles[0].name").map(|at| at.0), Some(6));
        assert_eq!(places.find("ca.profiles[0].max_validity").map(|at| at.0), Some(6));
        assert_eq!(places.find("peers.ca.url").map(|at| at.0), Some(8));
        assert_eq!(places.find("auth.max_validity"), None);
    }
}
