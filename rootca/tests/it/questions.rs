//! What a person is asked, on a terminal made by `script` and without one.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::world::Ceremony;

/// Asks whether to revoke, types these keys once the question is there, and answers all that the terminal got.
fn asked_to_revoke(ceremony: &Ceremony, serial: &str, keys: &str) -> String {
    let command = format!(
        "exec {} revoke {serial} --dir root -o table",
        env!("CARGO_BIN_EXE_gigvault-rootca")
    );
    let mut child = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(ceremony.path(""))
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains("[y/N] ") {
        let mut byte = [0];
        assert_eq!(screen.read(&mut byte).unwrap(), 1, "no question: {shown:?}");
        shown.push(byte[0]);
    }
    keyboard.write_all(keys.as_bytes()).unwrap();
    screen.read_to_end(&mut shown).unwrap();
    child.wait().unwrap();
    String::from_utf8_lossy(&shown).into_owned()
}

#[test]
fn a_question_leaves_the_cursor_whatever_the_answer() {
    const HIDE: &str = "\u{1b}[?25l";
    let (ceremony, serial) = Ceremony::with_intermediate();
    for (keys, says) in [("\u{3}", "[y/N]"), ("n", "as you wished"), ("y", "Revoked: ")] {
        assert_eq!(ceremony.read("root/revoked.jsonl"), "");
        let shown = asked_to_revoke(&ceremony, &serial, keys);
        assert!(shown.contains(says), "{keys:?}: {shown:?}");
        // Nothing can show it again after Ctrl-C, so it is never hidden.
        assert!(!shown.contains(HIDE), "{keys:?}: {shown:?}");
    }
    assert!(ceremony.read("root/revoked.jsonl").contains(&serial));
}

#[test]
fn without_a_terminal_each_command_names_flags_that_it_has() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let cases: [(&[&str], &[&str]); 2] = [
        (&["revoke", &serial], &["--yes", "inspect --dir"]),
        (&["sign-intermediate", "issuing.csr"], &["--yes", "--dry-run"]),
    ];
    for (command, named) in cases {
        let refused = ceremony.run(&[command, &["--dir", "root"]].concat());
        assert_eq!(refused.code, 1, "{refused:?}");
        let refused = refused.stderr;
        let help = ceremony.run(&[command[0], "--help"]).ok().stdout;
        for flag in named {
            assert!(refused.contains(flag), "{refused}");
        }
        let flags = refused
            .split(|c: char| c.is_whitespace() || ",;`".contains(c))
            .filter(|word| word.starts_with("--") && *word != "--dir");
        for flag in flags {
            assert!(help.contains(flag), "{flag} is not in {help}");
        }
    }
}
