//! The library as `gigvault up` uses it, and questions put to people.

use keys::{KeyEncryptionKey, Signer, SoftwareKey};
use rootca::cli::{self, Prompts};
use rootca::{Error, Folder, Intermediate, Loss, Protection, Root};
use rules::{PublicationUrls, duration};
use secrecy::SecretString;
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::{Eku, KeyAlgorithm, SignatureAlgorithm};

use crate::world::Ceremony;

/// No clock is older than the program.
const NOW: OffsetDateTime = rootca::BUILT;

fn root() -> Root {
    Root::create(
        &"CN=Development Root".parse().unwrap(),
        KeyAlgorithm::P256,
        None,
        NOW,
    )
    .unwrap()
}

fn intermediate() -> Intermediate {
    let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
    Intermediate {
        urls: PublicationUrls {
            crl: vec!["http://127.0.0.1:8080/crl/root.crl".into()],
            ..PublicationUrls::default()
        },
        ..Intermediate::new("CN=Issuing CA".parse().unwrap(), key.public_key().clone())
    }
}

#[test]
fn a_hierarchy_is_made_in_memory() {
    let root = root();
    root.certificate().verify_signed_by(root.certificate()).unwrap();
    let issuing = root.sign_intermediate(&intermediate(), NOW).unwrap();
    issuing.verify_signed_by(root.certificate()).unwrap();
    assert_eq!(issuing.path_len(), Some(0));
    assert_eq!(issuing.validity().duration(), time::Duration::days(3650));

    let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
    let services = Intermediate::for_services("CN=Services CA".parse().unwrap(), key.public_key().clone());
    let services = root.sign_intermediate(&services, NOW).unwrap();
    assert_eq!(services.eku(), Some(&[Eku::ServerAuth, Eku::ClientAuth][..]));

    let list = root.crl(7, Vec::new(), duration::days(30), NOW).unwrap();
    list.verify_signed_by(root.certificate()).unwrap();
    assert_eq!(
        (list.number(), list.next_update()),
        (Some(7), Some(NOW + time::Duration::days(30)))
    );
}

#[test]
fn a_root_comes_back_from_its_folder_under_either_protection() {
    let dir = tempfile::tempdir().unwrap();
    let kek = KeyEncryptionKey::create_file(&dir.path().join("kek")).unwrap();
    let other = KeyEncryptionKey::create_file(&dir.path().join("other")).unwrap();
    let passphrase = SecretString::from("five random words are best");
    for (name, protection, wrong) in [
        ("a", Protection::Sealed(&kek), Protection::Sealed(&other)),
        ("b", Protection::Passphrase(&passphrase), Protection::Sealed(&kek)),
        ("c", Protection::Sealed(&kek), Protection::Passphrase(&passphrase)),
    ] {
        let (root, path) = (root(), dir.path().join(name));
        root.save(&path, protection).unwrap();
        let again = Root::open(&path, protection).unwrap();
        assert_eq!(again.certificate(), root.certificate());
        again.sign_intermediate(&intermediate(), NOW).unwrap();
        Root::open(&path, wrong).unwrap_err();
        assert!(matches!(root.save(&path, protection), Err(Error::Exists(_))));
    }
}

#[test]
fn a_sealed_key_opens_for_its_own_certificate_only() {
    let dir = tempfile::tempdir().unwrap();
    let kek = KeyEncryptionKey::create_file(&dir.path().join("kek")).unwrap();
    let path = |name: &str| dir.path().join(name);
    for name in ["a", "b"] {
        root().save(&path(name), Protection::Sealed(&kek)).unwrap();
    }
    std::fs::copy(path("a/root.key"), path("b/root.key")).unwrap();
    assert!(matches!(
        Root::open(&path("b"), Protection::Sealed(&kek)),
        Err(Error::KeyFile {
            problem: keys::KeyError::Tampered,
            ..
        })
    ));
}

