//! Settings from a file, and what is said of its mistakes.

use super::*;

#[test]
fn without_a_file_and_without_content_there_are_the_defaults() {
    let none: Settings = load_with(None, []).unwrap().settings;
    assert_eq!(none.listen, Listen::default());
    for empty in ["", "\n", "# only this\n\n", "---\n"] {
        assert_eq!(load(empty, &[]).unwrap().listen, Listen::default(), "{empty:?}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let error = refused("listen:\n  http_port: 1\nlisen:\n  x: 1\n", &[]);
    assert!(
        error.ends_with(r#"gigvault.yaml:3:1: unknown key "lisen"; did you mean "listen"?"#),
        "{error}"
    );
    let error = refused("listen:\n  http_prot: 1\n", &[]);
    assert!(
        error.contains(r#":2:3: unknown key "http_prot"; did you mean "http_port"?"#),
        "{error}"
    );
    let error = refused("ca:\n  profiles:\n    - nmae: x\n", &[]);
    assert!(
        error.contains(":3:") && error.contains(r#"did you mean "name"?"#),
        "{error}"
    );
}

#[test]
fn a_wrong_type_is_shown_with_its_line() {
    let error = refused("listen:\n  address: 127.0.0.1\n  http_port: soon\n", &[]);
    assert!(error.contains("gigvault.yaml:3:14"), "{error}");
    let error = refused("listen:\n  http_port: 70000\n", &[]);
    assert!(error.contains("gigvault.yaml:2:"), "{error}");
    let error = refused("telemetry:\n  format: xml\n", &[]);
    assert!(
        error.contains(":2:") && error.contains("auto, json, pretty"),
        "{error}"
    );
    let error = refused("ca:\n  interval: fortnight\n", &[]);
    assert!(error.contains(":2:") && error.contains("90d"), "{error}");
}

#[test]
fn text_that_looks_like_a_number_must_be_quoted_in_the_file() {
    let error = refused("ca:\n  default_ca: 0123\n", &[]);
    assert!(error.contains(":2:") && error.contains("quot"), "{error}");
    // Text may be a span of time, and then it is the unit that is missing.
    let error = refused("ca:\n  default_ca: 90\n", &[]);
    assert!(
        error.contains("\"90\"") && error.contains("90d is 90 days"),
        "{error}"
    );
    assert_eq!(
        load("ca:\n  default_ca: '0123'\n", &[]).unwrap().ca.default_ca,
        "0123"
    );
}

#[test]
fn a_key_that_comes_twice_is_refused() {
    let error = refused("listen:\n  http_port: 1\n  http_port: 2\n", &[]);
    assert!(error.contains(":3:") && error.contains("http_port"), "{error}");
}

#[test]
fn what_is_not_yaml_is_refused_with_its_line() {
    let error = refused("listen:\n  http_port: [1\n", &[]);
    assert!(error.contains("gigvault.yaml:"), "{error}");
    assert!(refused("- a\n- b\n", &[]).contains(":1:1"));
    assert!(refused("listen: {}\n---\nlisten: {}\n", &[]).contains("gigvault.yaml:"));
}

#[test]
fn a_bomb_is_stopped_by_its_budget() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (name, before) in ('b'..='i').zip('a'..) {
        bomb.push_str(&format!(
            "{name}: &{name} [{}]\n",
            vec![format!("*{before}"); 9].join(",")
        ));
    }
    let ca_names = format!("{bomb}ca:\n  names: *i\n");
    assert!(load(&ca_names, &[]).is_err());
    let names = format!("ca:\n  names: [{}]\n", "x,".repeat(30_000));
    assert!(refused(&names, &[]).contains("gigvault.yaml"));
    assert!(load(&format!("ca: {}", "[".repeat(10_000)), &[]).is_err());
}

#[test]
fn secrets_are_read_at_load_and_never_shown() {
    let settings = load("database:\n  url: env:PATH\n", &[]).unwrap();
    assert_eq!(
        settings.database.url.as_ref().map(Secret::expose_secret),
        std::env::var("PATH").ok().as_deref()
    );
    let shown = format!("{settings:?}{}", serde_json::to_string(&settings).unwrap());
    assert!(shown.contains("env:PATH") && !shown.contains("/usr/bin"));
    let error = refused("database:\n  url: file:/nonexistent\n", &[]);
    assert!(error.contains(":2:") && error.contains("/nonexistent"), "{error}");
}

#[test]
fn a_password_is_not_shown_wherever_it_was_put() {
    for yaml in [
        "database: 'postgres://a:hunter2@h/d'",
        "database: hunter2",
        "database: a:hunter2@h/d",
        "database: {url:postgres://a:hunter2@h/d}",
        "database: {a:hunter2@h/d: x}",
        "database:\n  url: [hunter2]",
        "database:\n  url: env:postgres://a:hunter2@h/d",
        "database:\n  url: 'file:postgres://a:hunter2@h/d'",
        "listen:\n  address: http://a:hunter2@h",
        "listen:\n  address: host=h password=hunter2",
        "listen:\n  http_port: a:hunter2@h",
        "listen:\n  tls: http://a:hunter2@h",
        "telemetry: {format: 'http://a:hunter2@h'}",
        "ca:\n  names: https://a:hunter2@h",
        "ca:\n  labels: a:hunter2@h",
        "ca:\n  interval: http://a:hunter2@h",
        "ca:\n  http://a:hunter2@h: 1\n  http://a:hunter2@h: 1",
        "http://a:hunter2@h",
    ] {
        let error = refused(yaml, &[]);
        assert!(!error.contains("hunter2"), "{yaml}: {error}");
        assert!(error.contains("gigvault.yaml:"), "{yaml}: {error}");
    }
    let fault = SettingFault::new("listen.address", "http://a:hunter2@h", "takes an address");
    assert_eq!(
        fault.to_string(),
        "listen.address is \"http://…@h\"; it takes an address"
    );
    let fault = SettingFault::hiding("ca.http://a:hunter2@h", "`http://a:hunter2@h` is not one");
    assert!(!fault.to_string().contains("hunter2"), "{fault}");
}

#[test]
fn settings_in_use_are_shown_without_passwords() {
    let yaml = "ca:\n  default_ca: http://a:hunter2@h\n  names: ['http://a:hunter2@h']\n  labels: {'http://a:hunter2@h': 'email:*@h'}\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gigvault.yaml");
    std::fs::write(&path, yaml).unwrap();
    let loaded = load_with::<Settings>(Some(&path), []).unwrap();
    let all = loaded.origin.settings(&loaded.settings).unwrap();
    assert!(!format!("{all:?}").contains("hunter2"), "{all:?}");
    let name = all.iter().find(|setting| setting.field == "ca.default_ca");
    assert_eq!(name.unwrap().value, "http://…@h");
    assert!(format!("{all:?}").contains("email:*@h"), "{all:?}");
}

#[test]
fn a_mistake_names_field_value_and_what_is_allowed() {
    for (yaml, expected) in [
        (
            "listen:\n  http_port: soon\n",
            r#":2:14: listen.http_port is "soon"; it takes a whole number from 0 to 65535"#,
        ),
        (
            "listen:\n  http_port: 70000\n",
            r#":2:14: listen.http_port is "70000"; it takes a whole number"#,
        ),
        (
            "listen:\n  http_port: -1\n",
            r#"listen.http_port is "-1"; it takes a whole number"#,
        ),
        (
            "listen:\n  http_port:\n",
            r#"listen.http_port is ""; it takes a whole number"#,
        ),
        (
            "listen:\n  address: localhost\n",
            r#"listen.address is "localhost"; it takes an IP address"#,
        ),
        (
            "listen: 5\n",
            ":1:9: listen is not a section of fields: write its fields below it",
        ),
        (
            "ca:\n  strict: maybe\n",
            r#"ca.strict is "maybe"; it takes true or false"#,
        ),
        ("ca:\n  names: x\n", r#"ca.names is "x"; it takes a list"#),
        (
            "ca:\n  interval: 1M\n",
            r#":2:13: ca.interval: "1M" is not a span of time: M could be minutes or months"#,
        ),
        ("ca:\n  interval: 0s\n", "is zero; the shortest span is 1s"),
        (
            "listen:\n  tls: {certificate: x}\n",
            "listen.tls: missing field `key`",
        ),
        (
            "telemetry: {format: xml}\n",
            r#"telemetry.format is "xml"; it takes one of auto, json, pretty"#,
        ),
    ] {
        let error = refused(yaml, &[]);
        assert!(
            error.contains("gigvault.yaml:") && error.contains(expected),
            "{yaml}: {error}"
        );
    }
}

#[test]
fn a_fault_that_only_the_program_finds_is_shown_with_where_it_was_set() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gigvault.yaml");
    std::fs::write(&path, "ca:\n  default_ca: x\n  names: [a, b]\n").unwrap();
    let variables = [("GIGVAULT_LISTEN__HTTP_PORT".to_owned(), "1".to_owned())];
    let mut loaded = load_with::<Settings>(Some(&path), variables).unwrap();
    loaded.origin.set_by_flag("listen.grpc_port", "--grpc-port");
    let placed = |field: &str| {
        let fault = SettingFault::new(field, "v", "takes w");
        loaded.origin.refuse(vec![fault]).unwrap_err().to_string()
    };
    assert!(placed("ca.default_ca").ends_with(r#"gigvault.yaml:2:15: ca.default_ca is "v"; it takes w"#));
    assert!(placed("ca.names[1]").contains("gigvault.yaml:3:14: ca.names[1]"));
    assert!(
        placed("listen.http_port")
            .starts_with("environment variable GIGVAULT_LISTEN__HTTP_PORT: listen.http_port")
    );
    assert!(placed("listen.grpc_port").starts_with("--grpc-port: "));
    assert!(placed("listen.https_port").contains("gigvault.yaml: listen.https_port"));
    assert_eq!(loaded.origin.flag("listen.grpc_port"), Some("--grpc-port"));
    assert_eq!(loaded.origin.flag("listen.http_port"), None);
    let variables = |origin: &Origin| origin.variables().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(variables(&loaded.origin), ["GIGVAULT_LISTEN__HTTP_PORT"]);
    let mut overridden = loaded.origin.clone();
    overridden.set_by_flag("listen.http_port", "--http-port");
    assert!(variables(&overridden).is_empty());
    loaded.origin.refuse(Vec::new()).unwrap();
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load_with::<Settings>(Some("/nonexistent.yaml".as_ref()), [])
        .unwrap_err()
        .to_string();
    assert!(error.contains("/nonexistent.yaml"), "{error}");
}

#[test]
fn what_a_file_means_is_decided_by_the_types_of_its_settings_alone() {
    for (yaml, port) in [
        ("0x20", 32),
        ("0o20", 16),
        ("8_443", 8443),
        ("+8443", 8443),
        ("'8443'", 8443),
        ("\"0x20\"", 32),
    ] {
        let settings = load(&format!("listen:\n  http_port: {yaml}\n"), &[]);
        assert_eq!(settings.unwrap().listen.http_port, port, "{yaml}");
    }
    for (yaml, strict) in [
        ("true", true),
        (" True", true),
        ("'true'", true),
        ("FALSE", false),
    ] {
        let settings = load(&format!("ca:\n  strict: {yaml}\n"), &[]);
        assert_eq!(settings.unwrap().ca.strict, strict, "{yaml}");
    }
    // A switch of YAML 1.1 is text in YAML 1.2, and so is what is written like one where a text is wanted.
    for other in ["y", "n", "yes", "off"] {
        let error = refused(&format!("ca: {{strict: {other}}}\n"), &[]);
        assert!(error.contains("it takes true or false"), "{error}");
        let settings = load(&format!("ca: {{default_ca: {other}}}\n"), &[]).unwrap();
        assert_eq!(settings.ca.default_ca, other);
    }
    let tagged = load("ca:\n  kind: !sub-ca {path_len: 0}\n", &[]).unwrap();
    assert_eq!(tagged.ca.kind, Kind::SubCa { path_len: Some(0) });
}

#[test]
fn a_value_is_shown_as_the_file_has_it() {
    for value in ["8443.0", "8e3", "1e400", "-0", ".inf", "65_536"] {
        let error = refused(&format!("listen:\n  http_port: {value} # a port\n"), &[]);
        assert!(error.contains(&format!(r#"is "{value}"; it takes"#)), "{error}");
    }
    let error = refused("listen: {http_port: 8e3, grpc_port: 1}\n", &[]);
    assert!(error.contains(r#"is "8e3"; it takes"#), "{error}");
    let error = refused("ca:\n  default_ca: .inf\n", &[]);
    assert!(error.contains(r#"write ".inf""#), "{error}");
    let error = refused("ca:\n  default_ca: ~\n", &[]);
    assert!(!error.contains("Option"), "{error}");
}

#[test]
fn a_secret_in_the_file_itself_is_kept_below_variables() {
    let variables = [("GIGVAULT_LISTEN__HTTP_PORT", "1")];
    let settings = load("database:\n  url: 'postgres://u:p@h/d'\n", &variables).unwrap();
    let url = settings.database.url.unwrap();
    assert_eq!(url.expose_secret(), "postgres://u:p@h/d");
}
