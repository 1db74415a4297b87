//! The proof that octets passed: [`Linted`], made by [`lint()`] and its siblings for CRLs and OCSP responses
//! ([`lint_crl`](crate::lint_crl), [`CrlLinter`](crate::CrlLinter), [`lint_response`](crate::lint_response)), and by nothing else.

use crate::catalogue::{Finding, Severity, findings};
use crate::context::Context;

/// Something that holds the DER of a TBSCertificate which a signature is wanted for.
///
/// [`tbs`](Self::tbs) must give the same octets at every call: they are judged once and signed later.
pub trait ToBeSigned {
    /// The DER of the TBSCertificate (RFC 5280 section 4.1).
    fn tbs(&self) -> &[u8];
}

/// A value whose octets passed every lint of severity [`Error`](Severity::Error). Signers take it instead of the
/// bare value.
///
/// No other code can make one:
///
/// ```compile_fail
/// let forged = lint::Linted(vec![0x30, 0x00], Vec::new());
/// ```
#[derive(Debug)]
pub struct Linted<T>(T, Vec<Finding>);

impl<T> Linted<T> {
    /// The one place where it is made: of what these findings are all findings of.
    pub(crate) fn unless_refused(subject: T, findings: Vec<Finding>) -> Result<Self, Refused> {
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(Refused { findings });
        }
        Ok(Self(subject, findings))
    }

    /// The value that passed.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The value, without its proof.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }

    /// What was found and does not forbid the signature: warnings and notices.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.1
    }
}

/// Why a signature was refused: at least one finding is an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub struct Refused {
    findings: Vec<Finding>,
}

impl Refused {
    /// All findings, warnings and notices too, in the order of the catalogue.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The ids of the lints that forbid the signature.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.errors().map(|finding| finding.lint)
    }

    fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
    }

    /// Ids and details of the errors.
    fn told(&self) -> String {
        let told: Vec<String> = self
            .errors()
            .map(|finding| format!("{} ({})", finding.lint, finding.detail))
            .collect();
        told.join("; ")
    }
}

/// Judges what is about to be signed. A context that says nothing about the issuer counts as a root's: only what
/// names itself as its issuer can pass then.
///
/// # Errors
/// [`Refused`], if any lint of severity [`Error`](Severity::Error) found something.
pub fn lint<T: ToBeSigned>(subject: T, context: &Context<'_>) -> Result<Linted<T>, Refused> {
    let findings = findings(subject.tbs(), &context.before_signing());
    Linted::unless_refused(subject, findings)
}
