//! The text of an API key is shown once: where it cannot be shown, that is an error with a way out.

use std::fs::File;
use std::process::Stdio;

use testkit::system::System;

#[test]
fn the_text_of_an_api_key_that_nothing_took_is_lost_and_said_to_be() {
    let system = System::up().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let full = File::options().write(true).open("/dev/full").unwrap();
    for (name, stdout) in [("gone", Stdio::from(writer)), ("full", Stdio::from(full))] {
        let mut command = system.command().unwrap();
        command.args(["apikey", "create", name, "--role", "developer"]);
        let output = command
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        let advice = said
            .split('`')
            .find(|part| part.starts_with("gigvault apikey revoke "))
            .unwrap_or_else(|| panic!("{name}: {said}"));
        let prefix = advice.rsplit(' ').next().unwrap();
        system.cli_ok(&["apikey", "revoke", prefix]).unwrap();
        assert!(!said.contains("run it again"), "{said}");
    }
}
