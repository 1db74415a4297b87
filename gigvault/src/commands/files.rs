//! Keys and certificates on disk: where they are, and nothing overwritten unasked.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow, bail};

use crate::exit::Usage;

/// The files of one certificate in a folder.
pub(crate) struct Bundle {
    pub(crate) key: PathBuf,
    pub(crate) csr: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) pkcs12: PathBuf,
    /// Whether older versions of them are replaced.
    pub(crate) force: bool,
}

impl Bundle {
    /// Named after a common name: what a file name cannot contain becomes `_`.
    pub(crate) fn new(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let safe = |c: char| {
            if c.is_alphanumeric() || "-_.@*".contains(c) {
                c
            } else {
                '_'
            }
        };
        let stem: String = name.chars().map(safe).collect();
        let stem = stem.trim_matches('.');
        if stem.is_empty() {
            bail!("{name:?} does not make a file name");
        }
        let stem = shortened(stem);
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let file = |suffix: &str| folder.join(format!("{stem}.{suffix}"));
        Ok(Self {
            key: file("key"),
            csr: file("csr"),
            certificate: file("crt"),
            chain: file("chain.pem"),
            pkcs12: file("p12"),
            force: false,
        })
    }

    pub(crate) fn forced(self, force: bool) -> Self {
        Self { force, ..self }
    }
}

/// A stem that file systems take, with room for what is appended: both ends of a longer one.
fn shortened(stem: &str) -> String {
    const LONGEST: usize = 200;
    const START: usize = 120;
    const END: usize = 60;
    if stem.len() <= LONGEST {
        return stem.to_owned();
    }
    let start = stem
        .char_indices()
        .take_while(|(at, c)| at + c.len_utf8() <= START)
        .map(|(_, c)| c);
    let end = stem
        .char_indices()
        .filter(|(at, _)| at + END >= stem.len())
        .map(|(_, c)| c);
    start.chain("...".chars()).chain(end).collect()
}

/// Whether a path stands for standard input or standard output.
pub(crate) fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// Refuses before anything is done if one of these places cannot be written, or may not be: what is not a regular file is in
/// the way with `--force` too, and `source`, the file that is read for this, is not what is overwritten.
pub(crate) fn check_free(paths: &[&Path], source: Option<&Path>, force: bool) -> anyhow::Result<()> {
    for path in paths {
        ::files::check_replaceable(path).map_err(|error| in_the_way(path, error))?;
        let shown = path.display();
        if source.is_some_and(|source| is_same(source, path)) {
            bail!(
                "{shown} is the file that is read for this, and would be lost; nothing was done. --out writes elsewhere"
            );
        }
        if !force && path.exists() {
            bail!("{shown} is there already; nothing was done. --force overwrites, --out writes elsewhere");
        }
    }
    Ok(())
}

/// Gives files that belong together their names. Without `--force` these must be free still: what was there when the command
/// began was looked at then, and another command may have been faster since.
pub(crate) fn put(staged: &[&::files::Staged], force: bool) -> anyhow::Result<()> {
    match force {
        true => ::files::replace_together(staged)?,
        false => ::files::create_together(staged)?,
    }
    Ok(())
}

fn in_the_way(path: &Path, error: ::files::Error) -> anyhow::Error {
    let shown = path.display();
    match (std::fs::read_link(path), error) {
        (Ok(target), _) => anyhow!(
            "{shown} is a symbolic link to {}, and links are never written through; nothing was done. --out writes \
             elsewhere; then put the new files where the link is to point",
            target.display()
        ),
        (_, ::files::Error::NotAFile { kind, .. }) => {
            anyhow!(
                "{shown} is {kind}, not a file; nothing was done. Move it away, or --out writes elsewhere"
            )
        }
        (_, error) => error.into(),
    }
}

/// Whether two names are of one file.
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Reads what a person named: a file, a pipe, or standard input as `-`; bounded.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    // The longest text that is read as certificates, requests, or CRLs.
    const MAX: u64 = x509::pem::MAX_LEN as u64;
    let name = match is_stream(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let mut content = Vec::new();
    let read = match is_stream(path) {
        true => once(&STDIN_READ)?.take(MAX + 1).read_to_end(&mut content),
        false => File::open(path).and_then(|file| file.take(MAX + 1).read_to_end(&mut content)),
    };
    read.with_context(|| format!("reading {name}"))?;
    if content.len() as u64 > MAX {
        bail!("{name} is longer than {MAX} bytes, which is the most that is read");
    }
    Ok(content)
}

static STDIN_READ: AtomicBool = AtomicBool::new(false);

/// Standard input, which can be read once.
fn once(read: &AtomicBool) -> anyhow::Result<impl Read> {
    if read.swap(true, Ordering::Relaxed) {
        return Err(
            Usage("standard input (-) can be given once; name a file for the other".to_owned()).into(),
        );
    }
    Ok(std::io::stdin().lock())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_leave_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let bundle = Bundle::new(dir.path(), "../../etc/passwd").unwrap();
        assert_eq!(bundle.key.parent(), Some(dir.path()));
        assert!(Bundle::new(dir.path(), "...").is_err());
        assert_eq!(
            Bundle::new(dir.path(), "*.a.test").unwrap().key,
            dir.path().join("*.a.test.key")
        );
    }

    #[test]
    fn names_of_hosts_and_addresses_make_file_names() {
        let dir = tempfile::tempdir().unwrap();
        let key = |name: &str| {
            let bundle = Bundle::new(dir.path(), name).unwrap();
            bundle.key.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(key("10.0.0.5"), "10.0.0.5.key");
        assert_eq!(key("2001:db8::1"), "2001_db8__1.key");
        assert_eq!(key("host."), "host.key");
        let label = "a".repeat(60);
        let long = format!("{label}.{label}.{label}.{label}.test");
        assert!(key(&long).len() < 200 && key(&long).ends_with(".test.key"));
        assert!(key(&"é".repeat(300)).len() < 200);
    }

    #[test]
    fn standard_input_is_read_once() {
        let read = AtomicBool::new(false);
        assert!(once(&read).is_ok());
        assert!(once(&read).is_err());
    }

    #[test]
    fn what_is_there_is_not_overwritten_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        check_free(&[&path], None, false).unwrap();
        std::fs::write(&path, b"x").unwrap();
        assert!(check_free(&[&path], None, false).is_err());
        check_free(&[&path], None, true).unwrap();
        // What it is made from, by any name.
        let same = dir.path().join(".").join("a.key");
        assert!(check_free(&[&path], Some(&same), true).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_in_the_way_with_force_too() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::create_dir(place("folder")).unwrap();
        std::fs::write(place("file"), b"x").unwrap();
        std::os::unix::fs::symlink("file", place("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", place("dangling")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(place("socket")).unwrap();
        for (name, word) in [
            ("folder", "a directory"),
            ("link", "link to file"),
            ("dangling", "link to nowhere"),
            ("socket", "a socket"),
            ("file/below", "file/below"),
        ] {
            for force in [false, true] {
                let said = check_free(&[&place(name)], None, force).unwrap_err().to_string();
                assert!(said.contains(word), "{said}");
            }
        }
    }
}
