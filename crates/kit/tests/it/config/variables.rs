//! Settings from environment variables.

use super::*;

#[test]
fn variables_stand_over_the_file_and_the_file_over_defaults() {
    let settings = load(
        "listen: {https_port: 1, http_port: 2}\nca:\n  interval: 12h\n  strict: true\n",
        &[
            ("GIGVAULT_LISTEN__HTTP_PORT", "3"),
            ("GIGVAULT_CA__STRICT", "false"),
            ("HOME", "/root"),
        ],
    )
    .unwrap();
    assert_eq!(
        (
            settings.listen.https_port,
            settings.listen.http_port,
            settings.listen.grpc_port
        ),
        (1, 3, 9443)
    );
    assert_eq!(
        (settings.ca.interval, settings.ca.strict),
        (Duration::from_secs(43_200), false)
    );
    assert_eq!(settings.ca.default_ca, "issuing");
}

#[test]
fn text_that_looks_like_a_number_stays_text_in_variables() {
    let settings = load(
        "",
        &[
            ("GIGVAULT_CA__DEFAULT_CA", "0123"),
            ("GIGVAULT_DATABASE__URL", "1e5"),
        ],
    )
    .unwrap();
    assert_eq!(settings.ca.default_ca, "0123");
    assert_eq!(settings.database.url.unwrap().expose_secret(), "1e5");
}

#[test]
fn lists_and_maps_in_variables_are_written_as_in_yaml() {
    let settings = load(
        "",
        &[
            ("GIGVAULT_CA__NAMES", "[a, 'b, c']"),
            ("GIGVAULT_CA__PROFILES", "[{name: web}]"),
            ("GIGVAULT_CA__LABELS__TEAM", "pki"),
        ],
    )
    .unwrap();
    assert_eq!(settings.ca.names, ["a", "b, c"]);
    assert_eq!(settings.ca.profiles.first().unwrap().name, "web");
    assert_eq!(settings.ca.labels.get("team").unwrap(), "pki");
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_known_one() {
    let error = refused("", &[("GIGVAULT_LISTEN__HTTPS_PROT", "1")]);
    assert!(
        error.contains("GIGVAULT_LISTEN__HTTPS_PROT") && error.contains("GIGVAULT_LISTEN__HTTPS_PORT?"),
        "{error}"
    );
    let error = refused("", &[("GIGVAULT_NOTHING__LIKE_IT", "1")]);
    assert!(error.contains("config show --defaults"), "{error}");
    assert!(refused("", &[("GIGVAULT_LISTEN__HTTPS_PORT__X", "1")]).contains("no such setting"));
}

#[test]
fn a_single_underscore_where_two_are_meant_is_refused() {
    let error = refused("", &[("GIGVAULT_LISTEN_HTTPS_PORT", "1")]);
    assert!(error.contains("GIGVAULT_LISTEN__HTTPS_PORT"), "{error}");
}

#[test]
fn variables_of_others_are_left_alone() {
    let others = [
        "GIGVAULT_URL",
        "GIGVAULT_TOKEN",
        "GIGVAULT_CA_FILE",
        "GIGVAULT_CLOCK_OFFSET",
        "GIGVAULT_CA_PORT",
        "GIGVAULT_CA_SERVICE_HOST",
    ];
    for name in others {
        assert!(load("", &[(name, "x")]).is_ok(), "{name}");
    }
}

#[test]
fn a_wrong_value_in_a_variable_names_the_variable() {
    let error = refused("", &[("GIGVAULT_LISTEN__HTTP_PORT", "soon")]);
    assert!(
        error.contains("environment variable GIGVAULT_LISTEN__HTTP_PORT"),
        "{error}"
    );
    let error = refused("", &[("GIGVAULT_LISTEN__TLS__CERTIFICATE", "/x")]);
    assert!(
        error.contains("GIGVAULT_LISTEN__TLS") && error.contains("key"),
        "{error}"
    );
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    assert_eq!(
        load("", &[("GIGVAULT_LISTEN__HTTP_PORT", "")])
            .unwrap()
            .listen
            .http_port,
        8080
    );
}

#[test]
fn a_mistake_in_a_variable_names_it_with_the_value_and_what_is_allowed() {
    for (name, value, expected) in [
        (
            "GIGVAULT_LISTEN__HTTP_PORT",
            "soon",
            r#"it is "soon"; it takes a whole number from 0 to 65535"#,
        ),
        (
            "GIGVAULT_LISTEN__ADDRESS",
            "localhost",
            r#"it is "localhost"; it takes an IP address"#,
        ),
        (
            "GIGVAULT_CA__STRICT",
            "maybe",
            r#"it is "maybe"; it takes true or false"#,
        ),
        ("GIGVAULT_CA__NAMES", "x", r#"it is "x"; it takes a list"#),
        ("GIGVAULT_CA__INTERVAL", "1M", "M could be minutes or months"),
        (
            "GIGVAULT_TELEMETRY__FORMAT",
            "xml",
            "it takes one of auto, json, pretty",
        ),
        (
            "GIGVAULT_CA__PROFILES",
            "[{nmae: x}]",
            r#"unknown key "nmae"; did you mean "name"?"#,
        ),
    ] {
        let error = refused("", &[(name, value)]);
        assert!(
            error.contains(name) && error.contains(expected),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_password_in_a_variable_is_not_shown() {
    for (name, value) in [
        ("GIGVAULT_DATABASE__URL", "[postgres://a:hunter2@h/d]"),
        ("GIGVAULT_DATABASE__URL", "{hunter2: x}"),
        ("GIGVAULT_DATABASE__URL", "env:postgres://a:hunter2@h/d"),
        ("GIGVAULT_LISTEN__HTTP_PORT", "a:hunter2@h"),
        ("GIGVAULT_LISTEN__ADDRESS", "http://a:hunter2@h"),
        ("GIGVAULT_LISTEN__TLS", "hunter2"),
        ("GIGVAULT_CA__LABELS", "hunter2"),
        ("GIGVAULT_CA__NAMES", "postgres://h/d?password=hunter2"),
        ("GIGVAULT_CA__INTERVAL", "http://a:hunter2@h"),
        ("GIGVAULT_TELEMETRY__FORMAT", "a:hunter2@h"),
        ("GIGVAULT_CA__PROFILES", "[{http://a:hunter2@h: x}]"),
    ] {
        let error = refused("", &[(name, value)]);
        assert!(
            error.contains(name) && !error.contains("hunter2"),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_setting_outside_of_a_section_has_a_variable_too() {
    assert_eq!(load("", &[("GIGVAULT_NAME", "x")]).unwrap().name, "x");
}
