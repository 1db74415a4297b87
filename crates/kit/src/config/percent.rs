//! A part of something in settings: 1 to 100 percent.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A whole number from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Percent(u8);

impl Percent {
    /// `number`, or the nearest of 1 and 100.
    #[must_use]
    pub const fn clamped(number: u8) -> Self {
        match number {
            0 => Self(1),
            1..=100 => Self(number),
            _ => Self(100),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": 100})
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

/// Names what was written, where the type of a number would name the range of that type.
struct Reader;

fn refused<E: Error>(what: &dyn fmt::Display) -> E {
    E::custom(format!(
        "{what} is not a percentage: write a whole number from 1 to 100"
    ))
}

impl Visitor<'_> for Reader {
    type Value = Percent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 1 to 100")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Percent, E> {
        match u8::try_from(number) {
            Ok(number @ 1..=100) => Ok(Percent(number)),
            _ => Err(refused(&number)),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Percent, E> {
        u64::try_from(number).map_or_else(|_| Err(refused(&number)), |number| self.visit_u64(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Percent, E> {
        Err(refused(&number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Percent, E> {
        let shown: String = text.chars().take(32).collect();
        text.parse().map_or_else(
            |_| Err(refused(&format!("{shown:?}"))),
            |number| self.visit_u64(number),
        )
    }

    fn visit_unit<E: Error>(self) -> Result<Percent, E> {
        Err(E::invalid_type(Unexpected::Unit, &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_percentage_is_refused_with_the_range() {
        for good in ["1", "10", "100", "\"10\""] {
            serde_json::from_str::<Percent>(good).unwrap();
        }
        for bad in ["0", "101", "300", "-1", "5.5", "\"a\"", "\"\"", "1e30"] {
            let said = serde_json::from_str::<Percent>(bad).unwrap_err().to_string();
            assert!(said.contains("a whole number from 1 to 100"), "{bad}: {said}");
        }
    }
}
