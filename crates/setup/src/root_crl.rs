//! The CRL of the development root: made at the first start, and again before half of its life is over; served by `crl`.

use std::path::PathBuf;
use std::time::Duration;

use futures::stream;
use kit::transport::{Transport, streamed};
use proto::crl::v1::crl_client::CrlClient;
use proto::crl::v1::import_request::Part;
use proto::crl::v1::{ImportRequest, ImportStart};
use rootca::{Folder, Loss, Protection};
use time::OffsetDateTime;
use x509::crl::CertificateList;
use x509::rfc3339;

use crate::error::Error;
use crate::hierarchy::Files;

/// Under which name it is served: `/crl/root.crl`.
const NAME: &str = "root";
/// Octets that are sent at a time.
const PIECE: usize = 256 * 1024;
/// How long a list holds. The root revokes next to nothing, and a machine that is off for three months still has a good one.
const LIFE: Duration = Duration::from_secs(180 * 24 * 3600);

/// The list in the root's folder, and its copy for others.
#[derive(Clone, Debug)]
pub struct RootCrl {
    ceremony: PathBuf,
    published: PathBuf,
}

impl RootCrl {
    /// The one of this hierarchy.
    #[must_use]
    pub fn of(files: &Files) -> Self {
        Self {
            ceremony: files.root_ceremony.clone(),
            published: files.root_crl.clone(),
        }
    }

    /// Whether a list is to be signed: there is none, half of its life is over, it is from the future, something was revoked since, or
    /// numbers were used up since. The key is not needed to know it.
    ///
    /// # Errors
    /// [`Error::Root`] for a folder that cannot be read.
    pub fn is_due(&self, now: OffsetDateTime) -> Result<bool, Error> {
        let look = || {
            let folder = Folder::open(&self.ceremony)?;
            let Some(list) = folder.latest_crl()? else {
                return Ok(true);
            };
            if list.verify_signed_by(folder.certificate()).is_err() || is_old(&list, now) {
                return Ok(true);
            }
            // Its number was used up without a list, such as by a restore.
            let used = folder.crl_number();
            if used.is_ok_and(|used| list.number().is_none_or(|number| number < used)) {
                return Ok(true);
            }
            let mut revoked = folder.revoked()?.into_iter();
            Ok(revoked.any(|revoked| list.find(&revoked.serial).is_none()))
        };
        look().map_err(Error::root("its CRL cannot be looked at"))
    }

    /// Signs the next list. `protection` opens the root's key.
    ///
    /// # Errors
    /// [`Error::Root`]: [`Folder::publish_crl`] has the reasons.
    pub fn sign(&self, protection: Protection<'_>, now: OffsetDateTime) -> Result<(), Error> {
        let sign = || {
            let folder = Folder::open(&self.ceremony)?;
            let root = folder.unlock(protection)?;
            let now = now.replace_nanosecond(0).unwrap_or(now);
            folder.publish_crl(&root, LIFE, now, Loss::Refuse)
        };
        let list = sign().map_err(Error::root("it did not sign its CRL"))?;
        let next_update = list.next_update().map(rfc3339).unwrap_or_default();
        tracing::info!(
            number = list.number(),
            next_update,
            "CRL of the development root signed"
        );
        Ok(())
    }

    /// The number of the list that others take and the highest that the root's folder knows, if that is lower: the folder is older
    /// than it was. What cannot be read says nothing.
    #[must_use]
    pub fn ahead_of_folder(&self) -> Option<(u64, u64)> {
        let folder = Folder::open(&self.ceremony).ok()?;
        let published = self.kept_copy(&folder)?.number()?;
        let latest = folder.latest_crl().ok().flatten();
        let known = latest.and_then(|list| list.number()).unwrap_or_default();
        let known = known.max(folder.crl_number().unwrap_or_default());
        (published > known).then_some((published, known))
    }

    /// The copy for others, if this root signed it.
    fn kept_copy(&self, folder: &Folder) -> Option<CertificateList> {
        let content = std::fs::read(&self.published).ok()?;
        let list = CertificateList::from_der(&content).ok()?;
        list.verify_signed_by(folder.certificate()).ok()?;
        Some(list)
    }

