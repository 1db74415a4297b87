//! Closed sets of words in the OpenAPI document, each made from the one list of it in the code.
//!
//! An enum that REST serializes derives its schema. Where the list belongs to a domain, [`words!`](crate::words) names a schema
//! made from it, for members that are texts: `#[schema(value_type = CertificateStatus)]`.

use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;

/// Names schemas of texts, for `value_type` in REST structs: `pub(super) JobState = one_of(State::ALL.map(State::as_str));`. The comment
/// is what the document says of them. The types have no values.
#[macro_export]
macro_rules! words {
    ($($(#[doc = $about:literal])+ $visibility:vis $name:ident = $schema:expr;)+) => {$(
        $(#[doc = $about])+
        $visibility enum $name {}

        impl ::utoipa::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!($name))
            }
        }

        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::Schema> {
                let about = concat!($($about),+).trim();
                let schema: ::utoipa::openapi::ObjectBuilder = $schema;
                ::utoipa::openapi::RefOr::T(schema.description(Some(about)).build().into())
            }
        }
    )+};
}

/// A text that is one of these.
#[must_use]
pub fn one_of(words: impl IntoIterator<Item = impl ToString>) -> ObjectBuilder {
    let words = words.into_iter().map(|word| word.to_string());
    text().enum_values(Some(words.collect::<Vec<_>>()))
}

/// A text that is one of these or empty: what answers show of a stored row that cannot be read.
#[must_use]
pub fn one_of_or_empty(words: impl IntoIterator<Item = impl ToString>) -> ObjectBuilder {
    let words = words.into_iter().map(|word| word.to_string());
    one_of(words.chain([String::new()]))
}

/// A text that matches a regular expression of ECMA-262.
#[must_use]
pub fn matching(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

crate::words! {
    /// How far a job is.
    pub(crate) JobState = one_of(store::jobs::State::ALL.map(store::jobs::State::as_str));
    /// What became of an item of a job.
    pub(crate) JobItemState = one_of(store::jobs::ItemState::ALL.map(store::jobs::ItemState::as_str));
    /// Name of a service.
    pub ServiceName = one_of(vocabulary::service::ALL);
    /// What the owner of a credential may do: `resource:verb`. One name covers those that add a qualifier to it with a dash.
    pub PermissionName = one_of(crate::auth::permission::ALL);
    /// Name of a role.
    pub RoleName = one_of(crate::auth::roles::NAMES);
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::{PartialSchema, ToSchema};

    use super::*;

    crate::words! {
        /// First line,
        /// and second.
        Maybe = one_of_or_empty(["a", "b"]);
    }

    #[test]
    fn a_schema_is_its_list_and_says_what_its_comment_says() {
        let schema = serde_json::to_value(JobItemState::schema()).unwrap();
        assert_eq!(schema["enum"], json!(["pending", "done", "skipped", "failed"]));
        assert_eq!(JobItemState::name(), "JobItemState");
        let expected =
            json!({"type": "string", "description": "First line, and second.", "enum": ["a", "b", ""]});
        assert_eq!(serde_json::to_value(Maybe::schema()).unwrap(), expected);
    }
}
