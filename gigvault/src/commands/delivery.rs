//! What is written for a new certificate: key, certificate, and chain in PEM, or all of them in one PKCS#12 file.

mod unanswered;

use std::path::{Path, PathBuf};

use anyhow::Context;
use client::Certificate;
use keys::{Pkcs12, SoftwareKey};
use secrecy::SecretString;
use serde::Serialize;

use super::files::{self, Bundle};
use super::interrupts::{Interrupted, Interrupts};
use super::{now, private_key, times};
use crate::cli::{FileFormat, NewFile, OwnKey};
use crate::exit::Done;
use crate::output::Output;
use unanswered::{KeptKey, download_pem, download_pkcs12, own_flags};

/// For files that hold a private key.
pub(super) const OWNER_ONLY: u32 = 0o600;
pub(super) const PUBLIC: u32 = 0o644;

/// The key that a certificate is asked for.
pub(super) enum Key {
    /// Made by this command: it has no file yet.
    New(SoftwareKey),
    /// From a file of the user, which stays as it is, and the flags that read it again.
    Own(SoftwareKey, String),
}

impl Key {
    pub(super) fn own(own: &OwnKey) -> anyhow::Result<Self> {
        Ok(Self::Own(private_key::read(own)?, own_flags(own)))
    }

    pub(super) fn software(&self) -> &SoftwareKey {
        match self {
            Self::New(key) | Self::Own(key, _) => key,
        }
    }
}

/// Refuses before anything is done if a file is in the way.
pub(super) fn check_free(
    bundle: &Bundle,
    format: FileFormat,
    own: Option<&Path>,
    new_key: bool,
) -> anyhow::Result<()> {
    let force = bundle.force;
    let pem = [&bundle.certificate, &bundle.chain, &bundle.key];
    match format {
        // It holds the key that was read.
        FileFormat::Pkcs12 => files::check_free(&[&bundle.pkcs12], None, force),
        FileFormat::Pem => {
            let paths: Vec<&Path> = pem
                .into_iter()
                .take(2 + usize::from(new_key))
                .map(|path| path.as_path())
                .collect();
            files::check_free(&paths, own, force)
        }
    }
}

/// What a program reads: the certificate object, and what was written of it.
#[derive(Serialize)]
struct Delivered<'a> {
    #[serde(flatten)]
    issued: &'a Certificate,
    files: Files,
}

/// Where the files are that were written; none of the others.
#[derive(Clone, Default, Serialize)]
struct Files {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pkcs12: Option<String>,
}

/// Files that are about to be written.
pub(super) struct Delivery {
    bundle: Bundle,
    /// The public key that is certified: what a certificate is found by whose serial number is not known yet.
    spki_sha256: [u8; 32],
    /// Serial number of the certificate that it is to renew.
    renews: Option<String>,
    form: Form,
    interrupts: Interrupts,
}

enum Form {
    /// With the key staged, if it is a new one.
    Pem(Option<::files::Staged>),
    Pkcs12 {
        key: Box<SoftwareKey>,
        passphrase: SecretString,
        /// Where the passphrase was read from, if from a file.
        passphrase_file: Option<PathBuf>,
        /// The flags that read the key again, if it is not a new one.
        own: Option<String>,
        /// The key alone. Until the file is there it holds its place, and shows that the folder can be written in.
        staged: ::files::Staged,
    },
}

