//! Bodies of requests from anybody: no panic, and nothing is read that the parser of the field reads otherwise.
#![no_main]

use kit::http::Json;
use serde::Deserialize;
use serde_json::Value;

/// Members of every form that requests have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Request {
    csr: String,
    #[serde(default)]
    san: Option<Vec<String>>,
    #[serde(default)]
    same_key: bool,
    #[serde(default)]
    descendants: bool,
    #[serde(default)]
    limits: Limits,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    most: Option<u16>,
    reason: Option<Reason>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reason {
    Superseded,
    KeyCompromise,
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let any = Json::<Value>::read(data);
    match &any {
        Ok(Json(strict)) => assert_eq!(serde_json::from_slice::<Value>(data).ok().as_ref(), Some(strict)),
        Err(refused) => assert!((400..500).contains(&refused.status) && !refused.detail.is_empty()),
    }
    match Json::<Request>::read(data) {
        Ok(_) => assert!(matches!(any, Ok(Json(Value::Object(_))))),
        Err(refused) => assert!((400..500).contains(&refused.status) && !refused.detail.is_empty()),
    }
});