    /// Goes on after a restore: takes what lists that were kept say, the copy for others among them, and uses up all numbers to
    /// `used`. The next list is due then.
    ///
    /// # Errors
    /// [`Error::Root`] for a folder that cannot be read or written.
    pub fn go_on_above(&self, served: Option<&[u8]>, used: u64) -> Result<(), Error> {
        let go_on = || {
            let folder = Folder::open(&self.ceremony)?;
            let served = served.and_then(|octets| CertificateList::from_der(octets).ok());
            for list in [self.kept_copy(&folder), served].into_iter().flatten() {
                if folder.take_newer_crl(&list)? {
                    tracing::warn!(
                        number = list.number(),
                        entries = list.entries().len(),
                        "the development root goes on with a CRL that is newer than its folder"
                    );
                }
            }
            folder.use_up_crl_numbers(used)
        };
        go_on().map_err(Error::root("its CRL numbers do not go on"))
    }

    /// Copies the latest list to where others take it, unless that is there.
    ///
    /// # Errors
    /// [`Error::Root`], [`Error::File`].
    pub fn publish(&self) -> Result<(), Error> {
        let latest = Folder::open(&self.ceremony).and_then(|folder| folder.latest_crl());
        let Some(list) = latest.map_err(Error::root("its CRL cannot be read"))? else {
            return Ok(());
        };
        if std::fs::read(&self.published).is_ok_and(|published| published == list.der()) {
            return Ok(());
        }
        Ok(files::replace(&self.published, list.der(), 0o644)?)
    }

    /// Has the latest list served. One that is served already stays.
    ///
    /// # Errors
    /// [`Error::Root`]; [`Error::Call`] for what `crl` refused.
    pub async fn import(&self, crl: Transport) -> Result<(), Error> {
        let folder = Folder::open(&self.ceremony).map_err(Error::root("it cannot be read"))?;
        let latest = folder
            .latest_crl()
            .map_err(Error::root("its CRL cannot be read"))?;
        let Some(list) = latest else {
            return Ok(());
        };
        let start = Part::Start(ImportStart {
            name: NAME.to_owned(),
            issuer_certificate: folder.certificate().der().to_vec(),
            dry_run: false,
            below: Vec::new(),
        });
        let pieces = list.der().chunks(PIECE).map(|piece| Part::Octets(piece.to_vec()));
        let parts: Vec<ImportRequest> = std::iter::once(start)
            .chain(pieces)
            .map(|part| ImportRequest { part: Some(part) })
            .collect();
        let imported = CrlClient::new(crl).import(streamed(stream::iter(parts))).await;
        imported
            .map(drop)
            .map_err(Error::call("crl did not take the CRL of the development root"))
    }
}

