//! CRLs: each breaks a lint, and nothing else but what is listed beside it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::{Change, and_list, list};
use crate::der::{all, boolean, generalized, int, name, null, octets, seq, tlv, utc};
use crate::forge::{
    AKI, CERTIFICATE_ISSUER, CRL_NUMBER, DELTA, Extension, FRESHEST, INVALIDITY, ISSUER_ALT_NAME,
    KEY_CERT_SIGN, ListForge, POINT, REASON, SHARD, USAGE, authority, crl_at, dns, ec_key, ed25519, entry,
    entry_at, point, reason, rsa, usage, validity,
};

const UNKNOWN: &str = "1.3.6.1.4.1.55555.3";

/// An extension of an entry with critical FALSE written out.
fn spelled_out() -> Extension {
    Extension {
        critical: boolean(0),
        ..reason(1)
    }
}

fn invalidity(time: Vec<u8>) -> Extension {
    Extension::new(INVALIDITY, false, time)
}

pub(super) const FRAME: &[Change<ListForge>] = &[
    list("rfc5280_crl_structure", "complete", |l| l.issuer = Vec::new()),
    list("rfc5280_crl_structure", "complete", |l| {
        l.entries(&[seq(&[int(&[1])])])
    }),
    list("rfc5280_crl_structure", "complete", |l| {
        l.raw_extensions = Some(all(0xa1, &[]))
    }),
    list("rfc5280_crl_structure", "complete", |l| {
        l.add(UNKNOWN, false, octets(&[0; 70_000]))
    }),
    list("rfc5280_crl_structure", "complete", |l| {
        l.entry_of(&[Extension::new(UNKNOWN, false, octets(&[0; 70_000]))])
    }),
    and_list(
        "rfc5280_crl_structure",
        "complete",
        |l| l.entries(&[vec![0x30, 0x82, 0x7f, 0xff, 0]]),
        &["x690_values_complete"],
    ),
    list("x690_no_trailing_octets", "complete", |l| l.tail = null()),
    list("x690_integer_minimal", "complete", |l| {
        l.put(CRL_NUMBER, int(&[0, 1]))
    }),
    list("x690_integer_minimal", "complete", |l| {
        l.entries(&[entry(&[0, 1], &[])])
    }),
    list("x690_length_minimal", "complete", |l| {
        l.revoked = [&[0x30, 0x81, 24][..], &entry(&[1], &[reason(1)])].concat();
        l.revoked[2] = u8::try_from(l.revoked.len() - 3).unwrap();
    }),
    list("rfc5280_crl_version_v2", "complete", |l| l.version = Vec::new()),
    list("rfc5280_crl_version_v2", "complete", |l| l.version = int(&[2])),
    list("cabf_crl_signature_algorithm_allowed", "complete", |l| {
        // ECDSA with SHA-1.
        l.signature = seq(&[crate::der::oid("1.2.840.10045.4.1")])
    }),
    list("rfc5280_crl_signature_parameters", "complete", |l| {
        l.signature = seq(&[crate::der::oid("1.2.840.10045.4.3.2"), null()])
    }),
    list("rfc5280_crl_signature_parameters", "complete", |l| {
        l.signer.spki = rsa();
        l.signature = seq(&[crate::der::oid("1.2.840.113549.1.1.11")]);
    }),
    list("rfc5280_crl_signature_parameters", "complete", |l| {
        l.signer.spki = rsa();
        l.signature = seq(&[crate::der::oid("1.2.840.113549.1.1.10")]);
    }),
    list("rfc5280_crl_signature_fits_issuer_key", "complete", |l| {
        l.signer.spki = ed25519()
    }),
    list("cabf_crl_ecdsa_hash_fits_curve", "complete", |l| {
        l.signer.spki = ec_key(crate::der::oid("1.3.132.0.34"), &[4; 97])
    }),
    and_list(
        "rfc5280_crl_issuer_not_empty",
        "complete",
        |l| l.issuer = seq(&[]),
        &["rfc5280_crl_issuer_is_subject_of_issuer"],
    ),
    list("rfc5280_crl_issuer_is_subject_of_issuer", "complete", |l| {
        l.issuer = name(&[(crate::forge::CN, crate::der::utf8("Test CA"))])
    }),
    list("rfc5280_crl_issuer_may_sign", "complete", |l| {
        l.signer.put(USAGE, usage(KEY_CERT_SIGN))
    }),
    list("rfc5280_crl_time_form", "complete", |l| {
        l.this_update = utc("2611241200Z")
    }),
    list("rfc5280_crl_time_form", "complete", |l| {
        l.next_update = generalized("20510101000000.5Z")
    }),
    list("rfc5280_crl_time_form", "complete", |l| {
        l.entries(&[entry_at(utc("2611241200Z"), &[1], &[])])
    }),
    list("rfc5280_crl_time_form", "complete", |l| {
        l.entry_of(&[invalidity(generalized("20261124120000.5Z"))])
    }),
    list("rfc5280_crl_time_exists", "complete", |l| {
        l.this_update = utc("261131120000Z")
    }),
    list("rfc5280_crl_time_exists", "complete", |l| {
        l.entries(&[entry_at(utc("261131120000Z"), &[1], &[])])
    }),
    list("rfc5280_crl_time_exists", "complete", |l| {
        l.entry_of(&[invalidity(generalized("20261131120000Z"))])
    }),
    list("rfc5280_crl_time_type", "complete", |l| {
        l.next_update = generalized("20261201120000Z")
    }),
    list("rfc5280_crl_time_type", "complete", |l| {
        l.entries(&[entry_at(generalized("20261101120000Z"), &[1], &[])])
    }),
    list("rfc5280_crl_next_update_present", "complete", |l| {
        l.next_update = Vec::new()
    }),
    list("rfc5280_crl_update_order", "complete", |l| {
        l.next_update = l.this_update.clone()
    }),
    and_list(
        "gigvault_crl_before_end_of_issuer",
        "complete",
        |l| l.signer.validity = validity("260102000000Z", "261124115959Z"),
        &["gigvault_crl_within_issuer"],
    ),
    list("gigvault_crl_within_issuer", "complete", |l| {
        l.signer.validity = validity("260102000000Z", "261201115959Z")
    }),
    and_list(
        "cabf_crl_validity_12_months",
        "complete",
        |l| l.next_update = utc("271125120001Z"),
        &["cabf_crl_validity_10_days"],
    ),
    list("cabf_crl_validity_10_days", "complete", |l| {
        l.next_update = utc("261204120001Z")
    }),
];

