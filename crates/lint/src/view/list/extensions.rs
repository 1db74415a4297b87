//! Extensions of CRLs (RFC 5280 section 5.2).

use x509::Oid;

use crate::oid;
use crate::tlv::{Broken, Reader, Tlv, tag};
use crate::view::extensions::{Aki, Extension, authority_key_identifier, extension};
use crate::view::points::{CrlPoint, crl_point, point_name};

/// All extensions, in their order and decoded. Of an extension that occurs twice the first counts.
#[derive(Debug, Default)]
pub(crate) struct ListExtensions<'a> {
    pub(crate) list: Vec<Extension<'a>>,
    /// Known extensions whose values are not of their type.
    pub(crate) malformed: Vec<(&'static str, Broken)>,
    pub(crate) aki: Option<Aki<'a>>,
    /// Content of the INTEGER.
    pub(crate) number: Option<&'a [u8]>,
    /// Content of the INTEGER in deltaCRLIndicator.
    pub(crate) base: Option<&'a [u8]>,
    pub(crate) point: Option<IssuingPoint<'a>>,
    pub(crate) freshest: Option<Vec<CrlPoint<'a>>>,
}

/// issuingDistributionPoint (section 5.2.5).
#[derive(Debug)]
pub(crate) struct IssuingPoint<'a> {
    /// GeneralNames of the full name.
    pub(crate) full_name: Vec<Tlv<'a>>,
    /// Whether anything else is encoded: a relative name, reasons, or a flag.
    pub(crate) has_more: bool,
    /// Whether a flag is encoded that is FALSE.
    pub(crate) encodes_default: bool,
}

/// The extensions that are known here: identifier, name.
const KNOWN: [(Oid, &str); 7] = [
    (oid::AUTHORITY_KEY_IDENTIFIER, "authorityKeyIdentifier"),
    (oid::ISSUER_ALT_NAME, "issuerAltName"),
    (oid::CRL_NUMBER, "cRLNumber"),
    (oid::DELTA_CRL_INDICATOR, "deltaCRLIndicator"),
    (oid::ISSUING_DISTRIBUTION_POINT, "issuingDistributionPoint"),
    (oid::FRESHEST_CRL, "freshestCRL"),
    (oid::AUTHORITY_INFO_ACCESS, "authorityInfoAccess"),
];

/// Name of a known extension of CRLs.
pub(crate) fn name_of(content: &[u8]) -> Option<&'static str> {
    KNOWN
        .iter()
        .find_map(|(oid, name)| oid::is(content, *oid).then_some(*name))
}

impl<'a> ListExtensions<'a> {
    /// Reads the content of the explicit tag [0].
    pub(super) fn read(explicit: &'a [u8]) -> Result<Self, Broken> {
        let mut read = Self {
            list: Reader::within(explicit, tag::SEQUENCE)?.all(extension)?,
            ..Self::default()
        };
        for (oid, name) in KNOWN {
            let value = read.find(oid).map(|extension| extension.value);
            if let Some(value) = value
                && let Err(broken) = read.decode(oid, value)
            {
                read.malformed.push((name, broken));
            }
        }
        Ok(read)
    }

    fn decode(&mut self, oid: Oid, der: &'a [u8]) -> Result<(), Broken> {
        let list = || Reader::within(der, tag::SEQUENCE);
        match oid {
            oid::AUTHORITY_KEY_IDENTIFIER => self.aki = Some(authority_key_identifier(list()?)?),
            oid::CRL_NUMBER => self.number = Some(Reader::single(der, tag::INTEGER)?),
            oid::DELTA_CRL_INDICATOR => self.base = Some(Reader::single(der, tag::INTEGER)?),
            oid::ISSUING_DISTRIBUTION_POINT => self.point = Some(issuing_point(list()?)?),
            oid::FRESHEST_CRL => self.freshest = Some(list()?.all(crl_point)?),
            // Ours have none; that they are lists is all that is asked of others.
            _ => drop(list()?.all(Reader::any)?),
        }
        Ok(())
    }

    pub(crate) fn find(&self, oid: Oid) -> Option<&Extension<'a>> {
        self.list.iter().find(|extension| oid::is(extension.oid, oid))
    }

    pub(crate) fn has(&self, oid: Oid) -> bool {
        self.find(oid).is_some()
    }
}

/// distributionPoint [0], onlyContainsUserCerts [1], onlyContainsCACerts [2], onlySomeReasons [3], indirectCRL [4],
/// onlyContainsAttributeCerts [5].
fn issuing_point(mut fields: Reader<'_>) -> Result<IssuingPoint<'_>, Broken> {
    let (full_name, relative) = point_name(fields.optional(tag::explicit(0))?)?;
    let mut point = IssuingPoint {
        full_name: full_name.unwrap_or_default(),
        has_more: relative.is_some(),
        encodes_default: false,
    };
    for number in 1..=5 {
        let Some(content) = fields.optional(tag::implicit(number))? else {
            continue;
        };
        match (number, content) {
            (3, _) => point.has_more = true,
            (_, [0]) => point.encodes_default = true,
            (_, [_]) => point.has_more = true,
            _ => return Err(Broken::Value("a BOOLEAN without or with too much content")),
        }
    }
    fields.finish()?;
    Ok(point)
}
