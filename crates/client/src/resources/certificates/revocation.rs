//! What is sent to have certificates revoked, and what is answered.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::Certificate;
use crate::error::Error;
use crate::resources::Other;
use crate::resources::filter::Filter;

/// When and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Since when the certificate is not to be trusted.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// RFC 5280 name in kebab case.
    pub reason: String,
    /// Since when the key may be in wrong hands.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub invalidity_time: Option<OffsetDateTime>,
    /// When a hold became final or the reason was changed.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub decided_time: Option<OffsetDateTime>,
    /// `owner` or `operator`: in what capacity it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_as: Option<String>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// A certificate that was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedCertificate {
    /// As it is then.
    #[serde(flatten)]
    pub certificate: Certificate,
    /// Where the key is compromised: the other certificates of that public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_key: Option<SameKey>,
    /// Of identities of services, this one and those that were revoked because of their key: the certificates that were issued to who
    /// showed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descendants: Option<Descendants>,
}

/// A certificate that was put on hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldCertificate {
    /// As it is then.
    #[serde(flatten)]
    pub certificate: Certificate,
    /// Of the identity of a service: the certificates that were issued to who showed it, which the hold leaves as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descendants: Option<Descendants>,
}

/// Certificates of services that were issued to who showed one, or one of those, and that were valid or on hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descendants {
    /// Revoked with it.
    pub revoked: Vec<OtherCertificate>,
    /// Still valid or on hold.
    pub remaining: Vec<OtherCertificate>,
    /// As they were, because what is stored of them cannot be read.
    #[serde(default)]
    pub damaged: Vec<DamagedCertificate>,
    /// There are more than the server looked at.
    pub more: bool,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// The other certificates of a compromised key, of whatever CA, that were valid or on hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameKey {
    /// Revoked with it.
    pub revoked: Vec<OtherCertificate>,
    /// Still valid or on hold.
    pub remaining: Vec<OtherCertificate>,
    /// Those of the caller that stay as they are, because what is stored of them cannot be read.
    #[serde(default)]
    pub damaged: Vec<DamagedCertificate>,
    /// How many more remain that the caller may not see.
    pub of_others: u64,
    /// Others have unexpired certificates over the key: it is not recorded as compromised until an operator confirms.
    #[serde(default)]
    pub unconfirmed: bool,
    /// There are more than the server looked at.
    pub more: bool,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherCertificate {
    /// Lower-case hex.
    pub serial: String,
    /// `valid`, `on_hold` or `revoked`.
    pub status: String,
    /// RFC 4514.
    pub subject: String,
    /// Name of the issuing CA.
    pub ca: String,
    /// Whose it is.
    pub requester: String,
    /// Last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// A certificate on which nothing can be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedCertificate {
    /// Lower-case hex; its id where the serial number is what cannot be read.
    pub serial: String,
    /// What cannot be read.
    pub problem: String,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// Why to revoke.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Revoke {
    /// RFC 5280 name in kebab case; hold and release are [`Certificates::hold`](super::Certificates::hold) and
    /// [`Certificates::release`](super::Certificates::release).
    pub reason: String,
    /// When the key was compromised, if known.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub invalidity_time: Option<OffsetDateTime>,
    /// Where the key is compromised: revoke its other certificates too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub same_key: bool,
    /// Of the identity of a service: revoke what was issued to who showed it too. A compromise takes that in any case.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub descendants: bool,
}

/// Which certificates of a bulk revocation.
#[derive(Clone, Copy, Debug)]
pub enum Selection<'a> {
    /// These serial numbers, at most [`MOST_SERIALS`](Self::MOST_SERIALS).
    Serials(&'a [String]),
    /// All that match and are valid or on hold.
    Matching(&'a Filter),
}

impl Selection<'_> {
    /// Most serial numbers of one request.
    pub const MOST_SERIALS: usize = 5_000;
}

/// Which certificates to revoke, and why.
#[derive(Serialize)]
pub(crate) struct RevokeMany<'a> {
    reason: &'a str,
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    invalidity_time: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serials: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Map<String, Value>>,
}

impl<'a> RevokeMany<'a> {
    pub(crate) fn new(selection: Selection<'a>, revoke: &'a Revoke) -> Result<Self, Error> {
        let (serials, filter) = match selection {
            Selection::Serials(serials) => (Some(serials), None),
            Selection::Matching(filter) => (None, Some(filter.members()?)),
        };
        Ok(Self {
            reason: &revoke.reason,
            invalidity_time: revoke.invalidity_time,
            serials,
            filter,
        })
    }
}