#[test]
fn the_program_serves_the_root_that_a_machine_made() {
    let ceremony = Ceremony::empty();
    let kek = KeyEncryptionKey::from_file(&ceremony.path("kek")).unwrap();
    let root = Root::create(
        &"CN=Development Root".parse().unwrap(),
        KeyAlgorithm::P256,
        None,
        NOW,
    )
    .unwrap();
    let folder = root
        .save(&ceremony.path("root"), Protection::Sealed(&kek))
        .unwrap();
    let issuing = root.sign_intermediate(&intermediate(), NOW).unwrap();
    folder.record(&issuing, NOW).unwrap();
    assert!(
        matches!(folder.record(&issuing, NOW), Err(Error::Exists(_))),
        "a certificate is recorded once"
    );
    ceremony
        .run(&["verify", "--dir", "root", "--kek-file", "kek"])
        .ok();
    ceremony
        .run(&["verify", "--dir", "root", "--passphrase-file", "passphrase"])
        .refused(2, "--kek-file");
}

#[test]
fn a_draft_is_signed_by_the_root_that_it_was_made_for() {
    let (one, other) = (root(), root());
    let draft = rootca::draft(one.certificate(), &intermediate(), NOW).unwrap();
    assert!(other.sign(draft).is_err());
}

#[test]
fn an_expired_root_signs_nothing() {
    let root = root();
    let late = NOW + time::Duration::days(7306);
    assert!(matches!(
        root.sign_intermediate(&intermediate(), late),
        Err(Error::Denied(_))
    ));
    assert!(matches!(
        root.crl(1, Vec::new(), duration::days(1), late),
        Err(Error::Crl(_))
    ));
    let last = root
        .crl(
            1,
            Vec::new(),
            duration::days(90),
            root.certificate().not_after() - time::Duration::days(1),
        )
        .unwrap();
    assert_eq!(
        last.next_update(),
        Some(root.certificate().not_after()),
        "no CRL outlives its issuer"
    );
}

#[test]
fn a_crl_lists_what_was_revoked_with_time_and_reason() {
    let dir = tempfile::tempdir().unwrap();
    let passphrase = SecretString::from("five random words are best");
    let root = root();
    let folder = root
        .save(&dir.path().join("root"), Protection::Passphrase(&passphrase))
        .unwrap();
    let issued = root.sign_intermediate(&intermediate(), NOW).unwrap();
    folder.record(&issued, NOW).unwrap();
    folder
        .revoke(
            issued.serial().proper().unwrap(),
            Reason::KeyCompromise,
            NOW + time::Duration::HOUR,
        )
        .unwrap();
    let list = folder
        .publish_crl(
            &root,
            duration::days(180),
            NOW + time::Duration::DAY,
            Loss::Refuse,
        )
        .unwrap();
    let entry = list.find(&issued.serial().proper().unwrap()).unwrap();
    assert_eq!(
        (entry.time, entry.reason),
        (NOW + time::Duration::HOUR, Some(Reason::KeyCompromise))
    );
    assert_eq!(
        Folder::open(folder.dir())
            .unwrap()
            .latest_crl()
            .unwrap()
            .unwrap()
            .der(),
        list.der()
    );
}

/// Answers questions and remembers them.
#[derive(Default)]
struct Script {
    consent: bool,
    passphrase: &'static str,
    asked: Vec<String>,
}

impl Prompts for Script {
    fn passphrase(&mut self) -> Result<SecretString, Error> {
        self.asked.push("passphrase".into());
        Ok(self.passphrase.into())
    }

    fn new_passphrase(&mut self) -> Result<SecretString, Error> {
        self.asked.push("new passphrase".into());
        Ok(self.passphrase.into())
    }

    fn confirm(&mut self, question: &str, _: &'static str) -> Result<bool, Error> {
        self.asked.push(question.into());
        Ok(self.consent)
    }
}

#[derive(clap::Parser)]
struct Embedding {
    #[command(flatten)]
    args: cli::Args,
}

fn interactive(words: &[&str], script: &mut Script) -> (Result<(), Error>, String) {
    let args = <Embedding as clap::Parser>::try_parse_from([&["gigvault rootca"], words].concat())
        .unwrap()
        .args;
    let mut out = Vec::new();
    let result = cli::run(args, NOW, &mut out, script);
    (result, String::from_utf8(out).unwrap())
}

