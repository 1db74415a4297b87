//! First start: root, issuing CA, services CA, first admin. Every step looks whether it was done before, so that a start
//! that was cut off anywhere is finished by the next.
//!
//! The root made here is for development: its key lies on this machine, sealed with the key-encryption key.

use std::time::Duration;

use anyhow::{Context, bail};
use ca::{App, NewAuthority};
use keys::KeyEncryptionKey;
use kit::transport::Transport;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::keymgr::v1::{GenerateRequest, GetRequest, Purpose};
use rootca::{Folder, Intermediate, Protection, Root};
use time::OffsetDateTime;
use x509::{Certificate, DistinguishedName, KeyAlgorithm, PublicKey, SignatureAlgorithm};

use super::layout::DataDir;

const CA_LIFE: Duration = Duration::from_secs(5 * 365 * 24 * 3600);

/// The CA that issues for users.
pub(crate) const ISSUING: &str = "issuing";
/// The CA that issues identities of services, and nothing else.
pub(crate) const SERVICES: &str = "services";

/// What the hierarchy is made with.
pub(crate) struct Bootstrap<'a> {
    pub(crate) data: &'a DataDir,
    pub(crate) kek: &'a KeyEncryptionKey,
    pub(crate) keymgr: Transport,
    pub(crate) app: &'a App,
    pub(crate) now: OffsetDateTime,
    /// Whether what is missing is made. Later it was lost.
    pub(crate) founding: bool,
}

/// A CA that is to be there.
struct Planned {
    name: &'static str,
    subject: &'static str,
    profiles: Vec<String>,
}

