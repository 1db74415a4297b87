//! What a file is after each function, after a failure, and beside what others put there.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

mod together;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use files::{Error, Tightened};
use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn entries(dir: &TempDir) -> usize {
    fs::read_dir(dir.path()).unwrap().count()
}

#[test]
fn a_file_is_created_once_and_leaves_nothing_beside_it() {
    let dir = dir();
    let path = dir.path().join("a");
    files::create(&path, b"one", 0o600).unwrap();
    assert!(matches!(
        files::create(&path, b"two", 0o600),
        Err(Error::Exists(_))
    ));
    assert!(matches!(
        files::stage(&path, b"two", 0o600).unwrap().create(),
        Err(Error::Exists(_))
    ));
    assert_eq!(fs::read(&path).unwrap(), b"one");
    files::replace(&path, b"three", 0o644).unwrap();
    assert_eq!(
        (fs::read(&path).unwrap().as_slice(), mode(&path)),
        (&b"three"[..], 0o644)
    );
    assert_eq!(entries(&dir), 1);
}

#[test]
fn a_staged_file_that_is_dropped_changes_nothing() {
    let dir = dir();
    let path = dir.path().join("a");
    files::create(&path, b"old", 0o600).unwrap();
    drop(files::stage(&path, b"new", 0o600).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(entries(&dir), 1);
}

#[test]
fn an_error_names_the_path() {
    let path = dir().path().join("none").join("b");
    for error in [
        files::create(&path, b"", 0o600).unwrap_err(),
        files::replace(&path, b"", 0o600).unwrap_err(),
        files::append(&path, "x", 0o600).unwrap_err(),
        files::read(&path, 9).unwrap_err(),
        files::lock(&path).unwrap_err(),
    ] {
        assert!(error.to_string().contains("none"), "{error}");
    }
}

/// Links, FIFOs, directories and devices at the place of a file.
#[test]
fn nothing_but_a_regular_file_is_written_to() {
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("target")).unwrap();
    symlink(at("target/dangling"), at("dangling")).unwrap();
    fs::write(at("target/file"), b"theirs").unwrap();
    symlink(at("target/file"), at("link")).unwrap();
    mkfifoat(CWD, at("fifo"), Mode::RUSR | Mode::WUSR).unwrap();
    fs::create_dir(at("directory")).unwrap();
    for (name, kind) in [
        ("dangling", "a symbolic link"),
        ("link", "a symbolic link"),
        ("fifo", "a FIFO"),
        ("directory", "a directory"),
    ] {
        let path = at(name);
        assert!(
            matches!(files::create(&path, b"x", 0o600), Err(Error::Exists(_))),
            "{name}"
        );
        assert!(files::check_free(&path).is_err(), "{name}");
        for refused in [
            files::replace(&path, b"x", 0o600).unwrap_err(),
            files::append(&path, "x", 0o600).unwrap_err(),
            files::lock(&path).map(drop).unwrap_err(),
        ] {
            assert!(refused.to_string().contains(kind), "{name}: {refused}");
        }
    }
    assert_eq!(fs::read(at("target/file")).unwrap(), b"theirs");
    assert!(!at("target/dangling").exists());
    assert!(
        files::replace(Path::new("/dev/null"), b"x", 0o600)
            .unwrap_err()
            .to_string()
            .contains("a device")
    );
}

#[test]
fn a_fifo_is_not_waited_for_and_a_long_file_is_not_read() {
    let dir = dir();
    let fifo = dir.path().join("fifo");
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    assert!(files::read(&fifo, 10).unwrap_err().to_string().contains("a FIFO"));
    assert!(files::read(dir.path(), 10).is_err());
    assert!(files::read(Path::new("/dev/zero"), 10).is_err());
    let path = dir.path().join("a");
    files::create(&path, b"0123456789", 0o600).unwrap();
    assert_eq!(files::read(&path, 10).unwrap(), b"0123456789");
    assert!(matches!(
        files::read(&path, 9),
        Err(Error::TooLong { limit: 9, .. })
    ));
    symlink(&path, dir.path().join("link")).unwrap();
    assert_eq!(files::read(&dir.path().join("link"), 10).unwrap(), b"0123456789");
}

