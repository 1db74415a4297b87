//! What is sent again, how often, and what is not.

use std::time::Instant;

use client::{Client, Error, Issue, NewApiKey, Revoke};

use crate::server::{Server, json, unavailable};

const KEY: &str = r#"{"prefix": "0123abcd", "name": "ci", "roles": [], "status": "active", "created_by": "x",
    "created_at": "2027-01-02T03:04:05Z", "token": "gv_0123abcd_x"}"#;

#[tokio::test]
async fn a_creation_is_repeated_with_the_same_idempotency_key() {
    let server = Server::answering([unavailable(Some("0")), unavailable(Some("0")), json(201, KEY)]).await;
    let made = server
        .client()
        .api_keys()
        .create(&NewApiKey::default())
        .await
        .unwrap();
    assert_eq!(made.key.prefix, "0123abcd");
    assert!(!format!("{made:?}").contains("gv_0123abcd"));
    let asked = server.asked();
    let keys: Vec<_> = asked
        .iter()
        .map(|asked| asked.headers["idempotency-key"].to_str().unwrap())
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_eq!(asked[0].body, asked[2].body);

    let other = Server::answering([json(201, KEY)]).await;
    other
        .client()
        .api_keys()
        .create(&NewApiKey::default())
        .await
        .unwrap();
    assert_ne!(
        other.asked()[0].headers["idempotency-key"],
        keys[0],
        "two creations share a key"
    );
}

#[tokio::test]
async fn the_server_says_how_long_to_wait() {
    let server = Server::answering([unavailable(Some("1")), json(200, r#"{"items": []}"#)]).await;
    let started = Instant::now();
    let client = server.client();
    let page = client.cas().list().page(None, None).await.unwrap();
    assert!(page.items.is_empty());
    assert!(started.elapsed().as_secs_f64() >= 1.0);
}

#[tokio::test]
async fn repetition_ends() {
    let server = Server::answering((0..20).map(|_| unavailable(Some("0")))).await;
    let error = server.client().whoami().await.unwrap_err();
    assert_eq!(error.status(), Some(503), "{error}");
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn who_wants_to_know_how_it_is_now_has_nothing_repeated() {
    for lost in [0, 1] {
        let server = Server::losing(lost, [unavailable(Some("0")), json(200, "{}")]).await;
        let client = Client::builder(&server.url).once().build().unwrap();
        client.whoami().await.unwrap_err();
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn what_can_t_be_repeated_or_would_take_too_long_is_not() {
    let revoke = Revoke {
        reason: "superseded".to_owned(),
        invalidity_time: None,
        same_key: false,
        descendants: false,
    };
    let server = Server::answering([unavailable(Some("0"))]).await;
    let error = server
        .client()
        .certificates()
        .revoke("01", &revoke)
        .await
        .unwrap_err();
    assert_eq!(error.problem().unwrap().slug(), "unavailable");
    assert_eq!(server.asked().len(), 1);
    assert!(!server.asked()[0].headers.contains_key("idempotency-key"));

    for retry_after in [None, Some("3600"), Some("soon")] {
        let server = Server::answering([unavailable(retry_after)]).await;
        assert_eq!(server.client().whoami().await.unwrap_err().status(), Some(503));
        assert_eq!(server.asked().len(), 1, "{retry_after:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let refusal = json(
        422,
        r#"{"type": "https://gigvault.io/problems/lint", "status": 422, "detail": "no", "field": "csr"}"#,
    );
    let server = Server::answering([refusal]).await;
    let Err(Error::Problem(problem)) = server.client().certificates().issue(&Issue::default()).await else {
        panic!("no problem");
    };
    assert_eq!((problem.status, problem.field.as_deref()), (422, Some("csr")));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_repeated_with_the_same_idempotency_key() {
    let server = Server::losing(2, [json(201, KEY)]).await;
    let client = server.client();
    let made = client.api_keys().create(&NewApiKey::default()).await.unwrap();
    assert_eq!(made.key.prefix, "0123abcd");
    let asked = server.asked();
    let keys: Vec<_> = asked
        .iter()
        .map(|asked| asked.headers["idempotency-key"].clone())
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[tokio::test]
async fn a_lost_answer_is_not_asked_for_without_end_and_leaves_the_outcome_open() {
    let server = Server::losing(20, []).await;
    let error = server.client().certificates().issue(&Issue::default()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.leaves_open(), "{error}");
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn whoever_lost_the_text_of_an_api_key_is_told_which_key_was_made() {
    let told = json(
        409,
        r#"{"type": "https://gigvault.io/problems/conflict", "detail": "revoke 0123abcd"}"#,
    );
    let server = Server::losing(1, [told]).await;
    let error = server.client().api_keys().create(&NewApiKey::default()).await;
    let error = error.unwrap_err();
    assert!(!error.leaves_open(), "{error}");
    assert_eq!(error.problem().unwrap().detail, "revoke 0123abcd");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn what_is_not_to_be_repeated_is_not_after_a_lost_answer_either() {
    let server = Server::losing(1, [json(200, "{}")]).await;
    let error = server.client().certificates().hold("01").await.unwrap_err();
    assert!(error.leaves_open(), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_refusal_of_the_caller_says_nothing_about_the_request_whose_answer_was_lost() {
    let refusal = |status| {
        json(
            status,
            r#"{"type": "https://gigvault.io/problems/x", "detail": "no"}"#,
        )
    };
    for (status, open) in [(401, true), (403, true), (503, true), (409, false), (422, false)] {
        let server = Server::losing(1, [refusal(status)]).await;
        let error = server.client().certificates().issue(&Issue::default()).await;
        assert_eq!(error.unwrap_err().leaves_open(), open, "{status}");
        let server = Server::answering([refusal(status)]).await;
        let error = server.client().certificates().issue(&Issue::default()).await;
        assert_eq!(error.unwrap_err().leaves_open(), status == 503, "{status}");
    }
}

/// The server failed after it had begun: what it says then, or that it is gone, does not tell what became of the request.
#[tokio::test]
async fn a_failure_of_the_server_is_not_settled_by_a_later_refusal_of_the_caller() {
    for later in [401, 403, 429] {
        let refusal =
            format!(r#"{{"type": "https://gigvault.dev/problems/x", "title": "x", "status": {later}}}"#);
        let answers = std::iter::once(unavailable(Some("0"))).chain((0..4).map(|_| json(later, &refusal)));
        let server = Server::answering(answers).await;
        let error = server
            .client()
            .api_keys()
            .create(&NewApiKey::default())
            .await
            .unwrap_err();
        assert!(error.leaves_open(), "{later}: {error}");
    }
    let settled = json(
        422,
        r#"{"type": "https://gigvault.dev/problems/x", "title": "x", "status": 422}"#,
    );
    let server = Server::answering([unavailable(Some("0")), settled]).await;
    let error = server
        .client()
        .api_keys()
        .create(&NewApiKey::default())
        .await
        .unwrap_err();
    assert_eq!(error.status(), Some(422));
    assert!(!error.leaves_open());
}

#[tokio::test]
async fn what_would_change_the_path_is_not_sent() {
    let server = Server::answering([]).await;
    for name in [
        "",
        ".",
        "..",
        "serv\tices",
        "serv\rices",
        "serv\nices",
        "services\n",
        "\t",
    ] {
        let client = server.client();
        for error in [
            client.cas().get(name).await.map(drop).unwrap_err(),
            client.cas().suspend(name).await.map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Config(_)), "{error}");
            assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
        }
    }
    assert!(server.asked().is_empty());
}
