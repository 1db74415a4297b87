//! keyUsage, and what it means together with key and purposes (RFC 5280 sections 4.2.1.3 and 4.2.1.12, RFC 3279,
//! RFC 8813, RFC 9295; BR 7.1.2).

use x509::Oid;

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::{All, Ca, EndEntity, OcspSigner, TlsServer};
use crate::catalogue::{Lint, Verdict, error, warn};
use crate::lints::require;
use crate::oid;
use crate::view::View;

const DIGITAL_SIGNATURE: u16 = 1;
const NON_REPUDIATION: u16 = 1 << 1;
const KEY_ENCIPHERMENT: u16 = 1 << 2;
const DATA_ENCIPHERMENT: u16 = 1 << 3;
const KEY_AGREEMENT: u16 = 1 << 4;
const KEY_CERT_SIGN: u16 = 1 << 5;
const CRL_SIGN: u16 = 1 << 6;
const ENCIPHER_ONLY: u16 = 1 << 7;
const DECIPHER_ONLY: u16 = 1 << 8;

/// All of them.
const KNOWN: u16 = (1 << NAMES.len()) - 1;

const NAMES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_key_usage_not_empty",
        "RFC 5280 4.2.1.3",
        "keyUsage allows something.",
    )
    .on(All, Content(not_empty)),
    error(
        "rfc5280_key_usage_known",
        "RFC 5280 4.2.1.3",
        "keyUsage has nine bits at most.",
    )
    .on(All, Content(known)),
    error(
        "cabf_key_usage_critical",
        "RFC 5280 4.2.1.3; BR 7.1.2",
        "keyUsage is critical.",
    )
    .on(All, Content(critical)),
    error(
        "rfc5280_ca_key_cert_sign",
        "RFC 5280 4.2.1.3",
        "A CA has keyUsage with keyCertSign.",
    )
    .on(Ca, Content(ca_key_cert_sign)),
    warn(
        "cabf_ca_key_usage",
        "BR 7.1.2.10.7",
        "A CA's key is for keyCertSign, cRLSign and digitalSignature alone.",
    )
    .on(Ca, Content(ca_usage)),
    error(
        "rfc5280_key_cert_sign_needs_ca",
        "RFC 5280 4.2.1.3, 4.2.1.9",
        "Only CAs have keyCertSign.",
    )
    .on(EndEntity, Content(|view| without(view, KEY_CERT_SIGN))),
    error(
        "cabf_crl_sign_needs_ca",
        "BR 7.1.2.7.11",
        "Only CAs have cRLSign.",
    )
    .on(EndEntity, Content(|view| without(view, CRL_SIGN))),
    error(
        "rfc5280_only_bits_need_key_agreement",
        "RFC 5280 4.2.1.3",
        "encipherOnly and decipherOnly need keyAgreement, and exclude each other.",
    )
    .on(All, Content(only_bits)),
    error(
        "rfc3279_rsa_key_usage",
        "RFC 3279 2.3.1; RFC 4055 1.2",
        "RSA keys have no keyAgreement.",
    )
    .on(All, Content(rsa_usage)),
    error(
        "rfc8813_ec_key_usage",
        "RFC 8813 3",
        "Elliptic-curve keys have no keyEncipherment and no dataEncipherment.",
    )
    .on(All, Content(ec_usage)),
    error(
        "rfc9295_ed25519_key_usage",
        "RFC 9295 3",
        "Ed25519 keys only sign: no encipherment, no keyAgreement.",
    )
    .on(All, Content(ed25519_usage)),
    error(
        "rfc5280_key_usage_fits_purposes",
        "RFC 5280 4.2.1.12",
        "For each purpose, keyUsage has a bit that it is done with.",
    )
    .on(EndEntity, Content(fits_purposes)),
    warn(
        "cabf_tls_key_usage",
        "BR 7.1.2.7.11",
        "TLS servers have digitalSignature, keyEncipherment or keyAgreement alone.",
    )
    .on(TlsServer, Content(tls_usage)),
    warn(
        "cabf_ocsp_signer_key_usage",
        "BR 7.1.2.8.7",
        "OCSP signers have digitalSignature alone.",
    )
    .on(OcspSigner, Content(|view| without(view, !DIGITAL_SIGNATURE))),
    warn(
        "cabf_leaf_key_usage_present",
        "RFC 5280 4.2.1.3; GigVault",
        "End entities have keyUsage: without it the key may be used for anything.",
    )
    .on(EndEntity, Content(present)),
];

fn flags(view: &View<'_>) -> Option<u16> {
    view.extensions.usage.map(|usage| usage.flags())
}

