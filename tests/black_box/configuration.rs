//! One validation for every command, and SIGHUP.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::system::{FREE_PORTS, System, binary};

fn gigvault(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(binary().unwrap())
        .current_dir(dir)
        .args(arguments)
        .output()
        .unwrap()
}

/// A configuration, and what its refusal names: the line, the field, the value or what is wrong with it.
const REFUSED: [(&str, &str, &str, &str); 16] = [
    (
        "listen:\n  public_http_url: https://a.test\n",
        ":2:",
        "listen.public_http_url",
        "https://a.test",
    ),
    (
        "listen:\n  names: [a.test, my_host]\n",
        ":2:",
        "listen.names[1]",
        "my_host",
    ),
    (
        "listen:\n  names: ['host:1']\n",
        ":2:",
        "listen.names[0]",
        "host:1",
    ),
    ("listen:\n  names: ['']\n", ":2:", "listen.names[0]", "\"\""),
    ("listen:\n  http_port: 8443\n", ":2:", "listen.http_port", "8443"),
    (
        "auth:\n  last_used_interval: 0s\n",
        ":2:",
        "auth.last_used_interval",
        "0s",
    ),
    ("identity:\n  validity: 1M\n", ":2:", "identity.validity", "1M"),
    ("ca:\n  queue: 0\n", ":2:", "ca.queue", "0"),
    (
        "database:\n  max_connections: 0\n",
        ":2:",
        "database.max_connections",
        "0",
    ),
    ("listen:\n  htps_port: 1\n", ":2:", "https_port", "htps_port"),
    (
        "listen:\n  https_port: 1\n  http_port: 2\n  https_port: 3\n",
        ":4:",
        "listen.https_port",
        "twice",
    ),
    ("ca: {}\nauth: {}\nca: {}\n", ":3:", "ca is set", "twice"),
    (
        "ca:\n  profiles:\n  - name: a\n    keys: [p256]\n    keys: [p384]\n",
        ":5:",
        "ca.profiles[0].keys",
        "twice",
    ),
    (
        "ca:\n  profiles:\n  - name: web\n    keys: []\n    default_validity: 90d\n    max_validity: 90d\n    key_usage: [digital-signature]\n",
        ":3:",
        "ca.profiles[0]",
        "`keys` is empty",
    ),
    (
        "ca:\n  profiles:\n  - name: web\n    keys: [p256]\n    default_validity: 90d\n    max_validity: 30d\n    key_usage: [digital-signature]\n",
        ":3:",
        "ca.profiles[0]",
        "default_validity",
    ),
    (
        "peers:\n  keymanager: {url: 'https://a:1'}\n",
        ":2:",
        "peers.keymanager",
        "keymgr",
    ),
];

