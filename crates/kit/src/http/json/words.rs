//! What is wrong with a JSON value, in the words of JSON instead of those of our types.

use std::fmt::{self, Display};

use serde::de::{Expected, Unexpected};

/// A value that a request does not take.
#[derive(Debug)]
pub(super) struct Mistake {
    text: String,
    /// It is a member of a name that its object does not have.
    pub(super) is_unknown_member: bool,
}

impl From<String> for Mistake {
    fn from(text: String) -> Self {
        Self {
            text,
            is_unknown_member: false,
        }
    }
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Mistake {}

impl serde::de::Error for Mistake {
    fn custom<T: Display>(text: T) -> Self {
        Self::from(text.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::from(format!("{} is not {}", described(&found), wanted(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::from(format!("{} is not {}", described(&found), wanted(expected)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::from(format!("{length} items are not {}", wanted(expected)))
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        let shown: String = name.chars().take(100).collect();
        Self::from(format!("{shown:?} is not one of: {}", known.join(", ")))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let shown: String = name.chars().take(100).collect();
        let text = match known {
            [] => format!("there is no member {shown:?} here; this object has no members"),
            names => format!(
                "there is no member {shown:?} here; the members are: {}",
                names.join(", ")
            ),
        };
        Self {
            text,
            is_unknown_member: true,
        }
    }

    fn missing_field(name: &'static str) -> Self {
        Self::from(format!("the member {name:?} is missing"))
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::from(format!("the member {name:?} appears more than once"))
    }
}

fn described(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "an array".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Str(text) => format!("{:?}", text.chars().take(100).collect::<String>()),
        _ => "this value".to_owned(),
    }
}

/// serde says what it wanted as text only, with names of Rust.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let range = |most: u64| format!("a whole number from 0 to {most}");
    match text.as_str() {
        "u8" => range(u8::MAX.into()),
        "u16" => range(u16::MAX.into()),
        "u32" => range(u32::MAX.into()),
        "u64" | "u128" | "usize" => "a whole number from 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number in range".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "unit" => "null".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "an object".to_owned(),
        _ if text.starts_with("struct ") => "an object".to_owned(),
        _ if text.starts_with("tuple") || text.contains("sequence") => "an array of that form".to_owned(),
        _ if text.contains("enum ") || text.contains("variant") => "one of the accepted names".to_owned(),
        _ if text.contains("struct ") || text.contains("identifier") => "of the expected form".to_owned(),
        _ => text,
    }
}
