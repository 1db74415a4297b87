//! How the certificate will be signed (RFC 4055, RFC 5758, RFC 8410, BR 7.1.3.2). The list is closed: hashes and
//! schemes that are not on it are refused, SHA-1 and MD5 among them.

use crate::catalogue::Check::{Content, Link};
use crate::catalogue::Scope::All;
use crate::catalogue::{Lint, Verdict, error};
use crate::context::Issuer;
use crate::lints::require;
use crate::oid;
use crate::view::key::{Scheme, Spki};
use crate::view::{Algorithm, View};

pub(super) const LINTS: &[Lint] = &[
    error(
        "cabf_signature_algorithm_allowed",
        "BR 7.1.3.2; RFC 8410 6",
        "The signature is RSA PKCS #1 v1.5, RSASSA-PSS or ECDSA with SHA-256, SHA-384 or SHA-512, or Ed25519.",
    )
    .on(All, Content(allowed)),
    error(
        "rfc4055_rsa_signature_parameters_null",
        "RFC 4055 5",
        "RSA PKCS #1 v1.5 signature algorithms have NULL parameters.",
    )
    .on(All, Content(rsa_parameters)),
    error(
        "rfc4055_pss_parameters",
        "RFC 4055 3.1; BR 7.1.3.2.1",
        "RSASSA-PSS parameters name one hash for both uses, MGF1, and a salt as long as the hash, in BR's octets.",
    )
    .on(All, Content(pss_parameters)),
    error(
        "rfc5758_ecdsa_parameters_absent",
        "RFC 5758 3.2",
        "ECDSA signature algorithms have no parameters.",
    )
    .on(All, Content(ecdsa_parameters)),
    error(
        "rfc8410_signature_parameters_absent",
        "RFC 8410 3",
        "The Ed25519 signature algorithm has no parameters.",
    )
    .on(All, Content(ed25519_parameters)),
    error(
        "rfc5280_signature_fits_issuer_key",
        "RFC 5280 4.1.2.3",
        "The issuer's key is of the kind that makes such signatures.",
    )
    .on(All, Link(fits_issuer_key)),
    error(
        "cabf_ecdsa_hash_fits_curve",
        "BR 7.1.3.2.2",
        "ECDSA uses SHA-256 with P-256, SHA-384 with P-384, SHA-512 with P-521.",
    )
    .on(All, Link(hash_fits_curve)),
];

fn allowed(view: &View<'_>) -> Verdict {
    is_allowed(&view.signature)
}

/// Whether the algorithm is on the list, whatever its parameters.
pub(super) fn is_allowed(algorithm: &Algorithm<'_>) -> Verdict {
    require(Scheme::of(algorithm).is_some(), || {
        format!("the signature algorithm is {}", oid::dotted(algorithm.oid))
    })
}

/// Whether the parameters are those that the algorithm must have.
pub(super) fn has_its_parameters(algorithm: &Algorithm<'_>) -> Verdict {
    let right = match Scheme::of(algorithm) {
        Some(Scheme::RsaPkcs1) => algorithm.has_null_parameters(),
        Some(Scheme::RsaPss) => has_pss_parameters(algorithm),
        Some(Scheme::Ecdsa(_) | Scheme::Ed25519) => algorithm.parameters.is_none(),
        None => true,
    };
    require(right, || {
        "the parameters of the signature algorithm are not those that it must have".to_owned()
    })
}

fn has_pss_parameters(algorithm: &Algorithm<'_>) -> bool {
    let found = algorithm.parameters.map(|value| value.whole);
    let known = [(1, 32), (2, 48), (3, 64)];
    known
        .into_iter()
        .any(|(hash, salt)| found == Some(&pss(hash, salt)))
}

fn rsa_parameters(view: &View<'_>) -> Verdict {
    let is_rsa = Scheme::of(&view.signature) == Some(Scheme::RsaPkcs1);
    require(!is_rsa || view.signature.has_null_parameters(), || {
        "the parameters of the signature algorithm are missing or not NULL".to_owned()
    })
}

fn ecdsa_parameters(view: &View<'_>) -> Verdict {
    let is_ecdsa = matches!(Scheme::of(&view.signature), Some(Scheme::Ecdsa(_)));
    require(!is_ecdsa || view.signature.parameters.is_none(), has_parameters)
}

fn ed25519_parameters(view: &View<'_>) -> Verdict {
    let is_ed25519 = view.signature.is(oid::ED25519);
    require(!is_ed25519 || view.signature.parameters.is_none(), has_parameters)
}

fn has_parameters() -> String {
    "the signature algorithm has parameters".to_owned()
}

fn pss_parameters(view: &View<'_>) -> Verdict {
    if !view.signature.is(oid::RSASSA_PSS) {
        return Ok(());
    }
    require(has_pss_parameters(&view.signature), || {
        "the RSASSA-PSS parameters are missing or others, or their octets are".to_owned()
    })
}

/// The parameters as BR 7.1.3.2.1 prints them. SHA-256, 384 and 512 differ in the last arc of their identifier.
fn pss(hash: u8, salt: u8) -> [u8; 54] {
    const SHA2: [u8; 11] = [0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04];
    const MGF1: [u8; 15] = [
        0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08,
    ];
    let arc = [0x02, hash, 0x05, 0x00];
    let mut written = [0; 54];
    let octets = [0x30, 0x34, 0xa0, 0x0f]
        .into_iter()
        .chain(SHA2)
        .chain(arc)
        .chain(MGF1)
        .chain(SHA2)
        .chain(arc)
        .chain([0xa2, 0x03, 0x02, 0x01, salt]);
    for (place, octet) in written.iter_mut().zip(octets) {
        *place = octet;
    }
    written
}

fn fits_issuer_key(view: &View<'_>, issuer: &Issuer<'_>) -> Verdict {
    fits_key(&view.signature, issuer)
}

fn hash_fits_curve(view: &View<'_>, issuer: &Issuer<'_>) -> Verdict {
    fits_curve(&view.signature, issuer)
}

/// Whether the issuer's key makes such signatures.
pub(super) fn fits_key(algorithm: &Algorithm<'_>, issuer: &Issuer<'_>) -> Verdict {
    let (Some(scheme), Ok(key)) = (Scheme::of(algorithm), Spki::parts(issuer.spki)) else {
        return Ok(());
    };
    require(scheme.fits(&key), || {
        format!(
            "the signature algorithm is {}, the issuer's key {}",
            oid::dotted(algorithm.oid),
            oid::dotted(key.algorithm.oid)
        )
    })
}

/// Whether the hash is the one that belongs to the curve of the issuer's key.
pub(super) fn fits_curve(algorithm: &Algorithm<'_>, issuer: &Issuer<'_>) -> Verdict {
    let curve = Spki::parts(issuer.spki).ok().and_then(|key| key.curve());
    match (Scheme::of(algorithm), curve) {
        (Some(Scheme::Ecdsa(wanted)), Some(curve)) => require(wanted == curve, || {
            format!("the hash of the signature belongs to {wanted:?}, the issuer's key is on {curve:?}")
        }),
        _ => Ok(()),
    }
}
