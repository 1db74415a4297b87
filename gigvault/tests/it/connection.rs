//! How the CLI finds its server.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use crate::harness::{Desk, NEW_P256_KEY, Ran, Server, openssl, text};

const ME: &str = r#"{"subject": "apikey:0123abcd", "roles": ["auditor"], "permissions": []}"#;

/// A data directory as `up` leaves it.
fn data_dir(desk: &Desk, server: &Server) {
    fs::create_dir(desk.path("gigvault-data")).unwrap();
    fs::set_permissions(desk.path("gigvault-data"), PermissionsExt::from_mode(0o700)).unwrap();
    desk.write(
        "gigvault-data/server.json",
        &format!(
            r#"{{"https": "{}", "data_dir": "/gigvault-data", "pid": 1}}"#,
            server.url
        ),
    );
    desk.write("gigvault-data/admin.token", "gv_local\n");
    fs::set_permissions(
        desk.path("gigvault-data/admin.token"),
        PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let (key, root) = (desk.path("root.key"), desk.path("gigvault-data/root.crt"));
    let to = ["-subj", "/CN=root", "-keyout", text(&key), "-out", text(&root)];
    openssl(&[&["req", "-x509"][..], &NEW_P256_KEY, &to].concat());
}

fn authorization(server: &Server) -> Option<String> {
    let asked = server.asked();
    let head = asked.first().expect("the server was not asked").lines();
    head.filter_map(|line| line.strip_prefix("authorization: "))
        .map(str::to_owned)
        .next()
}

#[test]
fn a_data_directory_beside_us_is_found() {
    let (desk, server) = (Desk::new(), Server::answering(&[(200, ME)]));
    data_dir(&desk, &server);
    assert!(desk.run(&["whoami"]).ok().contains("apikey:0123abcd"));
    assert_eq!(authorization(&server).as_deref(), Some("Bearer gv_local"));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_data_directory() {
    let (desk, local) = (Desk::new(), Server::answering(&[]));
    data_dir(&desk, &local);
    let (environment, flag) = (Server::answering(&[(200, ME)]), Server::answering(&[(200, ME)]));
    desk.ask(&environment, &["whoami"]).ok();
    desk.ask(
        &environment,
        &["whoami", "--url", &flag.url, "--token", "gv_flag"],
    )
    .ok();
    assert_eq!(authorization(&environment).as_deref(), Some("Bearer gv_sesame"));
    assert_eq!(authorization(&flag).as_deref(), Some("Bearer gv_flag"));
    assert_eq!(environment.asked().len(), 1);
    assert!(local.asked().is_empty());
}

#[test]
fn the_token_of_a_data_directory_goes_to_its_own_server_only() {
    let (desk, local) = (Desk::new(), Server::answering(&[]));
    data_dir(&desk, &local);
    let other = Server::refusing(401, "unauthenticated");
    desk.run(&["whoami", "--url", &other.url]).failed(3);
    assert_eq!(authorization(&other), None);
}

#[test]
fn a_data_directory_without_a_server_says_how_to_start_it() {
    let desk = Desk::new();
    fs::create_dir(desk.path("gigvault-data")).unwrap();
    let said = desk.run(&["whoami"]).failed(1);
    assert!(said.contains("gigvault up"), "{said}");
}

#[test]
fn a_token_is_never_sent_to_a_server_that_only_a_directory_names() {
    let (desk, server) = (Desk::new(), Server::answering(&[(200, ME)]));
    data_dir(&desk, &server);
    let mut command = desk.command(&["whoami"]);
    let ran = Ran::of(
        command
            .env("GIGVAULT_TOKEN", "gv_of_another_server")
            .output()
            .unwrap(),
    );
    let said = ran.failed(2);
    assert!(
        said.contains("not sent") && said.contains("GIGVAULT_URL"),
        "{said}"
    );
    desk.run(&["whoami", "--token", "gv_of_another_server"]).failed(2);
    assert!(server.asked().is_empty());
}

#[test]
fn a_directory_that_others_can_write_in_names_no_server() {
    let (desk, server) = (Desk::new(), Server::answering(&[(200, ME)]));
    data_dir(&desk, &server);
    let mode =
        |mode| fs::set_permissions(desk.path("gigvault-data"), PermissionsExt::from_mode(mode)).unwrap();
    for open in [0o777, 0o770, 0o707] {
        mode(open);
        let said = desk.run(&["whoami"]).failed(1);
        assert!(said.contains("can be written by other users"), "{said}");
    }
    assert!(server.asked().is_empty());
    mode(0o755);
    desk.run(&["whoami"]).ok();
}

#[test]
fn a_directory_of_another_user_names_no_server() {
    let (desk, server) = (Desk::new(), Server::answering(&[(200, ME)]));
    data_dir(&desk, &server);
    if chown(desk.path("gigvault-data"), Some(65_534), None).is_err() {
        // Only root can give a directory away.
        return;
    }
    let said = desk.run(&["whoami"]).failed(1);
    assert!(said.contains("belongs to user 65534"), "{said}");
    assert!(server.asked().is_empty());
}

#[test]
fn nothing_in_a_data_directory_leads_elsewhere() {
    for name in ["admin.token", "server.json", "root.crt"] {
        let (desk, server) = (Desk::new(), Server::answering(&[(200, ME)]));
        data_dir(&desk, &server);
        let (inside, elsewhere) = (desk.path(&format!("gigvault-data/{name}")), desk.path("theirs"));
        fs::rename(&inside, &elsewhere).unwrap();
        symlink(&elsewhere, &inside).unwrap();
        let said = desk.run(&["whoami"]).failed(1);
        assert!(said.contains(name) && said.contains("symbolic link"), "{said}");
        fs::remove_file(&inside).unwrap();
        // It has no writer: a reader would wait forever.
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            &inside,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        )
        .unwrap();
        let said = desk.run(&["whoami"]).failed(1);
        assert!(
            said.contains(name) && said.contains("not a regular file"),
            "{said}"
        );
        fs::remove_file(&inside).unwrap();
        fs::rename(&elsewhere, &inside).unwrap();
        if chown(&inside, Some(65_534), None).is_ok() {
            let said = desk.run(&["whoami"]).failed(1);
            assert!(said.contains("belongs to user 65534"), "{said}");
        }
        assert!(server.asked().is_empty());
    }
}

#[test]
fn only_a_closed_file_with_an_api_key_is_a_token() {
    let (desk, server) = (Desk::new(), Server::answering(&[(200, ME)]));
    data_dir(&desk, &server);
    let token = desk.path("gigvault-data/admin.token");
    for mode in [0o644, 0o640, 0o602, 0o620] {
        fs::set_permissions(&token, PermissionsExt::from_mode(mode)).unwrap();
        let said = desk.run(&["whoami"]).failed(1);
        assert!(said.contains("chmod go="), "{said}");
    }
    fs::set_permissions(&token, PermissionsExt::from_mode(0o600)).unwrap();
    for other in ["", "gv_", "root:x:0:0", "-----BEGIN PRIVATE KEY-----", "gv_a\nb"] {
        desk.write("gigvault-data/admin.token", other);
        let said = desk.run(&["whoami"]).failed(1);
        assert!(said.contains("holds no API key"), "{said}");
    }
    assert!(server.asked().is_empty());
}
