//! Key usages and purposes.

use super::{Case, and, only};
use crate::der::{bits, null};
use crate::forge::{
    CLIENT_AUTH, CRL_SIGN, DATA_ENCIPHERMENT, DIGITAL_SIGNATURE, EKU, ENCIPHER_ONLY, KEY_AGREEMENT,
    KEY_CERT_SIGN, KEY_ENCIPHERMENT, NO_CHECK, OCSP_SIGNING, SAN, SERVER_AUTH, TIME_STAMPING, USAGE,
    purposes,
};

const ANY: &str = "2.5.29.37.0";
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";

pub(super) const CASES: &[Case] = &[
    and(
        "rfc5280_key_usage_not_empty",
        "ocsp_signer",
        |f| f.put(USAGE, bits(0, &[])),
        &["rfc5280_key_usage_fits_purposes"],
    ),
    only("rfc5280_key_usage_known", "leaf", |f| {
        f.put(USAGE, bits(6, &[0x80, 0x40]))
    }),
    only("rfc5280_key_usage_known", "leaf", |f| {
        f.put(USAGE, bits(7, &[0x80, 0, 0x80]))
    }),
    only("cabf_key_usage_critical", "leaf", |f| f.criticality(USAGE, false)),
    only("rfc5280_ca_key_cert_sign", "ca", |f| f.usage(CRL_SIGN)),
    only("rfc5280_ca_key_cert_sign", "ca", |f| f.remove(USAGE)),
    only("cabf_ca_key_usage", "ca", |f| {
        f.usage(KEY_CERT_SIGN | KEY_AGREEMENT)
    }),
    and(
        "rfc5280_key_cert_sign_needs_ca",
        "leaf",
        |f| f.usage(DIGITAL_SIGNATURE | KEY_CERT_SIGN),
        &["cabf_tls_key_usage"],
    ),
    only("cabf_crl_sign_needs_ca", "client", |f| {
        f.usage(DIGITAL_SIGNATURE | CRL_SIGN)
    }),
    only("rfc5280_only_bits_need_key_agreement", "client", |f| {
        f.usage(DIGITAL_SIGNATURE | ENCIPHER_ONLY)
    }),
    only("rfc5280_only_bits_need_key_agreement", "client", |f| {
        f.usage(DIGITAL_SIGNATURE | KEY_AGREEMENT | ENCIPHER_ONLY | ENCIPHER_ONLY << 1);
    }),
    only("rfc3279_rsa_key_usage", "rsa_leaf", |f| {
        f.usage(DIGITAL_SIGNATURE | KEY_AGREEMENT)
    }),
    only("rfc8813_ec_key_usage", "leaf", |f| {
        f.usage(DIGITAL_SIGNATURE | KEY_ENCIPHERMENT)
    }),
    and(
        "rfc8813_ec_key_usage",
        "leaf",
        |f| f.usage(DIGITAL_SIGNATURE | DATA_ENCIPHERMENT),
        &["cabf_tls_key_usage"],
    ),
    only("rfc9295_ed25519_key_usage", "ed25519_leaf", |f| {
        f.usage(DIGITAL_SIGNATURE | KEY_AGREEMENT)
    }),
    only("rfc5280_key_usage_fits_purposes", "rsa_leaf", |f| {
        f.usage(KEY_ENCIPHERMENT)
    }),
    only("cabf_tls_key_usage", "rsa_leaf", |f| {
        f.usage(DIGITAL_SIGNATURE | DATA_ENCIPHERMENT)
    }),
    only("cabf_ocsp_signer_key_usage", "ocsp_signer", |f| {
        f.usage(DIGITAL_SIGNATURE | DIGITAL_SIGNATURE << 1)
    }),
    only("cabf_leaf_key_usage_present", "leaf", |f| f.remove(USAGE)),
    only("rfc5280_eku_not_empty", "client", |f| f.purposes(&[])),
    only("gigvault_eku_distinct", "client", |f| {
        f.purposes(&[CLIENT_AUTH, CLIENT_AUTH])
    }),
    only("cabf_no_any_eku", "client", |f| f.purposes(&[ANY])),
    only("cabf_no_any_eku", "ca", |f| f.add(EKU, false, purposes(&[ANY]))),
    only("cabf_leaf_eku_present", "client", |f| f.remove(EKU)),
    only("cabf_root_no_eku", "root", |f| {
        f.add(EKU, false, purposes(&[SERVER_AUTH]))
    }),
    only("cabf_eku_not_critical", "client", |f| f.criticality(EKU, true)),
    only("rfc3161_time_stamping_alone", "client", |f| {
        f.purposes(&[TIME_STAMPING])
    }),
    only("rfc3161_time_stamping_alone", "client", |f| {
        f.purposes(&[TIME_STAMPING, CLIENT_AUTH]);
        f.criticality(EKU, true);
    }),
    only("cabf_ocsp_signing_alone", "ocsp_signer", |f| {
        f.purposes(&[OCSP_SIGNING, CLIENT_AUTH])
    }),
    only("rfc6960_nocheck_needs_ocsp_signing", "client", |f| {
        f.add(NO_CHECK, false, null())
    }),
    and(
        "cabf_ocsp_signer_nocheck",
        "ocsp_signer",
        |f| f.remove(NO_CHECK),
        &["cabf_revocation_pointer"],
    ),
    only("cabf_tls_purposes", "leaf", |f| {
        f.purposes(&[SERVER_AUTH, CODE_SIGNING])
    }),
    only("cabf_san_present", "leaf", |f| f.remove(SAN)),
];
