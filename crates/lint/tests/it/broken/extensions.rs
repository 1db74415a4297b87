//! Extensions as such, basic constraints, key identifiers, policies, name constraints.

use super::{Case, and, only};
use crate::der::{all, boolean, ia5, int, name, null, octets, oid, seq, set, tlv, utf8};
use crate::forge::{
    AIA, AKI, BASIC, C, CONSTRAINTS, CRL, DIRECTORY_ATTRIBUTES, FEATURE, Forge, INHIBIT_ANY, ISSUER_ALT_NAME,
    MAPPINGS, NO_CHECK, NO_REV_AVAIL, O, OCSP, POLICIES, POLICY_CONSTRAINTS, SKI, SUBJECT_INFO_ACCESS,
    access, authority, dns, policy, uri,
};

const UNKNOWN: &str = "1.3.6.1.4.1.55555.3";
const POLICY: &str = "1.3.6.1.4.1.55555.9";
const ANY_POLICY: &str = "2.5.29.32.0";

fn qualified(forge: &mut Forge, kind: &str, value: Vec<u8>) {
    let qualifier = seq(&[oid(kind), value]);
    forge.put(POLICIES, seq(&[policy(POLICY, &[qualifier])]));
}

fn cps(forge: &mut Forge, value: Vec<u8>) {
    qualified(forge, "1.3.6.1.5.5.7.2.1", value);
}

fn notice(forge: &mut Forge, text: Vec<u8>) {
    qualified(forge, "1.3.6.1.5.5.7.2.2", seq(&[text]));
}

/// nameConstraints that permit these GeneralSubtrees.
fn permitting(forge: &mut Forge, subtrees: &[Vec<u8>]) {
    forge.add(CONSTRAINTS, true, seq(&[all(0xa0, subtrees)]));
}

fn permit(forge: &mut Forge, base: Vec<u8>) {
    permitting(forge, &[seq(&[base])]);
}

fn range(octets: &[u8]) -> Vec<u8> {
    tlv(0x87, octets)
}

