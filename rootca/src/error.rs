//! What can go wrong in a ceremony. No variant carries a passphrase or key material.

use std::path::PathBuf;

use time::OffsetDateTime;
use x509::{Serial, rfc3339};

/// Why a command of the offline root did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Policy refuses the request.
    #[error("refused by policy: {0}")]
    Denied(#[from] rules::Denied),
    /// The certificate or CRL would break a standard.
    #[error(transparent)]
    Lint(#[from] lint::Refused),
    /// The key cannot be made, read, opened or used.
    #[error(transparent)]
    Key(#[from] keys::KeyError),
    /// The key file cannot be opened.
    #[error("{path}: {problem}", path = .path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: keys::KeyError,
    },
    /// There is no key file, or nothing in it.
    #[error(
        "{} is missing or empty, and without its key a root signs nothing: restore the file from a copy of the folder. If there is \
         none, the key is lost: the certificates that it signed stay valid until they end, none of them can be revoked any \
         more by a new CRL, and no new one can be signed; make another root with `init`, in a folder of its own, and bring its \
         certificate to everybody who trusts this one",
        .0.display()
    )]
    NoKey(PathBuf),
    /// The key file belongs to another certificate.
    #[error("{key} does not hold the key of {certificate}: put the files of one ceremony together again", key = .key.display(), certificate = .certificate.display())]
    KeyMismatch {
        /// The key file.
        key: PathBuf,
        /// The certificate of another key.
        certificate: PathBuf,
    },
    /// A value on the command line is not what it must be.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read as what it should be.
    #[error("{path}: {problem}", path = .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(files::Error),
    /// The machine's clock is wrong.
    #[error(
        "the clock says {}, but this program was built at {}: set the clock, then repeat the command; what is \
         signed with a wrong clock stays wrong",
        rfc3339(*.now),
        rfc3339(*.built)
    )]
    Clock {
        /// What the clock says.
        now: OffsetDateTime,
        /// When the program was built.
        built: OffsetDateTime,
    },
    /// A certificate of another issuer.
    #[error("{} was not signed by this root: {reason}", path.display())]
    NotSigned {
        /// Its file.
        path: PathBuf,
        /// What the check of its signature said.
        reason: String,
    },
    /// The root's own certificate, where one that it issued is needed.
    #[error(
        "{0} is the certificate of this root itself, and no root is revoked by a CRL of its own: revoke the certificates that \
         it signed, and have this one taken out wherever it is trusted"
    )]
    Itself(String),
    /// A file or folder would be overwritten.
    #[error("{} exists and is never overwritten: name another one, or move it away", .0.display())]
    Exists(PathBuf),
    /// The folder holds no root.
    #[error("there is no root in {}: make one with `init`, or name its folder with --dir", .0.display())]
    NoRoot(PathBuf),
    /// This root did not issue the certificate.
    #[error(
        "no certificate with serial number {0} was issued here: `inspect` lists them; for one that is missing there, name \
         its file instead of its number"
    )]
    NotIssued(Serial),
    /// A certificate is revoked once.
    #[error("the certificate {0} is already revoked")]
    AlreadyRevoked(Serial),
    /// The CRL cannot be built.
    #[error("the CRL cannot be built: {0}")]
    Crl(String),
    /// The random generator failed.
    #[error(transparent)]
    Serial(#[from] x509::serial::SerialError),
    /// The question was answered with no.
    #[error("nothing was signed, as you wished")]
    Declined,
    /// A question needs a terminal.
    #[error("there is no terminal to ask for {what}: {instead}")]
    NoTerminal {
        /// What would have been asked for.
        what: &'static str,
        /// The option that answers it.
        instead: &'static str,
    },
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(String),
    /// The result could not be shown.
    #[error("the result cannot be written: {0}")]
    Output(#[from] std::io::Error),
    /// `verify` found something.
    #[error("the folder is not in order: {}", .0.join("; "))]
    NotInOrder(Vec<String>),
    /// The same, where every problem is on the screen already.
    #[error("the folder is not in order; what is WRONG is said above")]
    NotInOrderAsShown,
}

impl Error {
    /// The same, with what helps behind a problem of content.
    pub(crate) fn with_advice(self, advice: &str) -> Self {
        match self {
            Self::Content { path, problem } => Self::Content {
                path,
                problem: format!("{problem}; {advice}"),
            },
            other => other,
        }
    }

    /// The exit code of the command line: 1 failed, 2 wrong usage, 3 denied by policy, 4 not found.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Denied(_) | Self::Lint(_) => 3,
            Self::NotIssued(_) | Self::NoRoot(_) => 4,
            Self::Key(_)
            | Self::KeyFile { .. }
            | Self::NoKey(_)
            | Self::KeyMismatch { .. }
            | Self::Content { .. }
            | Self::File(_)
            | Self::Clock { .. }
            | Self::NotSigned { .. }
            | Self::Itself(_)
            | Self::Exists(_)
            | Self::AlreadyRevoked(_)
            | Self::Crl(_)
            | Self::Serial(_)
            | Self::Declined
            | Self::NoTerminal { .. }
            | Self::Terminal(_)
            | Self::Output(_)
            | Self::NotInOrder(_)
            | Self::NotInOrderAsShown => 1,
        }
    }
}

impl From<files::Error> for Error {
    fn from(error: files::Error) -> Self {
        match error {
            files::Error::Exists(path) => Self::Exists(path),
            error => Self::File(error),
        }
    }
}
