//! The table of all lints, and running it.

use std::fmt;
use std::sync::LazyLock;

use serde::Serialize;

use crate::context::{Context, Issuer};
use crate::form::Form;
use crate::lints;
use crate::tlv::Broken;
use crate::view::View;

/// What a finding means for the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A recommendation that does not matter in a private PKI, or not much.
    Notice,
    /// A recommendation that does matter, or a rule of the public web alone.
    Warn,
    /// A rule is broken. Such a certificate is not signed.
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

/// Which certificates a lint looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
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
}

impl Scope {
    fn holds(self, view: &View<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Ca => view.is_ca(),
            Self::Root => view.root,
            Self::Issued => !view.root,
            Self::SubordinateCa => view.is_ca() && !view.root,
            Self::EndEntity => !view.is_ca(),
            Self::TlsServer => view.is_tls_server(),
            Self::OcspSigner => view.is_ocsp_signer(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Ca => "CAs",
            Self::Root => "roots",
            Self::Issued => "all but roots",
            Self::SubordinateCa => "CAs but roots",
            Self::EndEntity => "end entities",
            Self::TlsServer => "TLS servers",
            Self::OcspSigner => "OCSP signers",
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
    /// What was found where, for people. What it repeats of the certificate is escaped and cut.
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
    /// Which certificates it looks at.
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
}

/// All that the lints share, decoded once.
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
    catalogue()
        .iter()
        .filter_map(|lint| lint.judge(&case).err().map(|detail| lint.finding(detail)))
        .collect()
}
