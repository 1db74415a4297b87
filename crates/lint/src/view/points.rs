//! Distribution points of CRLs (RFC 5280 sections 4.2.1.13, 5.2.5 and 5.2.6).

use crate::tlv::{Broken, Reader, Tlv, tag};
use crate::view::extensions::{Bits, general_names};

/// A DistributionPoint.
#[derive(Debug)]
pub(crate) struct CrlPoint<'a> {
    /// GeneralNames of the full name; none if there is no name or a relative one.
    pub(crate) full_name: Option<Vec<Tlv<'a>>>,
    /// Content of the RelativeDistinguishedName that a relative name is.
    pub(crate) relative_name: Option<&'a [u8]>,
    pub(crate) reasons: Option<Bits<'a>>,
    /// GeneralNames.
    pub(crate) crl_issuer: Option<Vec<Tlv<'a>>>,
}

impl CrlPoint<'_> {
    pub(crate) fn has_name(&self) -> bool {
        self.full_name.is_some() || self.relative_name.is_some()
    }
}

pub(crate) fn crl_point<'a>(points: &mut Reader<'a>) -> Result<CrlPoint<'a>, Broken> {
    let mut fields = points.enter(tag::SEQUENCE)?;
    let name = fields.optional(tag::explicit(0))?;
    let reasons = fields.optional(tag::implicit(1))?.map(Bits::of).transpose()?;
    let crl_issuer = fields
        .optional(tag::explicit(2))?
        .map(general_names)
        .transpose()?;
    fields.finish()?;
    let (full_name, relative_name) = point_name(name)?;
    Ok(CrlPoint {
        full_name,
        relative_name,
        reasons,
        crl_issuer,
    })
}

/// GeneralNames of a full name, or the content of a name relative to the CRL issuer, in the content of a distributionPoint.
pub(crate) type PointName<'a> = (Option<Vec<Tlv<'a>>>, Option<&'a [u8]>);

pub(crate) fn point_name(distribution_point: Option<&[u8]>) -> Result<PointName<'_>, Broken> {
    let Some(choice) = distribution_point else {
        return Ok((None, None));
    };
    let mut choice = Reader::new(choice);
    let name = choice.any()?;
    choice.finish()?;
    match name.tag {
        // fullName, nameRelativeToCRLIssuer.
        0xa0 => Ok((Some(general_names(name.content)?), None)),
        0xa1 => Ok((None, Some(name.content))),
        _ => Err(Broken::Value("a distributionPoint that is not a name")),
    }
}
