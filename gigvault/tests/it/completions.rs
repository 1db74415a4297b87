//! Completion scripts.

use std::process::Command;

use crate::harness::{Desk, text};

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.run(&["completions", shell]).ok();
        for command in ["sign-intermediate", "download", "apikey"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(!script.contains("openapi"), "{shell}: shows what is hidden");
    }
}

#[test]
fn bash_completes_a_subcommand() {
    let desk = Desk::new();
    let script = desk.run(&["completions", "bash"]).ok();
    desk.write("complete", &script);
    let probe = format!(
        "source {}; COMP_WORDS=(gigvault cert re); COMP_CWORD=2; _gigvault gigvault re cert; echo \"${{COMPREPLY[@]}}\"",
        text(&desk.path("complete"))
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &probe])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        "renew revoke release"
    );
}
