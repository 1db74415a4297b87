//! DER, the frame of the certificate, serial numbers, times.

use super::{Case, and, only};
use crate::der::{
    all, bits, boolean, generalized, ia5, int, null, octets, printable, seq, set, tlv, utc, utf8,
};
use crate::forge::{BASIC, Forge, SKI, USAGE, validity};

/// An extension that is known but never looked into, so that only its encoding counts.
const SCT: &str = "1.3.6.1.4.1.11129.2.4.2";

fn with(forge: &mut Forge, value: &[u8]) {
    forge.add(SCT, false, value.to_vec());
}

fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(Vec::new(), |inner, _| seq(&[inner]))
}

pub(super) const CASES: &[Case] = &[
    only("x690_values_complete", "leaf", |f| with(f, &[0x04, 0x05, 0x00])),
    only("x690_values_complete", "leaf", |f| with(f, &[])),
    only("x690_values_complete", "leaf", |f| {
        with(f, &[0x30, 0x02, 0x04, 0x01])
    }),
    only("x690_values_complete", "leaf", |f| with(f, &[0x10, 0x00])),
    only("x690_values_complete", "leaf", |f| {
        with(f, &[0x04, 0x85, 0, 0, 0, 0, 0])
    }),
    only("x690_length_definite", "leaf", |f| with(f, &[0x30, 0x80, 0, 0])),
    only("x690_length_minimal", "leaf", |f| {
        with(f, &[0x04, 0x81, 0x01, 0x00])
    }),
    only("x690_length_minimal", "leaf", |f| {
        with(f, &[&[0x04, 0x82, 0x00, 0x80][..], &[0; 128]].concat());
    }),
    only("x690_tag_minimal", "leaf", |f| with(f, &[0x1f, 0x04, 0x00])),
    only("x690_tag_minimal", "leaf", |f| with(f, &[0x1f, 0x80, 0x04, 0x00])),
    only("x690_tag_minimal", "leaf", |f| {
        with(f, &[0x1f, 0xff, 0xff, 0xff, 0x7f, 0x00])
    }),
    only("gigvault_nesting_bounded", "leaf", |f| with(f, &nested(26))),
    only("x690_no_trailing_octets", "leaf", |f| {
        with(f, &[null(), null()].concat())
    }),
    and(
        "x690_no_trailing_octets",
        "leaf",
        |f| f.tail = null(),
        &["rfc5280_tbs_structure"],
    ),
    and(
        "x690_no_trailing_octets",
        "leaf",
        |f| f.find(SKI).value.push(0),
        &["rfc5280_extension_form"],
    ),
    only("x690_string_primitive", "leaf", |f| {
        with(f, &all(0x24, &[octets(&[1])]))
    }),
    only("x690_boolean_00_or_ff", "leaf", |f| with(f, &boolean(1))),
    only("x690_boolean_00_or_ff", "leaf", |f| {
        f.find(USAGE).critical = boolean(1)
    }),
    only("x690_integer_minimal", "leaf", |f| with(f, &int(&[0, 1]))),
    only("x690_integer_minimal", "leaf", |f| with(f, &int(&[0xff, 0x80]))),
    only("x690_integer_minimal", "leaf", |f| {
        f.serial = int(&[&[0], &[0x5a; 16][..]].concat())
    }),
    only("x690_bit_string_padding", "leaf", |f| with(f, &bits(1, &[1]))),
    only("x690_bit_string_padding", "leaf", |f| with(f, &bits(8, &[0]))),
    only("x690_bit_string_padding", "leaf", |f| with(f, &bits(1, &[]))),
    only("x690_null_empty", "leaf", |f| with(f, &tlv(0x05, &[0]))),
    only("x690_oid_minimal", "leaf", |f| {
        with(f, &tlv(0x06, &[0x2a, 0x80, 0x01]))
    }),
    only("x690_oid_minimal", "leaf", |f| with(f, &tlv(0x06, &[0x2a, 0x86]))),
    only("x690_set_sorted", "leaf", |f| {
        with(f, &set(&[int(&[2]), int(&[1])]))
    }),
    only("x690_utf8_valid", "leaf", |f| with(f, &tlv(0x0c, &[0xff]))),
    only("x680_printable_characters", "leaf", |f| with(f, &printable("a*"))),
    only("x680_ascii_characters", "leaf", |f| with(f, &ia5("ü"))),
    only("x680_ascii_characters", "leaf", |f| with(f, &tlv(0x12, b"1a"))),
    and(
        "x680_ascii_characters",
        "leaf",
        |f| with(f, &tlv(0x1a, b"a\n")),
        &["gigvault_text_visible"],
    ),
    only("x690_default_not_encoded", "leaf", |f| {
        f.find(SKI).critical = boolean(0)
    }),
    only("x690_default_not_encoded", "leaf", |f| {
        f.add(BASIC, true, seq(&[boolean(0)]))
    }),
    and(
        "x690_default_not_encoded",
        "leaf",
        |f| f.version = all(0xa0, &[int(&[0])]),
        &["rfc5280_version_v3"],
    ),
    only("x690_named_bits_trimmed", "leaf", |f| {
        f.put(USAGE, bits(0, &[0x80]))
    }),
    only("x690_named_bits_trimmed", "leaf", |f| {
        f.put(USAGE, bits(7, &[0x80, 0]))
    }),
    only("rfc5280_tbs_structure", "leaf", |f| f.serial = octets(&[1])),
    only("rfc5280_tbs_structure", "leaf", |f| {
        f.validity = seq(&[utc("261124120000Z")])
    }),
    only("rfc5280_tbs_structure", "leaf", |f| {
        f.validity = seq(&[utf8("now"), utf8("then")])
    }),
    only("rfc5280_tbs_structure", "leaf", |f| f.spki = seq(&[])),
    only("rfc5280_tbs_structure", "leaf", |f| f.subject = set(&[])),
    only("rfc5280_tbs_structure", "leaf", |f| f.unique_identifiers = null()),
    only("rfc5280_tbs_structure", "leaf", |f| {
        with(f, &octets(&vec![0; 300_000]))
    }),
    only("rfc5280_version_v3", "leaf", |f| f.version.clear()),
    only("rfc5280_version_v3", "leaf", |f| {
        f.version = all(0xa0, &[int(&[1])])
    }),
    only("rfc5280_no_unique_identifiers", "leaf", |f| {
        f.unique_identifiers = [tlv(0x81, &[0, 1]), tlv(0x82, &[0, 1])].concat();
    }),
    only("rfc5280_serial_positive", "leaf", |f| f.serial = int(&[0x80; 16])),
    and(
        "rfc5280_serial_positive",
        "leaf",
        |f| f.serial = int(&[0]),
        &["cabf_serial_64_bits"],
    ),
    only("rfc5280_serial_20_octets", "leaf", |f| f.serial = int(&[1; 21])),
    only("cabf_serial_64_bits", "leaf", |f| f.serial = int(&[1; 7])),
    only("rfc5280_time_form", "leaf", |f| {
        f.validity = validity("2611241200Z", "270101115959Z")
    }),
    only("rfc5280_time_form", "leaf", |f| {
        f.validity = validity("261124120000Z", "270101115959+0000")
    }),
    only("rfc5280_time_form", "leaf", |f| {
        f.validity = seq(&[utc("261124120000Z"), generalized("20500101115959.5Z")]);
    }),
    only("rfc5280_time_exists", "leaf", |f| {
        f.validity = validity("260230120000Z", "270101115959Z")
    }),
    only("rfc5280_time_exists", "leaf", |f| {
        f.validity = validity("261124120000Z", "270101115960Z")
    }),
    only("rfc5280_time_type", "leaf", |f| {
        f.validity = seq(&[utc("261124120000Z"), generalized("20270101115959Z")]);
    }),
    only("rfc5280_validity_order", "leaf", |f| {
        f.validity = validity("261124120000Z", "261124115959Z")
    }),
    and(
        "cabf_validity_398_days",
        "leaf",
        |f| f.validity = validity("261124120000Z", "271227120000Z"),
        &["cabf_validity_schedule"],
    ),
    only("cabf_validity_schedule", "leaf", |f| {
        f.validity = validity("261124120000Z", "271227115959Z")
    }),
    only("cabf_validity_schedule", "leaf", |f| {
        f.validity = validity("290315000000Z", "290501000000Z")
    }),
    and(
        "rfc5280_extensions_not_empty",
        "root",
        |f| f.extensions.clear(),
        &[
            "rfc5280_issuer_may_certify",
            "cabf_leaf_key_usage_present",
            "cabf_leaf_eku_present",
            "cabf_revocation_pointer",
        ],
    ),
];
