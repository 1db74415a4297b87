//! What a failure is worth: the exit codes, in one place.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use client::Error;
use vocabulary::ProblemType;

use crate::cli::Connection;
use crate::commands::Interrupted;
use crate::connection::advice::{self, Unfound};
use crate::connection::{Unknown, Versions};

/// The command line says something impossible that clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// What a command did before it failed, or may have done, and how to go on from there. Hints that know less are left out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Done(pub(crate) String);

impl Done {
    /// For what was done and could not be printed.
    pub(crate) fn unshown(what: &str) -> Self {
        Self(format!("{what}; only this could not be shown"))
    }
}

/// What a command was asked to find out is an answer that scripts tell by its code.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Judged {
    pub(crate) text: String,
    pub(crate) code: u8,
}

const WHERE_THE_API_IS: &str = "the API is on the HTTPS port (8443 unless it was set otherwise), which `https` in \
                                server.json of the data directory names: --url https://host:port, with nothing after it";
/// What to do about a server that shows the certificate of a CA as its own.
pub(crate) const NO_SERVER_CERTIFICATE: &str = "give the server a certificate with basicConstraints CA:FALSE, as `gigvault cert \
                                                create` makes them; `openssl req -x509` makes that of a CA unless it is told \
                                                otherwise";
const DEFAULT_PORT: u16 = 8443;

const NOT_KNOWN: &str = "the request was sent and its answer was lost, so it is not known whether it was done: look before \
                         you ask again (`gigvault cert list`, `apikey list`, `key list`, `ca list`; an API key whose text was lost: \
                         `gigvault apikey revoke PREFIX`)";

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const DENIED: u8 = 3;
pub(crate) const NOT_FOUND: u8 = 4;
/// The certificate is revoked or on hold.
pub(crate) const REVOKED: u8 = 6;

/// Says what failed on stderr, and answers the code for it.
pub(crate) fn report(error: &anyhow::Error, connection: &Connection) -> ExitCode {
    say(&format!("error: {}", text(error)));
    let (instead, also) = match Unknown::behind(error, connection) {
        None => (None, None),
        // Where that is known, nothing else has to be looked for.
        Some(Unknown::Elsewhere(services)) => (Some(elsewhere(&services)), None),
        Some(Unknown::Version(versions @ Versions::Differ(_))) => (Some(versions.hint()), None),
        Some(Unknown::Version(versions)) => (None, Some(versions.hint())),
    };
    for hint in instead
        .or_else(|| hint(error, connection))
        .into_iter()
        .chain(also)
    {
        say(&format!("hint: {hint}"));
    }
    ExitCode::from(code(error))
}

/// A line on stderr. Servers and files that are not ours have a part in these texts, so nothing in them moves the cursor.
pub(crate) fn say(text: &str) {
    // Where stderr is closed, there is no reader to tell.
    drop(writeln!(std::io::stderr(), "{}", rootca::cli::printable(text)));
}

/// The chain of causes without what a cause repeats.
pub(crate) fn text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        // A client's error names its cause itself; below it are the transport's own words for the same.
        let last = cause.is::<Error>();
        let cause = cause.to_string();
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
        if last {
            break;
        }
    }
    text
}

fn code(error: &anyhow::Error) -> u8 {
    if let Some(error) = error.downcast_ref::<rootca::Error>() {
        return error.exit_code();
    }
    if error.downcast_ref::<Usage>().is_some() {
        return USAGE;
    }
    if error
        .downcast_ref::<Unfound>()
        .is_some_and(|found| found.is_usage)
    {
        return USAGE;
    }
    if let Some(judged) = error.downcast_ref::<Judged>() {
        return judged.code;
    }
    if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
        return interrupted.exit_code;
    }
    match error.downcast_ref::<Error>() {
        Some(Error::Problem(problem)) => match problem.status {
            401 | 403 => DENIED,
            404 => NOT_FOUND,
            422 if matches!(problem.slug(), "denied-by-profile" | "lint" | "compromised-key") => DENIED,
            _ => FAILED,
        },
        _ => FAILED,
    }
}

