//! Answers (RFC 4511 section 4): written as pieces, of which values that are shared are not copied.

use std::io;

use tokio::io::AsyncWrite;

use crate::ber::{tag, write, write_head, write_number};
use crate::entry::{Entry, Selection, described};
use crate::pieces::{Described, Pieces, whole};

/// Result codes (RFC 4511 appendix A) that are answered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResultCode {
    Success = 0,
    ProtocolError = 2,
    TimeLimitExceeded = 3,
    SizeLimitExceeded = 4,
    AuthMethodNotSupported = 7,
    AdminLimitExceeded = 11,
    UnavailableCriticalExtension = 12,
    NoSuchObject = 32,
    InvalidDnSyntax = 34,
    InvalidCredentials = 49,
    Unavailable = 52,
    UnwillingToPerform = 53,
}

/// An LDAPResult.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    code: ResultCode,
    matched: String,
    message: String,
}

impl Outcome {
    pub(crate) const SUCCESS: Self = Self {
        code: ResultCode::Success,
        matched: String::new(),
        message: String::new(),
    };

    pub(crate) fn new(code: ResultCode, message: impl Into<String>) -> Self {
        Self {
            code,
            matched: String::new(),
            message: message.into(),
        }
    }

    /// There is no entry of that name; `matched` is the nearest above it.
    pub(crate) fn no_such_object(matched: String) -> Self {
        Self {
            matched,
            ..Self::new(ResultCode::NoSuchObject, "")
        }
    }
}

/// All that is sent for one request.
#[derive(Debug)]
pub(crate) struct Answer {
    id: u32,
    tag: u8,
    outcome: Outcome,
    /// Name and value of an extended response.
    extended: Vec<u8>,
    /// Messages before the result.
    before: Pieces,
}

impl Answer {
    /// A result with this tag for the request with this id.
    pub(crate) fn new(id: u32, tag: u8, outcome: Outcome) -> Self {
        Self {
            id,
            tag,
            outcome,
            extended: Vec::new(),
            before: Pieces::default(),
        }
    }

    /// The notice of disconnection (RFC 4511 section 4.4.1): sent before a connection is ended by the server.
    pub(crate) fn disconnection(code: ResultCode, message: impl Into<String>) -> Self {
        let mut notice = Self::new(0, 0x78, Outcome::new(code, message));
        write(&mut notice.extended, 0x8a, b"1.3.6.1.4.1.1466.20036");
        notice
    }

    /// An extended response with a value.
    pub(crate) fn with_value(mut self, value: &[u8]) -> Self {
        write(&mut self.extended, 0x8b, value);
        self
    }

    pub(crate) fn outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Adds an entry before the result, with the attributes that are asked for.
    pub(crate) fn entry(&mut self, entry: &Entry, selection: &Selection, types_only: bool) {
        let attributes: Vec<Described<'_>> = entry
            .selected(selection)
            .map(|(oid, values)| {
                let values = if types_only { &[] } else { values };
                Described::new(described(oid), values)
            })
            .collect();
        let list = attributes.iter().map(Described::length).sum();
        let content = whole(entry.name.len()) + whole(list);
        let out = &mut self.before;
        out.message_head(self.id, whole(content));
        write_head(&mut out.open, 0x64, content);
        write(&mut out.open, tag::OCTET_STRING, entry.name.as_bytes());
        write_head(&mut out.open, tag::SEQUENCE, list);
        for attribute in &attributes {
            attribute.write(out);
        }
    }

    /// Sends all of it.
    pub(crate) async fn send(self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let mut result = Vec::new();
        write_number(&mut result, tag::ENUMERATED, self.outcome.code as u32);
        write(&mut result, tag::OCTET_STRING, self.outcome.matched.as_bytes());
        write(&mut result, tag::OCTET_STRING, self.outcome.message.as_bytes());
        result.extend_from_slice(&self.extended);
        let mut out = self.before;
        out.message_head(self.id, whole(result.len()));
        write(&mut out.open, self.tag, &result);
        out.send(stream).await
    }
}