impl Delivery {
    /// To be called before the certificate is asked for. A new key is on disk when this returns, under a temporary name: a
    /// certificate without its key is of no use, and a refusal leaves nothing behind and takes no older key away.
    pub(super) fn stage(
        bundle: Bundle,
        spki_sha256: [u8; 32],
        key: Option<Key>,
        file: &NewFile,
    ) -> anyhow::Result<Self> {
        let interrupts;
        let form = match (file.format, key) {
            (FileFormat::Pem, Some(Key::New(key))) => {
                let pem = keys::to_pem(&key)?;
                interrupts = Interrupts::listen()?;
                Form::Pem(Some(::files::stage(&bundle.key, pem.as_bytes(), OWNER_ONLY)?))
            }
            (FileFormat::Pem, _) => return Self::certificate(bundle, spki_sha256),
            (FileFormat::Pkcs12, Some(key)) => {
                let (key, own) = match key {
                    Key::New(key) => (key, None),
                    Key::Own(key, flags) => (key, Some(flags)),
                };
                // Last, so that no passphrase is typed for nothing.
                let passphrase = private_key::new_passphrase(file.out_passphrase_file.as_deref())?;
                let alone = keys::to_encrypted_pem(&key, &passphrase)?;
                // Not before: at a prompt Ctrl-C has to end the process.
                interrupts = Interrupts::listen()?;
                Form::Pkcs12 {
                    key: Box::new(key),
                    own,
                    passphrase_file: file.out_passphrase_file.clone(),
                    staged: ::files::stage(&bundle.pkcs12, alone.as_bytes(), OWNER_ONLY)?,
                    passphrase,
                }
            }
            (FileFormat::Pkcs12, None) => return Err(private_key::none_for_pkcs12()),
        };
        Ok(Self {
            bundle,
            spki_sha256,
            renews: None,
            form,
            interrupts,
        })
    }

    /// Certificate and chain alone. To be called before the certificate is asked for, too.
    pub(super) fn certificate(bundle: Bundle, spki_sha256: [u8; 32]) -> anyhow::Result<Self> {
        // Nothing is in it yet: it shows that the folder can be written in.
        drop(::files::stage(&bundle.certificate, b"", PUBLIC)?);
        Ok(Self {
            bundle,
            spki_sha256,
            renews: None,
            form: Form::Pem(None),
            interrupts: Interrupts::listen()?,
        })
    }

    /// Of a certificate that takes the place of an older one.
    pub(super) fn renewing(self, serial: &str) -> Self {
        Self {
            renews: Some(serial.to_owned()),
            ..self
        }
    }

    /// Waits for the answer, writes the files and says where they are. Without an answer, a new key goes only if nothing can
    /// have been issued for it.
    pub(super) async fn finish(
        mut self,
        request: impl Future<Output = Result<Certificate, client::Error>>,
        output: Output,
    ) -> anyhow::Result<()> {
        match self.interrupts.or(request).await {
            Err(exit_code) => Err(Interrupted::new(exit_code, self.keep()).into()),
            Ok(answer) => self.answered(answer, output),
        }
    }

    fn answered(self, answer: Result<Certificate, client::Error>, output: Output) -> anyhow::Result<()> {
        match answer {
            Ok(issued) => self.deliver(&issued, output),
            Err(error) if error.leaves_open() => Err(anyhow::Error::new(error).context(Done(self.keep()))),
            Err(error) => Err(error.into()),
        }
    }

    fn deliver(self, issued: &Certificate, output: Output) -> anyhow::Result<()> {
        let bundle = &self.bundle;
        let path = |path: &Path| Some(path.display().to_string());
        let files = match &self.form {
            Form::Pem(key) => Files {
                key: key.as_ref().and_then(|_| path(&bundle.key)),
                certificate: path(&bundle.certificate),
                chain: path(&bundle.chain),
                pkcs12: None,
            },
            Form::Pkcs12 { .. } => Files {
                pkcs12: path(&bundle.pkcs12),
                ..Files::default()
            },
        };
        write(bundle, self.form, issued)?;
        let mut facts = facts(issued);
        let names = ["key", "certificate", "chain", "pkcs12"];
        let paths = [&files.key, &files.certificate, &files.chain, &files.pkcs12];
        facts.extend(
            names
                .into_iter()
                .zip(paths.map(|path| path.clone().unwrap_or_default())),
        );
        let written: Vec<&str> = paths.into_iter().flatten().map(String::as_str).collect();
        let (serial, written) = (&issued.serial, written.join(", "));
        output
            .one(
                &Delivered {
                    issued,
                    files: files.clone(),
                },
                &facts,
            )
            .with_context(|| Done::unshown(&format!("certificate {serial} was issued and is in {written}")))
    }
}