fn hint(error: &anyhow::Error, connection: &Connection) -> Option<String> {
    let told = error.downcast_ref::<Done>().is_some();
    if !told && let Some(hint) = hint_for_files(error) {
        return Some(hint);
    }
    let answer = error.downcast_ref::<Error>()?;
    if answer.leaves_open() && matches!(answer, Error::Unreachable { .. } | Error::Timeout { .. }) {
        return (!told).then(|| NOT_KNOWN.to_owned());
    }
    match answer {
        Error::Unreachable { url, .. } | Error::Timeout { url, .. } => {
            let running = "is the server running (`gigvault up`)? `gigvault doctor` looks closer";
            Some(match names_port(url) {
                true => running.to_owned(),
                false => format!(
                    "the URL names no port, and GigVault listens on {DEFAULT_PORT} unless it is told otherwise; {running}"
                ),
            })
        }
        Error::OtherPort { .. } => Some(WHERE_THE_API_IS.to_owned()),
        Error::Unexpected { .. } => Some(format!(
            "another program listens there, or a proxy is in between; {WHERE_THE_API_IS}"
        )),
        Error::CaCertificate { .. } => Some(NO_SERVER_CERTIFICATE.to_owned()),
        Error::Untrusted { .. } => Some("trust the right root: --ca-file, or GIGVAULT_CA_FILE".to_owned()),
        Error::NotTheApi { .. } => Some(
            "your credential was not sent. If this server shows a certificate from elsewhere (listen.tls, a proxy), say \
             --server-identity name, or GIGVAULT_SERVER_IDENTITY"
                .to_owned(),
        ),
        Error::Problem(problem) => match problem.status {
            401 => Some(advice::credential(connection)),
            404 if problem.known() == Some(ProblemType::UnknownPath) => {
                Some(format!("check --url: {WHERE_THE_API_IS}"))
            }
            500 | 503 => problem
                .correlation_id
                .as_ref()
                .map(|id| format!("the server's log has it under {id}")),
            _ => None,
        },
        _ => None,
    }
}

/// For a route of a service that the process at this URL has not.
fn elsewhere(services: &str) -> String {
    format!(
        "the process at this URL serves the routes of {services}, and no others: give the --url of the one that serves this \
         (`gigvault config routes` says which service does)"
    )
}

fn names_port(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What to do about a place that cannot be written, whichever file of whichever command it is.
fn hint_for_files(error: &anyhow::Error) -> Option<String> {
    let is_file = error.chain().any(|cause| {
        cause.is::<::files::Error>() || cause.is::<keys::KeyError>() || cause.is::<rootca::Error>()
    });
    let kind = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>())?
        .kind();
    match kind {
        // What is printed is the answer to something that was done: running it again does another.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded if is_file => {
            Some("make room on that file system and run it again; what was begun is then finished".to_owned())
        }
        ErrorKind::ReadOnlyFilesystem => Some(
            "that file system is mounted read-only: mount it so that it can be written, or name another place".to_owned(),
        ),
        // Ports are refused with the same kind, and have words of their own.
        // The error itself may say whose it is.
        ErrorKind::PermissionDenied if is_file && !text(error).contains("its owner has no right")
            && !text(error).contains(" belongs to user ") => Some(format!(
            "user {} has no right to do that: change owner or mode of the directory, or name another place",
            rustix::process::geteuid().as_raw()
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    fn refused(status: u16, kind: &str) -> anyhow::Error {
        let problem = client::Problem {
            status,
            kind: kind.to_owned(),
            ..client::Problem::default()
        };
        Error::Problem(Box::new(problem)).into()
    }

    #[test]
    fn codes_are_those_of_the_reference() {
        assert_eq!(code(&anyhow!("disk")), 1);
        assert_eq!(code(&Usage("no".to_owned()).into()), 2);
        assert_eq!(code(&rootca::Error::NoRoot("root".into()).into()), 4);
        assert_eq!(code(&refused(403, "x/forbidden")), 3);
        assert_eq!(code(&refused(401, "x/unauthenticated")), 3);
        assert_eq!(code(&refused(422, "x/denied-by-profile")), 3);
        assert_eq!(code(&refused(422, "x/invalid-request")), 1);
        assert_eq!(code(&refused(404, "x/not-found")), 4);
        assert_eq!(
            code(
                &Err::<(), _>(refused(404, "x"))
                    .context("certificate 1")
                    .unwrap_err()
            ),
            4
        );
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = Err::<(), _>(anyhow!("no such file"))
            .context("reading a.csr: no such file")
            .unwrap_err();
        assert_eq!(text(&error), "reading a.csr: no such file");
    }
}
