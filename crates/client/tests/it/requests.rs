//! What is sent, to whom, and what is made of the answer.

use client::{Client, Error, Filter};

use crate::server::{Server, json};

fn keys(names: &[&str], cursor: &str) -> String {
    let items: Vec<_> = names
        .iter()
        .map(|name| {
            format!(
                r#"{{"name": "{name}", "algorithm": "p256", "purpose": "ocsp-signer", "backend": "software",
                    "public_key": "", "spki_sha256": "", "created_at": "2027-01-02T03:04:05Z", "novelty": 1}}"#
            )
        })
        .collect();
    format!(r#"{{"items": [{}], "next_cursor": {cursor}}}"#, items.join(","))
}

#[tokio::test]
async fn all_pages_are_read_in_order() {
    let pages = [
        keys(&["a", "b"], "\"c1\""),
        keys(&[], "\"c2\""),
        keys(&["c"], "null"),
    ];
    let server = Server::answering(pages.iter().map(|page| json(200, page))).await;
    let all = server.client().keys().list().items().all().await.unwrap();
    assert_eq!(
        all.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    let lines: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v1/keys?limit=500",
            "GET /api/v1/keys?limit=500&cursor=c1",
            "GET /api/v1/keys?limit=500&cursor=c2",
        ]
    );
}

#[tokio::test]
async fn a_list_that_does_not_end_is_an_error() {
    let page = keys(&["a"], "\"c1\"");
    let server = Server::answering([json(200, &page), json(200, &page)]).await;
    assert!(matches!(
        server.client().keys().list().items().all().await,
        Err(Error::Unexpected { .. })
    ));
}

#[tokio::test]
async fn no_name_can_change_the_path_or_the_query() {
    let server = Server::answering([]).await;
    let client = server.client();
    for name in ["../../healthz", "a/b", "a?b=c", "a#b", "a b", "%2e%2e", "ä"] {
        let _teapot = client.cas().get(name).await.unwrap_err();
    }
    let filter = Filter {
        subject: Some("CN=a&limit=1#".to_owned()),
        ..Filter::default()
    };
    let _teapot = client
        .certificates()
        .list(&filter)
        .unwrap()
        .sorted(Some("-a&b"))
        .page(Some(3), Some("x&y"))
        .await
        .unwrap_err();
    let lines: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v1/cas/..%2F..%2Fhealthz",
            "GET /api/v1/cas/a%2Fb",
            "GET /api/v1/cas/a%3Fb=c",
            "GET /api/v1/cas/a%23b",
            "GET /api/v1/cas/a%20b",
            "GET /api/v1/cas/%252e%252e",
            "GET /api/v1/cas/%C3%A4",
            "GET /api/v1/certificates?subject=CN%3Da%26limit%3D1%23&sort=-a%26b&limit=3&cursor=x%26y",
        ]
    );
}

#[tokio::test]
async fn the_credential_goes_to_the_server_and_not_where_it_points() {
    let other = Server::answering([json(200, "{}")]).await;
    let mut redirect = json(307, "{}");
    redirect.headers_mut().insert(
        "location",
        format!("{}/api/v1/whoami", other.url).parse().unwrap(),
    );
    let server = Server::answering([redirect]).await;
    let error = server.client().whoami().await.unwrap_err();
    assert_eq!(error.status(), Some(307), "{error}");
    assert_eq!(server.asked()[0].headers["authorization"], "Bearer gv_secret");
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn answers_of_something_else_are_told_from_refusals() {
    for answer in [
        json(502, "<html>Bad Gateway</html>"),
        json(200, "[]"),
        json(404, r#"{"error": "nothing here"}"#),
    ] {
        let status = answer.status().as_u16();
        let server = Server::answering([answer]).await;
        let error = server.client().whoami().await.unwrap_err();
        assert!(
            matches!(&error, Error::Unexpected { status: found, .. } if *found == status),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::builder(&url).build().unwrap().whoami().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn readiness_is_told_whether_it_is_good_or_bad() {
    let mut late = json(503, r#"{"status": "not-ready", "failing": ["database of ca"]}"#);
    late.headers_mut()
        .insert("date", "Sat, 02 Jan 2027 03:04:05 GMT".parse().unwrap());
    let server = Server::answering([late]).await;
    let probe = server.client().readyz().await.unwrap();
    assert_eq!(probe.status, 503);
    assert_eq!(probe.readiness.unwrap().failing, ["database of ca"]);
    assert_eq!(probe.date.unwrap().unix_timestamp(), 1_798_859_045);
    assert_eq!(server.asked().len(), 1);
}
