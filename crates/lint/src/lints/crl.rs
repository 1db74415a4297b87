//! CRLs (RFC 5280 section 5; BR 7.2): frame, algorithm, issuer. Times, entries and extensions are in files of their own.

mod entries;
mod extensions;
mod times;

use crate::catalogue::Check::{List as Content, ListLink as Link, ListReadable};
use crate::catalogue::Scope::Crl;
use crate::catalogue::{Lint, Verdict, error};
use crate::crl::CrlContext;
use crate::lints::algorithms::{fits_curve, fits_key, has_its_parameters, is_allowed};
use crate::lints::require;
use crate::view::list::List;
pub(super) use entries::LINTS as ENTRIES;
pub(super) use extensions::LINTS as EXTENSIONS;
pub(super) use times::LINTS as TIMES;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_crl_structure",
        "RFC 5280 5.1",
        "The octets are a TBSCertList; no entry, and not all else before or after them, has more than 65536 octets.",
    )
    .on(Crl, ListReadable),
    error("rfc5280_crl_version_v2", "RFC 5280 5.1.2.1", "The version is v2.").on(Crl, Content(version_v2)),
    error(
        "cabf_crl_signature_algorithm_allowed",
        "BR 7.1.3.2; RFC 8410 6",
        "The signature is RSA PKCS #1 v1.5, RSASSA-PSS or ECDSA with SHA-256, SHA-384 or SHA-512, or Ed25519.",
    )
    .on(Crl, Content(|list| is_allowed(&list.signature))),
    error(
        "rfc5280_crl_signature_parameters",
        "RFC 4055 3.1, 5; RFC 5758 3.2; RFC 8410 3",
        "The signature algorithm has the parameters that it must have, octet for octet.",
    )
    .on(Crl, Content(|list| has_its_parameters(&list.signature))),
    error(
        "rfc5280_crl_signature_fits_issuer_key",
        "RFC 5280 5.1.1.2",
        "The issuer's key is of the kind that makes such signatures.",
    )
    .on(Crl, Link(|list, context| fits_key(&list.signature, &context.issuer))),
    error(
        "cabf_crl_ecdsa_hash_fits_curve",
        "BR 7.1.3.2.2",
        "ECDSA uses SHA-256 with P-256, SHA-384 with P-384, SHA-512 with P-521.",
    )
    .on(
        Crl,
        Link(|list, context| fits_curve(&list.signature, &context.issuer)),
    ),
    error(
        "rfc5280_crl_issuer_not_empty",
        "RFC 5280 5.1.2.3",
        "The issuer is a name that is not empty.",
    )
    .on(Crl, Content(issuer_not_empty)),
    error(
        "rfc5280_crl_issuer_is_subject_of_issuer",
        "RFC 5280 5.1.2.3",
        "The issuer is the subject of the issuer's certificate, octet for octet.",
    )
    .on(Crl, Link(issuer_is_subject)),
    error(
        "rfc5280_crl_issuer_may_sign",
        "RFC 5280 4.2.1.3, 6.3.3",
        "The issuer's certificate has cRLSign, or no keyUsage.",
    )
    .on(Crl, Link(issuer_may_sign)),
];

fn version_v2(list: &List<'_>) -> Verdict {
    require(list.version == Some(&[1]), || match list.version {
        None => "there is no version, which means v1".to_owned(),
        Some(_) => "the version is another".to_owned(),
    })
}

fn issuer_not_empty(list: &List<'_>) -> Verdict {
    require(!list.issuer.is_empty(), || "the issuer is empty".to_owned())
}

fn issuer_is_subject(list: &List<'_>, context: &CrlContext<'_>) -> Verdict {
    require(list.issuer.der == context.issuer.subject, || {
        "the issuer is another name, or the same in other octets".to_owned()
    })
}

fn issuer_may_sign(_: &List<'_>, context: &CrlContext<'_>) -> Verdict {
    require(context.issuer.may_sign_crls, || {
        "the keyUsage of the issuer's certificate has no cRLSign".to_owned()
    })
}
