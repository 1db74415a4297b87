//! Query parameters as a type: strictly, and each value of a repeated one.
//!
//! A member that is a list takes a parameter as often as it comes; every other takes it once.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use vocabulary::ProblemType;

use crate::problem::Problem;

/// A parameter and its value.
pub(super) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// All parameters of a query, in its order.
pub(super) fn pairs(text: &str) -> Vec<Pair<'_>> {
    form_urlencoded::parse(text.as_bytes()).collect()
}

/// The parameters as `T`; what `T` does not have is refused.
pub(super) fn read<T: DeserializeOwned>(pairs: &[Pair<'_>]) -> Result<T, Problem> {
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        named.entry(name).or_default().push(value);
    }
    let source = || {
        let values = named.iter().map(|(name, values)| (*name, Values(values)));
        MapDeserializer::<_, Error>::new(values)
    };
    let unknown = Cell::new(None);
    let value = serde_ignored::deserialize(source(), |path| unknown.set(Some(path.to_string()))).map_err(
        |error| match serde_path_to_error::deserialize::<_, T>(source()) {
            Err(located) if located.path().iter().next().is_some() => {
                let path = located.path().to_string();
                // A value of a list is at `name[0]`.
                let name = path.split('[').next().unwrap_or_default();
                refuse(format!("query parameter {name}: {error}")).at(name)
            }
            _ => refuse(format!("query: {error}")),
        },
    )?;
    match unknown.into_inner() {
        Some(name) => {
            let detail = format!("there is no query parameter {name:?} here");
            Err(Problem::new(ProblemType::UnknownParameter, detail).at(name))
        }
        None => Ok(value),
    }
}

pub(super) fn refuse(detail: String) -> Problem {
    Problem::new(ProblemType::InvalidRequest, detail)
}

/// Everything that a parameter was given.
#[derive(Clone, Copy)]
struct Values<'a>(&'a [&'a str]);

impl<'a> Values<'a> {
    fn one(self) -> Result<&'a str, Error> {
        match self.0 {
            [value] => Ok(value),
            _ => Err(de::Error::custom("appears more than once")),
        }
    }

    /// Rust's own reading of a number takes a sign; a query does not.
    fn number<T: std::str::FromStr>(self) -> Result<T, Error> {
        let text = self.one()?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.ok_or_else(|| de::Error::custom("digits are expected, of a number that is not too large"))
    }
}

impl<'de> IntoDeserializer<'de> for Values<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.number()?)
        })+
    };
}

impl<'de> de::Deserializer<'de> for Values<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.one()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.one()? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(de::Error::custom("takes true or false")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let each = self.0.iter().map(|value| Values(std::slice::from_ref(value)));
        SeqDeserializer::new(each).deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let value = self.one()?;
        match known.contains(&value) {
            true => visitor.visit_enum(value.into_deserializer()),
            false => Err(de::Error::custom(format!("takes {}", known.join(" or ")))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    numbers! {
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map
        struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::http::NoParameters;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct List {
        limit: Option<u16>,
        #[serde(default)]
        status: Vec<String>,
        #[serde(default)]
        all: bool,
        word: Option<Word>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        One,
        Other,
    }

    fn query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
        read(&pairs(text))
    }

    #[test]
    fn each_value_of_a_repeated_parameter_is_read() {
        let read: List = query("status=valid&limit=5&status=on%20hold&all=true&word=one").unwrap();
        let expected = List {
            limit: Some(5),
            status: vec!["valid".to_owned(), "on hold".to_owned()],
            all: true,
            word: Some(Word::One),
        };
        assert_eq!(read, expected);
        assert_eq!(query::<List>("").unwrap(), List::default());
    }

    #[test]
    fn a_mistake_in_a_query_is_named() {
        for (text, field) in [
            ("limit=5&limt=6", "limt"),
            ("limit=-1", "limit"),
            ("limit=%2B5", "limit"),
            ("limit=", "limit"),
            ("limit=1&limit=2", "limit"),
            ("limit=70000", "limit"),
            ("all=yes", "all"),
            ("word=two", "word"),
            ("x%00=1", "x\0"),
        ] {
            let problem = query::<List>(text).unwrap_err();
            assert_eq!(
                (problem.status, problem.field.as_deref()),
                (400, Some(field)),
                "{text}"
            );
        }
        let problem = query::<List>("word=One").unwrap_err();
        assert_eq!(&*problem.detail, "query parameter word: takes one or other");
        assert!(query::<NoParameters>("").is_ok());
        let problem = query::<NoParameters>("limit=1").unwrap_err();
        assert_eq!((problem.status, problem.field.as_deref()), (400, Some("limit")));
    }
}