#[test]
fn validate_and_up_refuse_the_same_with_file_line_field_and_value() {
    let dir = tempfile::tempdir().unwrap();
    for (yaml, place, field, value) in REFUSED {
        std::fs::write(dir.path().join("c.yaml"), yaml).unwrap();
        for arguments in [
            &["config", "validate", "c.yaml"][..],
            &["up", "--config", "c.yaml"],
            &["serve", "ca", "--config", "c.yaml"],
        ] {
            let output = gigvault(dir.path(), arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{arguments:?}: {yaml}");
            for part in ["c.yaml", place, field, value] {
                assert!(said.contains(part), "{arguments:?}: {part:?} is not in {said}");
            }
        }
    }
    assert!(
        !dir.path().join("gigvault-data").exists(),
        "a refused start made a data directory"
    );
}

/// A password in each place of a configuration file that a URL, or something else, may be written to, and the field that is
/// named; none where the file is valid.
const WITH_PASSWORDS: [(&str, &str); 21] = [
    ("database: 'postgres://a:hunter2@h/d'", "database"),
    ("database: {url:postgres://a:hunter2@h/d}", "unknown key"),
    ("database: {url: ['postgres://a:hunter2@h/d']}", "database.url"),
    ("database: {url: 'mysql://a:hunter2@h/d'}", "database.url"),
    ("database: {url: 'postgres://a:hunter2@h:x/d'}", "database.url"),
    (
        "listen: {public_http_url: 'http://a:hunter2@h'}",
        "listen.public_http_url",
    ),
    (
        "listen: {public_http_url: 'a:hunter2@h'}",
        "listen.public_http_url",
    ),
    ("listen: {names: ['https://a:hunter2@h']}", "listen.names[0]"),
    ("peers: {ca: {url: 'https://a:hunter2@h:1'}}", "peers.ca.url"),
    ("peers: {ca: 'https://a:hunter2@h:1'}", "peers.ca"),
    ("peers: {'https://a:hunter2@h:1': {url: 'https://h:1'}}", "peers."),
    ("data_dir: 'http://a:hunter2@h'", ""),
    ("identity: {trust_domain: 'a:hunter2@h'}", "identity.trust_domain"),
    ("listen: {names: ['a:hunter2@h']}", "listen.names[0]"),
    ("telemetry: {filter: 'http://a:hunter2@h'}", ""),
    ("telemetry: {filter: 'a:hunter2@h'}", ""),
    ("identity: {validity: 'a:hunter2@h'}", "identity.validity"),
    ("ca: {default_ca: 'a:hunter2@h'}", "ca.default_ca"),
    ("auth: {max_validity: 'a:hunter2@h'}", "auth.max_validity"),
    ("redis: {addresses: ['u:hunter2@h:6379']}", "redis.addresses[0]"),
    (
        "redis: {addresses: ['h:1', 'u:hunter2@h:6379']}",
        "redis.addresses[1]",
    ),
];

/// What an operator saves of `config show` says the same, whatever is in the settings.
#[test]
fn what_is_shown_can_be_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = r#"
data_dir: "data:one@site"
ca:
  profiles:
    - name: staff
      description: "Ask help@example.test, see https://pki.test/x"
      subject: { common_name: free }
      san: { allowed: [email] }
      allowed_names: ["email:*@example.test", "subject:OU=Token=*"]
      default_validity: 180d
      max_validity: 397d
      key_usage: [digital-signature]
      extended_key_usage: [client-auth]
      keys: [p256]
"#;
    std::fs::write(dir.path().join("c.yaml"), yaml).unwrap();
    let config = |arguments: &[&str]| {
        let mut command = Command::new(binary().unwrap());
        let output = command
            .current_dir(dir.path())
            .arg("config")
            .args(arguments)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let (done, shown) = config(&["show", "--config", "c.yaml"]);
    for part in [
        "email:*@example.test",
        "subject:OU=Token=*",
        "Ask help@example.test, see https://pki.test/x",
        "data:one@site",
    ] {
        assert!(done && shown.contains(part), "{part}: {shown}");
    }
    std::fs::write(dir.path().join("shown.yaml"), &shown).unwrap();
    assert_eq!(config(&["validate", "shown.yaml"]), (true, String::new()));
    assert_eq!(config(&["show", "--config", "shown.yaml"]).1, shown);
}

#[test]
fn no_command_shows_a_password_wherever_it_was_put() {
    let dir = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = Command::new(binary().unwrap());
        command.current_dir(dir.path()).args(arguments).envs(variable);
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(!said.contains("hunter2"), "{arguments:?} {variable:?}: {said}");
        said
    };
    for (yaml, field) in WITH_PASSWORDS {
        std::fs::write(dir.path().join("c.yaml"), yaml).unwrap();
        let validated = said(&["config", "validate", "c.yaml"], None);
        let named = validated.contains("c.yaml") && validated.contains(field);
        let valid = field.is_empty() && validated.is_empty();
        assert!(named || valid, "{yaml}: {validated}");
        // Settings that are not URLs, addresses or names of hosts are shown as they are, but for the URLs in them.
        let is_place = ["://", "names:", "addresses:", "domain:", "url:"];
        if is_place.iter().any(|part| yaml.contains(part)) {
            said(&["config", "show", "--config", "c.yaml"], None);
        }
        if !field.is_empty() {
            said(&["up", "--config", "c.yaml"], None);
        }
    }
    std::fs::write(
        dir.path().join("c.yaml"),
        "listen: {public_http_url: 'http://a:hunter2@h'}",
    )
    .unwrap();
    let shown = said(&["config", "show", "--config", "c.yaml"], None);
    assert!(shown.contains("public_http_url: http://…@h"), "{shown}");
    let sections = |yaml: &str| {
        let sections = yaml.lines().filter(|line| !line.starts_with(' '));
        sections.map(str::to_owned).collect::<Vec<_>>()
    };
    let settings = ["data_dir", "listen", "limits", "database"];
    for (section, name) in sections(&shown).iter().zip(settings) {
        assert!(section.starts_with(name), "{shown}");
    }
    let url = "https://a:hunter2@h:1";
    for arguments in [
        &["up", "--public-http-url", url][..],
        &["up", "--database-url", "mysql://a:hunter2@h"],
        &["up", "--database-url", "env:postgres://a:hunter2@h"],
        &["whoami", "--url", url, "--token", "x"],
        &["doctor", "--url", url, "--token", "x"],
        &["whoami", "--url", "a:hunter2@h", "--token", "x"],
    ] {
        assert!(said(arguments, None).contains('…') || arguments.contains(&"mysql://a:hunter2@h"));
    }
    for variable in [
        ("GIGVAULT_LISTEN__PUBLIC_HTTP_URL", url),
        ("GIGVAULT_DATABASE__URL", "[postgres://a:hunter2@h]"),
        ("GIGVAULT_PEERS__CA", url),
    ] {
        assert!(said(&["up"], Some(variable)).contains(variable.0));
    }
    said(&["whoami", "--help"], Some(("GIGVAULT_URL", url)));
}

