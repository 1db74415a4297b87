//! First start: root, issuing CA, services CA. Every step looks whether it was done before, so that a start
//! that was cut off anywhere is finished by the next.
//!
//! The root made here is for development: its key is on this machine, protected as the keys of keymgr are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use keys::KeyEncryptionKey;
use kit::transport::Transport;
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::{AddCaRequest, CaInfo};
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::keymgr::v1::{GenerateRequest, GetRequest, Purpose};
use rootca::{Folder, Intermediate, Loss, Protection, PublicationUrls, Root};
use time::OffsetDateTime;
use x509::{Certificate, DistinguishedName, KeyAlgorithm, PublicKey};

use crate::error::Error;
use crate::issuer::{authorities, lost_ca};
use crate::{ISSUING_CA, SERVICE_PROFILE, SERVICES_CA};

const CA_LIFE: Duration = Duration::from_secs(5 * 365 * 24 * 3600);
/// All profiles that users may have.
const USER_PROFILES: &str = "*";

/// What the hierarchy is made with.
pub struct Hierarchy {
    /// Where its files are.
    pub files: Files,
    /// `keymgr`, called as [`kit::peer::PROCESS`].
    pub keymgr: Transport,
    /// `ca`, called as [`kit::peer::PROCESS`].
    pub ca: Transport,
    /// Now.
    pub now: OffsetDateTime,
    /// The public HTTP URL of the deployment, without a slash at its end: where CRL and certificate of the root are.
    pub public_http_url: String,
}

/// Where the files of the hierarchy are.
pub struct Files {
    /// The development root's ceremony folder.
    pub root_ceremony: PathBuf,
    /// Certificate of the root, PEM.
    pub root_certificate: PathBuf,
    /// The latest CRL of the root, DER.
    pub root_crl: PathBuf,
    /// Certificate of the issuing CA, PEM.
    pub ca_certificate: PathBuf,
    /// Issuing CA, then root, PEM.
    pub chain: PathBuf,
}

/// A CA that is to be there.
struct Planned {
    name: &'static str,
    subject: &'static str,
    profile: &'static str,
}

const PLAN: [Planned; 2] = [
    Planned {
        name: ISSUING_CA,
        subject: "CN=GigVault Issuing CA,O=GigVault",
        profile: USER_PROFILES,
    },
    Planned {
        name: SERVICES_CA,
        subject: "CN=GigVault Services CA,O=GigVault",
        profile: SERVICE_PROFILE,
    },
];

/// A CA as its database and keymgr have it.
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its certificate.
    pub certificate: Certificate,
    /// The certificate at the end of its chain, DER.
    pub top: Vec<u8>,
    /// Name of its key.
    pub key_name: String,
    /// Its key, if there is one of that name.
    pub key: Option<PublicKey>,
}

/// Whether it is one of those that a first start makes.
#[must_use]
pub fn is_planned(ca: &str) -> bool {
    PLAN.iter().any(|planned| planned.name == ca)
}

/// The certificate of the root in its folder.
///
/// # Errors
/// [`Error::Root`].
pub fn root_of(ceremony: &Path) -> Result<Certificate, Error> {
    let folder = Folder::open(ceremony).map_err(Error::root("its folder cannot be read"))?;
    Ok(folder.certificate().clone())
}

/// Whether the development root would still sign: its folder is in order, as [`Folder::audit`] has it, and its key opens. A
/// start does not ask; the next signature does. `kek`: what seals the key; without it the key is not looked at.
///
/// # Errors
/// [`Error::Root`].
pub fn check_signs(
    ceremony: &Path,
    kek: Option<&KeyEncryptionKey>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let audit = || {
        let folder = Folder::open(ceremony)?;
        let mut audit = folder.audit(now)?;
        if let Some(kek) = kek {
            match folder.check_opens(Protection::Sealed(kek)) {
                Err(error @ rootca::Error::Key(keys::KeyError::File(_))) => return Err(error),
                opened => audit.key(opened)?,
            }
        }
        match audit.problems.is_empty() {
            true => Ok(()),
            false => Err(rootca::Error::NotInOrder(audit.problems)),
        }
    };
    audit().map_err(|error| match error {
        error @ (rootca::Error::File(_) | rootca::Error::Key(keys::KeyError::File(_))) => {
            Error::root("it cannot be looked at")(error)
        }
        error => Error::root("a part of it is lost or damaged, and it may sign nothing any more")(error),
    })
}