/// Whether half of its life is over. So is a list from the future, which no client takes: the signature then fails with what to do
/// about it. Ours all have an end.
fn is_old(list: &CertificateList, now: OffsetDateTime) -> bool {
    let age = now - list.this_update();
    let left = list.next_update().map(|end| end - now);
    age < -time::Duration::HOUR || left.is_none_or(|left| age > left)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests")]
mod tests {
    use keys::KeyEncryptionKey;
    use rootca::{Intermediate, Root};
    use time::Duration;
    use time::macros::datetime;
    use x509::KeyAlgorithm;
    use x509::crl::Reason;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05.678 UTC);

    struct World {
        dir: tempfile::TempDir,
        kek: KeyEncryptionKey,
        root: Root,
        crl: RootCrl,
    }

    impl World {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let kek = KeyEncryptionKey::create_file(&dir.path().join("kek")).unwrap();
            let root = Root::create(&"CN=Test Root".parse().unwrap(), KeyAlgorithm::P256, None, NOW).unwrap();
            let crl = RootCrl {
                ceremony: dir.path().join("root"),
                published: dir.path().join("root.crl"),
            };
            root.save(&crl.ceremony, Protection::Sealed(&kek)).unwrap();
            Self { dir, kek, root, crl }
        }

        fn sign(&self, now: OffsetDateTime) -> CertificateList {
            self.crl.sign(Protection::Sealed(&self.kek), now).unwrap();
            self.crl.publish().unwrap();
            let list = std::fs::read(self.dir.path().join("root.crl")).unwrap();
            let list = CertificateList::from_der(&list).unwrap();
            list.verify_signed_by(self.root.certificate()).unwrap();
            list
        }

        fn is_due(&self, now: OffsetDateTime) -> bool {
            self.crl.is_due(now).unwrap()
        }
    }

    #[test]
    fn a_list_is_due_at_the_first_start_and_when_half_of_its_life_is_over() {
        let world = World::new();
        // Without a list there is nothing to publish.
        world.crl.publish().unwrap();
        assert!(!world.dir.path().join("root.crl").exists());
        assert!(world.is_due(NOW));
        let first = world.sign(NOW);
        assert_eq!(
            first.next_update().unwrap() - first.this_update(),
            Duration::days(180)
        );
        for (days, due) in [(0, false), (89, false), (91, true), (400, true), (-5, true)] {
            assert_eq!(world.is_due(NOW + Duration::days(days)), due, "{days}");
        }
        let second = world.sign(NOW + Duration::days(91));
        assert_eq!((first.number(), second.number()), (Some(1), Some(2)));
        assert!(!world.is_due(NOW + Duration::days(100)));
    }

    #[test]
    fn what_was_revoked_since_is_published() {
        let world = World::new();
        world.sign(NOW);
        let folder = Folder::open(&world.crl.ceremony).unwrap();
        let key = keys::SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let subject = "CN=Test CA".parse().unwrap();
        let wanted = Intermediate::new(subject, keys::Signer::public_key(&key).clone());
        let draft = rootca::draft(folder.certificate(), &wanted, NOW).unwrap();
        let certificate = folder.issue(&world.root, draft, NOW).unwrap();
        assert!(!world.is_due(NOW));
        let serial = certificate.serial().proper().unwrap();
        folder.revoke(serial, Reason::CaCompromise, NOW).unwrap();
        assert!(world.is_due(NOW));
        let list = world.sign(NOW);
        assert_eq!(list.find(&serial).unwrap().reason, Some(Reason::CaCompromise));
        assert!(!world.is_due(NOW));
    }

    /// A copy of the folder without what was made since is put back.
    fn copy(from: &std::path::Path, to: &std::path::Path) {
        for file in ["root.crl", "crl-number", "revoked.jsonl", "issued.jsonl"] {
            drop(std::fs::remove_file(to.join(file)));
            if from.join(file).exists() {
                std::fs::copy(from.join(file), to.join(file)).unwrap();
            }
        }
        for issued in std::fs::read_dir(to.join("issued")).into_iter().flatten() {
            std::fs::remove_file(issued.unwrap().path()).unwrap();
        }
    }

    #[test]
    fn after_a_restore_no_number_is_used_twice_and_what_a_kept_list_revokes_stays_revoked() {
        let world = World::new();
        world.sign(NOW);
        let backup = world.dir.path().join("backup");
        std::fs::create_dir(&backup).unwrap();
        copy(&world.crl.ceremony, &backup);
        let folder = Folder::open(&world.crl.ceremony).unwrap();
        let key = keys::SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let wanted = Intermediate::new(
            "CN=Test CA".parse().unwrap(),
            keys::Signer::public_key(&key).clone(),
        );
        let draft = rootca::draft(folder.certificate(), &wanted, NOW).unwrap();
        let serial = folder
            .issue(&world.root, draft, NOW)
            .unwrap()
            .serial()
            .proper()
            .unwrap();
        folder.revoke(serial, Reason::CaCompromise, NOW).unwrap();
        let served = world.sign(NOW);
        assert_eq!(world.crl.ahead_of_folder(), None);

        // With the copy for others, and with what is served alone.
        for kept in [true, false] {
            copy(&backup, &world.crl.ceremony);
            if !kept {
                std::fs::remove_file(&world.crl.published).unwrap();
            }
            assert_eq!(world.crl.ahead_of_folder(), kept.then_some((2, 1)));
            let used = if kept { 1 << 32 } else { 2 << 32 };
            let before = (!kept).then_some(served.der());
            world.crl.go_on_above(before, used).unwrap();
            assert!(world.is_due(NOW));
            let list = world.sign(NOW);
            assert_eq!(list.number(), Some(used + 1));
            assert!(list.find(&serial).is_some());
            assert!(!world.is_due(NOW));
        }
        // Nothing was kept: what was revoked is lost, and numbers go on all the same.
        copy(&backup, &world.crl.ceremony);
        std::fs::remove_file(&world.crl.published).unwrap();
        world.crl.go_on_above(None, 3 << 32).unwrap();
        let list = world.sign(NOW);
        assert_eq!((list.number(), list.entries().len()), (Some((3 << 32) + 1), 0));
    }

    #[test]
    fn a_list_of_another_root_is_replaced() {
        let (world, other) = (World::new(), World::new());
        world.sign(NOW);
        other.sign(NOW);
        let others = std::fs::read(other.crl.ceremony.join("root.crl")).unwrap();
        files::replace(&world.crl.ceremony.join("root.crl"), &others, 0o644).unwrap();
        assert!(world.is_due(NOW));
        assert_eq!(world.sign(NOW).number(), Some(2));
    }
}
