//! What a user is told to do next: it is possible, and it is the way out.

use std::process::{Command, Output};

use serde_json::Value;
use testkit::system::{System, binary};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn port(url: &str) -> &str {
    url.rsplit(':').next().unwrap()
}

#[test]
fn a_url_of_another_port_or_scheme_is_told_from_a_server_that_is_down() {
    let system = System::up().unwrap();
    let ready = system.ready();
    let (https, http) = (port(&ready.https), port(&ready.http));
    for (url, says) in [
        (format!("https://127.0.0.1:{http}"), "does not speak TLS"),
        (
            format!("https://127.0.0.1:{}", port(&ready.metrics)),
            "does not speak TLS",
        ),
        (
            format!("http://127.0.0.1:{https}"),
            "if it is the HTTPS port, write https://",
        ),
        (
            format!("https://127.0.0.1:{}", port(&ready.grpc)),
            "as the gRPC port does",
        ),
        (
            format!("http://127.0.0.1:{http}"),
            "there is nothing at this path",
        ),
        (
            format!("http://127.0.0.1:{}", port(&ready.metrics)),
            "there is nothing at this path",
        ),
        (
            format!("https://127.0.0.1:{https}/api/v1"),
            "with nothing after it",
        ),
    ] {
        let output = system.cli(&["cert", "list", "--url", &url]).unwrap();
        let said = said(&output);
        assert!(!output.status.success() && said.contains(says), "{url}: {said}");
        assert!(said.contains("the API is on the HTTPS port"), "{url}: {said}");
    }
    let bare = format!("127.0.0.1:{https}");
    let said = said(&system.cli(&["cert", "list", "--url", &bare]).unwrap());
    assert!(said.contains(&format!("write https://{bare}")), "{said}");
}

#[test]
fn whoever_lost_the_admin_key_is_told_how_to_make_another() {
    let mut system = System::up().unwrap();
    std::os::unix::fs::symlink("data", system.dir().join("gigvault-data")).unwrap();
    let token = system.ready().data_dir.join("admin.token");
    let key = std::fs::read_to_string(&token).unwrap();
    std::fs::remove_file(token).unwrap();
    let beside = |arguments: &[&str]| {
        let mut command = Command::new(binary().unwrap());
        command.current_dir(system.dir()).args(arguments);
        for name in ["GIGVAULT_URL", "GIGVAULT_TOKEN", "GIGVAULT_CA_FILE"] {
            command.env_remove(name);
        }
        command.output().unwrap()
    };
    let way = "gigvault bootstrap --new-admin-token";
    let refused = said(&beside(&["cert", "list"]));
    assert!(
        refused.contains(way) && refused.contains("stop the server"),
        "{refused}"
    );
    let report: Value = serde_json::from_slice(&beside(&["doctor", "-o", "json"]).stdout).unwrap();
    let rows = report["checks"].as_array().unwrap();
    let row = rows.iter().find(|row| row["check"] == "credential").unwrap();
    assert!(row["fix"].as_str().unwrap().contains(way), "{row}");
    // A key alone is not sent to the server of a data directory: that is not said to be the way.
    assert!(!refused.contains("GIGVAULT_TOKEN"), "{refused}");
    let quoted: Vec<&str> = refused.split('`').skip(1).step_by(2).collect();
    let flags = quoted[0].replace("KEY", key.trim());
    let with_key: Vec<&str> = ["cert", "list"].into_iter().chain(flags.split(' ')).collect();
    let listed = beside(&with_key);
    assert!(listed.status.success(), "{}", said(&listed));
    // Without one, this is.
    system.terminate().unwrap();
    let command = quoted.iter().find(|command| command.starts_with(way)).unwrap();
    let made = Command::new(binary().unwrap())
        .current_dir(system.dir())
        .args(command.split(' ').skip(1))
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", said(&made));
    system.restart().unwrap();
    system.cli_ok(&["cert", "list"]).unwrap();
}

