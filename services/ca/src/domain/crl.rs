//! CRLs as `crl` tells of them.

use time::OffsetDateTime;

/// A CRL that is out.
#[derive(Clone, Debug)]
pub(crate) struct Crl {
    /// Issuer generation, such as `issuing` or `issuing.2`.
    pub(crate) issuer: String,
    /// 0: all certificates of the issuer that are in no shard.
    pub(crate) shard: u32,
    /// CRL number.
    pub(crate) number: u64,
    /// Of a delta, the number of the complete list that it changes.
    pub(crate) base: Option<u64>,
    pub(crate) this_update: OffsetDateTime,
    pub(crate) next_update: OffsetDateTime,
    pub(crate) entries: u64,
    pub(crate) octets: u64,
    /// SHA-256 of its octets; empty where it is not out yet.
    pub(crate) sha256: Vec<u8>,
    /// Where it is served.
    pub(crate) url: String,
    /// The key of its issuer is elsewhere.
    pub(crate) imported: bool,
}
