//! Distribution points: where a CRL is, and which CRL is meant (RFC 5280 section 4.2.1.13).

use crate::asn1::{DerError, Reader, ia5, tag};

/// The names of one list. All of them are names of the same list, so that each URI is another way to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointNames {
    /// URIs.
    pub uris: Vec<String>,
    /// DER of names of other forms, such as entries of a directory, and of a name relative to the issuer's.
    pub others: Vec<Vec<u8>>,
}

/// One point of cRLDistributionPoints or freshestCRL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistributionPoint {
    /// Names of its list; none if the list is only said to be of another issuer.
    pub names: PointNames,
    /// Whether its list has certificates that were revoked for some reasons only.
    pub only_some_reasons: bool,
    /// Whether another issuer than that of the certificate signs its list.
    pub has_crl_issuer: bool,
}

impl PointNames {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.uris.is_empty() && self.others.is_empty()
    }

    /// Whether one name is in both (section 6.3.3), octet for octet.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.uris.iter().any(|uri| other.uris.contains(uri))
            || self.others.iter().any(|name| other.others.contains(name))
    }

    /// Reads a DistributionPointName.
    pub(super) fn read(name: &[u8]) -> Result<Self, DerError> {
        let mut choice = Reader::new(name);
        let chosen = choice.any()?;
        choice.finish()?;
        let mut names = Self::default();
        if chosen.tag == tag::context_constructed(1) {
            names.others.push(chosen.whole.to_vec());
            return Ok(names);
        }
        let mut full_name = Reader::new(chosen.expect(tag::context_constructed(0))?);
        while !full_name.is_empty() {
            let general_name = full_name.any()?;
            if general_name.tag == tag::context(6) {
                names.uris.push(ia5(general_name.content)?.to_owned());
            } else {
                names.others.push(general_name.whole.to_vec());
            }
        }
        Ok(names)
    }
}

impl DistributionPoint {
    /// The point of a list that is known by its URL alone.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self {
            names: PointNames {
                uris: vec![url.to_owned()],
                others: Vec::new(),
            },
            ..Self::default()
        }
    }

    pub(super) fn read(points: &mut Reader<'_>) -> Result<Self, DerError> {
        let mut fields = points.enter(tag::SEQUENCE)?;
        let name = fields.optional(tag::context_constructed(0))?;
        let reasons = fields.optional(tag::context(1))?;
        let crl_issuer = fields.optional(tag::context_constructed(2))?;
        fields.finish()?;
        Ok(Self {
            names: name.map_or(Ok(PointNames::default()), PointNames::read)?,
            only_some_reasons: reasons.is_some(),
            has_crl_issuer: crl_issuer.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Writer;
    use crate::extension::{Extension, ExtensionError, ExtensionValue, oids};

    const DIRECTORY: &[u8] = &[0xa4, 2, 0x30, 0];

    fn points(write: impl FnOnce(&mut Writer)) -> Result<Vec<DistributionPoint>, ExtensionError> {
        let der = Writer::one(tag::SEQUENCE, write);
        let extension = Extension::other(oids::CRL_DISTRIBUTION_POINTS, false, der);
        extension.value().map(|value| match value {
            ExtensionValue::CrlDistributionPoints(points) => points,
            other => unreachable!("{other:?}"),
        })
    }

    fn full_name(out: &mut Writer, names: &[&[u8]]) {
        out.constructed(tag::context_constructed(0), |name| {
            name.constructed(tag::context_constructed(0), |full| {
                names.iter().for_each(|name| full.raw(name));
            });
        });
    }

    #[test]
    fn what_a_point_says_beside_its_urls_is_kept() {
        let read = points(|out| {
            out.sequence(|point| full_name(point, &[b"\x86\x08http://a", DIRECTORY, b"\x86\x08ldap:///"]));
            out.sequence(|point| {
                full_name(point, &[b"\x86\x08http://b"]);
                point.raw(&[0x81, 2, 6, 0x40]);
            });
            out.sequence(|point| point.raw(&[0xa2, 4, 0xa4, 2, 0x30, 0]));
            out.sequence(|point| point.raw(&[0xa0, 4, 0xa1, 2, 0x31, 0]));
        });
        let [names, reasons, issuer, relative] = &read.unwrap()[..] else {
            unreachable!("four points")
        };
        assert_eq!(names.names.uris, ["http://a", "ldap:///"]);
        assert_eq!(names.names.others, [DIRECTORY]);
        assert_eq!((reasons.only_some_reasons, reasons.has_crl_issuer), (true, false));
        assert!(issuer.has_crl_issuer && issuer.names.is_empty());
        assert_eq!(relative.names.others, [&[0xa1, 2, 0x31, 0]]);
        assert!(names.names.meets(&DistributionPoint::at("http://a").names));
        assert!(!names.names.meets(&DistributionPoint::at("http://b").names));
        assert!(!names.names.meets(&relative.names));
    }

    #[test]
    fn a_name_that_cannot_be_read_makes_the_extension_malformed() {
        for name in [&b"\x86\x09http://h\xff"[..], b"\x86\x09http", b"\xa4"] {
            assert!(
                points(|out| out.sequence(|point| full_name(point, &[b"\x86\x08http://a", name]))).is_err()
            );
        }
        for point in [&[0xa0, 0][..], &[0xa0, 2, 0x86, 0], &[0x05, 0]] {
            assert!(
                points(|out| out.sequence(|out| out.raw(point))).is_err(),
                "{point:?}"
            );
        }
    }
}