fn listed(flags: u16) -> String {
    let set = |(at, name): (usize, &&'static str)| (flags >> at & 1 == 1).then_some(*name);
    let names: Vec<&str> = NAMES.iter().enumerate().filter_map(set).collect();
    names.join(", ")
}

/// Passes if none of these is set.
fn without(view: &View<'_>, forbidden: u16) -> Verdict {
    let found = flags(view).unwrap_or_default() & forbidden & KNOWN;
    require(found == 0, || format!("keyUsage has {}", listed(found)))
}

fn not_empty(view: &View<'_>) -> Verdict {
    let usage = view.extensions.usage;
    let empty = usage.is_some_and(|usage| usage.octets.iter().all(|octet| *octet == 0));
    require(!empty, || "keyUsage allows nothing; leave it out".to_owned())
}

fn known(view: &View<'_>) -> Verdict {
    let octets = view.extensions.usage.map_or(&[][..], |usage| usage.octets);
    require(matches!(octets, [] | [_] | [_, 0 | 0x80]), || {
        "keyUsage has a bit after decipherOnly".to_owned()
    })
}

fn critical(view: &View<'_>) -> Verdict {
    let critical = view
        .extension(oid::KEY_USAGE)
        .is_none_or(|extension| extension.is_critical());
    require(critical, || "keyUsage is not critical".to_owned())
}

fn present(view: &View<'_>) -> Verdict {
    require(view.extension(oid::KEY_USAGE).is_some(), || {
        "there is no keyUsage".to_owned()
    })
}

fn ca_key_cert_sign(view: &View<'_>) -> Verdict {
    match flags(view) {
        Some(flags) if flags & KEY_CERT_SIGN != 0 => Ok(()),
        Some(flags) => Err(format!("keyUsage has only {}", listed(flags))),
        None => Err("there is no keyUsage".to_owned()),
    }
}

fn ca_usage(view: &View<'_>) -> Verdict {
    without(view, !(KEY_CERT_SIGN | CRL_SIGN | DIGITAL_SIGNATURE))
}

fn only_bits(view: &View<'_>) -> Verdict {
    let flags = flags(view).unwrap_or_default();
    let only = flags & (ENCIPHER_ONLY | DECIPHER_ONLY);
    let coherent = only == 0 || flags & KEY_AGREEMENT != 0 && only.count_ones() == 1;
    require(coherent, || format!("keyUsage has {}", listed(flags)))
}

fn rsa_usage(view: &View<'_>) -> Verdict {
    if view.spki.is_rsa() {
        without(view, KEY_AGREEMENT | ENCIPHER_ONLY | DECIPHER_ONLY)
    } else {
        Ok(())
    }
}

fn ec_usage(view: &View<'_>) -> Verdict {
    if view.spki.is_ec() {
        without(view, KEY_ENCIPHERMENT | DATA_ENCIPHERMENT)
    } else {
        Ok(())
    }
}

fn ed25519_usage(view: &View<'_>) -> Verdict {
    if view.spki.is_ed25519() {
        let signs = DIGITAL_SIGNATURE | NON_REPUDIATION | KEY_CERT_SIGN | CRL_SIGN;
        without(view, !signs)
    } else {
        Ok(())
    }
}

/// The bits that RFC 5280 section 4.2.1.12 calls consistent with a purpose.
const CONSISTENT: [(Oid, &str, u16); 6] = [
    (
        oid::SERVER_AUTH,
        "serverAuth",
        DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_AGREEMENT,
    ),
    (oid::CLIENT_AUTH, "clientAuth", DIGITAL_SIGNATURE | KEY_AGREEMENT),
    (oid::CODE_SIGNING, "codeSigning", DIGITAL_SIGNATURE),
    (
        oid::EMAIL_PROTECTION,
        "emailProtection",
        DIGITAL_SIGNATURE | NON_REPUDIATION | KEY_ENCIPHERMENT | KEY_AGREEMENT,
    ),
    (
        oid::TIME_STAMPING,
        "timeStamping",
        DIGITAL_SIGNATURE | NON_REPUDIATION,
    ),
    (
        oid::OCSP_SIGNING,
        "OCSPSigning",
        DIGITAL_SIGNATURE | NON_REPUDIATION,
    ),
];

fn fits_purposes(view: &View<'_>) -> Verdict {
    let Some(flags) = flags(view) else {
        return Ok(());
    };
    let unfit = CONSISTENT
        .iter()
        .find(|(purpose, _, bits)| view.has_purpose(*purpose) && flags & bits == 0);
    match unfit {
        None => Ok(()),
        Some((_, purpose, bits)) => Err(format!("{purpose} needs one of the key usages {}", listed(*bits))),
    }
}

fn tls_usage(view: &View<'_>) -> Verdict {
    without(view, !(DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_AGREEMENT))
}
