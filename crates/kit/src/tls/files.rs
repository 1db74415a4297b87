//! Where an identity lives on disk, and how a new one gets there whole.
//!
//! Two files can't be replaced in one step. The new pair is written beside the old one, then the key is
//! renamed into place, then the certificate; whoever finds a certificate that does not fit its key takes the
//! waiting certificate instead. A crash at any point leaves a pair that can be read.

use std::path::{Path, PathBuf};

use rustls_pki_types::{CertificateDer, PrivateKeyDer};

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
    /// When a file can't be written; the old pair is then still in place.
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

pub(super) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let unreadable = |detail: String| TlsError::Pem {
        what: "private key",
        detail,
    };
    let blocks = x509::pem::select(pem, &["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"])
        .map_err(|error| unreadable(error.to_string()))?;
    let block = blocks
        .first()
        .ok_or_else(|| unreadable("there is no private key in it".to_owned()))?;
    let der = block.der.to_vec();
    match block.label.as_str() {
        _ if !block.headers.is_empty() => Err(unreadable("it is encrypted".to_owned())),
        "EC PRIVATE KEY" => Ok(PrivateKeyDer::Sec1(der.into())),
        "RSA PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs1(der.into())),
        _ => Ok(PrivateKeyDer::Pkcs8(der.into())),
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

    #[test]
    fn certificates_and_keys_are_read_as_editors_leave_them() {
        for (label, other) in [("CERTIFICATE", "PRIVATE KEY"), ("PRIVATE KEY", "CERTIFICATE")] {
            let read = |text: &[u8]| match label {
                "CERTIFICATE" => certificates("chain", text).map(|all| all.first().unwrap().to_vec()),
                _ => private_key(text).map(|key| key.secret_der().to_vec()),
            };
            let pem = x509::pem::encode(label, &[7; 100]);
            for text in [
                format!("\u{feff}{pem}"),
                pem.replace('\n', "\r"),
                pem.replace("BwcH", "Bw\tc H "),
                x509::pem::encode(other, &[1]) + &pem,
            ] {
                assert_eq!(read(text.as_bytes()).unwrap(), [7; 100], "{text}");
            }
            let wide: Vec<u8> = pem.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let said = read(&[b"\xff\xfe", wide.as_slice()].concat())
                .unwrap_err()
                .to_string();
            assert!(said.contains("UTF-16"), "{said}");
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