pub(super) const ENTRIES: &[Change<ListForge>] = &[
    list("rfc5280_crl_revoked_not_empty", "complete", |l| l.entries(&[])),
    list("rfc5280_crl_entry_serial_number", "complete", |l| {
        l.entries(&[entry(&[0], &[])])
    }),
    list("rfc5280_crl_entry_serial_number", "complete", |l| {
        l.entries(&[entry(&[0x80], &[])])
    }),
    list("rfc5280_crl_entry_serial_number", "complete", |l| {
        l.entries(&[entry(&[1; 21], &[])])
    }),
    list("gigvault_crl_entries_ascend", "complete", |l| {
        l.entries(&[entry(&[2], &[]), entry(&[1], &[])])
    }),
    list("gigvault_crl_entries_ascend", "complete", |l| {
        l.entries(&[entry(&[2], &[]), entry(&[2], &[reason(1)])])
    }),
    list("rfc5280_crl_entry_extensions_not_empty", "complete", |l| {
        l.entries(&[seq(&[int(&[1]), utc("261101080000Z"), seq(&[])])])
    }),
    list("rfc5280_crl_entry_extensions_distinct", "complete", |l| {
        l.entry_of(&[reason(1), reason(1)])
    }),
    list("rfc5280_crl_entry_extension_form", "complete", |l| {
        l.entry_of(&[Extension::new(REASON, false, int(&[1]))])
    }),
    list("rfc5280_crl_entry_extension_form", "complete", |l| {
        l.entry_of(&[invalidity(utc("261101080000Z"))])
    }),
    list("rfc5280_crl_entry_extension_never_critical", "complete", |l| {
        l.entry_of(&[Extension::new(REASON, true, tlv(0x0a, &[1]))])
    }),
    list("rfc5280_crl_entry_extension_never_critical", "complete", |l| {
        l.entry_of(&[Extension::new(INVALIDITY, true, generalized("20261101080000Z"))])
    }),
    list("rfc5280_crl_entry_no_unknown_critical", "complete", |l| {
        l.entry_of(&[Extension::new(UNKNOWN, true, null())])
    }),
    list("x690_crl_entry_default_not_encoded", "complete", |l| {
        l.entry_of(&[spelled_out()])
    }),
    list("rfc5280_crl_reason_not_unspecified", "complete", |l| l.reason(0)),
    list("rfc5280_crl_reason_assigned", "complete", |l| l.reason(7)),
    list("rfc5280_crl_reason_assigned", "delta", |l| l.reason(11)),
    list("rfc5280_crl_remove_only_in_deltas", "complete", |l| l.reason(8)),
    list("gigvault_crl_not_indirect", "complete", |l| {
        l.entry_of(&[Extension::new(CERTIFICATE_ISSUER, true, seq(&[dns("a.test")]))])
    }),
];

