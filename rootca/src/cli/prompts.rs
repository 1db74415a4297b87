//! Asking the people of the ceremony, on the terminal that they sit at.

use dialoguer::console::{Term, measure_text_width};
use dialoguer::{Confirm, Password};
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

    /// Asks for consent.
    ///
    /// # Errors
    /// [`Error::NoTerminal`] if standard input is not a terminal.
    fn confirm(&mut self, question: &str) -> Result<bool, Error>;
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

    fn confirm(&mut self, question: &str) -> Result<bool, Error> {
        ask(question).map_err(|error| failed(&error, "consent", "look at it with --dry-run, then pass --yes"))
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
    Confirm::new()
        .with_prompt(line)
        .default(false)
        .interact_on(&terminal)
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
