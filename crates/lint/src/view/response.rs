//! A ResponseData taken apart (RFC 6960 section 4.2.1). Everything borrows from the octets. It tolerates what has a lint of its own.

use x509::Oid;

use crate::oid;
use crate::tlv::{Broken, Reader, tag};
use crate::view::extensions::{Extension, extension};
use crate::view::time::Time;
use crate::view::{Algorithm, MAX_TBS};

/// A ResponseData.
#[derive(Debug)]
pub(crate) struct Response<'a> {
    pub(crate) has_version: bool,
    pub(crate) responder: Responder<'a>,
    pub(crate) produced_at: Time<'a>,
    pub(crate) answers: Vec<Answer<'a>>,
    pub(crate) extensions: Option<Vec<Extension<'a>>>,
}

/// A ResponderID.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Responder<'a> {
    /// DER of the name.
    Name(&'a [u8]),
    /// Content of the OCTET STRING.
    Key(&'a [u8]),
}

/// A SingleResponse.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) id: Id<'a>,
    pub(crate) status: Status<'a>,
    pub(crate) this_update: Time<'a>,
    pub(crate) next_update: Option<Time<'a>>,
    pub(crate) extensions: Option<Vec<Extension<'a>>>,
}

/// A CertID.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id<'a> {
    pub(crate) hash: Algorithm<'a>,
    pub(crate) name_hash: &'a [u8],
    pub(crate) key_hash: &'a [u8],
    /// Content of the INTEGER.
    pub(crate) serial: &'a [u8],
}

/// A CertStatus.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Status<'a> {
    Good,
    Revoked {
        time: Time<'a>,
        /// Content of the ENUMERATED.
        reason: Option<&'a [u8]>,
    },
    Unknown,
}

impl<'a> Response<'a> {
    pub(crate) fn decode(tbs: &'a [u8]) -> Result<Self, Broken> {
        if tbs.len() > MAX_TBS {
            return Err(Broken::Value("it has more than 262144 octets"));
        }
        let whole = Broken::within("responseData");
        let mut fields = Reader::within(tbs, tag::SEQUENCE).map_err(&whole)?;
        let version = fields.optional(tag::explicit(0)).map_err(&whole)?;
        let responder = Responder::read(&mut fields).map_err(Broken::within("responderID"))?;
        let produced_at = Time::read(&mut fields).map_err(Broken::within("producedAt"))?;
        let answers = fields
            .enter(tag::SEQUENCE)
            .and_then(|list| list.all(Answer::read))
            .map_err(Broken::within("responses"))?;
        let extensions = extensions(&mut fields).map_err(Broken::within("responseExtensions"))?;
        fields.finish().map_err(&whole)?;
        Ok(Self {
            has_version: version.is_some(),
            responder,
            produced_at,
            answers,
            extensions,
        })
    }

    /// All lists of extensions, and where they are.
    pub(crate) fn extension_lists(&self) -> impl Iterator<Item = (&'static str, &[Extension<'a>])> {
        let of_answers = self.answers.iter().map(|answer| &answer.extensions);
        let lists = of_answers.map(|list| ("singleExtensions", list));
        lists
            .chain(std::iter::once(("responseExtensions", &self.extensions)))
            .filter_map(|(place, list)| Some((place, list.as_deref()?)))
    }

    /// The extension of the whole response.
    pub(crate) fn extension(&self, oid: Oid) -> Option<&Extension<'a>> {
        find(self.extensions.as_deref(), oid)
    }

    /// DER of the parameters in CertIDs whose hash is not known here.
    pub(crate) fn foreign_parameters(&self) -> impl Iterator<Item = &'a [u8]> {
        let foreign = self
            .answers
            .iter()
            .filter(|answer| answer.id.hash_length().is_none());
        foreign.filter_map(|answer| answer.id.hash.parameters.map(|value| value.whole))
    }

    /// Every time but those in extensions, and where it is.
    pub(crate) fn times(&self) -> impl Iterator<Item = (&'static str, Time<'a>)> {
        let of_answers = self.answers.iter().flat_map(|answer| {
            let revoked = match answer.status {
                Status::Revoked { time, .. } => Some(("revocationTime", time)),
                Status::Good | Status::Unknown => None,
            };
            let next = answer.next_update.map(|time| ("nextUpdate", time));
            std::iter::once(("thisUpdate", answer.this_update))
                .chain(next)
                .chain(revoked)
        });
        std::iter::once(("producedAt", self.produced_at)).chain(of_answers)
    }
}

