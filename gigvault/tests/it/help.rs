//! `--help` of every command.

use crate::harness::Desk;

/// Names of the subcommands that a help text lists.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "));
    let names = names.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

/// Every path of commands and its help.
fn all(desk: &Desk, path: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let help = desk.run(&arguments).ok();
    for name in subcommands(&help) {
        all(desk, &[path, &[name]].concat(), found);
    }
    found.push((path.to_vec(), help));
}

#[test]
fn every_command_says_what_it_does_and_shows_examples() {
    let desk = Desk::new();
    let mut found = Vec::new();
    all(&desk, &[], &mut found);
    let mut bare = Vec::new();
    for (path, help) in &found {
        let name = path.join(" ");
        assert!(
            !help.lines().next().unwrap().trim().is_empty(),
            "{name} does not say what it does"
        );
        assert!(help.contains("Usage: gigvault"), "{name}:\n{help}");
        let leaf = subcommands(help).is_empty();
        if leaf && !(help.contains("Example") && help.contains(&format!("gigvault {name}"))) {
            bare.push(name);
        }
    }
    assert!(bare.is_empty(), "no examples: {bare:#?}");
    let paths: Vec<String> = found.iter().map(|(path, _)| path.join(" ")).collect();
    for promised in [
        "up",
        "serve",
        "bootstrap",
        "migrate",
        "doctor",
        "completions",
        "whoami",
        "cert create",
        "cert list",
        "cert show",
        "cert download",
        "cert renew",
        "cert revoke",
        "cert verify",
        "csr create",
        "csr inspect",
        "csr submit",
        "key generate",
        "key list",
        "key show",
        "ca list",
        "ca show",
        "rootca init",
        "rootca sign-intermediate",
        "rootca crl",
        "rootca inspect",
        "apikey create",
        "apikey list",
        "apikey show",
        "apikey revoke",
    ] {
        assert!(
            paths.iter().any(|path| path == promised),
            "{promised} is missing: {paths:#?}"
        );
    }
}

#[test]
fn the_environment_is_named_where_it_counts_and_never_shown() {
    let desk = Desk::new();
    let mut command = desk.command(&["cert", "list", "--help"]);
    let output = command.env("GIGVAULT_TOKEN", "gv_sesame").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for name in ["GIGVAULT_URL", "GIGVAULT_TOKEN", "GIGVAULT_CA_FILE"] {
        assert!(help.contains(name), "{name}:\n{help}");
    }
    assert!(!help.contains("gv_sesame"), "{help}");
}

#[test]
fn the_version_is_told() {
    let version = Desk::new().run(&["--version"]).ok();
    assert_eq!(version, format!("gigvault {}\n", env!("CARGO_PKG_VERSION")));
}
