//! What a process tells of its settings.

use serde_json::{Value, json};
use testkit::system::System;

fn setting<'a>(config: &'a Value, field: &str) -> &'a Value {
    let settings = config["settings"].as_array().unwrap();
    settings.iter().find(|setting| setting["field"] == field).unwrap()
}

#[test]
fn each_setting_is_shown_with_its_source_and_no_secret_with_its_value() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gigvault.yaml");
    std::fs::write(&file, "limits:\n  connections: 1000\nca:\n  queue: 99\n").unwrap();
    let system = System::up_with(&["--config", file.to_str().unwrap(), "--log", "warn"]).unwrap();
    let shown = system
        .cli_ok(&["config", "show", "--running", "-o", "json"])
        .unwrap();
    let config: Value = serde_json::from_str(&shown).unwrap();
    let (connections, filter) = (
        setting(&config, "limits.connections"),
        setting(&config, "telemetry.filter"),
    );
    assert_eq!(
        (&connections["value"], &connections["source"]),
        (&json!(1000), &json!("file"))
    );
    assert!(connections["from"].as_str().unwrap().ends_with("gigvault.yaml:2"));
    assert_eq!(
        (&filter["source"], &filter["from"]),
        (&json!("flag"), &json!("--log"))
    );
    assert_eq!(setting(&config, "ca.max_batch")["source"], "default");
    assert_eq!(setting(&config, "database.url")["value"], Value::Null);
    assert!(!shown.contains(&system.token().unwrap()));
}
