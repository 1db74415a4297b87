//! A filter that may be repeated.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The values of a filter that may be repeated, in a query or in a body: any of them may match. At most [`Self::MOST`] are
/// taken, and one that comes again counts once: a query over all of them has a bounded cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Repeated(Vec<String>);

impl Repeated {
    /// Most values, repetitions included.
    pub const MOST: usize = 64;
}

impl Deref for Repeated {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Repeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Repeated;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} texts", Repeated::MOST)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut given: A) -> Result<Repeated, A::Error> {
        let (mut values, mut count) = (Vec::new(), 0);
        while let Some(value) = given.next_element::<String>()? {
            count += 1;
            if count > Repeated::MOST {
                return Err(Error::custom(format_args!(
                    "takes at most {} values; ask for the others in another request",
                    Repeated::MOST
                )));
            }
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Ok(Repeated(values))
    }
}

impl ToSchema for Repeated {
    fn name() -> Cow<'static, str> {
        "Repeated".into()
    }
}

impl PartialSchema for Repeated {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let list = ArrayBuilder::new().items(text).max_items(Some(Self::MOST));
        RefOr::T(Schema::Array(list.build()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query;

    #[derive(Debug, Deserialize)]
    struct Filters {
        #[serde(default)]
        ca: Repeated,
    }

    fn in_query(values: &[String]) -> Result<Filters, crate::problem::Problem> {
        let text: Vec<String> = values.iter().map(|value| format!("ca={value}")).collect();
        query::read(&query::pairs(&text.join("&")))
    }

    fn in_body(values: &[String]) -> Result<Filters, serde_json::Error> {
        serde_json::from_value(serde_json::json!({ "ca": values }))
    }

    #[test]
    fn a_value_counts_once_and_there_are_64_at_most() {
        let values: Vec<String> = (0..Repeated::MOST).map(|value| value.to_string()).collect();
        assert_eq!(in_query(&values).unwrap().ca[..], values[..]);
        assert_eq!(in_body(&values).unwrap().ca[..], values[..]);
        let again: Vec<String> = ["b", "a", "b"].map(str::to_owned).into();
        assert_eq!(in_query(&again).unwrap().ca[..], again[..2]);
        assert_eq!(in_body(&again).unwrap().ca[..], again[..2]);
        let same = vec!["a".to_owned(); Repeated::MOST + 1];
        let problem = in_query(&same).unwrap_err();
        assert_eq!((problem.status, problem.field.as_deref()), (400, Some("ca")));
        assert!(problem.detail.contains("at most 64 values"), "{}", problem.detail);
        assert!(
            in_body(&same)
                .unwrap_err()
                .to_string()
                .contains("at most 64 values")
        );
        assert!(in_query(&[]).unwrap().ca.is_empty());
    }
}
