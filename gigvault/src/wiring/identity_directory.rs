//! What is wrong with `identity.directory`: looked at by a start, which logs it, and by `doctor`.
//!
//! A data directory is checked as a whole ([`DataDir::check`](super::layout::DataDir::check)); this one is outside of it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kit::clock::{SharedClock, rfc3339};
use kit::error::chain;
use kit::peer::PROCESS;
use kit::service::{DoctorCheck, Finding, Verdict};
use kit::tls::{Identity, IdentityFiles, SpiffeId};
use rustix::process::geteuid;
use time::OffsetDateTime;
use x509::Certificate;
use x509::path::{self, PathError};

use super::services::Environment;
use super::settings::Settings;

/// A running process renews its identity at two thirds of its life; one that did not by then has less than this left.
const LATE: i32 = 5;

/// The check of `doctor`. None where the identity is in the data directory.
pub(crate) fn doctor(environment: &Environment<'_>) -> Option<DoctorCheck> {
    let directory = configured(environment.settings)?;
    let clock = Arc::clone(&environment.clock);
    let identities = environment.identities.as_ref()?;
    let all: Vec<(PathBuf, SpiffeId)> = identities
        .all()
        .map(|(caller, identity)| match caller {
            PROCESS => (directory.to_owned(), identity.id()),
            service => (directory.join(service), identity.id()),
        })
        .collect();
    Some(DoctorCheck::new("identity directory", move || {
        let looked = all
            .iter()
            .map(|(directory, own)| look(directory, &clock, Some(own)));
        let found = worst(looked.collect());
        async move { found }
    }))
}

/// One that failed before one to warn of, and that before one that is good.
fn worst(mut found: Vec<Finding>) -> Finding {
    let is = |verdict: Verdict| move |finding: &Finding| finding.verdict == verdict;
    let worst = found.iter().position(is(Verdict::Failed));
    let worst = worst.or_else(|| found.iter().position(is(Verdict::Warning)));
    match found.is_empty() {
        true => Finding::ok("there is no identity"),
        false => found.swap_remove(worst.unwrap_or_default()),
    }
}

/// Logs what is wrong before the identity is loaded.
pub(crate) fn warn(directory: &Path, clock: &SharedClock) {
    let found = look(directory, clock, None);
    if found.verdict != Verdict::Ok {
        tracing::warn!(
            detail = found.detail,
            fix = found.fix,
            "identity.directory is not as it should be"
        );
    }
}

/// The folder of the identity of this process, and of folders for those of its services, where the settings name one.
pub(crate) fn configured(settings: &Settings) -> Option<&Path> {
    let directory = settings.identity.directory.as_path();
    (!directory.as_os_str().is_empty()).then_some(directory)
}

/// How another identity comes into the directory. It is made where the CA is, which may be another machine.
fn again(directory: &Path) -> String {
    format!(
        "run `gigvault bootstrap --identity NAME --config FILE` with the configuration of the installation, and put tls.crt, \
         tls.key, and roots.pem of identities/NAME in its data directory into {}",
        directory.display()
    )
}

/// What to do about a directory that a start would refuse as a data directory.
fn fix_of(error: &::files::Error, directory: &Path) -> String {
    use ::files::Error;
    let place = ::files::quoted(directory);
    let owned = match error {
        Error::Writable { .. } => format!("run `chmod 700 {place}`"),
        Error::Owner { us, .. } => format!("run `chown -R {us} {place}` as root"),
        _ => {
            return format!(
                "set identity.directory to the directory itself, and start the process again; if there is none, {}",
                again(directory)
            );
        }
    };
    format!(
        "{owned}; if what is in it may have been replaced, {}",
        again(directory)
    )
}

/// `own` is whose identity this process has from there.
fn look(directory: &Path, clock: &SharedClock, own: Option<&SpiffeId>) -> Finding {
    if let Err(error) = ::files::check_dir_of(directory, geteuid().as_raw()) {
        return Finding::failed(error.to_string(), fix_of(&error, directory));
    }
    let files = IdentityFiles::new(directory, "tls", directory.join("roots.pem"));
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
    if mode(directory) & 0o077 != 0 && mode(&files.key) & 0o077 != 0 {
        return Finding::failed(
            format!("{} can be read by other users", files.key.display()),
            format!(
                "run `chmod go= {}`, and consider what is in it as known to others: {}",
                ::files::quoted(&files.key),
                again(directory)
            ),
        );
    }
    // What a start asks.
    match (Identity::check_files(&files, clock), own) {
        (Err(error), _) => return Finding::failed(chain(&error), again(directory)),
        (Ok(id), Some(own)) if id != *own => {
            return Finding::failed(
                format!("it holds the identity of {id}, not of {own}"),
                again(directory),
            );
        }
        (Ok(_), _) => {}
    }
    match DirectoryCertificates::read(&files) {
        Ok(held) => held.judged(clock.now(), &again(directory)),
        Err(detail) => Finding::failed(detail, again(directory)),
    }
}

/// The certificates in the directory.
struct DirectoryCertificates {
    leaf: Certificate,
    /// The rest of its chain.
    chain: Vec<Certificate>,
    roots: Vec<Certificate>,
}

impl DirectoryCertificates {
    fn read(files: &IdentityFiles) -> Result<Self, String> {
        let read = |path: &Path| {
            let pem = ::files::read(path, 1024 * 1024).map_err(|error| error.to_string())?;
            Certificate::chain_from_pem(&pem)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))
        };
        let mut chain = read(&files.certificate)?.into_iter();
        let leaf = chain
            .next()
            .ok_or_else(|| format!("{} holds no certificate", files.certificate.display()))?;
        Ok(Self {
            leaf,
            chain: chain.collect(),
            roots: read(&files.roots)?,
        })
    }

    fn judged(&self, now: OffsetDateTime, again: &str) -> Finding {
        let (from, to) = (self.leaf.not_before(), self.leaf.not_after());
        let purpose = path::Purpose {
            time: now,
            usage: None,
        };
        match path::validate(&self.leaf, &self.chain, &self.roots, &purpose) {
            Err(error @ PathError::Validity { .. }) => Finding::failed(
                error.to_string(),
                format!(
                    "set the clock of this machine if it is wrong; else {again}, or if it is a CA that has ended, start a new \
                     installation in a new folder with `gigvault up --data-dir FOLDER`"
                ),
            ),
            Err(error) => Finding::failed(
                format!("the certificate does not lead to roots.pem: {error}"),
                again,
            ),
            Ok(_) if (to - now) * LATE < to - from => Finding::warning(
                format!("the certificate ends at {} and was not renewed", rfc3339(to)),
                "see that ca runs and that this process reaches it; its log says why it was not renewed",
            ),
            Ok(_) => Finding::ok(format!("the certificate is good until {}", rfc3339(to))),
        }
    }
}
