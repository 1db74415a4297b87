//! Add a CA, and show those there are.

use vocabulary::EventType;
use x509::SignatureAlgorithm;

use super::App;
use crate::authorities::Authorities;
use crate::domain::Authority;
use crate::error::Error;
use crate::tables::{authorities, compromised};

/// A CA to be added: its key exists in keymgr, its certificate was signed by the CA above.
#[derive(Debug)]
pub struct NewAuthority {
    /// Lower-case letters, digits and `-`; it is part of URLs.
    pub name: String,
    /// Name of the key in keymgr.
    pub key_name: String,
    /// What it will sign with.
    pub algorithm: SignatureAlgorithm,
    /// Its certificate.
    pub certificate: x509::Certificate,
    /// Certificates above it, issuer first, root last.
    pub chain: Vec<x509::Certificate>,
    /// Profiles that it issues.
    pub profiles: Vec<String>,
}

impl App {
    /// Adds a CA. Its certificate must verify under the chain given with it.
    ///
    /// # Errors
    /// `Common::Invalid` if name or chain cannot be used; [`Error::CompromisedKey`]; `Common::Store`.
    pub async fn add_authority(&self, new: NewAuthority) -> Result<(), Error> {
        check_name(&new.name)?;
        let mut below = &new.certificate;
        for above in &new.chain {
            below
                .verify_signed_by(above)
                .map_err(|error| Error::invalid("chain", error))?;
            below = above;
        }
        let authority = Authority {
            name: new.name,
            key_name: new.key_name,
            algorithm: new.algorithm,
            certificate: new.certificate,
            chain: new.chain,
            profiles: new.profiles,
            generation: 1,
            suspension: None,
        };
        let now = self.clock.now();
        let event = kit::trace::event(
            EventType::CaCreated,
            &authority.name,
            serde_json::json!({
                "ca": authority.name,
                "subject": authority.certificate.subject().to_string(),
                "serial": authority.certificate.serial().to_string(),
            }),
        );
        let mut tx = self.db.begin().await?;
        if let Some(key) = authority.material_id() {
            store::lock::shared(&mut tx, vec![compromised::lock(&key)]).await?;
            if !compromised::among_locked(&mut tx, &[key]).await?.is_empty() {
                return Err(Error::CompromisedKey);
            }
        }
        authorities::insert(&mut tx, &authority, now).await?;
        store::outbox::append(&mut tx, &[event], now).await?;
        tx.commit().await?;
        self.authorities.refresh().await
    }

    /// All CAs.
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// PEM of the CA of that name and of those above it, without the root.
    ///
    /// # Errors
    /// [`Error::NotFound`]; `Common::Store`.
    pub async fn chain_pem(&self, ca: &str) -> Result<String, Error> {
        Ok(self.authorities.active(ca).await?.chain_pem.clone())
    }
}

/// The name is part of URLs and file names.
fn check_name(name: &str) -> Result<(), Error> {
    if crate::domain::publication::is_ca_name(name) {
        Ok(())
    } else {
        Err(Error::invalid(
            "name",
            "takes 1 to 64 lower-case letters, digits and `-`",
        ))
    }
}
