//! What is written for a new certificate: key, certificate, and chain in PEM, or all of them in one PKCS#12 file.

mod unanswered;

use std::path::{Path, PathBuf};

use anyhow::Context;
use client::Certificate;
use data_encoding::HEXLOWER;
use keys::{Pkcs12, SoftwareKey};
use secrecy::SecretString;
use serde::Serialize;

use super::files::{self, Bundle};
use super::{now, private_key, times};
use crate::cli::{FileFormat, NewFile};
use crate::output::Output;

pub(crate) use unanswered::Interrupted;
use unanswered::{Interrupts, Kept, download_pkcs12};

/// For files that hold a private key.
pub(super) const OWNER_ONLY: u32 = 0o600;
pub(super) const PUBLIC: u32 = 0o644;

/// The key that a certificate is asked for.
pub(super) enum Key {
    /// Made by this command: it has no file yet.
    New(SoftwareKey),
    /// From a file of the user, which stays as it is.
    Own(SoftwareKey),
}

impl Key {
    pub(super) fn software(&self) -> &SoftwareKey {
        match self {
            Self::New(key) | Self::Own(key) => key,
        }
    }
}

/// Refuses before anything is done if a file is in the way.
pub(super) fn check_free(
    bundle: &Bundle,
    format: FileFormat,
    own: Option<&Path>,
    new_key: bool,
    force: bool,
) -> anyhow::Result<()> {
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
#[derive(Default, Serialize)]
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
    /// The public key that is certified: what a certificate is found by whose serial number nobody knows yet.
    spki_sha256: [u8; 32],
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
        is_new: bool,
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
                let is_new = matches!(key, Key::New(_));
                let (Key::New(key) | Key::Own(key)) = key;
                // Last, so that nobody types a passphrase for nothing.
                let passphrase = private_key::new_passphrase(file.out_passphrase_file.as_deref())?;
                let alone = keys::to_encrypted_pem(&key, &passphrase)?;
                // Not before: at a prompt Ctrl-C has to end the process.
                interrupts = Interrupts::listen()?;
                Form::Pkcs12 {
                    key: Box::new(key),
                    is_new,
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
            form: Form::Pem(None),
            interrupts: Interrupts::listen()?,
        })
    }

    /// Waits for the answer, writes the files and says where they are. Without an answer, a new key goes only if nothing can
    /// have been issued for it.
    pub(super) async fn finish(
        mut self,
        request: impl Future<Output = Result<Certificate, client::Error>>,
        output: Output,
    ) -> anyhow::Result<()> {
        let answer = tokio::select! {
            biased;
            answer = request => answer,
            exit_code = self.interrupts.next() => {
                return Err(Interrupted::new(exit_code, self.keep()).into());
            }
        };
        match answer {
            Ok(issued) => self.deliver(&issued, output),
            Err(error) if error.leaves_open() => Err(anyhow::Error::new(error).context(self.keep())),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a new key in the folder that it was for, and says how to go on from there.
    fn keep(self) -> String {
        const SERIAL: &str = "SERIAL";
        let pem = format!("gigvault cert download {SERIAL} --chain --out FILE");
        let out = &self.bundle.pkcs12;
        let (kept, download) = match self.form {
            Form::Pem(None) => (None, pem),
            Form::Pem(Some(staged)) => {
                let kept = Kept {
                    path: staged.keep(),
                    passphrase: None,
                };
                (Some(kept), pem)
            }
            Form::Pkcs12 {
                is_new: true,
                staged,
                passphrase_file: file,
                ..
            } => {
                let kept = Kept {
                    path: staged.keep(),
                    passphrase: Some(file.clone()),
                };
                let download = download_pkcs12(SERIAL, &kept.flags(), file.as_deref(), out);
                (Some(kept), download)
            }
            Form::Pkcs12 {
                passphrase_file: file,
                ..
            } => (None, download_pkcs12(SERIAL, "--key KEY", file.as_deref(), out)),
        };
        let (place, again) = kept.map_or_else(Default::default, |kept| {
            let place = format!(
                ", and the new key is in {}{}",
                ::files::quoted(&kept.path),
                kept.note()
            );
            let again = format!(" with `{}` in place of --new-key and --key-type", kept.flags());
            (place, again)
        });
        let spki = HEXLOWER.encode(&self.spki_sha256);
        format!(
            "whether the certificate was issued is not known{place}; `gigvault cert list --spki-sha256 {spki}` shows it if it \
             was, and `{download}` writes it; if it was not, run this command again{again}"
        )
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
        output.one(&Delivered { issued, files }, &facts)
    }
}

/// Writes the files. If that fails, a new key is kept beside its place: its certificate is issued.
fn write(bundle: &Bundle, form: Form, issued: &Certificate) -> anyhow::Result<()> {
    let serial = &issued.serial;
    match form {
        Form::Pem(key) => save(bundle, key.as_ref(), issued).with_context(|| {
            let kept = key.map(::files::Staged::keep);
            let key = kept.map_or_else(String::new, |path| {
                format!("; its new key is in {}, move it to where it belongs", ::files::quoted(&path))
            });
            format!(
                "certificate {serial} was issued and not all of its files were written: write it with `gigvault cert \
                 download {serial} --chain --out FILE`{key}"
            )
        }),
        Form::Pkcs12 {
            key,
            passphrase,
            passphrase_file,
            is_new,
            staged,
        } => {
            let file = pkcs12(&key, &chain(issued), serial, &passphrase);
            let written = file.and_then(|file| Ok(::files::replace(&bundle.pkcs12, &file, OWNER_ONLY)?));
            written.with_context(|| {
                let (source, of_key) = match is_new {
                    true => {
                        let kept = Kept {
                            path: staged.keep(),
                            passphrase: Some(passphrase_file.clone()),
                        };
                        (
                            kept.flags(),
                            format!("; the new key is in that file{}", kept.note()),
                        )
                    }
                    false => ("--key KEY".to_owned(), String::new()),
                };
                let download =
                    download_pkcs12(serial, &source, passphrase_file.as_deref(), Path::new("FILE"));
                format!("certificate {serial} was issued and not written: write it with `{download}`{of_key}")
            })
        }
    }
}

/// Writes a certificate, its chain, and its key if that is staged. All are on disk before the first has its name, and the
/// key comes last: until then the key of an older certificate is there, and a failure destroys nothing.
fn save(bundle: &Bundle, key: Option<&::files::Staged>, issued: &Certificate) -> anyhow::Result<()> {
    let certificate = ::files::stage(&bundle.certificate, issued.certificate.as_bytes(), PUBLIC)?;
    let whole = ::files::stage(&bundle.chain, chain(issued).as_bytes(), PUBLIC)?;
    for place in [&bundle.certificate, &bundle.chain, &bundle.key]
        .into_iter()
        .take(2 + usize::from(key.is_some()))
    {
        ::files::check_replaceable(place)?;
    }
    certificate.replace()?;
    whole.replace()?;
    Ok(key.map_or(Ok(()), ::files::Staged::try_replace)?)
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
