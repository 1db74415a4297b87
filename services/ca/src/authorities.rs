//! The CAs of this service, in memory, read again when an unknown name is asked for.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use kit::clock::SharedClock;
use kit::error::{Fault as _, Kind};
use store::Db;
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use crate::config::Config;
use crate::domain::Authority;
use crate::error::Error;
use crate::tables::{self, issuance_facts};

/// How long the table is not read again because of an unknown name: anybody may ask for one, and each reading
/// verifies every chain.
const FRESH: Duration = Duration::seconds(1);

/// All CAs by name.
pub struct Authorities {
    db: Db,
    clock: SharedClock,
    /// Base of the URLs in certificates.
    base: Arc<str>,
    /// Names that belong to GigVault itself.
    reserved_names: Arc<rules::ReservedNames>,
    known: ArcSwap<BTreeMap<String, Arc<ActiveAuthority>>>,
    /// When the table was read; held while it is read, so that one reads at a time.
    read_at: Mutex<OffsetDateTime>,
}

/// A CA that can be asked to issue, and what is made of it once, not for every certificate.
pub(crate) struct ActiveAuthority {
    pub(crate) authority: Arc<Authority>,
    /// The issuing side as the rules see it: path, pointers, and keys that may not be certified.
    pub(crate) issuer: rules::Issuer,
    /// Its certificate and those above it, without the root.
    pub(crate) chain_pem: String,
    /// Base of the URLs in certificates.
    base: Arc<str>,
}

impl ActiveAuthority {
    /// The issuing side of a certificate that this shard of the CRL lists; 0 is the complete CRL. With `ldap_url`, certificates name that
    /// directory too.
    pub(crate) fn issuer_of_shard(
        &self,
        shard: u32,
        ldap_url: Option<&str>,
    ) -> Result<Cow<'_, rules::Issuer>, rules::Denied> {
        if shard == 0 && ldap_url.is_none() {
            return Ok(Cow::Borrowed(&self.issuer));
        }
        let name = self.authority.issuer_name();
        let in_ldap =
            ldap_url.map(|base| name.crl_in_ldap(base, self.authority.certificate.subject(), shard));
        // The same list under two names. Who reads from the first that it knows takes HTTP.
        let urls = std::iter::once(name.crl_url(&self.base, shard)).chain(in_ldap);
        self.issuer.clone().with_crl(urls.collect()).map(Cow::Owned)
    }
}

impl Authorities {
    pub(crate) async fn load(
        db: Db,
        clock: SharedClock,
        base: Arc<str>,
        reserved_names: Arc<rules::ReservedNames>,
    ) -> Result<Self, Error> {
        let read_at = Mutex::new(clock.now());
        let known = ArcSwap::from_pointee(read(&db, &base, &reserved_names).await?);
        Ok(Self {
            db,
            clock,
            base,
            reserved_names,
            known,
            read_at,
        })
    }

    /// All CAs, by name.
    pub fn all(&self) -> Vec<Arc<Authority>> {
        self.known
            .load()
            .values()
            .map(|active| Arc::clone(&active.authority))
            .collect()
    }

    /// Base of the URLs in certificates, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The CA of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`]; `Common::Store` where the table had to be read.
    pub async fn by_name(&self, name: &str) -> Result<Arc<Authority>, Error> {
        Ok(Arc::clone(&self.active(name).await?.authority))
    }

    pub(crate) async fn active(&self, name: &str) -> Result<Arc<ActiveAuthority>, Error> {
        let known = |name| self.known.load().get(name).cloned();
        if let Some(found) = known(name) {
            return Ok(found);
        }
        // Another replica may have added it.
        let mut read_at = self.read_at.lock().await;
        if (self.clock.now() - *read_at).abs() >= FRESH {
            self.read(&mut read_at).await?;
        }
        drop(read_at);
        known(name).ok_or_else(|| Error::not_found("CA", name))
    }

    /// The CA that was asked for, or else the first that issues the profile: the default CA before others, those that are
    /// not suspended before those that are.
    pub(crate) async fn for_profile(
        &self,
        asked: Option<&str>,
        profile: &rules::Profile,
        config: &Config,
    ) -> Result<Arc<ActiveAuthority>, Error> {
        let issues = |active: &ActiveAuthority| active.authority.issues(profile);
        if let Some(name) = asked {
            let active = self.active(name).await?;
            if issues(&active) {
                return Ok(active);
            }
            let able = active.authority.profiles.join(", ");
            return Err(Error::invalid(
                "ca",
                format!("CA {name} does not issue profile {}, only {able}", profile.name),
            ));
        }
        let default = self.default(config).await?;
        let known = self.known.load();
        let able = || {
            std::iter::once(&default)
                .chain(known.values())
                .filter(|active| issues(active))
        };
        able()
            .find(|active| active.authority.suspension.is_none())
            .or_else(|| able().next())
            .cloned()
            .ok_or_else(|| {
                Error::Conflict(format!(
                    "no CA here issues profile {}; create one first",
                    profile.name
                ))
            })
    }

