//! The table of all lints, and running it.

use std::fmt;
use std::sync::LazyLock;

use serde::Serialize;

use crate::context::{Context, Issuer};
use crate::crl::CrlContext;
use crate::form::Form;
use crate::lints;
use crate::ocsp::ResponseContext;
use crate::tlv::Broken;
use crate::view::View;
use crate::view::list::List;
use crate::view::response::Response;

/// What a finding means for the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A recommendation that does not matter in a private PKI, or not much.
    Notice,
    /// A recommendation that does matter, or a rule of the public web alone.
    Warn,
    /// A rule is broken. Such a certificate, CRL or response is not signed.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Notice => "notice",
            Self::Warn => "warning",
            Self::Error => "error",
        })
    }
}

/// What a lint looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Certificates, CRLs and OCSP responses.
    Any,
    /// Every certificate.
    All,
    /// Certificates of CAs, roots included.
    Ca,
    /// Self-signed CAs.
    Root,
    /// All but roots.
    Issued,
    /// Certificates of CAs but not roots.
    SubordinateCa,
    /// Certificates that are not of a CA.
    EndEntity,
    /// End entities with the purpose serverAuth.
    TlsServer,
    /// End entities with the purpose OCSPSigning.
    OcspSigner,
    /// Every CRL.
    Crl,
    /// CRLs but deltas.
    CompleteCrl,
    /// Delta CRLs.
    DeltaCrl,
    /// OCSP responses.
    Ocsp,
}

impl Scope {
    fn holds(self, view: &View<'_>) -> bool {
        match self {
            Self::Any | Self::All => true,
            Self::Ca => view.is_ca(),
            Self::Root => view.root,
            Self::Issued => !view.root,
            Self::SubordinateCa => view.is_ca() && !view.root,
            Self::EndEntity => !view.is_ca(),
            Self::TlsServer => view.is_tls_server(),
            Self::OcspSigner => view.is_ocsp_signer(),
            Self::Crl | Self::CompleteCrl | Self::DeltaCrl | Self::Ocsp => false,
        }
    }

    fn holds_list(self, list: &List<'_>) -> bool {
        match self {
            Self::Crl => true,
            Self::CompleteCrl => !list.is_delta(),
            Self::DeltaCrl => list.is_delta(),
            _ => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "all",
            Self::All => "certificates",
            Self::Ca => "CAs",
            Self::Root => "roots",
            Self::Issued => "certificates but roots",
            Self::SubordinateCa => "CAs but roots",
            Self::EndEntity => "end entities",
            Self::TlsServer => "TLS servers",
            Self::OcspSigner => "OCSP signers",
            Self::Crl => "CRLs",
            Self::CompleteCrl => "complete CRLs",
            Self::DeltaCrl => "delta CRLs",
            Self::Ocsp => "OCSP responses",
        })
    }
}

/// One thing that a lint found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Id of the lint; it never changes its meaning.
    pub lint: &'static str,
    /// What it means for the signature.
    pub severity: Severity,
    /// The clause that wants it otherwise.
    pub source: &'static str,
    /// What was found where, for people. What it repeats of the octets is escaped and cut.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lint,
            severity,
            source,
            detail,
        } = self;
        write!(f, "{severity}: {lint}: {detail} ({source})")
    }
}

/// Nothing, or what is wrong.
pub(crate) type Verdict = Result<(), String>;

