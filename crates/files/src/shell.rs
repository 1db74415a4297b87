//! Paths in advice that is pasted into a shell.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path as one word of a POSIX shell: `/srv/data` as it is, `'/srv/my data'` in quotes where a character of it means
/// something to a shell.
#[must_use]
pub fn quoted(path: &Path) -> impl fmt::Display + '_ {
    Quoted(path.as_os_str().as_bytes())
}

struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A command would take it for an option.
        let dashed = self.0.starts_with(b"-");
        let before = if dashed { "./" } else { "" };
        match std::str::from_utf8(self.0) {
            Ok(text) if !text.is_empty() && text.bytes().all(is_plain) => write!(f, "{before}{text}"),
            Ok(text) if !text.chars().any(char::is_control) => {
                write!(f, "'{before}{}'", text.replace('\'', r"'\''"))
            }
            _ => escaped(self.0, before, f),
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte)
}

/// `$'…'` (POSIX.1-2024 section 2.2.4): nothing in it moves the cursor of a terminal, and other bytes than UTF-8 stay what
/// they are.
fn escaped(bytes: &[u8], before: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "$'{before}")?;
    for byte in bytes {
        match byte {
            b'\'' | b'\\' => write!(f, "\\{}", char::from(*byte))?,
            b' '..=b'~' => write!(f, "{}", char::from(*byte))?,
            _ => write!(f, "\\{byte:03o}")?,
        }
    }
    write!(f, "'")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_the_path_that_was_meant() {
        for path in [
            &b"/srv/gigvault-data"[..],
            b"gigvault-data",
            b"/srv/my data/it's",
            b"~/data",
            b"$(id)`id`;&|<>*?[a]#!\"",
            b"",
            b"-rf",
            b"- a",
            b"a\nb\tc\x1b[31m\\'",
            b"\xff\xfe",
            "d\u{fc}\u{85}".as_bytes(),
        ] {
            let word = quoted(Path::new(OsStr::from_bytes(path))).to_string();
            let script = format!("printf %s {word}");
            let read = Command::new("bash").args(["-c", &script]).output().unwrap();
            let expected = if path.starts_with(b"-") {
                [b"./", path].concat()
            } else {
                path.to_vec()
            };
            assert_eq!(read.stdout, expected, "{word}");
            assert!(!word.chars().any(char::is_control), "{word:?}");
        }
    }

    #[test]
    fn a_plain_path_is_left_as_it_is() {
        assert_eq!(
            quoted(Path::new("/var/lib/gigvault-1.0")).to_string(),
            "/var/lib/gigvault-1.0"
        );
        assert_eq!(quoted(Path::new("/a b")).to_string(), "'/a b'");
    }
}
