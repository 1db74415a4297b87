//! A JSON text as a tree, and the tree as something that serde reads.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use vocabulary::ProblemType;

use super::words::Mistake;
use super::{MAX_DEPTH, MAX_VALUES};
use crate::problem::Problem;

/// A JSON value.
#[derive(Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// The tree of a whole body.
pub(super) fn parse(body: &[u8]) -> Result<Node, Problem> {
    let refuse = |detail: String| Problem::new(ProblemType::InvalidRequest, detail);
    if let Some(encoding) = other_encoding(body) {
        return Err(refuse(format!(
            "the body is not JSON as it is exchanged: it {encoding}; send UTF-8 without a mark"
        )));
    }
    let left = Cell::new(MAX_VALUES);
    let mut source = serde_json::Deserializer::from_slice(body);
    let tree = Grow {
        depth: 0,
        left: &left,
    }
    .deserialize(&mut source);
    tree.and_then(|tree| source.end().map(|()| tree))
        .map_err(|error| match error.classify() {
            serde_json::error::Category::Data => refuse(format!("the body is refused: {error}")),
            _ => refuse(format!("the body is not JSON: {error}")),
        })
}

/// RFC 8259 section 8.1: UTF-8, and no byte order mark.
fn other_encoding(body: &[u8]) -> Option<&'static str> {
    match body {
        [0xef, 0xbb, 0xbf, ..] => Some("begins with a byte order mark"),
        // The first character of JSON is ASCII, so a zero octet beside it is the half of a unit.
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..] => Some("is UTF-16 or UTF-32"),
        _ => None,
    }
}

/// Reads one value at this depth.
#[derive(Clone, Copy)]
struct Grow<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl Grow<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!(
                "it is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Grow<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Node, D::Error> {
        let Some(left) = self.left.get().checked_sub(1) else {
            let text = format_args!("it holds more than {MAX_VALUES} values");
            return Err(serde::de::Error::custom(text));
        };
        self.left.set(left);
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Grow<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Node, E> {
        printable(value)?;
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let inner = self.deeper()?;
        let mut object: Vec<(String, Node)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            printable(&name)?;
            let shown = || name.chars().take(100).collect::<String>();
            if !names.insert(name.to_string()) {
                let text = format!("member {:?} appears more than once", shown());
                return Err(serde::de::Error::custom(text));
            }
            object.push((name.into_owned(), members.next_value_seed(inner)?));
        }
        Ok(Node::Object(object))
    }
}

/// Text goes into databases, certificates, logs and answers: of the control characters only white space is text.
fn printable<E: serde::de::Error>(text: &str) -> Result<(), E> {
    match text
        .chars()
        .find(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
    {
        None => Ok(()),
        Some(c) => Err(E::custom(format_args!(
            "text contains the control character U+{:04X}",
            u32::from(c)
        ))),
    }
}

impl Node {
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Unsigned(value) => Unexpected::Unsigned(*value),
            Self::Signed(value) => Unexpected::Signed(*value),
            Self::Float(value) => Unexpected::Float(*value),
            Self::Text(value) => Unexpected::Str(value),
            Self::List(_) => Unexpected::Seq,
            Self::Object(_) => Unexpected::Map,
        }
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Unsigned(value) => visitor.visit_u64(*value),
            Node::Signed(value) => visitor.visit_i64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Text(value) => visitor.visit_borrowed_str(value),
            Node::List(items) => {
                let mut items = SeqDeserializer::new(items.iter());
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Node::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.as_str(), value));
                let mut members = MapDeserializer::new(members);
                let value = visitor.visit_map(&mut members)?;
                members.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self {
            Node::Null => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    /// Objects only. The visitors that serde derives take an array as well, its items in the order of the fields.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self {
            Node::Object(_) => self.deserialize_any(visitor),
            other => Err(serde::de::Error::invalid_type(other.unexpected(), &"an object")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_struct("", &[], visitor)
    }

    /// A name, or an object with one member.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self {
            Node::Text(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            Node::Object(members) if members.len() == 1 => {
                let members = members.iter().map(|(name, value)| (name.as_str(), value));
                visitor.visit_enum(serde::de::value::MapAccessDeserializer::new(
                    MapDeserializer::new(members),
                ))
            }
            other => Err(serde::de::Error::invalid_type(other.unexpected(), &"a string")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct identifier ignored_any
    }
}