#[test]
fn people_are_asked_after_they_have_seen_and_before_the_key_is_opened() {
    let ceremony = Ceremony::empty();
    let dir = ceremony.path("root").display().to_string();
    let mut script = Script {
        passphrase: "spoken only in this room",
        ..Script::default()
    };
    interactive(
        &[
            "init",
            "--subject",
            "CN=Root",
            "--key-type",
            "p256",
            "--dir",
            &dir,
        ],
        &mut script,
    )
    .0
    .unwrap();
    ceremony.csr("sub", "/CN=Sub CA");
    let csr = ceremony.path("sub.csr").display().to_string();
    let sign = ["sign-intermediate", &csr, "--dir", &dir, "-o", "table"];

    let (declined, shown) = interactive(&sign, &mut script);
    assert!(matches!(declined, Err(Error::Declined)));
    assert!(shown.contains("CN=Sub CA"), "{shown}");
    assert_eq!(
        script.asked,
        ["new passphrase", "Sign it?"],
        "no passphrase without consent"
    );
    assert_eq!(
        Folder::open(&ceremony.path("root")).unwrap().issued().unwrap(),
        []
    );

    script.consent = true;
    interactive(&sign, &mut script).0.unwrap();
    assert_eq!(
        script.asked,
        ["new passphrase", "Sign it?", "Sign it?", "passphrase"]
    );
    let issued = Folder::open(&ceremony.path("root")).unwrap().issued().unwrap();
    assert_eq!(issued.len(), 1);

    let serial = issued[0].serial.to_string();
    script.consent = false;
    let (declined, _) = interactive(&["revoke", &serial, "--dir", &dir], &mut script);
    assert!(matches!(declined, Err(Error::Declined)));
    assert!(
        script.asked.last().unwrap().contains("CN=Sub CA"),
        "{:?}",
        script.asked
    );
}

#[test]
fn the_algorithm_follows_the_key() {
    let p384 = Root::create(&"CN=R".parse().unwrap(), KeyAlgorithm::P384, None, NOW).unwrap();
    assert_eq!(
        p384.certificate().signature_algorithm().unwrap(),
        SignatureAlgorithm::EcdsaSha384
    );
    let issued = p384.sign_intermediate(&intermediate(), NOW).unwrap();
    assert_eq!(
        issued.signature_algorithm().unwrap(),
        SignatureAlgorithm::EcdsaSha384
    );
}

#[test]
fn a_crl_is_never_older_than_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let kek = KeyEncryptionKey::create_file(&dir.path().join("kek")).unwrap();
    let root = root();
    let folder = root
        .save(&dir.path().join("root"), Protection::Sealed(&kek))
        .unwrap();
    let publish = |now| folder.publish_crl(&root, duration::days(30), now, Loss::Refuse);
    let first = publish(NOW + time::Duration::DAY).unwrap();
    let refused = publish(NOW).unwrap_err().to_string();
    assert!(
        refused.contains("set the clock") && refused.contains("move root.crl"),
        "{refused}"
    );
    // Another process was a moment faster, or the clock was put right a little.
    let second = publish(NOW + time::Duration::DAY - time::Duration::MINUTE).unwrap();
    assert_eq!(
        (second.number(), second.this_update()),
        (Some(2), first.this_update())
    );
    std::fs::remove_file(folder.dir().join("root.crl")).unwrap();
    assert_eq!(publish(NOW).unwrap().number(), Some(3));
}

#[test]
fn a_clock_older_than_the_program_signs_nothing_but_looks_and_revokes() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let dir = ceremony.path("root").display().to_string();
    let kek = ceremony.path("kek").display().to_string();
    let at_1970 = |words: &[&str]| {
        let args = <Embedding as clap::Parser>::try_parse_from([&["gigvault rootca"], words].concat())
            .unwrap()
            .args;
        cli::run(
            args,
            OffsetDateTime::UNIX_EPOCH,
            &mut Vec::new(),
            &mut Script::default(),
        )
    };
    let csr = ceremony.path("issuing.csr").display().to_string();
    let new = ceremony.path("new").display().to_string();
    for words in [
        &["init", "--subject", "CN=R", "--dir", &new, "--kek-file", &kek][..],
        &[
            "sign-intermediate",
            &csr,
            "--dir",
            &dir,
            "--yes",
            "--kek-file",
            &kek,
        ],
        &["crl", "--dir", &dir, "--kek-file", &kek],
    ] {
        assert!(matches!(at_1970(words), Err(Error::Clock { .. })), "{words:?}");
    }
    assert!(!ceremony.path("new").exists());
    at_1970(&["inspect", "--dir", &dir]).unwrap();
    at_1970(&["verify", "--dir", &dir, "--without-key"]).unwrap();
    at_1970(&["revoke", &serial, "--dir", &dir, "--yes"]).unwrap();
}