pub(super) const EXTENSIONS: &[Change<ListForge>] = &[
    and_list(
        "rfc5280_crl_extensions_not_empty",
        "complete",
        |l| l.extensions.clear(),
        &["rfc5280_crl_aki_present", "rfc5280_crl_number_present"],
    ),
    list("rfc5280_crl_extensions_distinct", "complete", |l| {
        l.add(CRL_NUMBER, false, int(&[5]))
    }),
    list("rfc5280_crl_extension_form", "complete", |l| {
        l.put(CRL_NUMBER, tlv(0x0a, &[5]))
    }),
    list("rfc5280_crl_extension_form", "complete", |l| {
        l.add(ISSUER_ALT_NAME, false, null())
    }),
    and_list(
        "rfc5280_crl_extension_form",
        "shard",
        |l| l.put(POINT, point(SHARD, &[tlv(0x81, &[0xff, 0xff])])),
        &["rfc5280_crl_point_is_shard"],
    ),
    and_list(
        "rfc5280_crl_no_unknown_critical",
        "complete",
        |l| l.add(UNKNOWN, true, null()),
        &["gigvault_crl_no_unknown_extension"],
    ),
    list("gigvault_crl_no_unknown_extension", "complete", |l| {
        l.add(UNKNOWN, false, null())
    }),
    list("x690_crl_default_not_encoded", "complete", |l| {
        l.find(CRL_NUMBER).critical = boolean(0)
    }),
    list("x690_crl_default_not_encoded", "shard", |l| {
        l.put(POINT, point(SHARD, &[tlv(0x81, &[0])]))
    }),
    list("rfc5280_crl_extension_never_critical", "complete", |l| {
        l.criticality(AKI, true)
    }),
    list("rfc5280_crl_extension_never_critical", "complete", |l| {
        l.criticality(CRL_NUMBER, true)
    }),
    list("rfc5280_crl_extension_never_critical", "complete", |l| {
        l.criticality(FRESHEST, true)
    }),
    list("rfc5280_crl_issuer_alt_name_not_critical", "complete", |l| {
        l.add(ISSUER_ALT_NAME, true, seq(&[dns("ca.example.test")]))
    }),
    list("rfc5280_crl_extension_critical", "delta", |l| {
        l.criticality(DELTA, false)
    }),
    list("rfc5280_crl_extension_critical", "shard", |l| {
        l.criticality(POINT, false)
    }),
    list("rfc5280_crl_aki_present", "complete", |l| l.remove(AKI)),
    list("rfc5280_crl_aki_present", "complete", |l| l.put(AKI, seq(&[]))),
    list("rfc5280_crl_aki_is_ski_of_issuer", "complete", |l| {
        l.put(AKI, authority(&[0x44; 20]))
    }),
    list("rfc5280_crl_number_present", "complete", |l| l.remove(CRL_NUMBER)),
    list("rfc5280_crl_number_form", "complete", |l| {
        l.put(CRL_NUMBER, int(&[0xff]))
    }),
    list("rfc5280_crl_number_form", "complete", |l| {
        l.put(CRL_NUMBER, int(&[1; 21]))
    }),
    list("rfc5280_crl_number_form", "delta", |l| l.put(DELTA, int(&[0xff]))),
    list("rfc5280_crl_base_not_above_number", "delta", |l| {
        l.put(DELTA, int(&[0x12, 0x68]))
    }),
    list("rfc5280_crl_base_not_above_number", "delta", |l| {
        l.put(DELTA, int(&[0, 0xff, 0xff]))
    }),
    list("rfc5280_crl_delta_without_freshest", "delta", |l| {
        l.add(FRESHEST, false, crl_at("http://pki.example.test/delta.crl"))
    }),
    list("rfc5280_crl_freshest_names_only", "complete", |l| {
        l.put(FRESHEST, seq(&[]))
    }),
    list("rfc5280_crl_freshest_names_only", "complete", |l| {
        let reasons = tlv(0x81, &[6, 0x40]);
        let named = all(
            0xa0,
            &[all(
                0xa0,
                &[crate::forge::uri("http://pki.example.test/delta.crl")],
            )],
        );
        l.put(FRESHEST, seq(&[seq(&[named, reasons])]));
    }),
    list("gigvault_crl_point_full_name_only", "shard", |l| {
        // onlyContainsUserCerts.
        l.put(POINT, point(SHARD, &[tlv(0x81, &[0xff])]))
    }),
    list("gigvault_crl_point_full_name_only", "shard", |l| {
        // onlySomeReasons.
        l.put(POINT, point(SHARD, &[tlv(0x83, &[6, 0x40])]))
    }),
    list("rfc5280_crl_point_is_shard", "shard", |l| l.shard.clear()),
    list("rfc5280_crl_point_is_shard", "shard", |l| l.remove(POINT)),
    list("rfc5280_crl_point_is_shard", "shard", |l| {
        l.put(POINT, point("http://pki.example.test/crl/issuing/8.crl", &[]))
    }),
    list("rfc5280_crl_uri_absolute", "complete", |l| {
        l.put(FRESHEST, crl_at("/delta.crl"))
    }),
    list("rfc5280_crl_uri_absolute", "shard", |l| {
        l.put(POINT, point("http://a b/", &[]));
        l.shard = vec!["http://a b/".to_owned()];
    }),
];