/// What only the machine can tell: said before anything is made, with what to give instead.
#[test]
fn a_place_that_cannot_be_had_is_said_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let held = format!("port {port} of 127.0.0.1 is in use by");
    std::fs::write(dir.path().join("file"), "mine").unwrap();
    let refused = |given: &[&str], says: &[&str]| {
        let ports = FREE_PORTS.chunks(2).filter(|pair| !given.contains(&pair[0]));
        let ports: Vec<&str> = ports.flatten().copied().collect();
        let output = gigvault(dir.path(), &[&["up"], given, &ports].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{given:?}: {said}");
        for part in says {
            assert!(said.contains(part), "{given:?}: {part:?} is not in {said}");
        }
    };
    let me = format!("(pid {})", std::process::id());
    for flag in [
        "--https-port",
        "--mtls-port",
        "--http-port",
        "--grpc-port",
        "--ldap-port",
        "--metrics-port",
    ] {
        refused(&["--data-dir", "taken", flag, &port], &[&held, &me, flag]);
    }
    // TEST-NET-1, RFC 5737.
    refused(
        &["--data-dir", "far", "--listen", "192.0.2.1"],
        &["192.0.2.1 is not an address of this machine", "--listen"],
    );
    refused(&["--data-dir", "file"], &["data_dir is \"file\"", "it is a file"]);
    assert_eq!(std::fs::read_to_string(dir.path().join("file")).unwrap(), "mine");
}

#[test]
fn a_hangup_reads_the_log_filter_again_and_keeps_the_old_one_when_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("c.yaml");
    std::fs::write(&config, "telemetry: {filter: info}\n").unwrap();
    let system = System::up_with(&["--config", config.to_str().unwrap()]).unwrap();
    let hang_up = |expected: &str| {
        let pid = system.ready().pid.to_string();
        assert!(
            Command::new("kill")
                .args(["-HUP", &pid])
                .status()
                .unwrap()
                .success()
        );
        let deadline = Instant::now() + Duration::from_secs(20);
        while !system.log().unwrap().contains(expected) {
            assert!(
                Instant::now() < deadline,
                "{expected:?} is not in {}",
                system.log().unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    std::fs::write(&config, "telemetry: {filter: 'info,,x=='}\n").unwrap();
    hang_up("the configuration is refused");
    system.cli_ok(&["whoami"]).unwrap();
    std::fs::write(&config, "telemetry: {filter: debug}\n").unwrap();
    hang_up("the log filter was replaced");
    system.cli_ok(&["whoami"]).unwrap();
}

#[test]
fn routes_say_which_service_answers_every_documented_path() {
    let run = |arguments: &[&str]| {
        let output = Command::new(binary().unwrap()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&run(&["config", "routes", "-o", "json"])).unwrap();
    let routes = json["routes"].as_array().unwrap();
    let document = include_str!("../../docs/reference/openapi.json");
    let document: Value = serde_json::from_str(document).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let segment: Vec<&str> = path.split('/').take(4).collect();
        let prefix = match path.starts_with("/api/v1/jobs/") {
            true => "/api/v1/jobs/ca-".to_owned(),
            false => segment.join("/"),
        };
        let owners: Vec<&Value> = routes.iter().filter(|owned| owned["prefix"] == prefix).collect();
        assert_eq!(owners.len(), 1, "{path}");
        let operations = owners[0]["operations"].as_array().unwrap();
        for method in item.as_object().unwrap().keys() {
            let listed = |operation: &&Value| {
                operation["path"] == path.as_str() && operation["method"] == method.to_uppercase()
            };
            assert_eq!(operations.iter().filter(listed).count(), 1, "{method} {path}");
        }
    }
    for (prefix, service) in [
        ("/ca", "ca"),
        ("/crl", "crl"),
        ("/ocsp", "ocsp"),
        ("/roots.pem", "ca"),
    ] {
        let row = routes.iter().find(|owned| owned["prefix"] == prefix).unwrap();
        assert_eq!(
            (&row["service"], &row["listener"]),
            (&json!(service), &json!("http"))
        );
    }
    let table = run(&["config", "routes", "-o", "table"]);
    let row = table
        .lines()
        .find(|line| line.starts_with("/api/v1/certificates "));
    assert!(row.unwrap().contains(" ca "), "{table}");
    let jobs = table.lines().find(|line| line.starts_with("/api/v1/jobs/ca-* "));
    assert!(jobs.unwrap().contains(" ca "), "{table}");
    let jobs = routes.iter().find(|owned| owned["prefix"] == "/api/v1/jobs/ca-");
    let jobs = jobs.unwrap();
    assert_eq!(
        (&jobs["service"], &jobs["match"]),
        (&json!("ca"), &json!("characters"))
    );
    let list = routes
        .iter()
        .find(|owned| owned["prefix"] == "/api/v1/jobs")
        .unwrap();
    assert_eq!(
        (&list["service"], &list["match"]),
        (&json!("process"), &json!("segments"))
    );
}
