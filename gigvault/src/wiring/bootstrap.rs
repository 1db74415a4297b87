//! First start: root, issuing CA, services CA, first admin. Every step looks whether it was done before, so that a start
//! that was cut off anywhere is finished by the next.
//!
//! The root made here is for development: its key lies on this machine, sealed with the key-encryption key.

use std::time::Duration;

use anyhow::Context;
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
}

/// A CA that is to be there.
struct Planned {
    name: &'static str,
    subject: &'static str,
    profiles: Vec<String>,
}

impl Bootstrap<'_> {
    /// Makes what is missing of root and CAs, and writes their certificates beside the data.
    pub(crate) async fn hierarchy(&self) -> anyhow::Result<()> {
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
        self.write_certificates().await
    }

    fn root(&self) -> anyhow::Result<Root> {
        let folder = self.data.root_ceremony();
        let protection = Protection::Sealed(self.kek);
        if folder.join("root.crt").exists() {
            return Root::open(&folder, protection).context("the development root can't be opened");
        }
        let subject: DistinguishedName = "CN=GigVault Development Root,O=GigVault".parse()?;
        let root = Root::create(&subject, KeyAlgorithm::P384, None, self.now)?;
        root.save(&folder, protection)
            .context("the development root can't be saved")?;
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
        let certificate = root
            .sign_intermediate(&wanted, self.now)
            .with_context(|| format!("the certificate of CA {name} could not be made"))?;
        let new = NewAuthority {
            name: name.to_owned(),
            key_name,
            algorithm: SignatureAlgorithm::default_for(public_key.algorithm()),
            certificate,
            chain: vec![root.certificate().clone()],
            profiles,
        };
        // In the ledger too, so that `gigvault rootca` can revoke it.
        Folder::open(&self.data.root_ceremony())?.record(&new.certificate, self.now)?;
        self.app
            .add_authority(new)
            .await
            .with_context(|| format!("CA {name} could not be added"))
    }

    /// The key of that name in keymgr, made if it is not there.
    async fn key(&self, name: &str) -> anyhow::Result<PublicKey> {
        let mut keymgr = KeymgrClient::new(self.keymgr.clone());
        let found = match keymgr
            .get(GetRequest {
                name: name.to_owned(),
            })
            .await
        {
            Ok(found) => found,
            Err(status) if status.code() == tonic::Code::NotFound => {
                let request = GenerateRequest {
                    name: name.to_owned(),
                    algorithm: KeyAlgorithm::P256.to_string(),
                    purpose: Purpose::CertificateAuthority.into(),
                };
                keymgr
                    .generate(request)
                    .await
                    .with_context(|| format!("key {name} could not be made"))?
            }
            Err(status) => return Err(status).with_context(|| format!("key {name} can't be read")),
        };
        Ok(PublicKey::from_spki(&found.into_inner().spki)?)
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
