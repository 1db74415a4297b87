//! extKeyUsage (RFC 5280 section 4.2.1.12, RFC 3161 section 2.3, RFC 6960 section 4.2.2.2; BR 7.1.2).

use x509::Eku;

use crate::catalogue::Check::{Content, Link};
use crate::catalogue::Scope::{All, EndEntity, Issued, OcspSigner, Root, TlsServer};
use crate::catalogue::{Lint, Verdict, error, warn};
use crate::context::Issuer;
use crate::lints::{repeated, require};
use crate::oid;
use crate::view::View;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_eku_not_empty",
        "RFC 5280 4.2.1.12",
        "extKeyUsage lists at least one purpose.",
    )
    .on(All, Content(not_empty)),
    warn(
        "gigvault_eku_distinct",
        "RFC 5280 4.2.1.12",
        "extKeyUsage lists no purpose twice.",
    )
    .on(All, Content(distinct)),
    error(
        "cabf_no_any_eku",
        "BR 7.1.2.7.10, 7.1.2.10.6",
        "extKeyUsage does not hold anyExtendedKeyUsage.",
    )
    .on(All, Content(no_any)),
    warn(
        "cabf_leaf_eku_present",
        "BR 7.1.2.7.10; GigVault",
        "End entities have extKeyUsage: without it the certificate serves any purpose.",
    )
    .on(EndEntity, Content(present)),
    warn("cabf_root_no_eku", "BR 7.1.2.1.2", "Roots have no extKeyUsage.").on(Root, Content(absent)),
    warn(
        "cabf_eku_not_critical",
        "BR 7.1.2.7.6; RFC 3161 2.3",
        "extKeyUsage is not critical, but for time stamping.",
    )
    .on(All, Content(not_critical)),
    error(
        "rfc3161_time_stamping_alone",
        "RFC 3161 2.3",
        "timeStamping is the only purpose, and extKeyUsage is critical then.",
    )
    .on(EndEntity, Content(time_stamping)),
    error(
        "cabf_ocsp_signing_alone",
        "BR 7.1.2.8.5",
        "OCSPSigning is the only purpose.",
    )
    .on(OcspSigner, Content(ocsp_signing_alone)),
    error(
        "rfc6960_nocheck_needs_ocsp_signing",
        "RFC 6960 4.2.2.2.1",
        "Only OCSP signers have ocspNoCheck.",
    )
    .on(All, Content(nocheck_needs_purpose)),
    warn(
        "cabf_ocsp_signer_nocheck",
        "BR 7.1.2.8.6",
        "OCSP signers have ocspNoCheck: there is no responder for them.",
    )
    .on(OcspSigner, Content(nocheck_present)),
    warn(
        "cabf_tls_purposes",
        "BR 7.1.2.7.10",
        "TLS servers are at most TLS clients besides.",
    )
    .on(TlsServer, Content(tls_purposes)),
    error(
        "gigvault_purposes_within_issuer",
        "BR 7.1.2.10.6; GigVault",
        "The purposes are among those that the issuer is limited to; OCSPSigning is free.",
    )
    .on(Issued, Link(within_issuer)),
];

fn not_empty(view: &View<'_>) -> Verdict {
    let empty = view.extensions.purposes.as_ref().is_some_and(Vec::is_empty);
    require(!empty, || "extKeyUsage is empty; leave it out".to_owned())
}

fn distinct(view: &View<'_>) -> Verdict {
    match repeated(view.purposes().iter()) {
        None => Ok(()),
        Some(purpose) => Err(format!("purpose {} appears more than once", oid::dotted(purpose))),
    }
}

fn no_any(view: &View<'_>) -> Verdict {
    require(!view.has_purpose(oid::ANY_PURPOSE), || {
        "anyExtendedKeyUsage is there; list the purposes instead".to_owned()
    })
}

fn present(view: &View<'_>) -> Verdict {
    require(view.extension(oid::EXTENDED_KEY_USAGE).is_some(), || {
        "there is no extKeyUsage".to_owned()
    })
}

fn absent(view: &View<'_>) -> Verdict {
    require(view.extension(oid::EXTENDED_KEY_USAGE).is_none(), || {
        "there is extKeyUsage".to_owned()
    })
}

fn is_critical(view: &View<'_>) -> bool {
    view.extension(oid::EXTENDED_KEY_USAGE)
        .is_some_and(|extension| extension.is_critical())
}

fn not_critical(view: &View<'_>) -> Verdict {
    require(!is_critical(view) || view.has_purpose(oid::TIME_STAMPING), || {
        "extKeyUsage is critical".to_owned()
    })
}

fn time_stamping(view: &View<'_>) -> Verdict {
    let holds = !view.has_purpose(oid::TIME_STAMPING) || view.purposes().len() == 1 && is_critical(view);
    require(holds, || {
        "timeStamping has company, or extKeyUsage is not critical".to_owned()
    })
}

fn ocsp_signing_alone(view: &View<'_>) -> Verdict {
    require(view.purposes().len() == 1, || {
        "OCSPSigning has company".to_owned()
    })
}

fn has_nocheck(view: &View<'_>) -> bool {
    view.extension(oid::OCSP_NO_CHECK).is_some()
}

fn nocheck_needs_purpose(view: &View<'_>) -> Verdict {
    require(!has_nocheck(view) || view.is_ocsp_signer(), || {
        "there is ocspNoCheck, and no OCSPSigning".to_owned()
    })
}

fn nocheck_present(view: &View<'_>) -> Verdict {
    require(has_nocheck(view), || "there is no ocspNoCheck".to_owned())
}

fn tls_purposes(view: &View<'_>) -> Verdict {
    let of_tls = |purpose: &&&[u8]| oid::is(purpose, oid::SERVER_AUTH) || oid::is(purpose, oid::CLIENT_AUTH);
    match view.purposes().iter().find(|purpose| !of_tls(purpose)) {
        None => Ok(()),
        Some(purpose) => Err(format!("{} is among the purposes", oid::dotted(purpose))),
    }
}

/// Verifiers hold the purposes of CAs against those of what they certify.
fn within_issuer(view: &View<'_>, issuer: &Issuer<'_>) -> Verdict {
    let Some(limits) = issuer.purposes.filter(|limits| !limits.contains(&Eku::ANY)) else {
        return Ok(());
    };
    let allowed = |purpose: &[u8]| {
        oid::is(purpose, oid::OCSP_SIGNING) || limits.iter().any(|limit| limit.oid().as_bytes() == purpose)
    };
    match view.purposes().iter().find(|purpose| !allowed(purpose)) {
        None => Ok(()),
        Some(purpose) => Err(format!(
            "the issuer is not allowed purpose {}",
            oid::dotted(purpose)
        )),
    }
}
