//! The subject's key: kind, parameters, size (RFC 3279, 5480, 8017, 8410; BR 6.1.5, 6.1.6, 7.1.3.1). Weaknesses that
//! take arithmetic — small factors, points off the curve — are found when the key is parsed, in `x509::weak`.

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::All;
use crate::catalogue::{Lint, Verdict, error};
use crate::lints::require;
use crate::oid;
use crate::view::View;
use crate::view::key::Rsa;

pub(super) const LINTS: &[Lint] = &[
    error(
        "cabf_key_allowed",
        "BR 7.1.3.1; RFC 8410 3",
        "The key is RSA, elliptic-curve, or Ed25519.",
    )
    .on(All, Content(allowed)),
    error(
        "rfc5280_key_whole_octets",
        "RFC 5280 4.1.2.7",
        "The BIT STRING of the key has no unused bits.",
    )
    .on(All, Content(whole_octets)),
    error(
        "rfc3279_rsa_key_parameters_null",
        "RFC 3279 2.3.1; BR 7.1.3.1.1",
        "RSA keys have NULL parameters.",
    )
    .on(All, Content(rsa_parameters)),
    error(
        "rfc3279_rsa_key_form",
        "RFC 3279 2.3.1",
        "RSA keys are a SEQUENCE of two positive INTEGERs.",
    )
    .on(All, Content(rsa_form)),
    error(
        "cabf_rsa_modulus",
        "BR 6.1.5, 6.1.6",
        "RSA moduli are odd, have 2048 bits or more, and whole octets.",
    )
    .on(All, Content(rsa_modulus)),
    error(
        "cabf_rsa_exponent",
        "BR 6.1.6",
        "RSA exponents are odd, at least 65537 and below 2^256.",
    )
    .on(All, Content(rsa_exponent)),
    error(
        "rfc5480_named_curve",
        "RFC 5480 2.1.1; BR 7.1.3.1.2",
        "Elliptic-curve keys name their curve, and it is P-256, P-384 or P-521.",
    )
    .on(All, Content(named_curve)),
    error(
        "rfc5480_point_form",
        "RFC 5480 2.2",
        "Elliptic-curve points are uncompressed and as long as their curve wants.",
    )
    .on(All, Content(point_form)),
    error(
        "rfc8410_key_parameters_absent",
        "RFC 8410 3",
        "Ed25519 keys have no parameters.",
    )
    .on(All, Content(ed25519_parameters)),
    error(
        "rfc8410_key_length",
        "RFC 8032 5.1.5",
        "Ed25519 keys have 32 octets.",
    )
    .on(All, Content(ed25519_length)),
];

fn allowed(view: &View<'_>) -> Verdict {
    let key = &view.spki;
    require(key.is_rsa() || key.is_ec() || key.is_ed25519(), || {
        format!("the key is of algorithm {}", oid::dotted(key.algorithm.oid))
    })
}

fn whole_octets(view: &View<'_>) -> Verdict {
    let unused = view.spki.unused;
    require(unused == 0, || format!("the key has {unused} unused bits"))
}

fn rsa_parameters(view: &View<'_>) -> Verdict {
    let key = &view.spki;
    require(!key.is_rsa() || key.algorithm.has_null_parameters(), || {
        "the parameters of the key are missing or not NULL".to_owned()
    })
}

fn rsa_form(view: &View<'_>) -> Verdict {
    let positive = |number: &[u8]| number.first().is_some_and(|sign| *sign < 0x80);
    let key = &view.spki;
    let holds = key
        .rsa()
        .is_some_and(|Rsa { modulus, exponent }| positive(modulus) && positive(exponent));
    require(!key.is_rsa() || holds, || {
        "the RSA key is something else".to_owned()
    })
}

/// Magnitude of a positive INTEGER.
fn magnitude(content: &[u8]) -> &[u8] {
    let zeros = content.iter().take_while(|octet| **octet == 0).count();
    content.get(zeros..).unwrap_or_default()
}

fn is_odd(magnitude: &[u8]) -> bool {
    magnitude.last().is_some_and(|last| last & 1 == 1)
}

fn rsa_modulus(view: &View<'_>) -> Verdict {
    let Some(Rsa { modulus, .. }) = view.spki.rsa() else {
        return Ok(());
    };
    let modulus = magnitude(modulus);
    let zeros = modulus.first().map_or(0, |first| first.leading_zeros());
    let bits = (modulus.len() * 8).saturating_sub(usize::try_from(zeros).unwrap_or_default());
    require(bits >= 2048 && bits.is_multiple_of(8) && is_odd(modulus), || {
        let parity = if is_odd(modulus) { "odd" } else { "even" };
        format!("the RSA modulus has {bits} bits and is {parity}")
    })
}

fn rsa_exponent(view: &View<'_>) -> Verdict {
    let Some(Rsa { exponent, .. }) = view.spki.rsa() else {
        return Ok(());
    };
    let exponent = magnitude(exponent);
    // An odd number of three octets or more is at least 65537.
    require((3..=32).contains(&exponent.len()) && is_odd(exponent), || {
        let parity = if is_odd(exponent) { "odd" } else { "even" };
        format!("the RSA exponent has {} octets and is {parity}", exponent.len())
    })
}

fn named_curve(view: &View<'_>) -> Verdict {
    let key = &view.spki;
    require(!key.is_ec() || key.curve().is_some(), || {
        match key
            .algorithm
            .parameters
            .and_then(|value| value.expect(crate::tlv::tag::OID).ok())
        {
            Some(name) => format!("the curve is {}", oid::dotted(name)),
            None => "the parameters of the key are missing or do not name a curve".to_owned(),
        }
    })
}

fn point_form(view: &View<'_>) -> Verdict {
    let Some(curve) = view.spki.curve() else {
        return Ok(());
    };
    let point = view.spki.key;
    let fits = point.first() == Some(&4) && point.len() == 1 + 2 * curve.width();
    require(fits, || {
        let first = point.first().copied().unwrap_or_default();
        format!(
            "the point has {} octets and begins with 0x{first:02x}",
            point.len()
        )
    })
}

fn ed25519_parameters(view: &View<'_>) -> Verdict {
    let key = &view.spki;
    require(!key.is_ed25519() || key.algorithm.parameters.is_none(), || {
        "the key has parameters".to_owned()
    })
}

fn ed25519_length(view: &View<'_>) -> Verdict {
    let octets = view.spki.key.len();
    require(!view.spki.is_ed25519() || octets == 32, || {
        format!("the key has {octets} octets")
    })
}
