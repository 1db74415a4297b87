//! One attempt at a renewal, and what it leaves to the next.

use rustls_pki_types::CertificateDer;
use x509::Certificate;
use zeroize::Zeroizing;

use super::{IssueError, RenewalError, key_and_csr};
use crate::tls::{Identity, TlsError};

/// A new identity that has no place on the disk yet.
pub(super) struct Issued {
    key: Zeroizing<String>,
    chain: Vec<u8>,
    /// The certificate that it replaces.
    old: CertificateDer<'static>,
}

/// Renews `identity`. What was issued and cannot be written stays in `unwritten` for the next attempt: `ca` issues few for one
/// identity. It stays only as long as it would be of use.
pub(super) async fn renew<F, R>(
    identity: &Identity,
    issue: &F,
    unwritten: &mut Option<Issued>,
) -> Result<(), RenewalError>
where
    F: Fn(Vec<u8>) -> R,
    R: Future<Output = Result<Vec<u8>, IssueError>>,
{
    let old = identity.leaf();
    // The files may have brought another identity since, which is newer, or is of another CA.
    let fits = |kept: &Issued| kept.old == old && identity.would_be_taken(&kept.chain);
    let issued = match unwritten.take().filter(fits) {
        Some(issued) => issued,
        None => request(old, issue).await?,
    };
    if let Err(error) = identity.replace(&issued.chain, issued.key.as_bytes()) {
        // Whatever is refused for another reason is refused next time as well.
        if matches!(error, TlsError::File(_)) {
            *unwritten = Some(issued);
        }
        return Err(error.into());
    }
    tracing::info!(identity = %identity.id(), "the service identity was renewed");
    Ok(())
}

