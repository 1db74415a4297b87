//! Asking the people of the ceremony, on the terminal that they sit at.

use dialoguer::Password;
use dialoguer::console::{Key, Term, measure_text_width};
use secrecy::SecretString;

use super::printable;
use crate::error::Error;

/// Whom a command asks.
pub trait Prompts {
    /// Asks for a passphrase that exists.
    ///
    /// # Errors
    /// [`Error::NoTerminal`] if standard input is not a terminal.
    fn passphrase(&mut self) -> Result<SecretString, Error>;

    /// Asks for a passphrase to be, twice.
    ///
    /// # Errors
    /// [`Error::NoTerminal`] if standard input is not a terminal.
    fn new_passphrase(&mut self) -> Result<SecretString, Error>;

    /// Asks for consent. `instead` says what to do where there is no terminal.
    ///
    /// # Errors
    /// [`Error::NoTerminal`] with `instead` if standard input is not a terminal.
    fn confirm(&mut self, question: &str, instead: &'static str) -> Result<bool, Error>;
}

/// The terminal on standard error, so that results on standard output stay clean.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminal;

impl Prompts for Terminal {
    fn passphrase(&mut self) -> Result<SecretString, Error> {
        let asked = Password::new()
            .with_prompt("Passphrase of the root")
            .report(false)
            .interact();
        asked
            .map(SecretString::from)
            .map_err(|error| failed(&error, "the passphrase", FILE))
    }

    fn new_passphrase(&mut self) -> Result<SecretString, Error> {
        let asked = Password::new()
            .with_prompt("New passphrase for the root")
            .with_confirmation("The same again", "They differ; once more")
            .report(false)
            .interact();
        asked
            .map(SecretString::from)
            .map_err(|error| failed(&error, "a passphrase", FILE))
    }

    fn confirm(&mut self, question: &str, instead: &'static str) -> Result<bool, Error> {
        ask(question).map_err(|error| failed(&error, "consent", instead))
    }
}

/// Asks a yes-or-no question on standard error, with "no" as the default.
///
/// # Errors
/// [`dialoguer::Error`] when there is no terminal to ask on.
pub fn ask(question: &str) -> dialoguer::Result<bool> {
    /// Room for ` [y/N] ` and the answer.
    const ANSWER: usize = 12;
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into());
    }
    let width = usize::from(terminal.size().1).saturating_sub(ANSWER).max(ANSWER);
    // Only the last line is drawn again with the answer. A question that the terminal broke would stay there twice.
    let question = printable(question);
    let mut line = String::new();
    for word in question.split(' ') {
        if !line.is_empty() && measure_text_width(&line) + 1 + measure_text_width(word) > width {
            terminal.write_line(&std::mem::take(&mut line))?;
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    // `dialoguer::Confirm` hides the cursor while it waits, and Ctrl-C ends the process there without showing it again.
    terminal.write_str(&format!("{line} [y/N] "))?;
    let yes = loop {
        match terminal.read_key()? {
            Key::Char('y' | 'Y') => break true,
            Key::Char('n' | 'N') | Key::Enter => break false,
            _ => {}
        }
    };
    terminal.clear_line()?;
    terminal.write_line(&format!("{line} {}", if yes { "yes" } else { "no" }))?;
    Ok(yes)
}

const FILE: &str = "name a file of mode 0600 with --passphrase-file";

fn failed(error: &dialoguer::Error, what: &'static str, instead: &'static str) -> Error {
    match error {
        dialoguer::Error::IO(io) if io.kind() == std::io::ErrorKind::NotConnected => {
            Error::NoTerminal { what, instead }
        }
        dialoguer::Error::IO(io) => Error::Terminal(io.to_string()),
    }
}
