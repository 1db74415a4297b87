//! The vocabularies of the domain as enums of messages. A number that this version does not know is refused: taken for
//! "not given", it would say something else than was asked.

use proto::ca::v1 as wire;
use x509::crl::Reason;

use crate::domain::{Capacity, Protocol, Status};
use crate::error::Error;

fn known<E: TryFrom<i32>>(field: &'static str, number: i32) -> Result<E, Error> {
    E::try_from(number).map_err(|_| Error::invalid(field, format!("{number} is not known to this version")))
}

pub(super) fn encode_status(status: Status) -> wire::CertificateStatus {
    match status {
        Status::Valid => wire::CertificateStatus::Valid,
        Status::Revoked => wire::CertificateStatus::Revoked,
        Status::OnHold => wire::CertificateStatus::OnHold,
        Status::Expired => wire::CertificateStatus::Expired,
    }
}

/// Unspecified: any.
pub(super) fn decode_status(status: i32) -> Result<Option<Status>, Error> {
    Ok(match known("status", status)? {
        wire::CertificateStatus::Unspecified => None,
        wire::CertificateStatus::Valid => Some(Status::Valid),
        wire::CertificateStatus::Revoked => Some(Status::Revoked),
        wire::CertificateStatus::OnHold => Some(Status::OnHold),
        wire::CertificateStatus::Expired => Some(Status::Expired),
    })
}

pub(super) fn encode_protocol(protocol: Protocol) -> wire::Protocol {
    match protocol {
        Protocol::Rest => wire::Protocol::Rest,
        Protocol::Grpc => wire::Protocol::Grpc,
        Protocol::Acme => wire::Protocol::Acme,
        Protocol::Est => wire::Protocol::Est,
        Protocol::Scep => wire::Protocol::Scep,
        Protocol::Internal => wire::Protocol::Internal,
    }
}

/// Unspecified: none.
pub(super) fn decode_protocol(protocol: i32) -> Result<Option<Protocol>, Error> {
    Ok(match known("protocol", protocol)? {
        wire::Protocol::Unspecified => None,
        wire::Protocol::Rest => Some(Protocol::Rest),
        wire::Protocol::Grpc => Some(Protocol::Grpc),
        wire::Protocol::Acme => Some(Protocol::Acme),
        wire::Protocol::Est => Some(Protocol::Est),
        wire::Protocol::Scep => Some(Protocol::Scep),
        wire::Protocol::Internal => Some(Protocol::Internal),
    })
}

pub(super) fn encode_reason(reason: Reason) -> wire::Reason {
    match reason {
        Reason::Unspecified => wire::Reason::Unspecified,
        Reason::KeyCompromise => wire::Reason::KeyCompromise,
        Reason::CaCompromise => wire::Reason::CaCompromise,
        Reason::AffiliationChanged => wire::Reason::AffiliationChanged,
        Reason::Superseded => wire::Reason::Superseded,
        Reason::CessationOfOperation => wire::Reason::CessationOfOperation,
        Reason::CertificateHold => wire::Reason::CertificateHold,
        Reason::RemoveFromCrl => wire::Reason::RemoveFromCrl,
        Reason::PrivilegeWithdrawn => wire::Reason::PrivilegeWithdrawn,
        Reason::AaCompromise => wire::Reason::AaCompromise,
    }
}

pub(super) fn decode_reason(reason: i32) -> Result<Reason, Error> {
    Ok(match known("reason", reason)? {
        wire::Reason::NotGiven => return Err(Error::invalid("reason", "is not given")),
        wire::Reason::Unspecified => Reason::Unspecified,
        wire::Reason::KeyCompromise => Reason::KeyCompromise,
        wire::Reason::CaCompromise => Reason::CaCompromise,
        wire::Reason::AffiliationChanged => Reason::AffiliationChanged,
        wire::Reason::Superseded => Reason::Superseded,
        wire::Reason::CessationOfOperation => Reason::CessationOfOperation,
        wire::Reason::CertificateHold => Reason::CertificateHold,
        wire::Reason::RemoveFromCrl => Reason::RemoveFromCrl,
        wire::Reason::PrivilegeWithdrawn => Reason::PrivilegeWithdrawn,
        wire::Reason::AaCompromise => Reason::AaCompromise,
    })
}

pub(super) fn encode_capacity(capacity: Option<Capacity>) -> wire::Capacity {
    match capacity {
        None => wire::Capacity::Unspecified,
        Some(Capacity::Owner) => wire::Capacity::Owner,
        Some(Capacity::Operator) => wire::Capacity::Operator,
    }
}
