//! Files that belong together, written by many at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;

use files::{Error, Staged, create_together, replace_together};

const NAMES: [&str; 3] = ["a.key", "a.crt", "a.chain.pem"];
const WRITERS: usize = 6;

fn staged(dir: &Path, content: &str) -> Vec<Staged> {
    let stage = |name: &str| files::stage(&dir.join(name), content.as_bytes(), 0o600).unwrap();
    NAMES.map(stage).into()
}

fn at_once<T: Send>(write: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(WRITERS);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (start, write) = (&start, &write);
                scope.spawn(move || {
                    start.wait();
                    write(writer)
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

/// Whose files are there.
fn content(dir: &Path) -> String {
    let [key, certificate, chain] = NAMES.map(|name| fs::read_to_string(dir.join(name)).unwrap());
    assert!(key == certificate && key == chain, "{key} {certificate} {chain}");
    key
}

fn hidden(dir: &Path) -> usize {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_str().unwrap().starts_with('.'))
        .count()
}

#[test]
fn of_many_that_create_files_one_gets_all_and_the_others_keep_theirs() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let kept = at_once(|writer| {
            let mut files = staged(dir.path(), &writer.to_string());
            let all: Vec<&Staged> = files.iter().collect();
            match create_together(&all) {
                Ok(()) => None,
                Err(Error::Exists(_)) => Some((writer, files.remove(0).keep().unwrap())),
                Err(error) => panic!("{error}"),
            }
        });
        let kept: Vec<(usize, PathBuf)> = kept.into_iter().flatten().collect();
        assert_eq!(kept.len(), WRITERS - 1);
        let first = content(dir.path());
        for (writer, path) in kept {
            assert_eq!(fs::read_to_string(path).unwrap(), writer.to_string());
            assert_ne!(first, writer.to_string());
        }
        assert_eq!(hidden(dir.path()), 0);
    }
}

#[test]
fn of_many_that_replace_files_one_is_the_last_with_all_of_them() {
    for there in [&NAMES[..], &NAMES[1..], &NAMES[..1], &[]] {
        for _ in 0..10 {
            let dir = tempfile::tempdir().unwrap();
            for name in there {
                fs::write(dir.path().join(name), "old").unwrap();
            }
            at_once(|writer| {
                let files = staged(dir.path(), &writer.to_string());
                let all: Vec<&Staged> = files.iter().collect();
                replace_together(&all).unwrap();
            });
            assert_ne!(content(dir.path()), "old");
            assert_eq!(hidden(dir.path()), 0);
        }
    }
}

#[test]
fn where_one_name_is_taken_none_is_given() {
    for taken in NAMES {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(taken), "theirs").unwrap();
        let files = staged(dir.path(), "new");
        let all: Vec<&Staged> = files.iter().collect();
        assert!(matches!(create_together(&all), Err(Error::Exists(_))));
        assert_eq!(hidden(dir.path()), NAMES.len());
        drop(files);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_file_under_a_lock_of_whoever_started_this_is_replaced_after_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.key");
    fs::write(&path, "old").unwrap();
    let theirs = fs::File::open(&path).unwrap();
    theirs.lock().unwrap();
    let new = files::stage(&path, b"new", 0o600).unwrap();
    replace_together(&[&new]).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}
