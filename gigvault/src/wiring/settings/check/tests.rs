//! Settings that are refused, and those that are taken.

use super::*;

fn faults(json: serde_json::Value) -> Vec<SettingFault> {
    serde_json::from_value::<Settings>(json).unwrap().check()
}

#[test]
fn the_defaults_have_no_fault() {
    assert_eq!(Settings::default().check(), []);
}

#[test]
fn keys_of_cas_sign_responses_where_the_key_manager_allows_it_or_is_elsewhere() {
    let direct = r#""ocsp": {"signing": "direct"}"#;
    let elsewhere = r#""peers": {"keymgr": {"url": "https://a:1"}}"#;
    for beside in [r#""keymgr": {"ca_keys_sign_ocsp": true}"#, elsewhere] {
        let json = format!("{{{direct}, {beside}}}");
        assert_eq!(faults(serde_json::from_str(&json).unwrap()), [], "{json}");
    }
}

#[test]
fn every_setting_that_cannot_work_is_refused_by_its_name() {
    for (json, field) in [
        (r#"{"data_dir": ""}"#, "data_dir"),
        (r#"{"data_dir": "/etc/passwd"}"#, "data_dir"),
        (r#"{"listen": {"address": "224.0.0.1"}}"#, "listen.address"),
        (r#"{"listen": {"address": "255.255.255.255"}}"#, "listen.address"),
        (r#"{"listen": {"http_port": 8443}}"#, "listen.http_port"),
        (r#"{"listen": {"ldap_port": 8080}}"#, "listen.ldap_port"),
        (r#"{"listen": {"metrics_port": 9443}}"#, "listen.metrics_port"),
        (
            r#"{"listen": {"names": ["a.test", "my_host"]}}"#,
            "listen.names[1]",
        ),
        (r#"{"listen": {"names": ["host:1"]}}"#, "listen.names[0]"),
        (r#"{"listen": {"names": [""]}}"#, "listen.names[0]"),
        (r#"{"listen": {"names": ["https://a.test"]}}"#, "listen.names[0]"),
        (r#"{"listen": {"names": ["[::1]"]}}"#, "listen.names[0]"),
        (
            r#"{"listen": {"tls": {"certificate": "/none", "key": "/none"}}}"#,
            "listen.tls",
        ),
        (r#"{"database": {"url": "mysql://a/b"}}"#, "database.url"),
        (r#"{"database": {"url": ""}}"#, "database.url"),
        (
            r#"{"database": {"max_connections": 0}}"#,
            "database.max_connections",
        ),
        (
            r#"{"database": {"max_connections": 5000}}"#,
            "database.max_connections",
        ),
        (r#"{"telemetry": {"filter": "info,,ca=="}}"#, "telemetry.filter"),
        (r#"{"identity": {"name": "Node 1"}}"#, "identity.name"),
        (r#"{"identity": {"trust_domain": ""}}"#, "identity.trust_domain"),
        (
            r#"{"identity": {"trust_domain": "a/b"}}"#,
            "identity.trust_domain",
        ),
        (r#"{"identity": {"validity": "0s"}}"#, "identity.validity"),
        (r#"{"identity": {"validity": "1s"}}"#, "identity.validity"),
        (r#"{"identity": {"validity": "4s"}}"#, "identity.validity"),
        (r#"{"identity": {"validity": "1M"}}"#, "identity.validity"),
        (r#"{"identity": {"validity": "20y"}}"#, "identity.validity"),
        (
            r#"{"peers": {"keymanager": {"url": "https://a:1"}}}"#,
            "peers.keymanager",
        ),
        (r#"{"peers": {"ca": {"url": "http://a:1"}}}"#, "peers.ca.url"),
        (r#"{"peers": {"ca": {"url": "https://a"}}}"#, "peers.ca.url"),
        (
            r#"{"peers": {"ca": {"url": "https://a:1", "identity": "A"}}}"#,
            "peers.ca.identity",
        ),
        (r#"{"ca": {"default_ca": ""}}"#, "ca.default_ca"),
        (r#"{"ca": {"queue": 0}}"#, "ca.queue"),
        (r#"{"keymgr": {"max_batch": 0}}"#, "keymgr.max_batch"),
        (r#"{"keymgr": {"max_batch": 8}}"#, "ca.max_batch"),
        (
            r#"{"keymgr": {"max_batch": 8}, "ca": {"max_batch": 8}}"#,
            "ocsp.max_batch",
        ),
        (r#"{"redis": {"addresses": ["redis"]}}"#, "redis.addresses[0]"),
        (r#"{"auth": {"max_validity": "200y"}}"#, "auth.max_validity"),
        (r#"{"ocsp": {"signing": "direct"}}"#, "ocsp.signing"),
    ] {
        let found = faults(serde_json::from_str(json).unwrap());
        assert_eq!(
            found.first().map(|fault| fault.field.as_str()),
            Some(field),
            "{json}"
        );
    }
}

#[test]
fn certificates_point_to_plain_http() {
    for good in [
        "http://pki.example.test",
        "http://pki.example.test:8080/",
        "http://10.0.0.1:80/pki",
        "http://[2001:db8::1]:8080",
        "http://localhost:1",
        "http://pki",
    ] {
        assert_eq!(check_public_http_url(good), Ok(()), "{good}");
    }
    for bad in [
        "https://pki.example.test",
        "pki.example.test",
        "http://",
        "http:///x",
        "http://my_host",
        "http://a.test:0",
        "http://a.test:70000",
        "http://a.test:",
        "http://u@a.test",
        "http://a.test?x",
        "http://a.test#x",
        "http://a test",
        "http://a.test/a b",
        "http://[::1",
        "HTTP://a.test",
        "ldap://a.test",
    ] {
        assert!(check_public_http_url(bad).is_err(), "{bad}");
    }
}
