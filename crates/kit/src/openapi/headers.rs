//! The headers of answers, which the edge and the handlers of every service send by the same rules.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Required, Response, ResponseBuilder};

/// Names as RFC 9110 writes them.
const ETAG: &str = "ETag";
const IF_NONE_MATCH: &str = "If-None-Match";
const LOCATION: &str = "Location";
const RETRY_AFTER: &str = "Retry-After";

/// Declares `Location` of what is made, and `Retry-After` of what is refused for now.
pub(super) fn declare(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        match status.as_str() {
            "201" => add(response, LOCATION, Type::String, "path of what was made"),
            "202" => add(response, LOCATION, Type::String, "path of the job"),
            "429" | "503" | "default" => add(
                response,
                RETRY_AFTER,
                Type::Integer,
                "seconds to wait, where it is worth to try again",
            ),
            _ => {}
        }
    }
}

/// Declares the entity tag of what a GET answers, and the condition that clients make with it (RFC 9110 section 13.1.2).
pub(super) fn declare_tag(operation: &mut Operation) {
    let answer = operation.responses.responses.get_mut("200");
    let Some(RefOr::T(answer)) = answer.filter(|answer| has_content(answer)) else {
        return;
    };
    add(answer, ETAG, Type::String, "of what is answered; CSV has none");
    let parameter = ParameterBuilder::new()
        .name(IF_NONE_MATCH)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "`ETag` of an answer that you have: 304 if it would be the same",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::T(parameter.build()));
    let unchanged = ResponseBuilder::new()
        .description("as you have it; without a body")
        .header(ETAG, header(Type::String, "as before"));
    let responses = &mut operation.responses.responses;
    responses.insert("304".to_owned(), RefOr::T(unchanged.build()));
}

fn has_content(response: &RefOr<Response>) -> bool {
    matches!(response, RefOr::T(response) if !response.content.is_empty())
}

fn add(response: &mut Response, name: &str, kind: Type, description: &str) {
    let header = RefOr::T(header(kind, description));
    response.headers.insert(name.to_owned(), header);
}

fn header(kind: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .description(Some(description))
        .build()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use utoipa::OpenApi;
    use utoipa::openapi::Content;
    use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem};

    use super::*;
    use crate::openapi::JSON;

    #[derive(OpenApi)]
    struct Base;

    /// The operation with one more answer, completed.
    fn completed(method: HttpMethod, status: &str, answer: ResponseBuilder) -> Value {
        let operation = OperationBuilder::new().response(status, answer.build());
        let item = PathItem::new(method, operation);
        let mut document = Base::openapi();
        document.paths.paths.insert("/things".to_owned(), item);
        crate::openapi::complete(&mut document);
        let document = serde_json::to_value(&document).unwrap();
        let things = document["paths"]["/things"].as_object().unwrap();
        things.values().next().unwrap().clone()
    }

    #[test]
    fn what_is_read_has_a_tag_and_can_be_unchanged() {
        let answer = || ResponseBuilder::new().content(JSON, Content::default());
        let read = completed(HttpMethod::Get, "200", answer());
        assert!(read["responses"]["200"]["headers"]["ETag"].is_object(), "{read}");
        assert!(read["responses"]["304"]["headers"]["ETag"].is_object(), "{read}");
        assert_eq!(read["responses"]["304"].get("content"), None);
        let condition = &read["parameters"][0];
        assert_eq!(condition["name"], json!("If-None-Match"));
        assert_eq!(
            (&condition["in"], &condition["required"]),
            (&json!("header"), &json!(false))
        );
        for other in [
            completed(HttpMethod::Get, "200", ResponseBuilder::new()),
            completed(HttpMethod::Post, "200", answer()),
        ] {
            assert_eq!(other["responses"].get("304"), None, "{other}");
        }
    }

    #[test]
    fn places_and_waits_are_declared() {
        for (status, name) in [
            ("201", "Location"),
            ("202", "Location"),
            ("429", "Retry-After"),
            ("503", "Retry-After"),
        ] {
            let made = completed(HttpMethod::Post, status, ResponseBuilder::new());
            let headers = &made["responses"][status]["headers"];
            assert!(headers[name].is_object(), "{status}: {made}");
            let waits = &made["responses"]["default"]["headers"]["Retry-After"];
            assert_eq!(waits["schema"]["type"], "integer");
        }
    }
}