pub(super) const CASES: &[Case] = &[
    only("rfc5280_ian_not_empty", "leaf", |f| {
        f.add(ISSUER_ALT_NAME, false, seq(&[]))
    }),
    only("rfc5280_sia_not_empty", "ca", |f| {
        f.add(SUBJECT_INFO_ACCESS, false, seq(&[]))
    }),
    only("rfc5280_directory_attributes_not_empty", "leaf", |f| {
        f.add(DIRECTORY_ATTRIBUTES, false, seq(&[]))
    }),
    only("rfc5280_directory_attributes_not_empty", "leaf", |f| {
        f.add(
            DIRECTORY_ATTRIBUTES,
            false,
            seq(&[seq(&[oid(UNKNOWN), set(&[])])]),
        )
    }),
    and(
        "rfc5280_issuers_not_empty",
        "leaf",
        |f| {
            let name = all(0xa0, &[all(0xa0, &[uri("http://pki.example.test/ca.crl")])]);
            f.put(CRL, seq(&[seq(&[name, all(0xa2, &[])])]));
        },
        &["cabf_crldp_one_plain_point"],
    ),
    and(
        "rfc5280_issuers_not_empty",
        "leaf",
        |f| {
            f.put(
                AKI,
                seq(&[tlv(0x80, &[0x22; 20]), all(0xa1, &[]), tlv(0x82, &[1])]),
            )
        },
        &["cabf_aki_key_identifier_only"],
    ),
    only("rfc5280_numbers_not_negative", "ca", |f| {
        f.add(INHIBIT_ANY, true, int(&[0xff]))
    }),
    and(
        "rfc5280_numbers_not_negative",
        "ca",
        |f| f.add(INHIBIT_ANY, true, int(&[])),
        &["x690_integer_minimal"],
    ),
    only("rfc5280_numbers_not_negative", "ca", |f| {
        f.add(POLICY_CONSTRAINTS, true, seq(&[tlv(0x80, &[])]))
    }),
    only("rfc5280_numbers_not_negative", "ca", |f| {
        f.add(POLICY_CONSTRAINTS, true, seq(&[tlv(0x81, &[0, 1])]))
    }),
    and(
        "rfc5280_numbers_not_negative",
        "ca",
        |f| permitting(f, &[seq(&[dns("a.test"), tlv(0x81, &[0x80])])]),
        &["rfc5280_name_constraints_no_distance"],
    ),
    only("rfc5280_extension_form", "leaf", |f| {
        f.add(DIRECTORY_ATTRIBUTES, false, seq(&[null()]))
    }),
    only("rfc5280_extensions_distinct", "leaf", |f| {
        let again = f.find(SKI).clone();
        f.extensions.push(again);
    }),
    only("rfc5280_extension_form", "leaf", |f| f.put(SKI, null())),
    only("rfc5280_extension_form", "leaf", |f| {
        f.put(CRL, seq(&[seq(&[null()])]))
    }),
    only("rfc5280_extension_form", "leaf", |f| {
        f.put(AIA, seq(&[oid(OCSP)]))
    }),
    and(
        "rfc5280_extension_form",
        "short_lived",
        |f| f.put(NO_REV_AVAIL, octets(&[])),
        &[],
    ),
    and(
        "rfc5280_no_unknown_critical",
        "leaf",
        |f| f.add(UNKNOWN, true, null()),
        &["gigvault_no_unknown_extension"],
    ),
    only("gigvault_no_unknown_extension", "leaf", |f| {
        f.add(UNKNOWN, false, null())
    }),
    only("rfc5280_extension_never_critical", "leaf", |f| {
        f.criticality(SKI, true)
    }),
    only("rfc5280_extension_never_critical", "leaf", |f| {
        f.criticality(AKI, true)
    }),
    only("rfc5280_extension_never_critical", "leaf", |f| {
        f.criticality(AIA, true)
    }),
    only("rfc5280_extension_never_critical", "leaf", |f| {
        f.add(
            DIRECTORY_ATTRIBUTES,
            true,
            seq(&[seq(&[oid(UNKNOWN), set(&[null()])])]),
        )
    }),
    only("rfc9608_no_rev_avail_not_critical", "short_lived", |f| {
        f.criticality(NO_REV_AVAIL, true)
    }),
    only("cabf_crldp_not_critical", "leaf", |f| f.criticality(CRL, true)),
    only("cabf_policies_not_critical", "leaf", |f| {
        f.criticality(POLICIES, true)
    }),
    only("rfc6960_nocheck_not_critical", "ocsp_signer", |f| {
        f.criticality(NO_CHECK, true)
    }),
    only("rfc7633_tls_feature_not_critical", "leaf", |f| {
        f.add(FEATURE, true, seq(&[int(&[5])]))
    }),
    only("rfc5280_issuer_alt_name_not_critical", "leaf", |f| {
        f.add(ISSUER_ALT_NAME, true, seq(&[dns("ca.example.test")]));
    }),
    only("rfc5280_ca_basic_constraints_critical", "ca", |f| {
        f.criticality(BASIC, false)
    }),
    only("rfc5280_path_len_only_in_ca", "leaf", |f| {
        f.add(BASIC, true, seq(&[int(&[0])]))
    }),
    only("rfc5280_path_len_not_negative", "ca", |f| {
        f.put(BASIC, seq(&[boolean(0xff), int(&[0xff])]))
    }),
    only("cabf_root_no_path_len", "root", |f| {
        f.put(BASIC, seq(&[boolean(0xff), int(&[3])]))
    }),
    only("rfc5280_ca_ski_present", "ca", |f| f.remove(SKI)),
    only("gigvault_ski_length", "leaf", |f| f.put(SKI, octets(&[]))),
    only("gigvault_ski_length", "leaf", |f| f.put(SKI, octets(&[1; 65]))),
    only("rfc5280_aki_present", "leaf", |f| f.remove(AKI)),
    only("rfc5280_aki_present", "leaf", |f| f.put(AKI, seq(&[]))),
    only("rfc5280_aki_is_ski_of_issuer", "leaf", |f| {
        f.put(AKI, authority(&[0x44; 20]))
    }),
    only("rfc5280_aki_is_ski_of_issuer", "root", |f| {
        f.put(AKI, authority(&[0x44; 20]))
    }),
    and(
        "rfc5280_aki_issuer_with_serial",
        "leaf",
        |f| f.put(AKI, seq(&[tlv(0x80, &[0x22; 20]), tlv(0x82, &[1])])),
        &["cabf_aki_key_identifier_only"],
    ),
    only("cabf_aki_key_identifier_only", "leaf", |f| {
        let issuer = all(0xa1, &[all(0xa4, &[name(&[(O, utf8("a"))])])]);
        f.put(AKI, seq(&[tlv(0x80, &[0x22; 20]), issuer, tlv(0x82, &[1])]));
    }),
    only("rfc5280_policies_not_empty", "leaf", |f| {
        f.put(POLICIES, seq(&[]))
    }),
    only("rfc5280_policies_not_empty", "leaf", |f| {
        f.put(POLICIES, seq(&[seq(&[oid(POLICY), seq(&[])])]));
    }),
    only("rfc5280_policies_distinct", "leaf", |f| {
        f.put(POLICIES, seq(&[policy(POLICY, &[]), policy(POLICY, &[])]));
    }),
    only("rfc5280_any_policy_qualifiers", "ca", |f| {
        let qualifier = seq(&[oid(UNKNOWN), null()]);
        f.add(POLICIES, false, seq(&[policy(ANY_POLICY, &[qualifier])]));
    }),
    only("rfc5280_cps_uri", "leaf", |f| {
        cps(f, utf8("http://pki.example.test/cps"))
    }),
    only("rfc5280_cps_uri", "leaf", |f| cps(f, ia5("/cps"))),
    and(
        "rfc6818_explicit_text",
        "leaf",
        |f| notice(f, ia5("a")),
        &["rfc5280_no_user_notice"],
    ),
    and(
        "rfc6818_explicit_text",
        "leaf",
        |f| notice(f, utf8(&"a".repeat(201))),
        &["rfc5280_no_user_notice"],
    ),
    only("rfc5280_no_user_notice", "leaf", |f| {
        notice(f, utf8(&"ü".repeat(200)))
    }),
    only("cabf_policies_present", "leaf", |f| f.remove(POLICIES)),
    only("rfc5280_policy_extensions_only_in_ca", "leaf", |f| {
        f.add(INHIBIT_ANY, true, int(&[0]))
    }),
    only("rfc5280_policy_extensions_critical", "ca", |f| {
        f.add(INHIBIT_ANY, false, int(&[0]))
    }),
    only("rfc5280_policy_extensions_critical", "ca", |f| {
        f.add(POLICY_CONSTRAINTS, false, seq(&[tlv(0x80, &[0])]));
    }),
    only("rfc5280_policy_constraints_not_empty", "ca", |f| {
        f.add(POLICY_CONSTRAINTS, true, seq(&[]))
    }),
    only("rfc5280_policy_mappings_critical", "ca", |f| {
        f.add(MAPPINGS, false, seq(&[seq(&[oid(POLICY), oid(UNKNOWN)])]));
    }),
    only("rfc5280_policy_mappings_form", "ca", |f| {
        f.add(MAPPINGS, true, seq(&[seq(&[oid(POLICY), oid(ANY_POLICY)])]));
    }),
    only("rfc5280_policy_mappings_form", "ca", |f| {
        f.add(MAPPINGS, true, seq(&[]))
    }),
    only("rfc5280_name_constraints_only_in_ca", "leaf", |f| {
        permit(f, dns("example.test"))
    }),
    only("rfc5280_name_constraints_critical", "ca", |f| {
        f.add(
            CONSTRAINTS,
            false,
            seq(&[all(0xa1, &[seq(&[dns("example.test")])])]),
        );
    }),
    only("rfc5280_name_constraints_not_empty", "ca", |f| {
        f.add(CONSTRAINTS, true, seq(&[]))
    }),
    only("rfc5280_name_constraints_not_empty", "ca", |f| permitting(f, &[])),
    only("rfc5280_name_constraints_no_distance", "ca", |f| {
        permitting(f, &[seq(&[dns("example.test"), tlv(0x80, &[1])])]);
    }),
    only("rfc5280_name_constraints_no_distance", "ca", |f| {
        permitting(f, &[seq(&[dns("example.test"), tlv(0x81, &[1])])]);
    }),
    only("x690_default_not_encoded", "ca", |f| {
        permitting(f, &[seq(&[dns("example.test"), tlv(0x80, &[0])])]);
    }),
    only("rfc5280_name_constraints_ip", "ca", |f| {
        permit(f, range(&[10, 0, 0, 0]))
    }),
    only("rfc5280_name_constraints_ip", "ca", |f| {
        permit(f, range(&[10, 0, 0, 0, 255, 0, 255, 0]))
    }),
    only("rfc5280_name_constraints_ip", "ca", |f| {
        permit(f, range(&[10, 0, 0, 1, 255, 0, 0, 0]))
    }),
    only("rfc5280_name_constraints_directory_name", "ca", |f| {
        permit(f, all(0xa4, &[utf8("a")]))
    }),
    only("rfc5280_name_constraints_host", "ca", |f| {
        permit(f, dns("*.example.test"))
    }),
    only("rfc5280_name_constraints_host", "ca", |f| {
        permit(f, uri("http://example.test"))
    }),
    only("rfc5280_name_constraints_host", "ca", |f| {
        permit(f, tlv(0x81, b"a b@example.test"))
    }),
    only("rfc5280_name_constraints_dns_no_dot", "ca", |f| {
        permit(f, dns(".example.test"))
    }),
    only("cabf_root_no_pointers", "root", |f| {
        f.add(AIA, false, seq(&[access(OCSP, uri("http://ocsp.example.test/"))]));
    }),
    only("rfc5280_country_two_letters", "ca", |f| {
        f.subject = name(&[(C, crate::der::printable("1A"))])
    }),
];
