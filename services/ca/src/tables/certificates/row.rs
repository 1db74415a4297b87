//! A row of the table of certificates, each column of which is read by itself.

use std::sync::Arc;

use sqlx::FromRow;
use store::{Columns, Damage, StoreError, TableRow};
use uuid::Uuid;
use x509::crl::Reason;
use x509::serial::Serial;

use crate::domain::{Capacity, Issued, Protocol, Revocation};
use crate::error::Error;

/// What a [`Row`] is read from; `c` is the table of certificates.
pub(in super::super) const COLUMNS: &str = "c.id, c.serial, c.ca, c.profile, c.subject, c.sans, c.requester, c.protocol, \
     c.issued_at, c.not_before, c.not_after, c.spki_sha256, c.fingerprint_sha256, c.der, c.replaces, \
     c.revoked_at, c.reason, c.invalidity_at, c.decided_at, c.issued_by, c.decided_as, c.key_type, c.lint_warnings, \
     c.generation, c.crl_shard, \
     (SELECT s.serial FROM certificates s WHERE s.replaces = c.serial ORDER BY s.id DESC LIMIT 1) AS replaced_by, \
     (SELECT q.asked_at FROM ocsp_queries q WHERE q.serial = c.serial) AS last_ocsp_query";

/// A row, in which a column that cannot be read is empty and named.
pub(in super::super) struct Row {
    pub(in super::super) id: Uuid,
    pub(in super::super) serial: Vec<u8>,
    ca: String,
    generation: i64,
    crl_shard: i64,
    profile: String,
    pub(in super::super) subject: String,
    pub(in super::super) sans: String,
    requester: String,
    protocol: String,
    issued_at: i64,
    not_before: i64,
    pub(in super::super) not_after: i64,
    spki_sha256: Vec<u8>,
    pub(in super::super) fingerprint_sha256: Vec<u8>,
    pub(in super::super) der: Vec<u8>,
    replaces: Option<Vec<u8>>,
    pub(in super::super) revoked: Revoked,
    issued_by: Option<String>,
    /// NULL in a row of a version before.
    key_type: Option<String>,
    lint_warnings: Option<String>,
    replaced_by: Option<Vec<u8>>,
    last_ocsp_query: Option<i64>,
    pub(in super::super) damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for Row {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.value("id")?,
            serial: columns.value("serial")?,
            ca: columns.value("ca")?,
            generation: columns.value("generation")?,
            crl_shard: columns.value("crl_shard")?,
            profile: columns.value("profile")?,
            subject: columns.value("subject")?,
            sans: columns.value("sans")?,
            requester: columns.value("requester")?,
            protocol: columns.value("protocol")?,
            issued_at: columns.value("issued_at")?,
            not_before: columns.value("not_before")?,
            not_after: columns.value("not_after")?,
            spki_sha256: columns.value("spki_sha256")?,
            fingerprint_sha256: columns.value("fingerprint_sha256")?,
            der: columns.value("der")?,
            replaces: columns.value("replaces")?,
            revoked: Revoked::of(&mut columns)?,
            issued_by: columns.value("issued_by")?,
            key_type: columns.value("key_type")?,
            lint_warnings: columns.value("lint_warnings")?,
            // Of other rows, whose damage is not this one's.
            replaced_by: Columns::of(row).value("replaced_by")?,
            last_ocsp_query: Columns::of(row).value("last_ocsp_query")?,
            damage: columns.damage(),
        })
    }
}

/// The certificate of a row alone; what cannot be read is empty.
pub(in super::super) struct Der {
    pub(in super::super) id: Uuid,
    pub(in super::super) serial: Vec<u8>,
    pub(in super::super) der: Vec<u8>,
}

impl<'r, R: TableRow> FromRow<'r, R> for Der {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.value("id")?,
            serial: columns.value("serial")?,
            der: columns.value("der")?,
        })
    }
}

/// When and why, in a row that may not be revoked.
pub(in super::super) struct Revoked {
    pub(in super::super) revoked_at: Option<i64>,
    reason: Option<i64>,
    invalidity_at: Option<i64>,
    decided_at: Option<i64>,
    decided_as: Option<String>,
}

impl Revoked {
    pub(in super::super) fn of<R: TableRow>(columns: &mut Columns<'_, R>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            revoked_at: columns.value("revoked_at")?,
            reason: columns.value("reason")?,
            invalidity_at: columns.value("invalidity_at")?,
            decided_at: columns.value("decided_at")?,
            decided_as: columns.value("decided_as")?,
        })
    }

    /// What it says. One of time and reason without the other is not taken for a certificate that is not revoked.
    pub(in super::super) fn read(&self, object: &str) -> Result<Option<Revocation>, StoreError> {
        let damaged = |column: &'static str| StoreError::damaged(column, object);
        let (at, code) = match (self.revoked_at, self.reason) {
            (None, None) => return Ok(None),
            (Some(at), Some(code)) => (at, code),
            (None, Some(_)) => return Err(damaged("revoked_at")),
            (Some(_), None) => return Err(damaged("reason")),
        };
        let time = |column, micros: i64| store::time::from_micros(micros).map_err(|_| damaged(column));
        let invalidity = self.invalidity_at.map(|at| time("invalidity_at", at));
        Ok(Some(Revocation {
            time: time("revoked_at", at)?,
            // The code of removeFromCRL is for delta CRLs, and no certificate is revoked for it.
            reason: u8::try_from(code)
                .ok()
                .and_then(Reason::from_code)
                .filter(|reason| *reason != Reason::RemoveFromCrl)
                .ok_or_else(|| damaged("reason"))?,
            invalidity: invalidity.transpose()?,
            decided: time("decided_at", self.decided_at.unwrap_or(at))?,
            decided_as: self.decided_as.as_deref().and_then(Capacity::parse),
        }))
    }
}

