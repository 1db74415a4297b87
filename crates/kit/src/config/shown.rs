//! Settings as they are shown: no URL or address in them with a user or a password.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use x509::uri::{shown, without_login};

/// Settings to show, in the order of their fields. They were read and have their types: of a URL there is neither user nor
/// password, wherever it was put, all else is as it was given. What is secret has a type of its own ([`super::Secret`]).
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Shown(Tree);

impl Shown {
    /// `settings` without what may be a password.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    pub fn of<T: Serialize>(settings: &T) -> Result<Self, serde_json::Error> {
        // By way of the text: a `Value` loses the order.
        let mut tree: Tree = serde_json::from_str(&serde_json::to_string(settings)?)?;
        tree.cut();
        Ok(Self(tree))
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Tree {
    Section(Section),
    List(Vec<Self>),
    Text(String),
    Other(Value),
}

impl Tree {
    fn cut(&mut self) {
        match self {
            Self::Section(Section(fields)) => {
                for (name, value) in fields {
                    match is_place(name) {
                        true => value.cut_place(),
                        false => value.cut(),
                    }
                    *name = without_login(name).into_owned();
                }
            }
            Self::List(items) => items.iter_mut().for_each(Self::cut),
            Self::Text(text) => *text = without_login(text).into_owned(),
            Self::Other(_) => {}
        }
    }

    /// Of what says where something is. Nothing else is in it: a login may be there without a scheme before it, and in a URL a `/` or a
    /// blank may belong to a password.
    fn cut_place(&mut self) {
        match self {
            Self::Text(text) => *text = shown(text).into_owned(),
            Self::List(items) => items.iter_mut().for_each(Self::cut_place),
            value => value.cut(),
        }
    }
}

/// Whether a setting of this name has URLs, addresses, or names of hosts.
fn is_place(field: &str) -> bool {
    const PLACES: [&str; 10] = [
        "url",
        "urls",
        "address",
        "addresses",
        "host",
        "hosts",
        "server",
        "servers",
        "names",
        "domain",
    ];
    let last = field.rsplit_once('_').map_or(field, |(_, last)| last);
    // `allowed_names` are of certificates, also those of persons.
    PLACES.contains(&last) && (last != "names" || field == "names")
}

#[derive(Debug)]
struct Section(Vec<(String, Tree)>);

impl Serialize for Section {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Section {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Section;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a section of fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Section, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Section(fields))
            }
        }

        from.deserialize_map(Fields)
    }
}

/// A value in a message, in quotes where it is text.
pub(super) fn quoted(value: &impl fmt::Debug) -> String {
    let debug = format!("{value:?}");
    let text = debug.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match text {
        Some(text) => format!("\"{}\"", shown(text)),
        None => shown(&debug).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keep_their_order_and_strings_lose_their_passwords() {
        let settings = r#"{"z":{"url":"http://a:hun/ter2@h","n":18446744073709551615,"list":["x://a:hunter2@h","email:a@h",null,true]},"x://b:hunter2@h":0.5,"empty":{}}"#;
        let tree: Tree = serde_json::from_str(settings).unwrap();
        let shown = serde_json::to_string(&Shown::of(&tree).unwrap()).unwrap();
        assert_eq!(
            shown,
            r#"{"z":{"url":"http://…@h","n":18446744073709551615,"list":["x://…@h","email:a@h",null,true]},"x://…@h":0.5,"empty":{}}"#
        );
        let places = r#"{"addresses":["u:hunter2@h:1","h:1"],"trust_domain":"u:hunter2@h","names":["u:hunter2@h"],"allowed_names":["email:a@h"],"base_url":"u:hunter2@h"}"#;
        let tree: Tree = serde_json::from_str(places).unwrap();
        let shown = serde_json::to_string(&Shown::of(&tree).unwrap()).unwrap();
        assert_eq!(
            shown,
            r#"{"addresses":["…@h:1","h:1"],"trust_domain":"…@h","names":["…@h"],"allowed_names":["email:a@h"],"base_url":"…@h"}"#
        );
        assert_eq!(quoted(&"http://a:hunter2@h"), "\"http://…@h\"");
        assert_eq!(quoted(&80), "80");
    }
}