async fn request<F, R>(old: CertificateDer<'static>, issue: &F) -> Result<Issued, RenewalError>
where
    F: Fn(Vec<u8>) -> R,
    R: Future<Output = Result<Vec<u8>, IssueError>>,
{
    let current = Certificate::from_der(&old)?;
    let made = key_and_csr(current.subject(), current.sans());
    let (key, csr) = made.map_err(RenewalError::Key)?;
    let chain = issue(csr).await.map_err(RenewalError::Issue)?;
    Ok(Issued { key, chain, old })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData, SanType};
    use tempfile::TempDir;
    use time::Duration;
    use time::macros::datetime;

    use super::*;
    use crate::clock::MockClock;
    use crate::tls::IdentityFiles;

    /// The life of what the CA issues.
    const LIFE: Duration = Duration::days(90);

    struct Ca {
        issuer: Issuer<'static, KeyPair>,
        pem: String,
    }

    /// The public key of a CSR.
    struct Requested(Vec<u8>);

    impl PublicKeyData for Requested {
        fn der_bytes(&self) -> &[u8] {
            &self.0
        }

        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            &rcgen::PKCS_ECDSA_P256_SHA256
        }
    }

    impl Ca {
        fn new() -> Self {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let pem = params.self_signed(&key).unwrap().pem();
            let issuer = Issuer::new(params, key);
            Self { issuer, pem }
        }

        fn sign(&self, service: &str, key: &impl PublicKeyData, clock: &MockClock) -> String {
            let mut params = CertificateParams::default();
            let uri = format!("spiffe://t.test/svc/{service}");
            params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
            params.not_before = crate::clock::Clock::now(clock);
            params.not_after = params.not_before + LIFE;
            params.signed_by(key, &self.issuer).unwrap().pem()
        }
    }

    /// The identity of `ca`, whose files have a folder while the disk works.
    struct World {
        ca: Ca,
        clock: Arc<MockClock>,
        dir: TempDir,
        files: IdentityFiles,
        identity: Identity,
        /// What was issued, and who for.
        issued: Mutex<Vec<String>>,
        service: &'static str,
        unwritten: Option<Issued>,
    }

    impl World {
        fn new() -> Self {
            let (ca, clock) = (
                Ca::new(),
                Arc::new(MockClock::new(datetime!(2027-01-02 3:04:05 UTC))),
            );
            let dir = tempfile::tempdir().unwrap();
            let roots = dir.path().join("roots.pem");
            let files = IdentityFiles::new(&dir.path().join("identities"), "ca", roots);
            ::files::replace(&files.roots, ca.pem.as_bytes(), 0o600).unwrap();
            std::fs::create_dir(dir.path().join("identities")).unwrap();
            put(&files, &ca, &clock);
            let identity = Identity::from_files(files.clone(), clock.clone()).unwrap();
            Self {
                ca,
                clock,
                dir,
                files,
                identity,
                issued: Mutex::default(),
                service: "ca",
                unwritten: None,
            }
        }

        async fn renew(&mut self) -> Result<(), RenewalError> {
            let issue = |csr: Vec<u8>| {
                let key = Requested(
                    x509::Csr::from_der(&csr)
                        .unwrap()
                        .public_key()
                        .key_bytes()
                        .to_vec(),
                );
                let chain = self.ca.sign(self.service, &key, &self.clock);
                self.issued.lock().unwrap().push(chain.clone());
                std::future::ready(Ok(chain.into_bytes()))
            };
            renew(&self.identity, &issue, &mut self.unwritten).await
        }

        fn folder(&self) -> PathBuf {
            self.dir.path().join("identities")
        }

        /// Nothing can be written until [`World::fix_disk`].
        fn break_disk(&self) {
            files::rename(&self.folder(), &self.dir.path().join("away")).unwrap();
        }

        fn fix_disk(&self) {
            files::rename(&self.dir.path().join("away"), &self.folder()).unwrap();
        }

        /// A certificate was issued and could not be written, and the disk works again.
        async fn with_one_unwritten() -> Self {
            let mut world = Self::new();
            world.break_disk();
            world.renew().await.unwrap_err();
            assert_eq!(world.issued().len(), 1);
            world.fix_disk();
            world
        }

        fn issued(&self) -> Vec<String> {
            self.issued.lock().unwrap().clone()
        }

        /// Whether the last that was issued is in use and in the files.
        fn has_the_last(&self) -> bool {
            let last = self.issued().pop().unwrap();
            let last = x509::pem::decode(last.as_bytes(), "CERTIFICATE").unwrap();
            let stored = Identity::from_files(self.files.clone(), self.clock.clone()).unwrap();
            [&self.identity, &stored]
                .iter()
                .all(|identity| identity.leaf().as_ref() == last[0])
        }
    }

    /// Another identity, as an operator puts it there.
    fn put(files: &IdentityFiles, ca: &Ca, clock: &MockClock) {
        let key = KeyPair::generate().unwrap();
        let chain = ca.sign("ca", &key, clock);
        files
            .write(chain.as_bytes(), key.serialize_pem().as_bytes())
            .unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_written_later_and_not_issued_again() {
        let mut world = World::new();
        world.break_disk();
        for _ in 0..20 {
            let refused = world.renew().await.unwrap_err();
            assert!(
                matches!(refused, RenewalError::Unusable(TlsError::File(_))),
                "{refused:?}"
            );
        }
        world.fix_disk();
        world.renew().await.unwrap();
        assert_eq!(world.issued().len(), 1);
        assert!(world.has_the_last());
        // The next renewal has a certificate of its own.
        world.renew().await.unwrap();
        assert_eq!(world.issued().len(), 2);
        assert!(world.has_the_last());
    }

    #[tokio::test]
    async fn what_is_not_an_identity_of_the_service_is_not_kept() {
        let mut world = World::new();
        world.service = "auth";
        for _ in 0..2 {
            let refused = world.renew().await.unwrap_err();
            assert!(
                matches!(refused, RenewalError::Unusable(TlsError::NotAService(_))),
                "{refused:?}"
            );
        }
        world.service = "ca";
        world.renew().await.unwrap();
        assert_eq!(world.issued().len(), 3);
        assert!(world.has_the_last());
    }

    #[tokio::test]
    async fn what_has_expired_before_it_could_be_written_is_issued_again() {
        let mut world = World::with_one_unwritten().await;
        world.clock.advance(LIFE + Duration::seconds(1));
        world.renew().await.unwrap();
        assert_eq!(world.issued().len(), 2);
        assert!(world.has_the_last());
    }

    #[tokio::test]
    async fn what_was_revoked_before_it_could_be_written_is_issued_again() {
        let mut world = World::with_one_unwritten().await;
        let certificate = Certificate::from_pem(world.issued()[0].as_bytes()).unwrap();
        let serial = certificate.serial().proper().unwrap();
        world.identity.revoked_peers().replace(BTreeSet::from([serial]));
        world.renew().await.unwrap();
        assert_eq!(world.issued().len(), 2);
        assert!(world.has_the_last());
    }

    #[tokio::test]
    async fn what_another_ca_issued_is_not_written_once_the_roots_are_others() {
        let mut world = World::with_one_unwritten().await;
        world.ca = Ca::new();
        files::replace(&world.files.roots, world.ca.pem.as_bytes(), 0o600).unwrap();
        assert!(world.identity.reload().unwrap());
        world.renew().await.unwrap();
        assert_eq!(world.issued().len(), 2);
        assert!(world.has_the_last());
    }

    #[tokio::test]
    async fn an_identity_that_was_put_there_by_hand_is_not_replaced_by_an_older_one() {
        let mut world = World::with_one_unwritten().await;
        put(&world.files, &world.ca, &world.clock);
        assert!(world.identity.reload().unwrap());
        world.renew().await.unwrap();
        assert_eq!(world.issued().len(), 2);
        assert!(world.has_the_last());
    }
}