/// Refuses a root, CAs and keys that are not of one hierarchy.
///
/// # Errors
/// [`Error::Lost`] and [`Error::OtherRoot`] with the way back.
pub fn belong_together(root: &Certificate, members: &[Member]) -> Result<(), Error> {
    for Planned { name, .. } in &PLAN {
        let member = members.iter().find(|known| known.name == *name);
        let member = member.ok_or_else(|| lost_ca(name))?;
        if member.top != root.der() {
            return Err(Error::OtherRoot { ca: name });
        }
        let fingerprint = member.certificate.spki_fingerprint();
        if member
            .key
            .as_ref()
            .is_none_or(|key| key.fingerprint() != fingerprint)
        {
            return Err(Error::Lost {
                service: vocabulary::service::KEYMGR,
                what: format!("the key of CA {name} ({})", member.key_name),
                backup: "a backup of the same time as the database of ca",
            });
        }
    }
    Ok(())
}

impl Hierarchy {
    /// Makes what is missing of root and CAs, during a first start, and writes their certificates beside the data. `protection`
    /// opens the root's key.
    ///
    /// # Errors
    /// What could not be made. What was made stays, and the next attempt goes on from there.
    pub async fn make(&self, protection: Protection<'_>) -> Result<(), Error> {
        let have = self.authorities().await?;
        let missing: Vec<&Planned> = PLAN
            .iter()
            .filter(|planned| !have.iter().any(|known| known.name == planned.name))
            .collect();
        if !missing.is_empty() {
            let root = self.root(protection)?;
            for planned in missing {
                self.add(&root, planned).await?;
            }
        }
        self.write_certificates().await
    }

    /// Root, databases and keys must be of one hierarchy: parts of different backups are not. Then writes the certificates
    /// beside the data where they are not there.
    ///
    /// # Errors
    /// [`Error::Lost`] and [`Error::OtherRoot`] with the way back; nothing was changed then.
    pub async fn check(&self) -> Result<(), Error> {
        let root = root_of(&self.files.root_ceremony)?;
        let mut members = Vec::new();
        for authority in self.authorities().await? {
            if !is_planned(&authority.name) {
                continue;
            }
            members.push(Member {
                certificate: Certificate::from_der(&authority.certificate)?,
                top: authority.chain.last().cloned().unwrap_or_default(),
                key: self.existing_key(&authority.key_name).await?,
                key_name: authority.key_name,
                name: authority.name,
            });
        }
        belong_together(&root, &members)?;
        self.write_certificates().await
    }

    async fn authorities(&self) -> Result<Vec<CaInfo>, Error> {
        authorities(&CaClient::new(self.ca.clone())).await
    }

    fn root(&self, protection: Protection<'_>) -> Result<Root, Error> {
        let folder = &self.files.root_ceremony;
        if folder.join("root.crt").exists() {
            // What an earlier attempt signed and did not get to keep.
            let opened = Folder::open(folder).and_then(|there| there.repair(self.now, Loss::Refuse));
            opened.map_err(Error::root("it cannot be repaired"))?;
            return Root::open(folder, protection).map_err(Error::root("it cannot be opened"));
        }
        let subject = name("CN=GigVault Development Root,O=GigVault")?;
        let root = Root::create(&subject, KeyAlgorithm::P384, None, self.now);
        let root = root.map_err(Error::root("it cannot be made"))?;
        root.save_publishing(folder, protection, &self.urls())
            .map_err(Error::root("it cannot be saved"))?;
        Ok(root)
    }

    /// What the CAs below the root say of it.
    fn urls(&self) -> PublicationUrls {
        let base = &self.public_http_url;
        PublicationUrls {
            crl: vec![format!("{base}/crl/root.crl")],
            ca_issuers: vec![format!("{base}/ca/root.crt")],
            ocsp: Vec::new(),
        }
    }

