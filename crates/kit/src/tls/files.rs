//! Where an identity lives on disk, and how a new one gets there whole.
//!
//! Two files cannot be replaced in one step. The new pair is written beside the old one, then the key is
//! renamed into place, then the certificate; whoever finds a certificate that does not fit its key takes the
//! waiting certificate instead. A crash at any point leaves a pair that can be read.

use std::path::{Path, PathBuf};

use keys::{KeyError, Pkcs12};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;

use super::TlsError;

const OWNER_ONLY: u32 = 0o600;
/// Longest file that is read: a chain, a key, a set of roots.
const MAX_LEN: u64 = 1024 * 1024;

/// The three files of a service identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// Chain in PEM, leaf first.
    pub certificate: PathBuf,
    /// PKCS#8 in PEM; written with mode 0600.
    pub key: PathBuf,
    /// Roots in PEM: the CA of services, and no other, since whoever it certifies is a service.
    pub roots: PathBuf,
}

impl IdentityFiles {
    /// `<name>.crt` and `<name>.key` in `directory`, with these roots.
    #[must_use]
    pub fn new(directory: &Path, name: &str, roots: PathBuf) -> Self {
        let file = |suffix| directory.join(format!("{name}.{suffix}"));
        Self {
            certificate: file("crt"),
            key: file("key"),
            roots,
        }
    }

    /// Replaces certificate and key.
    ///
    /// # Errors
    /// When a file cannot be written; the old pair is then still in place.
    pub fn write(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsError> {
        files::replace(&waiting(&self.key), key, OWNER_ONLY)?;
        files::replace(&waiting(&self.certificate), chain, OWNER_ONLY)?;
        rename(&self.key)?;
        rename(&self.certificate)
    }

    /// The certificate that a crash kept from its place.
    pub(super) fn waiting_certificate(&self) -> Option<Vec<u8>> {
        files::read(&waiting(&self.certificate), MAX_LEN).ok()
    }

    /// Ends what [`IdentityFiles::write`] began before a crash.
    pub(super) fn finish_write(&self) -> Result<(), TlsError> {
        rename(&self.certificate)
    }
}

fn waiting(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn rename(to: &Path) -> Result<(), TlsError> {
    Ok(files::rename(&waiting(to), to)?)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    Ok(files::read(path, MAX_LEN)?)
}

pub(super) fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all = x509::pem::decode(pem, "CERTIFICATE").map_err(|error| TlsError::Pem {
        what,
        detail: error.to_string(),
    })?;
    Ok(all.into_iter().map(CertificateDer::from).collect())
}

/// A chain, leaf first: PEM, or what is in a PKCS#12 file beside its key.
pub(super) fn chain(
    file: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    if !Pkcs12::is(file) {
        return certificates("certificate", file);
    }
    let chain = Pkcs12::from_der(file, passphrase).map_err(of_key)?.into_chain();
    Ok(chain
        .iter()
        .map(|certificate| CertificateDer::from(certificate.der().to_vec()))
        .collect())
}

/// A private key in any form that `keys` reads.
pub(super) fn private_key(
    file: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<PrivateKeyDer<'static>, TlsError> {
    let key = keys::from_file(file, passphrase).map_err(of_key)?;
    Ok(PrivateKeyDer::Pkcs8(key.to_pkcs8()?.to_vec().into()))
}

fn of_key(error: KeyError) -> TlsError {
    match error {
        KeyError::PassphraseNeeded => TlsError::Encrypted,
        other => TlsError::Key(other),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_pair_is_written_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let files = IdentityFiles::new(directory.path(), "ca", directory.path().join("roots.pem"));
        files.write(b"chain 1", b"key 1").unwrap();
        files.write(b"chain 2", b"key 2").unwrap();
        assert_eq!(fs::read(&files.key).unwrap(), b"key 2");
        assert_eq!(fs::read(directory.path().join("ca.crt")).unwrap(), b"chain 2");
        assert_eq!(
            fs::metadata(&files.key).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    /// With blanks within the lines of base64.
    fn spaced(pem: &str) -> String {
        let line = |line: &str| match line.split_at_checked(10) {
            Some((start, end)) if !line.starts_with('-') => format!("{start}\t{end} \n"),
            _ => format!("{line}\n"),
        };
        pem.lines().map(line).collect()
    }

    #[test]
    fn certificates_and_keys_are_read_as_editors_leave_them() {
        let key = keys::SoftwareKey::generate(x509::KeyAlgorithm::P256).unwrap();
        let der = key.to_pkcs8().unwrap().to_vec();
        for (label, other, content) in [
            ("CERTIFICATE", "PRIVATE KEY", vec![7; 100]),
            ("PRIVATE KEY", "CERTIFICATE", der),
        ] {
            let read = |text: &[u8]| match label {
                "CERTIFICATE" => certificates("chain", text).map(|all| all.first().unwrap().to_vec()),
                _ => private_key(text, None).map(|key| key.secret_der().to_vec()),
            };
            let pem = x509::pem::encode(label, &content);
            for text in [
                format!("\u{feff}{pem}"),
                pem.replace('\n', "\r"),
                spaced(&pem),
                x509::pem::encode(other, &[1]) + &pem,
            ] {
                assert_eq!(read(text.as_bytes()).unwrap(), content, "{text}");
            }
            let wide: Vec<u8> = pem.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let said = read(&[b"\xff\xfe", wide.as_slice()].concat())
                .unwrap_err()
                .to_string();
            assert!(said.contains("UTF-16"), "{said}");
        }
    }

    #[test]
    fn keys_and_chains_are_read_in_every_form_with_their_passphrase() {
        let key = keys::SoftwareKey::generate(x509::KeyAlgorithm::P256).unwrap();
        let der = key.to_pkcs8().unwrap().to_vec();
        let made = rcgen::KeyPair::try_from(der.as_slice()).unwrap();
        let leaf = rcgen::CertificateParams::new(["a.test".to_owned()])
            .unwrap()
            .self_signed(&made)
            .unwrap();
        let other = rcgen::KeyPair::generate().unwrap();
        let other = rcgen::CertificateParams::new(["b.test".to_owned()])
            .unwrap()
            .self_signed(&other)
            .unwrap();
        let of = |certificate: &rcgen::Certificate| x509::Certificate::from_der(certificate.der()).unwrap();
        let phrase = SecretString::from("open it");
        // The other is the first in the file: TLS needs the leaf there.
        let store = Pkcs12::to_der(&key, &[of(&other), of(&leaf)], "a", &phrase).unwrap();
        let encrypted = key.to_encrypted_pem(&phrase).unwrap();
        for file in [store.as_slice(), encrypted.as_bytes(), &der] {
            let read = private_key(file, Some(&phrase)).unwrap();
            assert_eq!(read.secret_der(), der);
        }
        let chain = chain(&store, Some(&phrase)).unwrap();
        assert_eq!(chain, [leaf.der().clone(), other.der().clone()]);
        for file in [store.as_slice(), encrypted.as_bytes()] {
            let refused = private_key(file, None).unwrap_err().to_string();
            assert!(refused.contains("listen.tls.passphrase_file"), "{refused}");
            let wrong = private_key(file, Some(&"no".into())).unwrap_err().to_string();
            assert!(wrong.contains("passphrase is wrong"), "{wrong}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let files = IdentityFiles::new(Path::new("/nonexistent/x"), "ca", PathBuf::from("/r"));
        assert!(
            files
                .write(b"c", b"k")
                .unwrap_err()
                .to_string()
                .contains("/nonexistent/x")
        );
    }
}
