//! What is written for a new certificate: key, certificate, and chain in PEM, or all of them in one PKCS#12 file.

use std::path::Path;

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
    pub(super) fn stage(
        bundle: Bundle,
        spki_sha256: [u8; 32],
        key: Option<Key>,
        file: &NewFile,
    ) -> anyhow::Result<Self> {
        let form = match (file.format, key) {
            (FileFormat::Pem, Some(Key::New(key))) => {
                let pem = keys::to_pem(&key)?;
                Form::Pem(Some(::files::stage(&bundle.key, pem.as_bytes(), OWNER_ONLY)?))
            }
            (FileFormat::Pem, _) => return Self::certificate(bundle, spki_sha256),
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
        Ok(Self {
            bundle,
            spki_sha256,
            form,
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
        })
    }

    /// Writes the files and says where they are. Without an answer, a new key goes only if nothing can have been issued
    /// for it.
    pub(super) fn finish(
        self,
        answer: Result<Certificate, client::Error>,
        output: Output,
    ) -> anyhow::Result<()> {
        match answer {
            Ok(issued) => self.deliver(&issued, output),
            Err(error) if error.leaves_open() => Err(anyhow::Error::new(error).context(self.keep())),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a new key in the folder that it was for, and says how to go on from there.
    fn keep(self) -> String {
        let key = match self.form {
            Form::Pem(Some(staged))
            | Form::Pkcs12 {
                is_new: true, staged, ..
            } => Some(::files::quoted(&staged.keep()).to_string()),
            _ => None,
        };
        let (kept, again) = match &key {
            Some(path) => (
                format!(", and the new key is in {path}"),
                format!(" with `--key {path}`"),
            ),
            None => (String::new(), String::new()),
        };
        let spki = HEXLOWER.encode(&self.spki_sha256);
        format!(
            "whether the certificate was issued is not known{kept}; `gigvault cert list --spki-sha256 {spki}` shows it if it \
             was, and `gigvault cert download SERIAL --chain --out FILE` writes it; if it was not, run this command again{again}"
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
            is_new,
            staged,
        } => {
            let file = pkcs12(&key, &chain(issued), serial, &passphrase);
            let written = file.and_then(|file| Ok(::files::replace(&bundle.pkcs12, &file, OWNER_ONLY)?));
            written.with_context(|| {
                let (source, of_key) = match is_new {
                    true => (
                        ::files::quoted(&staged.keep()).to_string(),
                        "; the new key is in that file, under the new passphrase",
                    ),
                    false => ("KEY".to_owned(), ""),
                };
                format!(
                    "certificate {serial} was issued and not written: write it with `gigvault cert download {serial} \
                     --format pkcs12 --key {source} --out FILE`{of_key}"
                )
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
mod tests {
    use x509::key::KeyAlgorithm;

    use super::*;

    fn issued() -> Certificate {
        serde_json::from_value(serde_json::json!({
            "serial": "00ab", "status": "valid", "subject": "CN=a.test", "san": [], "ca": "issuing",
            "profile": "tls-server", "not_before": "2026-01-01T00:00:00Z", "not_after": "2099-12-31T23:59:59Z",
            "issued_at": "2026-01-01T01:00:00Z", "certificate": "LEAF\n", "chain": "ISSUER\n",
            "fingerprint_sha256": "aa", "spki_sha256": "bb", "requester": "x", "protocol": "rest", "revocation": null,
        }))
        .unwrap()
    }

    /// The file that the complaint names as that of the new key.
    fn kept(said: &str) -> String {
        assert!(said.contains("certificate 00ab was issued"), "{said}");
        let at = said.find(".kept-").unwrap();
        let start = said[..at].rfind(' ').unwrap() + 1;
        let end = said[start..].find([' ', ',']).unwrap() + start;
        std::fs::read_to_string(&said[start..end]).unwrap()
    }

    #[test]
    fn a_place_that_is_taken_after_the_certificate_was_issued_costs_no_key() {
        for taken in ["crt", "chain.pem", "key"] {
            let dir = tempfile::tempdir().unwrap();
            let bundle = Bundle::new(dir.path(), "a.test").unwrap();
            std::fs::write(&bundle.key, "old").unwrap();
            let file = NewFile {
                format: FileFormat::Pem,
                out_passphrase_file: None,
            };
            let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
            let pem = keys::to_pem(&key).unwrap();
            let delivery = Delivery::stage(bundle, [0; 32], Some(Key::New(key)), &file).unwrap();
            let place = dir.path().join(format!("a.test.{taken}"));
            if taken == "key" {
                std::fs::remove_file(&place).unwrap();
            }
            std::fs::create_dir(&place).unwrap();
            let said = write(&delivery.bundle, delivery.form, &issued()).unwrap_err();
            assert_eq!(kept(&format!("{said:#}")), *pem, "{taken}");
            if taken != "key" {
                assert_eq!(std::fs::read_to_string(&delivery.bundle.key).unwrap(), "old");
            }
        }
    }

    #[test]
    fn a_pkcs12_file_that_cannot_be_made_costs_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let bundle = Bundle::new(dir.path(), "a.test").unwrap();
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let passphrase: SecretString = "five random words are best".into();
        let alone = keys::to_encrypted_pem(&key, &passphrase).unwrap();
        let form = Form::Pkcs12 {
            key,
            is_new: true,
            staged: ::files::stage(&bundle.pkcs12, alone.as_bytes(), OWNER_ONLY).unwrap(),
            passphrase,
        };
        // The chain of this one cannot be read.
        let said = write(&bundle, form, &issued()).unwrap_err();
        assert_eq!(kept(&format!("{said:#}").replace('`', " ")), *alone);
    }
}
