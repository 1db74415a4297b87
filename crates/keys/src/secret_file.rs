//! Files that only their owner may read: key-encryption keys, passphrases, encrypted keys, tokens.
//!
//! The mode is checked on the open handle, so that what was checked is what is read. Files are created by the
//! crate `files`: whole or not at all.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::KeyError;

/// Secrets are short; a longer file is the wrong file.
const MAX_LEN: usize = 64 * 1024;

/// Reads a file that its owner alone may read (no permission bit for group or others).
///
/// # Errors
/// [`KeyError::Exposed`] for looser modes, [`KeyError::FileContent`] past 64 KiB, [`KeyError::File`] for what is not a
/// regular file or cannot be read.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let failed = |source| {
        KeyError::File(files::Error::Io {
            action: "read",
            path: path.into(),
            source,
        })
    };
    let file = files::open(path)?;
    owner_only(path, &file.metadata().map_err(failed)?)?;
    // Full capacity at once: a growing buffer would leave copies of the secret behind.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_LEN + 1));
    let limit = u64::try_from(MAX_LEN + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut content).map_err(failed)?;
    if content.len() > MAX_LEN {
        return Err(KeyError::FileContent {
            path: path.into(),
            reason: "longer than 64 KiB",
        });
    }
    Ok(content)
}

/// Reads a passphrase: the file's text without its last line break.
///
/// # Errors
/// As [`read`]; [`KeyError::FileContent`] when it is empty or not UTF-8.
pub fn read_passphrase(path: &Path) -> Result<secrecy::SecretString, KeyError> {
    let content = read(path)?;
    let unusable = |reason| KeyError::FileContent {
        path: path.into(),
        reason,
    };
    let text = std::str::from_utf8(&content).map_err(|_| unusable("a passphrase file holds UTF-8 text"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(unusable("the passphrase is empty"));
    }
    Ok(text.into())
}

/// Creates a file of mode 0600 that did not exist before and syncs it and its directory.
///
/// # Errors
/// [`KeyError::File`], also when the file exists: a secret is never overwritten.
pub fn create(path: &Path, content: &[u8]) -> Result<(), KeyError> {
    Ok(files::create(path, content, 0o600)?)
}

fn owner_only(path: &Path, metadata: &std::fs::Metadata) -> Result<(), KeyError> {
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(KeyError::Exposed {
            path: path.into(),
            mode,
        })
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn what_was_created_is_private_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        create(&path, b"hush").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().as_slice(), b"hush");
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        create(&path, b"first").unwrap();
        assert!(
            create(&path, b"second")
                .unwrap_err()
                .to_string()
                .contains("never overwritten")
        );
        assert_eq!(read(&path).unwrap().as_slice(), b"first");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, "x").unwrap();
        for mode in [0o644, 0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = read(&path).unwrap_err();
            assert!(
                matches!(refused, KeyError::Exposed { mode: m, .. } if m == mode),
                "{refused}"
            );
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(read(&path).unwrap().as_slice(), b"x");
    }

    #[test]
    fn a_passphrase_ends_before_its_line_break() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content, expected) in [
            ("a", "correct horse\n", "correct horse"),
            ("b", "x\r\n", "x"),
            ("c", " y ", " y "),
        ] {
            let path = dir.path().join(name);
            create(&path, content.as_bytes()).unwrap();
            assert_eq!(read_passphrase(&path).unwrap().expose_secret(), expected);
        }
        let empty = dir.path().join("empty");
        create(&empty, b"\n").unwrap();
        assert!(read_passphrase(&empty).unwrap_err().to_string().contains("empty"));
    }

    #[test]
    fn missing_oversized_and_special_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            read(&dir.path().join("none")),
            Err(KeyError::File { .. })
        ));
        assert!(matches!(read(dir.path()), Err(KeyError::File { .. })));
        let big = dir.path().join("big");
        create(&big, &vec![b'x'; MAX_LEN + 1]).unwrap();
        assert!(matches!(read(&big), Err(KeyError::FileContent { .. })));
    }
}