#[test]
fn what_was_written_is_named_to_programs_too() {
    let system = System::up().unwrap();
    let run = |arguments: &[&str]| -> Value {
        let text = system.cli_ok(&[arguments, &["-o", "json"]].concat()).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let made = run(&["cert", "create", "a.example.test", "--out", "."]);
    let serial = made["serial"].as_str().unwrap();
    let files = made["files"].as_object().unwrap();
    assert_eq!(files.len(), 3, "{made:#}");
    for kind in ["key", "certificate", "chain"] {
        assert!(
            system.dir().join(files[kind].as_str().unwrap()).is_file(),
            "{kind}"
        );
    }
    let renewed = run(&["cert", "renew", serial, "--force"]);
    let files = renewed["files"].as_object().unwrap();
    assert!(
        files.get("key").is_none() && files.contains_key("chain"),
        "{renewed:#}"
    );
}

#[test]
fn a_certificate_on_hold_is_renewed_after_the_release_that_is_advised() {
    let system = System::up().unwrap();
    let made = system
        .cli_ok(&["cert", "create", "a.example.test", "-o", "json"])
        .unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    let serial = made["serial"].as_str().unwrap();
    system.cli_ok(&["cert", "hold", serial]).unwrap();
    let renew = ["cert", "renew", serial, "--force"];
    let refused = said(&system.cli(&renew).unwrap());
    let release = format!("gigvault cert release {serial}");
    assert!(
        refused.contains("is on hold") && refused.contains(&release),
        "{refused}"
    );
    system.cli_ok(&["cert", "release", serial]).unwrap();
    system.cli_ok(&renew).unwrap();
}

#[test]
fn a_path_in_advice_is_one_word_of_a_shell() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("my data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let start = || {
        Command::new("timeout")
            .arg("30")
            .arg(binary().unwrap())
            .args(["bootstrap", "--data-dir"])
            .arg(&data)
            .env(testkit::system::ALLOW_UNSAFE, "true")
            .output()
            .unwrap()
    };
    let refused = said(&start());
    let advised = refused.split('`').nth(1).unwrap();
    let done = Command::new("sh").args(["-c", advised]).status().unwrap();
    assert!(done.success(), "{advised}");
    assert!(start().status.success(), "{}", said(&start()));
}

#[test]
fn a_damaged_certificate_of_the_server_itself_is_made_again_by_the_start_that_is_advised() {
    let mut system = System::up().unwrap();
    std::os::unix::fs::symlink("data", system.dir().join("gigvault-data")).unwrap();
    let look = |system: &System| -> Value {
        let mut command = Command::new(binary().unwrap());
        command.current_dir(system.dir()).args(["doctor", "-o", "json"]);
        for name in ["GIGVAULT_URL", "GIGVAULT_TOKEN", "GIGVAULT_CA_FILE"] {
            command.env_remove(name);
        }
        let report: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        let rows = report["checks"].as_array().unwrap();
        let row = rows.iter().find(|row| row["check"] == "identities");
        row.unwrap().clone()
    };
    type Damage = fn(&std::path::Path);
    let garbage: Damage = |path| std::fs::write(path, "garbage").unwrap();
    let long: Damage = |path| std::fs::write(path, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    for (name, damage, advice) in [
        ("gigvault", garbage, "`gigvault up` makes it again when it starts"),
        ("gigvault", long, "`gigvault up` makes it again when it starts"),
        ("https", garbage, "a server makes it again when it starts"),
        ("https", long, "a server makes it again when it starts"),
    ] {
        system.terminate().unwrap();
        damage(
            &system
                .ready()
                .data_dir
                .join("identities")
                .join(name)
                .join("tls.crt"),
        );
        let found = look(&system);
        assert_eq!(found["result"], "failed", "{found}");
        let fix = found["fix"].as_str().unwrap();
        assert!(fix.contains(advice) && !fix.contains("backup"), "{found}");
        system.restart().unwrap();
        assert_eq!(look(&system)["result"], "ok", "{name}: {}", look(&system));
    }
}
