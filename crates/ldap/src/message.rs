//! Messages of clients (RFC 4511 section 4): read from bounded octets, into what is answered here.

use crate::ber::{BerError, Reader, head, tag, text};
use crate::filter::{Filter, FilterError};

/// Most octets of a message. Requests of clients have some hundred.
pub const MAX_MESSAGE: usize = 32 * 1024;
/// Most attributes that a search may name.
const MAX_ATTRIBUTES: usize = 256;
/// Most controls of a message.
const MAX_CONTROLS: usize = 16;
/// ManageDsaIT (RFC 3296): referrals are to be treated as entries. There are none.
pub(crate) const MANAGE_DSA_IT: &str = "2.16.840.1.113730.3.4.2";

/// Octets that are not a message: the connection ends (RFC 4511 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecodable {
    #[error("the message has more than {0} octets")]
    TooLong(usize),
    #[error("the message cannot be read: {0}")]
    Ber(#[from] BerError),
    #[error("the message is not a request")]
    NotRequest,
}

/// Octets of the message of a client that begins here; none if too little is there to tell.
pub(crate) fn length_of(octets: &[u8]) -> Result<Option<usize>, Undecodable> {
    length_within(octets, MAX_MESSAGE)
}

/// The same of a message of at most `most` octets.
pub(crate) fn length_within(octets: &[u8], most: usize) -> Result<Option<usize>, Undecodable> {
    match head(octets) {
        Ok((tag::SEQUENCE, taken, length)) => match taken.saturating_add(length) {
            size if size > most => Err(Undecodable::TooLong(most)),
            size => Ok(Some(size)),
        },
        Ok(_) => Err(BerError::Tag.into()),
        Err(BerError::Truncated) => match octets.first() {
            None | Some(&tag::SEQUENCE) => Ok(None),
            Some(_) => Err(BerError::Tag.into()),
        },
        Err(other) => Err(other.into()),
    }
}

/// A message of a client.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) id: u32,
    pub(crate) operation: Operation,
    /// What is asked, or why that cannot be read.
    pub(crate) request: Result<Request<'a>, Malformed>,
}

/// The kind of a request, by which its answer is tagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Bind,
    Unbind,
    Search,
    Modify,
    Add,
    Delete,
    Rename,
    Compare,
    Abandon,
    Extended,
}

impl Operation {
    fn of(tag: u8) -> Option<Self> {
        Some(match tag {
            0x60 => Self::Bind,
            0x42 => Self::Unbind,
            0x63 => Self::Search,
            0x66 => Self::Modify,
            0x68 => Self::Add,
            0x4a => Self::Delete,
            0x6c => Self::Rename,
            0x6e => Self::Compare,
            0x50 => Self::Abandon,
            0x77 => Self::Extended,
            _ => return None,
        })
    }

    /// Tag of the answer; none where there is no answer.
    pub(crate) fn answer(self) -> Option<u8> {
        Some(match self {
            Self::Bind => 0x61,
            Self::Search => 0x65,
            Self::Modify => 0x67,
            Self::Add => 0x69,
            Self::Delete => 0x6b,
            Self::Rename => 0x6d,
            Self::Compare => 0x6f,
            Self::Extended => 0x78,
            Self::Unbind | Self::Abandon => return None,
        })
    }
}

/// What a client asks.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    Bind {
        version: u32,
        name: &'a str,
        /// Whether it is simple, with this password.
        password: Option<&'a [u8]>,
    },
    Unbind,
    Search(Search<'a>),
    /// One that would change something.
    Write,
    Compare,
    Abandon,
    Extended {
        name: &'a str,
    },
}

/// A search (RFC 4511 section 4.5.1).
#[derive(Debug)]
pub(crate) struct Search<'a> {
    pub(crate) base: &'a str,
    pub(crate) scope: Scope,
    /// 0: no limit of the client.
    pub(crate) size_limit: u32,
    /// Seconds; 0: no limit of the client.
    pub(crate) time_limit: u32,
    pub(crate) types_only: bool,
    pub(crate) filter: Filter<'a>,
    pub(crate) attributes: Vec<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Base,
    OneLevel,
    Subtree,
}

