//! A REST client as a user would write one.

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use testkit::system::System;

#[derive(Clone)]
pub(crate) struct Rest {
    pub(crate) http: Client,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Rest {
    pub(crate) fn of(system: &System) -> Self {
        Self {
            http: system.http().unwrap(),
            base: system.ready().https.clone(),
            token: system.token().unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.base);
        self.http.get(url).bearer_auth(&self.token).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        let url = format!("{}{path}", self.base);
        let request = self.http.post(url).bearer_auth(&self.token).json(body);
        request.send().await.unwrap()
    }

    pub(crate) async fn try_issue(&self, body: &Value) -> Response {
        self.post("/api/v1/certificates", body).await
    }

    /// Issues; anything but 201 is a panic with the answer.
    pub(crate) async fn issue(&self, body: &Value) -> Value {
        let answer = self.try_issue(body).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, StatusCode::CREATED, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn revoke(&self, serial: &str, reason: &str) {
        self.act(serial, "revoke", &json!({ "reason": reason })).await;
    }

    pub(crate) async fn hold(&self, serial: &str) {
        self.act(serial, "hold", &json!({})).await;
    }

    pub(crate) async fn release(&self, serial: &str) {
        self.act(serial, "release", &json!({})).await;
    }

    async fn act(&self, serial: &str, verb: &str, body: &Value) {
        let path = format!("/api/v1/certificates/{serial}/{verb}");
        let answer = self.post(&path, body).await;
        assert_eq!(
            answer.status(),
            StatusCode::OK,
            "{}",
            answer.text().await.unwrap()
        );
    }

    /// One page: serial numbers and where the next starts.
    pub(crate) async fn page(&self, query: &str) -> (Vec<String>, Option<String>) {
        let answer = self.get(&format!("/api/v1/certificates?{query}")).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{query}: {text}");
        let page: Value = serde_json::from_str(&text).unwrap();
        let serial = |item: &Value| item["serial"].as_str().unwrap().to_owned();
        let items = page["items"].as_array().unwrap().iter().map(serial).collect();
        (items, page["next_cursor"].as_str().map(str::to_owned))
    }

    /// All pages of a query.
    pub(crate) async fn all(&self, query: &str, limit: u32) -> Vec<String> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let (items, next) = self.page(&format!("{query}&limit={limit}{cursor}")).await;
            found.extend(items);
            match next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    }
}

/// Retry-After of an answer, seconds.
pub(crate) fn retry_after(answer: &Response) -> u32 {
    answer.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}
