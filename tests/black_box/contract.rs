//! What programs rely on, as outside judges see it: metrics and the OpenAPI document.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::system::System;

use crate::rest::Rest;
use crate::{csr, judge};

/// A program that `scripts/tools` installs and names in the environment; one on the path else.
fn tool(variable: &str, name: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| name.into())
}

#[tokio::test]
async fn every_metric_is_documented_and_promtool_finds_no_fault() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let issued = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    rest.revoke(issued["serial"].as_str().unwrap(), "superseded")
        .await;
    let url = format!("{}/metrics", system.ready().metrics);
    let answer = system.http().unwrap().get(url).send().await.unwrap();
    let text = answer.text().await.unwrap();

    let reference = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/metrics.md");
    let reference = std::fs::read_to_string(reference).unwrap();
    let known: BTreeSet<&str> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let shown: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    assert!(shown.contains("gigvault_certificates_revoked_total"), "{text}");
    let unknown: Vec<_> = shown.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "not in docs/reference/metrics.md: {unknown:?}"
    );

    let file = system.dir().join("metrics.txt");
    std::fs::write(&file, text).unwrap();
    let judged = Command::new(tool("GIGVAULT_PROMTOOL", "promtool"))
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success() && said.is_empty(), "{said}");
}

#[test]
fn schemathesis_finds_no_answer_that_the_document_does_not_allow() {
    let system = System::up().unwrap();
    let url = &system.ready().https;
    let token = system.token().unwrap();
    let config = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../scripts/openapi/schemathesis.toml"
    );
    let judged = Command::new(tool("GIGVAULT_SCHEMATHESIS", "schemathesis"))
        .current_dir(system.dir())
        .args(["--config-file", config, "run", &format!("{url}/api/openapi.json")])
        .args([
            "--url",
            url,
            "--tls-verify",
            judge::text(&system.ready().data_dir.join("root.crt")),
        ])
        .args(["--header", &format!("Authorization: Bearer {}", token)])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "3",
            "--warnings",
            "off",
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        judged.status.success(),
        "{}",
        String::from_utf8_lossy(&judged.stdout)
    );
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str();
    match reference.and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap(),
        None => schema,
    }
}

/// What a member takes: its example, or the first of its words.
fn sample(document: &Value, member: &Value) -> Value {
    let schema = resolved(document, member);
    let example = schema.get("example").unwrap_or(&schema["enum"][0]);
    example.clone()
}

/// Bodies that hold one default each of this schema, at any depth, with the name of the member as problems have it.
fn defaults(document: &Value, schema: &Value) -> Vec<(String, Value)> {
    let schema = resolved(document, schema);
    if let Some(alternatives) = schema["oneOf"].as_array() {
        return alternatives
            .iter()
            .flat_map(|one| defaults(document, one))
            .collect();
    }
    let mut found = Vec::new();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(default) = member.get("default") {
            found.push((name.clone(), json!({ name: default })));
        }
        let nested = defaults(document, member).into_iter();
        found.extend(nested.map(|(inner, body)| (format!("{name}.{inner}"), json!({ name: body }))));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        for (_, body) in &mut found {
            if body.get(name).is_none() {
                body[name] = sample(document, &schema["properties"][name]);
            }
        }
    }
    found
}

#[tokio::test]
async fn the_server_takes_every_default_that_the_document_declares() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let issued = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let document: Value = rest.get("/api/openapi.json").await.json().await.unwrap();
    let mut sent = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let schema = &item["post"]["requestBody"]["content"]["application/json"]["schema"];
        for (member, body) in defaults(&document, schema) {
            let path = path.replace("{serial}", issued["serial"].as_str().unwrap());
            let answer = rest.post(&format!("{path}?dry_run=true"), &body).await;
            let status = answer.status();
            let answer: Value = answer.json().await.unwrap();
            assert!(
                status.is_success(),
                "{path} with the default of {member}: {answer}"
            );
            sent += 1;
        }
    }
    assert!(sent > 0, "a key has a default algorithm");
}