/// Why a request whose kind is known is refused; the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the request cannot be read: {0}")]
    Ber(#[from] BerError),
    #[error("{0}")]
    Filter(#[from] FilterError),
    #[error("more than {MAX_ATTRIBUTES} attributes are asked for")]
    Attributes,
    #[error("there are more than {MAX_CONTROLS} controls")]
    Controls,
    #[error("a critical control is not supported")]
    CriticalControl,
}

impl<'a> Message<'a> {
    /// Reads the one message that the octets must be.
    pub(crate) fn read(octets: &'a [u8]) -> Result<Self, Undecodable> {
        let mut reader = Reader::new(octets);
        let mut fields = reader.enter(tag::SEQUENCE)?;
        reader.finish()?;
        let id = fields.number(tag::INTEGER)?;
        let value = fields.any()?;
        let operation = Operation::of(value.tag).ok_or(Undecodable::NotRequest)?;
        let controls = fields.optional(0xa0)?;
        fields.finish()?;
        let request = controls
            .map_or(Ok(()), check_controls)
            .and_then(|()| read_request(operation, value.content));
        Ok(Self {
            id,
            operation,
            request,
        })
    }
}

fn read_request(operation: Operation, content: &[u8]) -> Result<Request<'_>, Malformed> {
    let fields = Reader::new(content);
    match operation {
        Operation::Bind => read_bind(fields),
        Operation::Unbind => Ok(Request::Unbind),
        Operation::Search => read_search(fields),
        Operation::Modify | Operation::Add | Operation::Delete | Operation::Rename => Ok(Request::Write),
        Operation::Compare => Ok(Request::Compare),
        Operation::Abandon => Ok(Request::Abandon),
        Operation::Extended => read_extended(fields),
    }
}

fn read_bind(mut fields: Reader<'_>) -> Result<Request<'_>, Malformed> {
    let version = fields.number(tag::INTEGER)?;
    let name = fields.text()?;
    let credentials = fields.any()?;
    fields.finish()?;
    let password = match credentials.tag {
        0x80 => Some(credentials.content),
        // SASL, or a method that does not exist yet.
        _ => None,
    };
    Ok(Request::Bind {
        version,
        name,
        password,
    })
}

fn read_search(mut fields: Reader<'_>) -> Result<Request<'_>, Malformed> {
    let base = fields.text()?;
    let scope = match fields.number(tag::ENUMERATED)? {
        0 => Scope::Base,
        1 => Scope::OneLevel,
        2 => Scope::Subtree,
        _ => return Err(BerError::Value("a scope is not known").into()),
    };
    // There are no aliases to be dereferenced or not.
    if fields.number(tag::ENUMERATED)? > 3 {
        return Err(BerError::Value("derefAliases is not known").into());
    }
    let size_limit = fields.number(tag::INTEGER)?;
    let time_limit = fields.number(tag::INTEGER)?;
    let types_only = fields.boolean(tag::BOOLEAN)?;
    let filter = Filter::read(&mut fields)?;
    let mut list = fields.enter(tag::SEQUENCE)?;
    fields.finish()?;
    let mut attributes = Vec::new();
    while !list.is_empty() {
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(Malformed::Attributes);
        }
        attributes.push(list.text()?);
    }
    Ok(Request::Search(Search {
        base,
        scope,
        size_limit,
        time_limit,
        types_only,
        filter,
        attributes,
    }))
}

fn read_extended(mut fields: Reader<'_>) -> Result<Request<'_>, Malformed> {
    let name = text(fields.expect(0x80)?)?;
    fields.optional(0x81)?;
    fields.finish()?;
    Ok(Request::Extended { name })
}

/// Controls are not supported; those that are not critical are passed over (RFC 4511 section 4.1.11).
fn check_controls(list: &[u8]) -> Result<(), Malformed> {
    let mut list = Reader::new(list);
    let mut count = 0;
    while !list.is_empty() {
        count += 1;
        if count > MAX_CONTROLS {
            return Err(Malformed::Controls);
        }
        let mut fields = list.enter(tag::SEQUENCE)?;
        let oid = fields.text()?;
        let critical = match fields.peek() {
            Some(tag::BOOLEAN) => fields.boolean(tag::BOOLEAN)?,
            _ => false,
        };
        fields.optional(tag::OCTET_STRING)?;
        fields.finish()?;
        if critical && oid != MANAGE_DSA_IT {
            return Err(Malformed::CriticalControl);
        }
    }
    Ok(())
}

/// Reads octets as a listener does, and says whether they begin with a whole message that it would answer. For fuzzing.
#[must_use]
pub fn inspect(octets: &[u8]) -> bool {
    match length_of(octets) {
        Ok(Some(length)) => octets
            .get(..length)
            .and_then(|whole| Message::read(whole).ok())
            .is_some_and(|message| message.request.is_ok()),
        _ => false,
    }
}