#[test]
fn appending_takes_nothing_away() {
    let dir = dir();
    let path = dir.path().join("ledger");
    files::append(&path, "{1}", 0o600).unwrap();
    for (there, expected) in [
        ("{1}\n{2", "{1}\n{2\n{3}\n"),
        ("{1}\n{2}", "{1}\n{2}\n{3}\n"),
        ("{1}\n{2}\n", "{1}\n{2}\n{3}\n"),
        ("{", "{\n{3}\n"),
        ("", "{3}\n"),
    ] {
        fs::write(&path, there).unwrap();
        files::append(&path, "{3}", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), expected, "{there}");
    }
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn directories_are_closed_or_refused() {
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    let new = at("a/b/c");
    assert_eq!(files::private_dir(&new).unwrap(), Tightened::No);
    assert_eq!((mode(&new), mode(&at("a"))), (0o700, 0o700));
    fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(files::private_dir(&new).unwrap(), Tightened::Yes);
    assert_eq!(mode(&new), 0o700);
    for open in [0o777, 0o770, 0o702] {
        fs::set_permissions(&new, Permissions::from_mode(open)).unwrap();
        let refused = files::private_dir(&new).unwrap_err();
        assert!(refused.to_string().contains("chmod 700"), "{refused}");
        assert_eq!(mode(&new), open);
    }
    symlink(at("a"), at("link")).unwrap();
    let refused = files::private_dir(&at("link")).unwrap_err().to_string();
    assert!(
        refused.contains("a symbolic link") && refused.contains(&at("a").display().to_string()),
        "{refused}"
    );
    fs::write(at("file"), b"").unwrap();
    assert!(
        files::private_dir(&at("file"))
            .unwrap_err()
            .to_string()
            .contains("a regular file")
    );
    assert!(matches!(files::create_dir(&at("link")), Err(Error::Exists(_))));
}

#[test]
fn only_what_a_crash_left_is_swept_away() {
    let dir = dir();
    for name in [
        ".gigvault-0123456789abcdef.tmp",
        ".gigvault-notes.tmp",
        "a.tmp",
        "kek",
    ] {
        fs::write(dir.path().join(name), b"").unwrap();
    }
    files::sweep(dir.path()).unwrap();
    assert_eq!(entries(&dir), 3);
    assert!(!dir.path().join(".gigvault-0123456789abcdef.tmp").exists());
}

#[test]
fn what_somebody_has_staged_is_not_swept_away() {
    let dir = dir();
    let path = dir.path().join("web.key");
    let staged = files::stage(&path, b"new", 0o600).unwrap();
    files::sweep(dir.path()).unwrap();
    staged.replace().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(entries(&dir), 1);
}

/// Gives a file to another user; where that is not allowed, it is closed to this one, who then knows as little of it.
fn estrange(path: &Path) {
    const NOBODY: u32 = 65534;
    if chown(path, Some(NOBODY), None).is_err() {
        fs::set_permissions(path, Permissions::from_mode(0o0)).unwrap();
    }
}

#[test]
fn what_another_user_has_staged_is_not_swept_away() {
    let dir = dir();
    let path = dir.path().join(".gigvault-0123456789abcdef.tmp");
    fs::write(&path, b"new").unwrap();
    estrange(&path);
    files::sweep(dir.path()).unwrap();
    assert!(path.exists());
}

fn temporary(dir: &TempDir) -> PathBuf {
    let mut names = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    names
        .find(|path| path.to_str().unwrap().contains(".gigvault-"))
        .unwrap()
}

