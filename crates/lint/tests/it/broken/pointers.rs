//! Pointers to CRLs, OCSP and issuers, and revocation.

use super::{Case, and, only};
use crate::der::{all, bits, int, null, seq, tlv, utf8};
use crate::forge::{
    AIA, CA_ISSUERS, CRL, FEATURE, FRESHEST, Forge, NO_REV_AVAIL, OCSP, access, crl_at, crl_point, dns,
    ocsp_at, uri, validity,
};

fn feature(forge: &mut Forge, numbers: &[&[u8]]) {
    let numbers: Vec<_> = numbers.iter().map(|number| int(number)).collect();
    forge.add(FEATURE, false, seq(&numbers));
}

fn full_name() -> Vec<u8> {
    all(0xa0, &[all(0xa0, &[uri("http://pki.example.test/ca.crl")])])
}

pub(super) const CASES: &[Case] = &[
    and(
        "rfc5280_crldp_not_empty",
        "leaf",
        |f| f.put(CRL, seq(&[])),
        &["cabf_crldp_one_plain_point"],
    ),
    only("rfc5280_crldp_not_empty", "leaf", |f| {
        f.add(FRESHEST, false, seq(&[]))
    }),
    and(
        "rfc5280_crldp_point_named",
        "leaf",
        |f| f.put(CRL, seq(&[seq(&[tlv(0x81, &[6, 0x40])])])),
        &["cabf_crldp_one_plain_point"],
    ),
    only("rfc5280_crldp_point_named", "leaf", |f| {
        f.put(CRL, seq(&[crl_point(&[])]))
    }),
    only("cabf_crldp_one_plain_point", "leaf", |f| {
        let point = crl_point(&[uri("http://pki.example.test/ca.crl")]);
        f.put(CRL, seq(&[point.clone(), point]));
    }),
    only("cabf_crldp_one_plain_point", "leaf", |f| {
        f.put(CRL, seq(&[seq(&[full_name(), tlv(0x81, &[6, 0x40])])]));
    }),
    and(
        "x690_named_bits_trimmed",
        "leaf",
        |f| f.put(CRL, seq(&[seq(&[full_name(), tlv(0x81, &[0, 0x40])])])),
        &["cabf_crldp_one_plain_point"],
    ),
    and("rfc5280_aia_not_empty", "leaf", |f| f.put(AIA, seq(&[])), &[]),
    only("rfc6960_ocsp_location_uri", "leaf", |f| {
        f.put(AIA, seq(&[access(OCSP, dns("ocsp.example.test"))]))
    }),
    only("rfc5280_pointer_absolute", "leaf", |f| {
        f.put(AIA, ocsp_at("http:ocsp"))
    }),
    only("rfc5280_pointer_absolute", "leaf", |f| {
        f.put(CRL, crl_at("http://a_%zz/"))
    }),
    only("rfc5280_pointer_absolute", "leaf", |f| {
        f.put(CRL, crl_at("http://-a.test/"))
    }),
    and(
        "rfc5280_pointer_scheme",
        "leaf",
        |f| f.put(CRL, crl_at("https://pki.example.test/ca.crl")),
        &["cabf_pointer_http"],
    ),
    and(
        "rfc5280_pointer_scheme",
        "leaf",
        |f| f.put(AIA, ocsp_at("https://ocsp.example.test/")),
        &["cabf_pointer_http"],
    ),
    only("rfc5280_pointer_scheme", "client", |f| {
        f.put(AIA, ocsp_at("ldap://ocsp.example.test/"))
    }),
    only("cabf_pointer_http", "leaf", |f| {
        f.put(CRL, crl_at("ldap:///cn=CA?certificateRevocationList"))
    }),
    only("cabf_aia_known_methods", "leaf", |f| {
        let time_stamping = access("1.3.6.1.5.5.7.48.3", uri("http://tsa.example.test/"));
        f.put(
            AIA,
            seq(&[time_stamping, access(CA_ISSUERS, uri("http://pki.example.test/"))]),
        );
    }),
    only("cabf_aia_present", "leaf", |f| f.remove(AIA)),
    only("cabf_ocsp_signer_no_crldp", "ocsp_signer", |f| {
        f.add(CRL, false, crl_at("http://pki.example.test/ca.crl"));
    }),
    and(
        "rfc9608_no_rev_avail_not_in_ca",
        "ca",
        |f| {
            f.remove(CRL);
            f.remove(AIA);
            f.add(NO_REV_AVAIL, false, null());
        },
        &["cabf_sub_ca_crldp"],
    ),
    only("rfc9608_no_rev_avail_without_pointers", "short_lived", |f| {
        f.add(CRL, false, crl_at("http://pki.example.test/ca.crl"));
    }),
    only("rfc9608_no_rev_avail_without_pointers", "short_lived", |f| {
        f.put(AIA, ocsp_at("http://ocsp.example.test/"));
    }),
    and(
        "gigvault_no_rev_avail_short_lived",
        "short_lived",
        |f| f.validity = validity("261124120000Z", "261201120000Z"),
        &["cabf_revocation_pointer"],
    ),
    only("cabf_revocation_pointer", "client", |f| {
        f.remove(CRL);
        f.remove(AIA);
    }),
    only("cabf_sub_ca_crldp", "ca", |f| f.remove(CRL)),
    only("rfc7633_tls_feature_form", "leaf", |f| feature(f, &[])),
    only("rfc7633_tls_feature_form", "leaf", |f| feature(f, &[&[5], &[5]])),
    only("rfc7633_tls_feature_form", "leaf", |f| feature(f, &[&[0xff]])),
    only("rfc7633_tls_feature_form", "leaf", |f| feature(f, &[&[1, 0, 0]])),
    and(
        "rfc5280_extension_form",
        "leaf",
        |f| f.add(FEATURE, false, seq(&[utf8("5")])),
        &[],
    ),
    only("rfc5280_extension_form", "leaf", |f| {
        f.add(FEATURE, false, bits(0, &[5]))
    }),
    only("rfc7633_must_staple_needs_ocsp", "leaf", |f| {
        feature(f, &[&[5]]);
        f.put(AIA, seq(&[access(CA_ISSUERS, uri("http://pki.example.test/"))]));
    }),
];