    /// The CA of requests that name none. Another in its place would be a guess about who vouches.
    async fn default(&self, config: &Config) -> Result<Arc<ActiveAuthority>, Error> {
        match self.active(&config.default_ca).await {
            Err(error) if error.kind() == Kind::NotFound => {
                Err(Error::Conflict(self.without_default(&config.default_ca)))
            }
            found => found,
        }
    }

    /// Says it in the log if there are CAs, but not the one that is configured as default.
    pub(crate) fn warn_without_default(&self, config: &Config) {
        let known = self.known.load();
        if !known.is_empty() && !known.contains_key(&config.default_ca) {
            tracing::warn!(
                "{}; requests that name no CA are refused",
                self.without_default(&config.default_ca)
            );
        }
    }

    fn without_default(&self, default: &str) -> String {
        let known = self.known.load();
        let names: Vec<&str> = known.keys().map(AsRef::as_ref).collect();
        format!(
            "ca.default_ca is {default}, and there is no such CA; CAs here: {}",
            names.join(", ")
        )
    }

    /// Reads the table again if other CAs are suspended than was known: another process did it.
    pub(crate) async fn sync_suspended(&self, suspended: &BTreeSet<String>) {
        let known = self.known.load();
        let known_suspended = known
            .values()
            .filter(|active| active.authority.suspension.is_some())
            .map(|active| &active.authority.name);
        if known_suspended.eq(suspended) {
            return;
        }
        if let Err(error) = self.refresh().await {
            tracing::warn!(error = %error, "CAs could not be read again; tried with the next request");
        }
    }

    /// Every CA as the database has it now, whoever suspended or resumed it.
    pub(crate) async fn current(&self) -> Result<Vec<Arc<Authority>>, Error> {
        self.sync_suspended(&issuance_facts::suspended(&self.db).await?)
            .await;
        Ok(self.all())
    }

    /// Reads the table again.
    ///
    /// # Errors
    /// `Common::Store`; `Common::Internal` if a row cannot be read.
    pub async fn refresh(&self) -> Result<(), Error> {
        self.read(&mut *self.read_at.lock().await).await
    }

    async fn read(&self, read_at: &mut OffsetDateTime) -> Result<(), Error> {
        let now = self.clock.now();
        let known = read(&self.db, &self.base, &self.reserved_names).await?;
        self.known.store(Arc::new(known));
        *read_at = now;
        Ok(())
    }
}

/// All CAs, by name, as a start reads and checks them; nothing is issued by these.
pub(crate) async fn stored(db: &Db) -> Result<Vec<Arc<Authority>>, Error> {
    let nowhere = Arc::from("http://localhost");
    let known = read(db, &nowhere, &Arc::new(rules::ReservedNames::new("", &[]))).await?;
    Ok(known
        .into_values()
        .map(|active| Arc::clone(&active.authority))
        .collect())
}

async fn read(
    db: &Db,
    base: &Arc<str>,
    reserved_names: &Arc<rules::ReservedNames>,
) -> Result<BTreeMap<String, Arc<ActiveAuthority>>, Error> {
    let all = tables::authorities::all(db).await?;
    let reserved: Vec<[u8; 32]> = all
        .iter()
        .flat_map(|authority| std::iter::once(&authority.certificate).chain(&authority.chain))
        .filter_map(|certificate| Some(certificate.public_key().ok()?.material_id()))
        .collect();
    let mut known = BTreeMap::new();
    for authority in all {
        let issuer = issuer(&authority, base)
            .map_err(|error| Error::internal(format!("CA {} cannot issue: {error}", authority.name)))?
            .with_reserved_keys(reserved.iter().copied())
            .with_reserved_names(Arc::clone(reserved_names));
        let chain_pem = authority.chain_pem();
        let active = ActiveAuthority {
            authority: Arc::new(authority),
            issuer,
            chain_pem,
            base: Arc::clone(base),
        };
        known.insert(active.authority.name.clone(), Arc::new(active));
    }
    Ok(known)
}

fn issuer(authority: &Authority, base: &str) -> Result<rules::Issuer, rules::Denied> {
    let urls = authority.issuer_name().publication_urls(base);
    rules::Issuer::from_certificate(authority.certificate.clone(), urls, authority.algorithm)?
        .with_ancestors(&authority.chain)
}