/// Writes the files. If that fails, a new key is kept beside its place: its certificate is issued.
fn write(bundle: &Bundle, form: Form, issued: &Certificate) -> anyhow::Result<()> {
    let serial = &issued.serial;
    match form {
        Form::Pem(key) => save(bundle, key.as_ref(), issued).with_context(|| {
            let download = download_pem(serial);
            Done(match key.map(|staged| KeptKey::of(staged, None)) {
                None => unwritten(serial, &download, ""),
                Some(Ok(kept)) => {
                    let key = format!(
                        "; its new key is in {}, move it to where it belongs",
                        kept.place()
                    );
                    unwritten(serial, &download, &key)
                }
                Some(Err(error)) => lost(serial, &error),
            })
        }),
        Form::Pkcs12 {
            key,
            passphrase,
            passphrase_file,
            own,
            staged,
        } => save_pkcs12(bundle, &key, issued, &passphrase).with_context(|| {
            let (flags, of_key) = match own {
                Some(flags) => (flags, String::new()),
                None => match KeptKey::of(staged, Some(passphrase_file.clone())) {
                    Ok(kept) => (
                        kept.flags(),
                        format!("; the new key is in that file{}", kept.note()),
                    ),
                    Err(error) => return Done(lost(serial, &error)),
                },
            };
            let download = download_pkcs12(serial, &flags, passphrase_file.as_deref(), Path::new("FILE"));
            Done(unwritten(serial, &download, &of_key))
        }),
    }
}

fn unwritten(serial: &str, download: &str, of_key: &str) -> String {
    format!(
        "certificate {serial} was issued and not all of it was written: write it with `{download}`{of_key}"
    )
}

fn lost(serial: &str, error: &::files::Error) -> String {
    format!(
        "certificate {serial} was issued and its new key is lost ({error}): revoke it with `gigvault cert revoke {serial}`"
    )
}

/// Writes a certificate, its chain, and its key if that is staged. All are on disk before the first has its name, the key in
/// front: what is there always belongs together.
fn save(bundle: &Bundle, key: Option<&::files::Staged>, issued: &Certificate) -> anyhow::Result<()> {
    let certificate = ::files::stage(&bundle.certificate, issued.certificate.as_bytes(), PUBLIC)?;
    let whole = ::files::stage(&bundle.chain, chain(issued).as_bytes(), PUBLIC)?;
    let all: Vec<_> = key.into_iter().chain([&certificate, &whole]).collect();
    files::put(&all, bundle.force)
}

fn save_pkcs12(
    bundle: &Bundle,
    key: &SoftwareKey,
    issued: &Certificate,
    passphrase: &SecretString,
) -> anyhow::Result<()> {
    let file = pkcs12(key, &chain(issued), &issued.serial, passphrase)?;
    let staged = ::files::stage(&bundle.pkcs12, &file, OWNER_ONLY)?;
    files::put(&[&staged], bundle.force)
}

fn facts(issued: &Certificate) -> Vec<(&'static str, String)> {
    vec![
        ("serial", issued.serial.clone()),
        ("subject", issued.subject.clone()),
        ("names", issued.san.join(", ")),
        ("expires", times::until(issued.not_after, now())),
    ]
}

/// The certificate, then the CAs above it, PEM.
fn chain(issued: &Certificate) -> String {
    format!("{}{}", issued.certificate, issued.chain)
}

/// A PKCS#12 file of a key and its chain (PEM, leaf first), under the leaf's common name.
pub(super) fn pkcs12(
    key: &SoftwareKey,
    chain: &str,
    serial: &str,
    passphrase: &SecretString,
) -> anyhow::Result<Vec<u8>> {
    let chain = x509::Certificate::chain_from_pem(chain.as_bytes()).context("the chain cannot be read")?;
    let leaf = chain.first().context("the chain is empty")?;
    let name = leaf.subject().common_names().into_iter().next();
    let name = name.unwrap_or_else(|| serial.to_owned());
    Ok(Pkcs12::to_der(key, &chain, &name, passphrase)?)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests")]
mod tests;
