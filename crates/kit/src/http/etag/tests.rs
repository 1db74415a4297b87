//! Tags and conditions, read and applied.

use super::*;

fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
    let line = |line: &&str| (name.clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap());
    lines.iter().map(line).collect()
}

fn read(lines: &[&str]) -> Option<Condition> {
    Condition::of(&headers(&IF_MATCH, lines), &IF_MATCH)
}

fn tag(opaque: &str) -> EntityTag {
    EntityTag {
        weak: false,
        opaque: opaque.as_bytes().to_vec(),
    }
}

fn weak(opaque: &str) -> EntityTag {
    EntityTag {
        weak: true,
        ..tag(opaque)
    }
}

#[test]
fn a_write_is_for_the_state_that_was_seen() {
    let (now, before) = (EntityTag::of(&1), EntityTag::of(&2));
    let if_match = |tags: &[&str]| IfMatch::from_headers(&headers(&IF_MATCH, tags)).unwrap();
    let shown = now.header().unwrap();
    let shown = shown.to_str().unwrap();
    assert!(if_match(&[shown]).holds(&now) && !if_match(&[shown]).holds(&before));
    assert!(if_match(&["\"a,b\"", shown]).holds(&now));
    assert!(IfMatch::default().holds(&now));
    assert!(if_match(&["*"]).holds(&now));
    assert!(!if_match(&[&format!("W/{shown}")]).holds(&now));
    assert!(!if_match(&[""]).holds(&now), "a list of nothing names nothing");
}

#[test]
fn a_list_of_tags_is_read_and_what_is_none_is_not() {
    for (lines, tags) in [
        (&["\"a\" , W/\"b\""][..], vec![tag("a"), weak("b")]),
        (&["\"a\"", "W/\"b\""], vec![tag("a"), weak("b")]),
        (&["\"a,b\", \"c\""], vec![tag("a,b"), tag("c")]),
        (&["\"a\"\t,\"\",, \"W/\" ,"], vec![tag("a"), tag(""), tag("W/")]),
        (&[", ,\"*\""], vec![tag("*")]),
        (&["\"ü\\\""], vec![tag("ü\\")]),
        (&["", " , "], vec![]),
    ] {
        assert_eq!(read(lines), Some(Condition::Tags(tags)), "{lines:?}");
    }
    assert_eq!(read(&[" * "]), Some(Condition::Any));
    for bad in [
        &["a"][..],
        &["\"a"],
        &["\""],
        &["\"a\",b"],
        &["\"a\" \"b\""],
        &["\"a b\""],
        &["w/\"a\""],
        &["W/ \"a\""],
        &["*, \"a\""],
        &["\"a\"", "*"],
    ] {
        assert_eq!(read(bad), None, "{bad:?}");
        assert!(
            IfMatch::from_headers(&headers(&IF_MATCH, bad)).is_err(),
            "{bad:?}"
        );
    }
}

async fn answered(name: &HeaderName, line: &str, response: Response) -> (StatusCode, Option<String>, usize) {
    let conditions = Conditions::of(&headers(name, &[line]));
    let response = conditions.answer("/api/v1/things", response).await;
    let tag = response.headers().get(ETAG);
    let tag = tag.map(|tag| tag.to_str().unwrap().to_owned());
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, tag, bytes.len())
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let answer = || ([(CONTENT_TYPE, "text/plain")], "{}").into_response();
    let (status, first, length) = answered(&IF_NONE_MATCH, "\"other\"", answer()).await;
    assert_eq!((status, length), (StatusCode::OK, 2));
    let known = first.clone().unwrap();
    for known in [
        known.clone(),
        format!("W/{known}"),
        format!("\"a,b\", {known}"),
        "*".to_owned(),
    ] {
        let (status, tag, length) = answered(&IF_NONE_MATCH, &known, answer()).await;
        assert_eq!(
            (status, tag, length),
            (StatusCode::NOT_MODIFIED, first.clone(), 0),
            "{known}"
        );
    }
    let other = answered(&IF_NONE_MATCH, &known, "[]".into_response()).await;
    assert_eq!(other.0, StatusCode::OK);
}

#[tokio::test]
async fn what_a_reader_wants_as_it_was_is_sent_only_so() {
    let answer = || "{}".into_response();
    let current = EntityTag::of_bytes(b"{}").header().unwrap();
    let current = current.to_str().unwrap();
    let weak = format!("W/{current}");
    for (line, status) in [
        (current, StatusCode::OK),
        ("*", StatusCode::OK),
        ("\"stale\"", StatusCode::PRECONDITION_FAILED),
        (weak.as_str(), StatusCode::PRECONDITION_FAILED),
    ] {
        assert_eq!(answered(&IF_MATCH, line, answer()).await.0, status, "{line}");
    }
    // What has no tag has none of those.
    let stream = || Body::from_stream(futures::stream::iter([Ok::<_, Infallible>("{}")])).into_response();
    for (line, status) in [("*", StatusCode::OK), (current, StatusCode::PRECONDITION_FAILED)] {
        assert_eq!(answered(&IF_MATCH, line, stream()).await.0, status, "{line}");
    }
    let refused = StatusCode::NOT_FOUND.into_response();
    assert_eq!(
        answered(&IF_MATCH, "\"stale\"", refused).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn an_answer_that_is_left_out_keeps_what_is_about_it() {
    let about = [
        ("cache-control", "no-cache"),
        ("etag", "\"own\""),
        ("content-type", "text/plain"),
    ];
    let conditions = Conditions::of(&headers(&IF_NONE_MATCH, &["\"own\""]));
    let response = conditions
        .answer("/document", (about, "text").into_response())
        .await;
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert_eq!(response.headers()["etag"], "\"own\"");
    assert!(!response.headers().contains_key(CONTENT_TYPE));
}