#[test]
fn what_lost_its_temporary_name_is_kept_all_the_same() {
    for theirs in [None, Some("theirs")] {
        let dir = dir();
        let path = dir.path().join("web.key");
        let staged = files::stage(&path, b"new", 0o600).unwrap();
        fs::remove_file(temporary(&dir)).unwrap();
        if let Some(theirs) = theirs {
            fs::write(&path, theirs).unwrap();
        }
        let kept = staged.keep().unwrap();
        assert!(kept.to_str().unwrap().contains("web.key.kept-"), "{kept:?}");
        assert_eq!(
            (fs::read(&kept).unwrap().as_slice(), mode(&kept)),
            (&b"new"[..], 0o600)
        );
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), theirs);
    }
}

#[test]
fn what_cannot_be_kept_is_not_said_to_be() {
    let dir = dir();
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let staged = files::stage(&folder.join("web.key"), b"new", 0o600).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let said = staged.keep().unwrap_err().to_string();
    assert!(said.contains("web.key"), "{said}");
}

#[test]
fn what_was_kept_has_a_name_of_its_own_and_is_not_swept_away() {
    let dir = dir();
    let path = dir.path().join("web.key");
    fs::write(&path, b"old").unwrap();
    let kept = files::stage(&path, b"new", 0o600).unwrap().keep().unwrap();
    let name = kept.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("web.key.kept-"), "{name}");
    files::sweep(dir.path()).unwrap();
    assert_eq!(fs::read(&kept).unwrap(), b"new");
    assert_eq!(mode(&kept), 0o600);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(entries(&dir), 2);
}

#[test]
fn what_has_its_name_already_is_kept_under_it() {
    let dir = dir();
    let path = dir.path().join("web.key");
    let staged = files::stage(&path, b"new", 0o600).unwrap();
    staged.try_replace().unwrap();
    assert_eq!(staged.keep().unwrap(), path);
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_lock_is_held_by_one() {
    let dir = dir();
    let path = dir.path().join("lock");
    let held = files::lock(&path).unwrap();
    assert!(files::try_lock(&path).unwrap().is_none());
    drop(held);
    assert!(files::try_lock(&path).unwrap().is_some());
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn what_another_user_left_closed_is_found_by_its_mode() {
    use files::Access::{Read, Write};
    let dir = dir();
    let top = dir.path().join("top");
    let file = top.join("folder/file");
    fs::create_dir_all(top.join("folder")).unwrap();
    fs::write(&file, b"").unwrap();
    let found = fs::metadata(&file).unwrap();
    let (owner, group) = (found.uid(), found.gid());
    let (us, others) = (owner + 1, group + 1);
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for (folder, mode, group, access, expected) in [
        (0o755, 0o644, others, Read, None),
        (0o755, 0o640, others, Read, Some((&file, "read"))),
        (0o755, 0o640, group, Read, None),
        (0o755, 0o644, others, Write, Some((&top, "write"))),
        (0o700, 0o644, others, Read, Some((&top, "enter"))),
        (0o711, 0o644, others, Read, Some((&top, "read"))),
        (0o777, 0o644, others, Write, Some((&file, "write"))),
        (0o777, 0o666, others, Write, None),
    ] {
        for path in [&top, &top.join("folder")] {
            set(path, folder);
        }
        set(&file, mode);
        let closed = files::closed_to(&top, (us, group), access).unwrap();
        let found = closed.as_ref().map(|closed| (&closed.path, closed.action));
        assert_eq!(found, expected, "{folder:o} {mode:o} {access:?}");
        // Its own files are its own affair, and root needs no right.
        assert_eq!(files::closed_to(&top, (owner, group), access).unwrap(), None);
        assert_eq!(files::closed_to(&top, (0, group), access).unwrap(), None);
    }
    assert_eq!(
        files::closed_to(&dir.path().join("nothing"), (us, group), Read).unwrap(),
        None
    );
}