/// What messages call the certificate of a row: by its serial number, else by its id.
pub(in super::super) fn object(serial: &[u8], id: Uuid) -> String {
    match Serial::from_bytes(serial) {
        Ok(serial) => format!("certificate {serial}"),
        Err(_) => format!("the certificate with id {id}"),
    }
}

/// Type and size of the key of a certificate.
pub(in super::super) fn key_type(certificate: &x509::Certificate) -> Option<x509::KeyAlgorithm> {
    certificate.public_key().ok().map(x509::PublicKey::algorithm)
}

/// What a revocation, a hold, and a release are decided on, and what they are told by. Where one of these cannot be read, none is
/// decided; what else is damaged keeps no certificate from being revoked.
const NEEDED: [&str; 13] = [
    "id",
    "serial",
    "ca",
    // Which CRL lists it.
    "generation",
    "crl_shard",
    "requester",
    "not_before",
    "not_after",
    "spki_sha256",
    "revoked_at",
    "reason",
    "invalidity_at",
    "decided_at",
];

/// Whether one of them is [`NEEDED`].
fn is_of_needed(damage: &Damage) -> bool {
    NEEDED.iter().any(|column| damage.includes(column))
}

/// The same, or one that a job with a filter compares and reads for no other reason.
pub(in super::super) fn keeps_from_a_job(damage: &Damage) -> bool {
    is_of_needed(damage) || damage.includes("sans") || damage.includes("subject")
}

impl Row {
    /// Whose it is; none where that cannot be read.
    pub(in super::super) fn requester(&self) -> Option<&str> {
        (!self.damage.includes("requester")).then_some(self.requester.as_str())
    }

    /// The certificate, of which everything can be read.
    ///
    /// # Errors
    /// Something of it cannot be.
    pub(in super::super) fn whole(self) -> Result<Issued, StoreError> {
        let issued = self.legible()?;
        issued.check()?;
        Ok(issued)
    }

    /// The certificate as far as it can be read: [`Issued::damage`] names what cannot be.
    ///
    /// # Errors
    /// One of the columns of [`NEEDED`] cannot be read.
    pub(in super::super) fn legible(self) -> Result<Issued, StoreError> {
        let object = object(&self.serial, self.id);
        let mut damage = self.damage;
        let time = |micros: i64| store::time::from_micros(micros).ok();
        let hash = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).ok();
        let serial = damage.note("serial", Serial::from_bytes(&self.serial).ok());
        let not_before = damage.note("not_before", time(self.not_before));
        let not_after = damage.note("not_after", time(self.not_after));
        let spki_sha256 = damage.note("spki_sha256", hash(self.spki_sha256));
        let number = |number: i64| u32::try_from(number).ok();
        let generation = damage.note("generation", number(self.generation));
        let crl_shard = damage.note("crl_shard", number(self.crl_shard));
        let (Some(serial), Some(not_before), Some(not_after), Some(spki_sha256), false) =
            (serial, not_before, not_after, spki_sha256, is_of_needed(&damage))
        else {
            return Err(StoreError::damaged(damage, &object));
        };
        let revocation = self.revoked.read(&object)?;
        let certificate = damage.note("der", x509::Certificate::from_der(&self.der).ok());
        // As it is stored; else as it is in the certificate, where an earlier version stored the row.
        let of_certificate = certificate.as_ref().and_then(key_type);
        let stored = match &self.key_type {
            Some(stored) => stored.parse().ok(),
            None => of_certificate,
        };
        let stored = damage.note("key_type", stored);
        let lint = self.lint_warnings.as_deref().map(serde_json::from_str);
        let lint = damage.note("lint_warnings", lint.transpose().ok());
        let replaces = self.replaces.as_deref().map(Serial::from_bytes);
        let replaces = damage.note("replaces", replaces.transpose().ok());
        Ok(Issued {
            key_type: stored.or(of_certificate).unwrap_or(x509::KeyAlgorithm::P256),
            lint: lint.flatten(),
            replaces: replaces.flatten(),
            sans: damage
                .note("sans", serde_json::from_str(&self.sans).ok())
                .unwrap_or_default(),
            protocol: damage
                .note("protocol", Protocol::parse(&self.protocol))
                .unwrap_or(Protocol::Rest),
            issued_at: damage
                .note("issued_at", time(self.issued_at))
                .unwrap_or(not_before),
            fingerprint_sha256: damage
                .note("fingerprint_sha256", hash(self.fingerprint_sha256))
                .unwrap_or_else(|| x509::digest::sha256(&self.der)),
            replaced_by: self.replaced_by.and_then(|bytes| Serial::from_bytes(&bytes).ok()),
            last_ocsp_query: self.last_ocsp_query.and_then(time),
            id: self.id,
            serial,
            ca: Arc::from(self.ca),
            // Neither is none: both are needed.
            generation: generation.unwrap_or_default(),
            crl_shard: crl_shard.unwrap_or_default(),
            profile: Arc::from(self.profile),
            subject: self.subject,
            requester: self.requester,
            issued_by: self.issued_by,
            not_before,
            not_after,
            spki_sha256,
            der: self.der,
            revocation,
            damage,
        })
    }
}

/// A certificate of which everything can be read.
impl TryFrom<Row> for Issued {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(row.whole()?)
    }
}
