//! Why a path is refused.

use time::OffsetDateTime;

use crate::extension::Violation;
use crate::moment::rfc3339;
use crate::{CertificateError, KeyUsageFlags};

/// Why no path leads to an anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// None of the given certificates issued it.
    #[error("no certificate of the issuer of {subject} is among those given; its issuer is {issuer}")]
    NoIssuer {
        /// The certificate whose issuer is missing.
        subject: String,
        /// The name of the missing issuer.
        issuer: String,
    },
    /// Outside its period.
    #[error("{subject} is valid from {} to {}, not at {}", at(.not_before), at(.not_after), at(.time))]
    Validity {
        /// The certificate.
        subject: String,
        /// Its first second.
        not_before: OffsetDateTime,
        /// Its last second.
        not_after: OffsetDateTime,
        /// The moment asked for.
        time: OffsetDateTime,
    },
    /// The issuer did not sign it, or may not have.
    #[error("{subject} was not issued by {issuer}: {source}")]
    Link {
        /// The certificate.
        subject: String,
        /// The supposed issuer.
        issuer: String,
        /// What does not fit.
        source: Box<CertificateError>,
    },
    /// More CA certificates follow than a path length allows.
    #[error("the path length of {subject} allows fewer CA certificates below it")]
    PathLength {
        /// The CA.
        subject: String,
    },
    /// A key usage without which the purpose cannot be served.
    #[error("{subject} is not for the purpose {purpose}: its key usage has none of {wanted}")]
    KeyUsage {
        /// The certificate.
        subject: String,
        /// The purpose.
        purpose: String,
        /// The usages of which one is needed.
        wanted: KeyUsageFlags,
    },
    /// A purpose that a certificate does not list.
    #[error("{subject} is not for the purpose {purpose}")]
    NotForPurpose {
        /// The certificate.
        subject: String,
        /// The purpose.
        purpose: String,
    },
    /// A name that a CA above may not certify.
    #[error("the name constraints of {issuer} are broken by {subject}: {violation}")]
    NameConstraints {
        /// The CA.
        issuer: String,
        /// The certificate with the name.
        subject: String,
        /// Which name, and how.
        violation: Box<Violation>,
    },
    /// An extension that must be understood is not.
    #[error("{subject} has the critical extension {extension}, which is not understood")]
    Critical {
        /// The certificate.
        subject: String,
        /// Name or OID of the extension.
        extension: String,
    },
    /// A certificate that breaks the form of RFC 5280 where verifiers would read it differently.
    #[error("{subject} is malformed: {problem}")]
    Malformed {
        /// The certificate.
        subject: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A CA calls for certificate policies, which are not processed here.
    #[error(
        "{subject} requires an explicit certificate policy (policyConstraints), and policies are not judged here"
    )]
    ExplicitPolicy {
        /// The CA.
        subject: String,
    },
    /// There may be a path, but it is longer than any that is searched.
    #[error(
        "no path of at most {limit} CA certificates leads from {subject} to a root; longer ones are not searched"
    )]
    TooDeep {
        /// The certificate that was to be verified.
        subject: String,
        /// Most CA certificates below the root.
        limit: usize,
    },
    /// The search was ended.
    #[error("the certificates given make more paths than are searched")]
    TooManyPaths,
}

fn at(moment: &OffsetDateTime) -> String {
    rfc3339(*moment)
}
