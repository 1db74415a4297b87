//! The data directory is its owner's alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{copy_of, refused, started, stopped, up};

#[test]
fn directories_of_others_are_refused_and_open_ones_closed_at_every_start() {
    let (system, _) = stopped(&[]);
    for folder in ["", "keys", "identities", "db"] {
        let dir = copy_of(&system);
        let path = match folder {
            "" => dir.path().join("data"),
            folder => dir.path().join("data").join(folder),
        };
        for mode in [0o777, 0o770, 0o702] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(
                refused(up(dir.path(), &[])).contains("chmod 700"),
                "{folder} {mode:o}"
            );
        }
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let (process, _) = started(up(dir.path(), &[]), dir.path());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700,
            "{folder}"
        );
        drop(process);
        let moved = dir.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        assert!(
            refused(up(dir.path(), &[])).contains("a symbolic link"),
            "{folder}"
        );
    }
}

#[test]
fn links_foreign_files_and_open_ones_are_refused_at_every_depth() {
    let (system, _) = stopped(&[]);
    let files = [
        "db/ca.db",
        "keys/kek",
        "identities/https/tls.key",
        "keys/root/issued.jsonl",
    ];
    let folders = ["identities/https", "keys/root", "keys/root/issued"];
    for name in files.iter().chain(&folders) {
        let dir = copy_of(&system);
        let path = dir.path().join("data").join(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        fs::set_permissions(&path, Permissions::from_mode(mode | 0o022)).unwrap();
        let said = refused(up(dir.path(), &[]));
        assert!(said.contains(name) && said.contains("chmod"), "{name}: {said}");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let moved = dir.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        let said = refused(up(dir.path(), &[]));
        assert!(
            said.contains(name) && said.contains("a symbolic link"),
            "{name}: {said}"
        );
        fs::remove_file(&path).unwrap();
        fs::rename(&moved, &path).unwrap();
        drop(started(up(dir.path(), &[]), dir.path()));
    }
}
