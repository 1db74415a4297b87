//! How the CLI finds its server.

use std::fs;

use crate::bench::{Desk, Server, openssl, text};

const ME: &str = r#"{"subject": "apikey:0123abcd", "roles": ["auditor"], "permissions": []}"#;

/// A data directory as `up` leaves it.
fn data_dir(desk: &Desk, server: &Server) {
    fs::create_dir(desk.path("gigvault-data")).unwrap();
    desk.write(
        "gigvault-data/server.json",
        &format!(r#"{{"https": "{}", "pid": 1}}"#, server.url),
    );
    desk.write("gigvault-data/admin.token", "gv_local\n");
    let (key, root) = (desk.path("root.key"), desk.path("gigvault-data/root.crt"));
    let make = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=root",
    ];
    openssl(&[&make[..], &["-keyout", text(&key), "-out", text(&root)]].concat());
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
