//! Entries of CRLs (RFC 5280 sections 5.1.2.6 and 5.3).

use time::OffsetDateTime;

use super::Reason;
use crate::asn1::{DerError, Reader, Writer, tag};
use crate::extension::oids;
use crate::tbs::read_extensions;
use crate::validity::{EncodedTime, ValidityError, read_generalized_time, read_time};
use crate::{ReceivedSerial, Serial};

/// One revoked certificate.
/// The serial number of an entry that was read may be any ([`ReceivedSerial`](crate::ReceivedSerial)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlEntry<S = Serial> {
    /// Serial number of the certificate.
    pub serial: S,
    /// When it was revoked.
    pub time: OffsetDateTime,
    /// Why. `None` and [`Reason::Unspecified`] are both written as no reason (section 5.3.1).
    pub reason: Option<Reason>,
    /// Since when its key is thought to be compromised (section 5.3.2).
    pub invalidity: Option<OffsetDateTime>,
}

/// A reasonCode up to the code: Extension, its OID, an OCTET STRING with an ENUMERATED. Written as octets, since a list may have
/// millions.
const REASON_CODE: [u8; 11] = [
    tag::SEQUENCE,
    10,
    tag::OID,
    3,
    0x55,
    0x1d,
    0x15,
    tag::OCTET_STRING,
    3,
    tag::ENUMERATED,
    1,
];
/// An invalidityDate up to its GeneralizedTime of 17 octets.
const INVALIDITY_DATE: [u8; 9] = [
    tag::SEQUENCE,
    24,
    tag::OID,
    3,
    0x55,
    0x1d,
    0x18,
    tag::OCTET_STRING,
    17,
];

impl CrlEntry {
    /// Appends the DER of the entry.
    pub(super) fn append(&self, octets: &mut Vec<u8>) -> Result<(), ValidityError> {
        let time = EncodedTime::new(self.time)?;
        let invalidity = self.invalidity.map(EncodedTime::generalized).transpose()?;
        let reason = self.reason.filter(|reason| *reason != Reason::Unspecified);
        Writer::append(octets, |out| {
            out.sequence(|out| {
                out.unsigned(self.serial.as_bytes());
                time.write(out);
                if reason.is_none() && invalidity.is_none() {
                    return;
                }
                out.sequence(|out| {
                    if let Some(reason) = reason {
                        out.raw(&REASON_CODE);
                        out.raw(&[reason.code()]);
                    }
                    if let Some(invalidity) = invalidity {
                        out.raw(&INVALIDITY_DATE);
                        invalidity.write(out);
                    }
                });
            });
        });
        Ok(())
    }
}

impl CrlEntry<ReceivedSerial> {
    /// Reads the next entry. Extensions that are not known here are passed over, but for critical ones: a list with such an entry is
    /// not used (section 5.3). certificateIssuer is one of them, so an indirect list is not read.
    pub(super) fn read(list: &mut Reader<'_>) -> Result<Self, DerError> {
        let mut fields = list.enter(tag::SEQUENCE)?;
        let mut entry = Self {
            serial: ReceivedSerial::read(fields.expect(tag::INTEGER)?)?,
            time: read_time(fields.any()?)?,
            reason: None,
            invalidity: None,
        };
        if !fields.is_empty() {
            let extensions =
                read_extensions(fields.any()?.whole)?.map_err(|_| DerError::Value("entry extensions"))?;
            for extension in &extensions {
                match extension.oid() {
                    oids::REASON_CODE => entry.reason = Some(read_reason(extension.value_der())?),
                    oids::INVALIDITY_DATE => {
                        let content = Reader::single(extension.value_der(), tag::GENERALIZED_TIME)?;
                        entry.invalidity = Some(read_generalized_time(content)?);
                    }
                    _ if extension.critical() => {
                        return Err(DerError::UnknownCritical);
                    }
                    _ => {}
                }
            }
        }
        fields.finish()?;
        Ok(entry)
    }
}

/// Reads a CRLReason.
pub(crate) fn read_reason(der: &[u8]) -> Result<Reason, DerError> {
    match Reader::single(der, tag::ENUMERATED)? {
        [code] => Reason::from_code(*code).ok_or(DerError::Value("reasonCode")),
        _ => Err(DerError::Value("reasonCode")),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{Extension, Oid};

    #[test]
    fn what_is_written_as_octets_is_what_extensions_are() {
        let invalidity = datetime!(2051-02-03 4:05:06 UTC);
        let entry = CrlEntry {
            serial: Serial::from_bytes(&[0x80]).unwrap(),
            time: datetime!(2050-01-01 0:00 UTC),
            reason: Some(Reason::AaCompromise),
            invalidity: Some(invalidity),
        };
        let mut octets = vec![1, 2, 3];
        entry.append(&mut octets).unwrap();
        let code = Writer::primitive_of(tag::ENUMERATED, &[Reason::AaCompromise.code()]);
        let mut date = Writer::default();
        EncodedTime::generalized(invalidity).unwrap().write(&mut date);
        let expected = Writer::one(tag::SEQUENCE, |out| {
            out.raw(&[2, 2, 0, 0x80]);
            out.raw(b"\x18\x0f20500101000000Z");
            out.sequence(|out| {
                Extension::other(oids::REASON_CODE, false, code).write(out);
                Extension::other(oids::INVALIDITY_DATE, false, date.into_vec()).write(out);
            });
        });
        assert_eq!(octets.split_off(3), expected);
        assert_eq!(octets, [1, 2, 3]);
        let read = CrlEntry::read(&mut Reader::new(&expected)).unwrap();
        assert_eq!((read.reason, read.invalidity), (entry.reason, entry.invalidity));
    }
    #[test]
    fn an_unknown_extension_is_passed_over_unless_it_is_critical() {
        // certificateIssuer (section 5.3.3): the certificate, and those after it, are of another issuer.
        const CERTIFICATE_ISSUER: Oid = Oid::new_unwrap("2.5.29.29");
        let with = |critical| {
            Writer::one(tag::SEQUENCE, |out| {
                out.raw(&[2, 1, 7]);
                out.raw(b"\x17\x0d270101000000Z");
                out.sequence(|out| {
                    let value = vec![tag::SEQUENCE, 0];
                    Extension::other(CERTIFICATE_ISSUER, critical, value).write(out);
                });
            })
        };
        let read = |octets: &[u8]| CrlEntry::read(&mut Reader::new(octets));
        assert_eq!(read(&with(false)).unwrap().reason, None);
        assert_eq!(read(&with(true)), Err(DerError::UnknownCritical));
    }
}
