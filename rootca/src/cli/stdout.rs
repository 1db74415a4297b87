//! Standard output as every command of both programs writes to it.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Standard output.
///
/// A reader that has seen enough (`| head`) is not an error: what it does not take is dropped, and the command goes on to
/// its end. Whatever a terminal would obey instead of showing is escaped there: names come from strangers.
#[derive(Clone, Copy, Debug)]
pub struct Stdout {
    terminal: bool,
    must_arrive: bool,
}

impl Stdout {
    /// Looks whether a person reads.
    #[must_use]
    pub fn new() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            must_arrive: false,
        }
    }

    /// What is shown once and never again: a reader that is gone is an error too.
    #[must_use]
    pub fn must_arrive(self) -> Self {
        Self {
            must_arrive: true,
            ..self
        }
    }

    /// Whether a person reads.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self.terminal
    }

    /// Writes text that the program made itself, colors among it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_own(self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        self.quiet(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
    }

    fn quiet(self, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe && !self.must_arrive => Ok(()),
            written => written,
        }
    }
}

impl Default for Stdout {
    fn default() -> Self {
        Self::new()
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stdout = io::stdout().lock();
        self.quiet(match self.terminal {
            true => stdout.write_all(printable(&String::from_utf8_lossy(bytes)).as_bytes()),
            false => stdout.write_all(bytes),
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.quiet(io::stdout().lock().flush())
    }
}

/// Text without characters that a terminal obeys, or that hide or reorder others: they are written as `\u001b`, which
/// JSON reads back. Line breaks and tabs stay.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_hidden(c) {
            // In pairs beyond U+FFFF, as JSON writes them.
            true => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| shown.push_str(&format!("\\u{unit:04x}"))),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// What no name may hold, a terminal is not shown either. Line breaks and tabs stay.
fn is_hidden(c: char) -> bool {
    c != '\n' && c != '\t' && x509::unicode::unfit(c.encode_utf8(&mut [0; 4])).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(printable("CN=a\nb\tc"), "CN=a\nb\tc");
        assert_eq!(printable("東京 é 😀"), "東京 é 😀");
        assert_eq!(printable("a\u{1b}[2Jb"), "a\\u001b[2Jb");
        assert_eq!(printable("\u{9b}31m\r\u{7}"), "\\u009b31m\\u000d\\u0007");
        assert_eq!(printable("a\u{202e}b\u{200b}\u{feff}"), "a\\u202eb\\u200b\\ufeff");
        assert_eq!(printable("a\u{e0041}\u{3164}b"), "a\\udb40\\udc41\\u3164b");
    }
}
