//! A certificate on its way from the signature into the database.

use store::IdempotencyClaim;

use super::Issued;
use super::certificate::Protocol;
use super::identities::Asker;
use super::issuance_facts::{Basis, Predecessor};

/// What the inventory keeps beside the certificate itself.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Whose the certificate will be.
    pub(crate) requester: String,
    /// Who asked for it: the requester, or the caller who renews for them.
    pub(crate) actor: String,
    pub(crate) protocol: Protocol,
    pub(crate) replaces: Option<Predecessor>,
    /// The identity that a service showed to have its own made.
    pub(crate) asked_by: Option<Asker>,
    pub(crate) claim: Option<IdempotencyClaim>,
    pub(crate) trace: kit::trace::TraceContext,
}

/// Signed, and not yet stored or given to a caller.
pub(crate) struct Signed {
    pub(crate) issued: Issued,
    pub(crate) basis: Basis,
    pub(crate) record: Record,
}
