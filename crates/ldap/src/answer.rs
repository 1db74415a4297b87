//! Answers (RFC 4511 section 4): written as pieces, of which values that are shared are not copied.

use bytes::Bytes;

use crate::ber::{head_length, tag, write, write_head, write_number};
use crate::entry::{Entry, Selection, Value};
use crate::schema::{is_binary, name_of};

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

/// Octets in pieces. What is small is together; values are the octets of others.
#[derive(Debug, Default)]
struct Pieces {
    done: Vec<Bytes>,
    open: Vec<u8>,
}

impl Pieces {
    fn share(&mut self, octets: &Bytes) {
        // Small ones are cheaper copied than sent as pieces of their own.
        if octets.len() < 1024 {
            return self.open.extend_from_slice(octets);
        }
        self.close();
        self.done.push(octets.clone());
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.done.push(std::mem::take(&mut self.open).into());
        }
    }
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
        let attributes: Vec<(String, &[Value])> = entry
            .selected(selection)
            .map(|(oid, values)| {
                let option = if is_binary(oid) { ";binary" } else { "" };
                let values: &[Value] = if types_only { &[] } else { values };
                (format!("{}{option}", name_of(oid)), values)
            })
            .collect();
        let sizes: Vec<[usize; 2]> = attributes
            .iter()
            .map(|(name, values)| {
                let values = values.iter().map(|value| whole(value.length())).sum();
                [values, whole(name.len()) + whole(values)]
            })
            .collect();
        let list = sizes.iter().map(|[_, size]| whole(*size)).sum();
        let content = whole(entry.name.len()) + whole(list);
        let out = &mut self.before;
        write_message_head(&mut out.open, self.id, whole(content));
        write_head(&mut out.open, 0x64, content);
        write(&mut out.open, tag::OCTET_STRING, entry.name.as_bytes());
        write_head(&mut out.open, tag::SEQUENCE, list);
        for ((name, values), [set, size]) in attributes.iter().zip(sizes) {
            write_head(&mut out.open, tag::SEQUENCE, size);
            write(&mut out.open, tag::OCTET_STRING, name.as_bytes());
            write_head(&mut out.open, tag::SET, set);
            for value in *values {
                write_head(&mut out.open, tag::OCTET_STRING, value.length());
                match value {
                    Value::Text(text) => out.open.extend_from_slice(text.as_bytes()),
                    Value::Octets(content) => content.pieces().for_each(|piece| out.share(piece)),
                }
            }
        }
    }

    /// All octets, in pieces.
    pub(crate) fn into_pieces(self) -> Vec<Bytes> {
        let mut result = Vec::new();
        write_number(&mut result, tag::ENUMERATED, self.outcome.code as u32);
        write(&mut result, tag::OCTET_STRING, self.outcome.matched.as_bytes());
        write(&mut result, tag::OCTET_STRING, self.outcome.message.as_bytes());
        result.extend_from_slice(&self.extended);
        let mut out = self.before;
        write_message_head(&mut out.open, self.id, whole(result.len()));
        write(&mut out.open, self.tag, &result);
        out.close();
        out.done
    }
}

/// Octets of a value with a content of this length.
fn whole(length: usize) -> usize {
    head_length(length) + length
}

/// Everything of a message before its operation, which has this many octets.
fn write_message_head(out: &mut Vec<u8>, id: u32, operation: usize) {
    let mut number = Vec::new();
    write_number(&mut number, tag::INTEGER, id);
    write_head(out, tag::SEQUENCE, number.len() + operation);
    out.extend_from_slice(&number);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Content;
    use crate::dn::Dn;
    use crate::schema::CERTIFICATE_REVOCATION_LIST;

    #[test]
    fn values_are_sent_from_where_they_are() {
        let shared = Bytes::from(vec![7; 1 << 20]);
        let mut entry = Entry::new("cn=a".to_owned(), Dn::default());
        let content = Content::new([shared.clone(), Bytes::from_static(b"end")]);
        entry.add(CERTIFICATE_REVOCATION_LIST, [Value::Octets(content)]);
        let mut answer = Answer::new(1, 0x65, Outcome::SUCCESS);
        answer.entry(&entry, &Selection::read(&[]), false);
        let pieces = answer.into_pieces();
        assert!(pieces.iter().any(|piece| piece.as_ptr() == shared.as_ptr()));
        let copied: usize = pieces
            .iter()
            .filter(|piece| piece.as_ptr() != shared.as_ptr())
            .map(Bytes::len)
            .sum();
        assert!(copied < 200, "{copied}");
    }
}