    async fn add(&self, root: &Root, planned: &Planned) -> Result<(), Error> {
        let Planned {
            name: ca,
            subject,
            profile,
        } = planned;
        let key_name = format!("ca-{ca}");
        let public_key = self.key(&key_name).await?;
        let subject = name(subject)?;
        let wanted = match *ca {
            SERVICES_CA => Intermediate::for_services(subject, public_key),
            // One level below it is left for sub-CAs that users ask for.
            _ => Intermediate {
                path_len: Some(1),
                ..Intermediate::new(subject, public_key)
            },
        };
        let wanted = Intermediate {
            validity: Some(CA_LIFE),
            urls: self.urls(),
            ..wanted
        };
        let certificate = self.certificate(root, &wanted)?;
        let new = AddCaRequest {
            name: (*ca).to_owned(),
            key_name,
            certificate: certificate.der().to_vec(),
            chain: vec![root.certificate().der().to_vec()],
            profiles: vec![(*profile).to_owned()],
        };
        let added = CaClient::new(self.ca.clone()).add_ca(new).await;
        added.map_err(Error::call(format!("CA {ca} could not be added")))?;
        Ok(())
    }

    /// The certificate that an earlier attempt signed for this key and did not get to store, or a new one. The ledger has it
    /// before anybody else.
    fn certificate(&self, root: &Root, wanted: &Intermediate) -> Result<Certificate, Error> {
        let failed = || Error::root("it did not sign the certificate of a CA");
        let folder = Folder::open(&self.files.root_ceremony).map_err(failed())?;
        let key = wanted.public_key.fingerprint();
        let revoked = folder.revoked().map_err(failed())?;
        for entry in folder.issued().map_err(failed())? {
            let unstored = entry.certificate().filter(|issued| {
                issued.spki_fingerprint() == key
                    && issued.validity().contains(self.now)
                    && !revoked.iter().any(|revoked| *issued.serial() == revoked.serial)
            });
            if let Some(unstored) = unstored {
                return Ok(unstored);
            }
        }
        let draft = rootca::draft(root.certificate(), wanted, self.now).map_err(failed())?;
        folder.issue(root, draft, self.now).map_err(failed())
    }

    /// The key of that name in keymgr, made if it is not there.
    async fn key(&self, name: &str) -> Result<PublicKey, Error> {
        if let Some(found) = self.existing_key(name).await? {
            return Ok(found);
        }
        let request = GenerateRequest {
            name: name.to_owned(),
            algorithm: KeyAlgorithm::P256.to_string(),
            purpose: Purpose::CertificateAuthority.into(),
        };
        let made = KeymgrClient::new(self.keymgr.clone()).generate(request).await;
        let made = made.map_err(Error::call(format!("key {name} could not be made")))?;
        public_key(name, &made.into_inner().spki)
    }

    async fn existing_key(&self, name: &str) -> Result<Option<PublicKey>, Error> {
        let request = GetRequest {
            name: name.to_owned(),
        };
        match KeymgrClient::new(self.keymgr.clone()).get(request).await {
            Ok(found) => public_key(name, &found.into_inner().spki).map(Some),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(Error::call(format!("key {name} cannot be read"))(status)),
        }
    }

    async fn write_certificates(&self) -> Result<(), Error> {
        let have = self.authorities().await?;
        let issuing = have.iter().find(|known| known.name == ISSUING_CA);
        let issuing = issuing.ok_or_else(|| lost_ca(ISSUING_CA))?;
        let certificate = Certificate::from_der(&issuing.certificate)?.pem();
        let mut above = Vec::new();
        for der in &issuing.chain {
            above.push(Certificate::from_der(der)?.pem());
        }
        let files = [
            (
                &self.files.root_certificate,
                above.last().cloned().unwrap_or_default(),
            ),
            (&self.files.chain, certificate.clone() + &above.concat()),
            (&self.files.ca_certificate, certificate),
        ];
        for (path, pem) in files {
            if std::fs::read_to_string(path).is_ok_and(|there| there == pem) {
                continue;
            }
            files::replace(path, pem.as_bytes(), 0o644)?;
        }
        Ok(())
    }
}

fn name(text: &str) -> Result<DistinguishedName, Error> {
    text.parse()
        .map_err(|reason| Error::Request(format!("{text}: {reason}")))
}

fn public_key(name: &str, spki: &[u8]) -> Result<PublicKey, Error> {
    PublicKey::from_spki(spki).map_err(|reason| Error::PublicKey {
        name: name.to_owned(),
        reason: reason.to_string(),
    })
}
