//! The orders of a list, each of which an index has, and the places in them.

use data_encoding::BASE64URL_NOPAD;
use kit::page::Sort;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::read::{NamedRow, Read};
use crate::domain::{Query, Status};

/// What a list is sorted by; the id decides among equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// By the id, which is that of the time.
    Issued,
    Expiry,
    Revoked,
    Subject,
    /// By the search key of the name that was found.
    Name,
}

impl Order {
    /// The order that is asked for, or else that of the filter that cuts most, with its direction.
    pub(super) fn of(query: &Query, asked: Option<Sort>) -> (Self, Sort) {
        match asked {
            None => Self::natural(query),
            Some(sort) => {
                let order = match sort.column {
                    "not_after" => Self::Expiry,
                    "revoked_at" => Self::Revoked,
                    "subject" => Self::Subject,
                    _ => Self::Issued,
                };
                (order, sort)
            }
        }
    }

    pub(super) fn natural(query: &Query) -> (Self, Sort) {
        const NEWEST: (Order, Sort) = (Order::Issued, Sort::of("-issued_at"));
        let names_of_one = query.san_suffix.is_some() && query.requester.len() == 1;
        if is_pinned(query) || names_of_one {
            NEWEST
        } else if query.san_suffix.is_some() {
            (Self::Name, Sort::of("name"))
        } else if query.expires.to.is_some()
            || query.status == [Status::Expired]
            || (query.expires.from.is_some() && !has_list_of_its_own(query))
        {
            (Self::Expiry, Sort::of("not_after"))
        } else if !query.revoked.is_open() && query.requester.len() != 1 {
            (Self::Revoked, Sort::of("-revoked_at"))
        } else {
            NEWEST
        }
    }

    /// Whether that is a place in this order.
    pub(super) fn has(self, position: &Position) -> bool {
        match self {
            Self::Issued => matches!(position, Position::Issued(_)),
            Self::Expiry | Self::Revoked => matches!(position, Position::Time(..)),
            Self::Subject => matches!(position, Position::Subject(..)),
            Self::Name => matches!(position, Position::Name(..)),
        }
    }

    /// The position of a row. None if what decides it cannot be read.
    pub(super) fn position<R: Read>(self, found: &NamedRow<R>) -> Option<Position> {
        let row = found.row.keys();
        let id = row.id;
        let column = match self {
            Self::Issued | Self::Name => "id",
            Self::Expiry => "not_after",
            Self::Revoked => "revoked_at",
            Self::Subject => "subject",
        };
        if !row.has("id") || !row.has(column) {
            return None;
        }
        Some(match self {
            Self::Issued => Position::Issued(id),
            Self::Expiry => Position::Time(row.not_after, id),
            Self::Revoked => Position::Time(row.revoked_at.unwrap_or_default(), id),
            Self::Subject => Position::Subject(row.subject.to_owned(), id),
            Self::Name => Position::Name(Bytes(found.name.clone().unwrap_or_default()), id),
        })
    }
}

/// Whether a filter names what few certificates have.
fn is_pinned(query: &Query) -> bool {
    query.q.is_some()
        || query.san.is_some()
        || query.spki_sha256.is_some()
        || query.fingerprint_sha256.is_some()
        || !query.serial.is_empty()
}

/// Whether an index lists what one of the filters lets through, newest first.
fn has_list_of_its_own(query: &Query) -> bool {
    query.subject.is_some()
        || !query.requester.is_empty()
        || !query.profile.is_empty()
        || !query.ca.is_empty()
        || !query.protocol.is_empty()
        || !query.key_type.is_empty()
        || !query.reason.is_empty()
        || !query.issued.is_open()
        || query.key_reused.is_some()
        || matches!(query.status[..], [Status::Revoked | Status::OnHold])
}

/// A place in a list: behind this row the next page starts, before it the page before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Position {
    Issued(Uuid),
    Time(i64, Uuid),
    Subject(String, Uuid),
    Name(Bytes, Uuid),
}

/// Bytes in base64: a third of the length that JSON has for them otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        BASE64URL_NOPAD.encode(&bytes.0)
    }
}

impl TryFrom<String> for Bytes {
    type Error = data_encoding::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        BASE64URL_NOPAD.decode(text.as_bytes()).map(Self)
    }
}
