//! What is written for a new certificate: key, certificate, and chain in PEM, or all of them in one PKCS#12 file.

use std::path::Path;

use anyhow::Context;
use client::Certificate;
use keys::{Pkcs12, SoftwareKey};
use secrecy::SecretString;

use super::files::{self, Bundle};
use super::{now, private_key, times};
use crate::cli::{FileFormat, NewFile};
use crate::output::Output;

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
    new_key: bool,
    force: bool,
) -> anyhow::Result<()> {
    let pem = [&bundle.certificate, &bundle.chain, &bundle.key];
    let paths: Vec<&Path> = match format {
        FileFormat::Pkcs12 => vec![bundle.pkcs12.as_path()],
        FileFormat::Pem => pem
            .into_iter()
            .take(2 + usize::from(new_key))
            .map(|path| path.as_path())
            .collect(),
    };
    files::check_free(&paths, force)
}

/// Files that are about to be written.
pub(super) struct Delivery {
    bundle: Bundle,
    form: Form,
}

enum Form {
    /// With the key staged, if it is a new one.
    Pem(Option<::files::Staged>),
    Pkcs12 {
        key: SoftwareKey,
        passphrase: SecretString,
        is_new: bool,
        /// The key alone. Until the file is there it holds its place, and shows that the folder can be written in.
        staged: ::files::Staged,
    },
}

impl Delivery {
    /// To be called before the certificate is asked for. A new key is on disk when this returns, under a temporary name: a
    /// certificate without its key is of no use, and a refusal leaves nothing behind and takes no older key away.
    pub(super) fn stage(bundle: Bundle, key: Option<Key>, file: &NewFile) -> anyhow::Result<Self> {
        let form = match (file.format, key) {
            (FileFormat::Pem, Some(Key::New(key))) => {
                let pem = keys::to_pem(&key)?;
                Form::Pem(Some(::files::stage(&bundle.key, pem.as_bytes(), OWNER_ONLY)?))
            }
            (FileFormat::Pem, _) => Form::Pem(None),
            (FileFormat::Pkcs12, Some(key)) => {
                let is_new = matches!(key, Key::New(_));
                let (Key::New(key) | Key::Own(key)) = key;
                // Last, so that nobody types a passphrase for nothing.
                let passphrase = private_key::new_passphrase(file.out_passphrase_file.as_deref())?;
                let alone = keys::to_encrypted_pem(&key, &passphrase)?;
                Form::Pkcs12 {
                    key,
                    is_new,
                    staged: ::files::stage(&bundle.pkcs12, alone.as_bytes(), OWNER_ONLY)?,
                    passphrase,
                }
            }
            (FileFormat::Pkcs12, None) => return Err(private_key::none_for_pkcs12()),
        };
        Ok(Self { bundle, form })
    }

    /// Writes the files and says where they are.
    pub(super) fn finish(self, issued: &Certificate, output: Output) -> anyhow::Result<()> {
        let bundle = &self.bundle;
        match self.form {
            Form::Pem(key) => {
                let has_key = key.is_some();
                if let Some(key) = key {
                    key.replace()?;
                }
                save(bundle, issued)?;
                report(issued, bundle, has_key, output)
            }
            Form::Pkcs12 {
                key,
                passphrase,
                is_new,
                staged,
            } => {
                let file = pkcs12(&key, &chain(issued), &issued.serial, &passphrase)?;
                ::files::replace(&bundle.pkcs12, &file, OWNER_ONLY).with_context(|| {
                    let serial = &issued.serial;
                    match is_new {
                        true => format!("certificate {serial} was issued and its new key is lost: revoke it"),
                        false => {
                            format!("certificate {serial} was issued: write it with `gigvault cert download`")
                        }
                    }
                })?;
                drop(staged);
                let mut facts = facts(issued);
                facts.push(("pkcs12", bundle.pkcs12.display().to_string()));
                output.one(issued, &facts)
            }
        }
    }
}

/// Writes a certificate and its chain.
pub(super) fn save(bundle: &Bundle, issued: &Certificate) -> anyhow::Result<()> {
    ::files::replace(&bundle.certificate, issued.certificate.as_bytes(), PUBLIC)?;
    Ok(::files::replace(&bundle.chain, chain(issued).as_bytes(), PUBLIC)?)
}

/// What was issued and where it was written.
pub(super) fn report(issued: &Certificate, bundle: &Bundle, key: bool, output: Output) -> anyhow::Result<()> {
    let path = |path: &Path| path.display().to_string();
    let mut facts = facts(issued);
    facts.extend([
        ("key", if key { path(&bundle.key) } else { String::new() }),
        ("certificate", path(&bundle.certificate)),
        ("chain", path(&bundle.chain)),
    ]);
    output.one(issued, &facts)
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