impl<'a> Responder<'a> {
    fn read(fields: &mut Reader<'a>) -> Result<Self, Broken> {
        let value = fields.any()?;
        match value.tag {
            // byName [1] and byKey [2] are explicit.
            0xa1 => {
                Reader::within(value.content, tag::SEQUENCE)?;
                Ok(Self::Name(value.content))
            }
            0xa2 => Reader::single(value.content, tag::OCTET_STRING).map(Self::Key),
            _ => Err(Broken::Value("it is neither a name nor a key")),
        }
    }
}

impl<'a> Answer<'a> {
    fn read(list: &mut Reader<'a>) -> Result<Self, Broken> {
        let mut fields = list.enter(tag::SEQUENCE)?;
        let id = Id::read(&mut fields).map_err(Broken::within("certID"))?;
        let status = Status::read(&mut fields).map_err(Broken::within("certStatus"))?;
        let this_update = Time::read(&mut fields)?;
        let next_update = match fields.optional(tag::explicit(0))? {
            None => None,
            Some(explicit) => {
                let mut inner = Reader::new(explicit);
                let time = Time::read(&mut inner)?;
                inner.finish()?;
                Some(time)
            }
        };
        let extensions = extensions(&mut fields).map_err(Broken::within("singleExtensions"))?;
        fields.finish()?;
        Ok(Self {
            id,
            status,
            this_update,
            next_update,
            extensions,
        })
    }

    pub(crate) fn extension(&self, oid: Oid) -> Option<&Extension<'a>> {
        find(self.extensions.as_deref(), oid)
    }
}

impl<'a> Id<'a> {
    fn read(fields: &mut Reader<'a>) -> Result<Self, Broken> {
        let mut parts = fields.enter(tag::SEQUENCE)?;
        let id = Self {
            hash: Algorithm::read(&mut parts)?,
            name_hash: parts.expect(tag::OCTET_STRING)?,
            key_hash: parts.expect(tag::OCTET_STRING)?,
            serial: parts.expect(tag::INTEGER)?,
        };
        parts.finish()?;
        Ok(id)
    }

    /// Octets of a hash; none if the algorithm is not known here.
    pub(crate) fn hash_length(&self) -> Option<usize> {
        if self.hash.is(oid::SHA1) {
            Some(20)
        } else if self.hash.is(oid::SHA256) {
            Some(32)
        } else {
            None
        }
    }
}

impl<'a> Status<'a> {
    fn read(fields: &mut Reader<'a>) -> Result<Self, Broken> {
        let value = fields.any()?;
        match (value.tag, value.content) {
            (0x80, []) => Ok(Self::Good),
            (0x82, []) => Ok(Self::Unknown),
            (0xa1, content) => {
                let mut info = Reader::new(content);
                let time = Time::read(&mut info)?;
                let reason = info.optional(tag::explicit(0))?;
                info.finish()?;
                Ok(Self::Revoked {
                    time,
                    reason: reason
                        .map(|explicit| Reader::single(explicit, tag::ENUMERATED))
                        .transpose()?,
                })
            }
            _ => Err(Broken::Value("it is neither good, revoked nor unknown")),
        }
    }
}

/// The content of the explicit tag [1].
fn extensions<'a>(fields: &mut Reader<'a>) -> Result<Option<Vec<Extension<'a>>>, Broken> {
    match fields.optional(tag::explicit(1))? {
        None => Ok(None),
        Some(explicit) => Reader::within(explicit, tag::SEQUENCE)?.all(extension).map(Some),
    }
}

fn find<'v, 'a>(list: Option<&'v [Extension<'a>]>, oid: Oid) -> Option<&'v Extension<'a>> {
    list?.iter().find(|extension| oid::is(extension.oid, oid))
}
