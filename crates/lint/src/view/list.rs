//! A TBSCertList taken apart (RFC 5280 section 5.1): what is before and after its entries, and what was wrong with these. The
//! entries themselves streamed by and are not here. It tolerates what has a lint of its own.

pub(crate) mod entries;
pub(crate) mod extensions;
pub(crate) mod stream;

use crate::tlv::{Broken, Reader, tag};
use crate::view::Algorithm;
use crate::view::name::Name;
use crate::view::time::Time;
use entries::Entries;
use extensions::ListExtensions;

/// A TBSCertList without its entries.
#[derive(Debug)]
pub(crate) struct List<'a> {
    /// Content of the INTEGER; none if the field is missing.
    pub(crate) version: Option<&'a [u8]>,
    pub(crate) signature: Algorithm<'a>,
    pub(crate) issuer: Name<'a>,
    pub(crate) this_update: Time<'a>,
    pub(crate) next_update: Option<Time<'a>>,
    /// Whether there is a field revokedCertificates, empty or not.
    pub(crate) has_revoked: bool,
    pub(crate) entries: &'a Entries,
    /// Whether there is a field crlExtensions, empty or not.
    pub(crate) has_extensions: bool,
    pub(crate) extensions: ListExtensions<'a>,
}

impl<'a> List<'a> {
    /// Reads the fields before the entries and those after them.
    fn decode(before: &'a [u8], after: &'a [u8], entries: &'a Entries) -> Result<Self, Broken> {
        let mut fields = Reader::new(before);
        let version = fields.optional(tag::INTEGER).map_err(Broken::within("version"))?;
        let signature = Algorithm::read(&mut fields).map_err(Broken::within("signature"))?;
        let issuer = Name::read(&mut fields).map_err(Broken::within("issuer"))?;
        let this_update = Time::read(&mut fields).map_err(Broken::within("thisUpdate"))?;
        let next_update = match fields.is_empty() {
            true => None,
            false => Some(Time::read(&mut fields).map_err(Broken::within("nextUpdate"))?),
        };
        fields.finish().map_err(Broken::within("tbsCertList"))?;
        let within = Broken::within("crlExtensions");
        let mut fields = Reader::new(after);
        let list = fields.optional(tag::explicit(0)).map_err(&within)?;
        fields.finish().map_err(Broken::within("tbsCertList"))?;
        Ok(Self {
            version,
            signature,
            issuer,
            this_update,
            next_update,
            has_revoked: false,
            entries,
            has_extensions: list.is_some(),
            extensions: list
                .map_or(Ok(ListExtensions::default()), ListExtensions::read)
                .map_err(&within)?,
        })
    }

    pub(crate) fn is_delta(&self) -> bool {
        self.extensions.has(crate::oid::DELTA_CRL_INDICATOR)
    }

    /// thisUpdate and nextUpdate, where they can be read.
    pub(crate) fn period(&self) -> Option<(::time::OffsetDateTime, ::time::OffsetDateTime)> {
        Some((self.this_update.moment?, self.next_update?.moment?))
    }
}