impl Bootstrap<'_> {
    /// Makes what is missing of root and CAs during a first start, later checks that they belong together, and writes their
    /// certificates beside the data.
    pub(crate) async fn hierarchy(&self) -> anyhow::Result<()> {
        match self.founding {
            true => self.found().await?,
            false => self.check().await?,
        }
        self.write_certificates().await
    }

    /// Root, databases and keys must be of one hierarchy: parts of different backups are not.
    async fn check(&self) -> anyhow::Result<()> {
        let folder = Folder::open(&self.data.root_ceremony())?;
        let root = folder.certificate();
        for name in [ISSUING, SERVICES] {
            let authority = self.app.authorities().by_name(name).await;
            let authority = authority.with_context(|| {
                format!("the database of ca does not hold CA {name}: restore it from the backup")
            })?;
            if authority.chain.last() != Some(root) {
                bail!(
                    "keys/root holds another root than the one above CA {name} in the database of ca: put keys/ and databases \
                     of one backup together again; nothing was changed"
                );
            }
            let key = self.existing_key(&authority.key_name).await?;
            if key.is_none_or(|key| key.fingerprint() != authority.certificate.spki_fingerprint()) {
                bail!(
                    "the database of keymgr does not hold the key of CA {name} ({}): restore it from a backup of the same time \
                     as the database of ca; nothing was changed",
                    authority.key_name
                );
            }
        }
        Ok(())
    }

    async fn found(&self) -> anyhow::Result<()> {
        let have: Vec<String> = self
            .app
            .authorities()
            .all()
            .iter()
            .map(|authority| authority.name.clone())
            .collect();
        if !have.iter().any(|name| name == ISSUING) || !have.iter().any(|name| name == SERVICES) {
            let root = self.root()?;
            let issuing = Planned {
                name: ISSUING,
                subject: "CN=GigVault Issuing CA,O=GigVault",
                profiles: vec![ca::USER_PROFILES.to_owned()],
            };
            let services = Planned {
                name: SERVICES,
                subject: "CN=GigVault Services CA,O=GigVault",
                profiles: vec!["service-identity".to_owned()],
            };
            for planned in [issuing, services] {
                if !have.iter().any(|known| known == planned.name) {
                    self.authority(&root, planned).await?;
                }
            }
        }
        Ok(())
    }

    fn root(&self) -> anyhow::Result<Root> {
        let folder = self.data.root_ceremony();
        let protection = Protection::Sealed(self.kek);
        if folder.join("root.crt").exists() {
            // What an earlier attempt signed and did not get to keep.
            Folder::open(&folder)?.repair(self.now)?;
            return Root::open(&folder, protection).context("the development root cannot be opened");
        }
        let subject: DistinguishedName = "CN=GigVault Development Root,O=GigVault".parse()?;
        let root = Root::create(&subject, KeyAlgorithm::P384, None, self.now)?;
        root.save(&folder, protection)
            .context("the development root cannot be saved")?;
        Ok(root)
    }

    async fn authority(&self, root: &Root, planned: Planned) -> anyhow::Result<()> {
        let Planned {
            name,
            subject,
            profiles,
        } = planned;
        let key_name = format!("ca-{name}");
        let public_key = self.key(&key_name).await?;
        let subject: DistinguishedName = subject.parse()?;
        let wanted = match name {
            SERVICES => Intermediate::for_services(subject, public_key.clone()),
            // One level below it is left for sub-CAs that users ask for.
            _ => Intermediate {
                path_len: Some(1),
                ..Intermediate::new(subject, public_key.clone())
            },
        };
        let wanted = Intermediate {
            validity: Some(CA_LIFE),
            ..wanted
        };
        let certificate = self
            .certificate(root, &wanted)
            .with_context(|| format!("the certificate of CA {name} could not be made"))?;
        let new = NewAuthority {
            name: name.to_owned(),
            key_name,
            algorithm: SignatureAlgorithm::default_for(public_key.algorithm()),
            certificate,
            chain: vec![root.certificate().clone()],
            profiles,
        };
        self.app
            .add_authority(new)
            .await
            .with_context(|| format!("CA {name} could not be added"))
    }

    /// The certificate that an earlier attempt signed for this key and did not get to store, or a new one. The ledger has it
    /// before anybody else.
    fn certificate(&self, root: &Root, wanted: &Intermediate) -> anyhow::Result<Certificate> {
        let folder = Folder::open(&self.data.root_ceremony())?;
        let key = wanted.public_key.fingerprint();
        let revoked = folder.revoked()?;
        for entry in folder.issued()? {
            let unstored = entry.certificate().filter(|issued| {
                issued.spki_fingerprint() == key
                    && issued.validity().contains(self.now)
                    && !revoked.iter().any(|revoked| *issued.serial() == revoked.serial)
            });
            if let Some(unstored) = unstored {
                return Ok(unstored);
            }
        }
        let draft = rootca::draft(root.certificate(), wanted, self.now)?;
        Ok(folder.issue(root, draft, self.now)?)
    }

    /// The key of that name in keymgr, made if it is not there.
    async fn key(&self, name: &str) -> anyhow::Result<PublicKey> {
        if let Some(found) = self.existing_key(name).await? {
            return Ok(found);
        }
        let request = GenerateRequest {
            name: name.to_owned(),
            algorithm: KeyAlgorithm::P256.to_string(),
            purpose: Purpose::CertificateAuthority.into(),
        };
        let made = KeymgrClient::new(self.keymgr.clone()).generate(request).await;
        let made = made.with_context(|| format!("key {name} could not be made"))?;
        Ok(PublicKey::from_spki(&made.into_inner().spki)?)
    }

    async fn existing_key(&self, name: &str) -> anyhow::Result<Option<PublicKey>> {
        let request = GetRequest {
            name: name.to_owned(),
        };
        match KeymgrClient::new(self.keymgr.clone()).get(request).await {
            Ok(found) => Ok(Some(PublicKey::from_spki(&found.into_inner().spki)?)),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(status).with_context(|| format!("key {name} cannot be read")),
        }
    }

    async fn write_certificates(&self) -> anyhow::Result<()> {
        let issuing = self.app.authorities().by_name(ISSUING).await?;
        let root = issuing.chain.last().context("the issuing CA has no chain")?;
        let chain: String = std::iter::once(&issuing.certificate)
            .chain(&issuing.chain)
            .map(Certificate::pem)
            .collect();
        let files = [
            (self.data.root_certificate(), root.pem()),
            (self.data.ca_certificate(), issuing.certificate.pem()),
            (self.data.chain(), chain),
        ];
        for (path, pem) in files {
            if std::fs::read_to_string(&path).is_ok_and(|there| there == pem) {
                continue;
            }
            ::files::replace(&path, pem.as_bytes(), 0o644)?;
        }
        Ok(())
    }
}