/// How a lint looks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// At the encoding.
    Octets(fn(&Form) -> Verdict),
    /// At what the certificate says.
    Content(fn(&View<'_>) -> Verdict),
    /// At certificate and issuer together.
    Link(fn(&View<'_>, &Issuer<'_>) -> Verdict),
    /// Whether the octets can be read at all.
    Readable,
    /// At what a CRL says.
    List(fn(&List<'_>) -> Verdict),
    /// At a CRL and its issuer together.
    ListLink(fn(&List<'_>, &CrlContext<'_>) -> Verdict),
    /// Whether a CRL can be read at all.
    ListReadable,
    /// At what an OCSP response says.
    Response(fn(&Response<'_>) -> Verdict),
    /// At an OCSP response, its signer and the issuer together.
    ResponseLink(fn(&Response<'_>, &ResponseContext) -> Verdict),
    /// Whether an OCSP response can be read at all.
    ResponseReadable,
}

/// A row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// Stable id: where the rule comes from and what it wants.
    pub id: &'static str,
    /// What a finding means.
    pub severity: Severity,
    /// The clause.
    pub source: &'static str,
    /// What must hold, in one line.
    pub about: &'static str,
    /// What it looks at.
    pub scope: Scope,
    check: Check,
}

/// A row that still lacks its check.
pub(crate) struct Rule {
    id: &'static str,
    severity: Severity,
    source: &'static str,
    about: &'static str,
}

impl Rule {
    pub(crate) const fn on(self, scope: Scope, check: Check) -> Lint {
        let Self {
            id,
            severity,
            source,
            about,
        } = self;
        Lint {
            id,
            severity,
            source,
            about,
            scope,
            check,
        }
    }
}

macro_rules! severities {
    ($($name:ident $severity:ident),*) => {$(
        pub(crate) const fn $name(id: &'static str, source: &'static str, about: &'static str) -> Rule {
            Rule { id, severity: Severity::$severity, source, about }
        }
    )*};
}

severities!(error Error, warn Warn, notice Notice);

impl Lint {
    fn finding(&self, detail: String) -> Finding {
        Finding {
            lint: self.id,
            severity: self.severity,
            source: self.source,
            detail,
        }
    }

    fn judge(&self, case: &Case<'_>) -> Verdict {
        match (self.check, &case.view) {
            (Check::Octets(check), _) => check(&case.form),
            (Check::Readable, Err(broken)) => Err(broken.to_string()),
            (Check::Content(check), Ok(view)) if self.scope.holds(view) => check(view),
            (Check::Link(check), Ok(view)) if self.scope.holds(view) => match &case.issuer {
                Some(issuer) => check(view, issuer),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn judge_list(&self, case: &ListCase<'_, '_>) -> Verdict {
        match (self.check, case.list) {
            (Check::Octets(check), _) => check(case.form),
            (Check::ListReadable, Err(broken)) => Err(broken.to_string()),
            (Check::List(check), Ok(list)) if self.scope.holds_list(list) => check(list),
            (Check::ListLink(check), Ok(list)) if self.scope.holds_list(list) => {
                case.context.map_or(Ok(()), |context| check(list, context))
            }
            _ => Ok(()),
        }
    }

    fn judge_response(&self, case: &ResponseCase<'_, '_>) -> Verdict {
        match (self.check, case.response) {
            (Check::Octets(check), _) => check(case.form),
            (Check::ResponseReadable, Err(broken)) => Err(broken.to_string()),
            (Check::Response(check), Ok(response)) => check(response),
            (Check::ResponseLink(check), Ok(response)) => {
                case.context.map_or(Ok(()), |context| check(response, context))
            }
            _ => Ok(()),
        }
    }
}

/// A CRL after all of it was seen.
pub(crate) struct ListCase<'c, 'a> {
    pub(crate) form: &'c Form,
    pub(crate) list: Result<&'c List<'a>, Broken>,
    pub(crate) context: Option<&'c CrlContext<'c>>,
}

impl ListCase<'_, '_> {
    pub(crate) fn findings(&self) -> Vec<Finding> {
        collect(|lint| lint.judge_list(self))
    }
}

/// An OCSP response, decoded once.
pub(crate) struct ResponseCase<'c, 'a> {
    pub(crate) form: &'c Form,
    pub(crate) response: Result<&'c Response<'a>, Broken>,
    pub(crate) context: Option<&'c ResponseContext>,
}

impl ResponseCase<'_, '_> {
    pub(crate) fn findings(&self) -> Vec<Finding> {
        collect(|lint| lint.judge_response(self))
    }
}

/// All that the lints of certificates share, decoded once.
struct Case<'a> {
    form: Form,
    view: Result<View<'a>, Broken>,
    issuer: Option<Issuer<'a>>,
}

impl<'a> Case<'a> {
    fn read(tbs: &'a [u8], context: &Context<'a>) -> Self {
        let mut form = Form::of(tbs);
        let mut view = View::decode(tbs);
        let mut issuer = None;
        if let Ok(view) = &mut view {
            form.enter_extensions(tbs, view);
            view.root = context.is_root(view);
            issuer = context.issuer(view);
        }
        Self { form, view, issuer }
    }
}

/// Every lint, grouped by what it looks at.
#[must_use]
pub fn catalogue() -> &'static [Lint] {
    static ALL: LazyLock<Vec<Lint>> = LazyLock::new(lints::all);
    &ALL
}

/// Judges the DER of a TBSCertificate from anywhere. Without an issuer, what must agree with it is not judged, but
/// for certificates of CAs that name themselves as issuer.
#[must_use]
pub fn check_tbs(tbs: &[u8], context: &Context<'_>) -> Vec<Finding> {
    findings(tbs, context)
}

pub(crate) fn findings(tbs: &[u8], context: &Context<'_>) -> Vec<Finding> {
    let case = Case::read(tbs, context);
    collect(|lint| lint.judge(&case))
}

fn collect(judge: impl Fn(&Lint) -> Verdict) -> Vec<Finding> {
    catalogue()
        .iter()
        .filter_map(|lint| judge(lint).err().map(|detail| lint.finding(detail)))
        .collect()
}
