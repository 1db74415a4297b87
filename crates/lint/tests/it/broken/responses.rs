//! OCSP responses: each breaks a lint, and nothing else but what is listed beside it.
#![expect(clippy::indexing_slicing, reason = "tests")]

use x509::ocsp::HashAlgorithm::{Sha1, Sha256};

use super::{Change, and_response, response};
use crate::der::{all, boolean, generalized, int, name, null, octets, seq, utc, utf8};
use crate::forge::{
    CN, CRL_REFERENCES, CUTOFF, EXTENDED_REVOKE, Extension, NONCE, ResponseForge, SHA1, cert_id, cert_id_of,
    good, hash, ocsp_signer, revoked, unknown, validity,
};

const UNKNOWN: &str = "1.3.6.1.4.1.55555.3";

pub(super) const WHOLE: &[Change<ResponseForge>] = &[
    response("rfc6960_ocsp_structure", "answers", |r| {
        r.responder = all(0xa3, &[])
    }),
    response("rfc6960_ocsp_structure", "answers", |r| r.status(null())),
    response("rfc6960_ocsp_structure", "answers", |r| r.first().id = null()),
    and_response(
        "x690_no_trailing_octets",
        "answers",
        |r| r.tail = null(),
        &["rfc6960_ocsp_structure"],
    ),
    response("rfc6960_ocsp_version_absent", "answers", |r| {
        r.version = all(0xa0, &[int(&[0])])
    }),
    response("rfc6960_ocsp_responder_is_signer", "answers", |r| {
        r.responder = all(0xa2, &[octets(&[7; 20])])
    }),
    and_response(
        "rfc6960_ocsp_responder_is_signer",
        "answers",
        |r| r.responder = all(0xa1, &[name(&[(CN, utf8("Another"))])]),
        &["rfc9919_ocsp_responder_by_key"],
    ),
    response("rfc9919_ocsp_responder_by_key", "answers", |r| {
        r.responder = all(0xa1, std::slice::from_ref(&r.signer.subject))
    }),
    // A responder that the CA did not certify, with the same key.
    response("rfc6960_ocsp_signer_authorized", "answers", |r| {
        r.signer = ocsp_signer()
    }),
    response("rfc6960_ocsp_time_form", "answers", |r| {
        r.produced_at = utc("261124120000Z")
    }),
    response("rfc6960_ocsp_time_form", "answers", |r| {
        r.first().this_update = generalized("20261124114500.5Z")
    }),
    response("rfc6960_ocsp_time_form", "answers", |r| {
        r.first().next("202611241800Z")
    }),
    response("rfc6960_ocsp_time_form", "answers", |r| {
        r.status(revoked("20261124114500+0000", None))
    }),
    response("rfc6960_ocsp_time_exists", "answers", |r| {
        r.first().next("20261131180000Z")
    }),
    response("rfc6960_ocsp_produced_within_signer", "answers", |r| {
        r.signer.validity = validity("261124120001Z", "351231235959Z")
    }),
    response("gigvault_ocsp_ends_before_signer", "answers", |r| {
        r.signer.validity = validity("260102000000Z", "261124175959Z")
    }),
    response("rfc6960_ocsp_responses_not_empty", "answers", |r| {
        r.answers.clear()
    }),
    response("gigvault_ocsp_revoked_before_produced", "answers", |r| {
        r.status(revoked("20261124120001Z", None))
    }),
];

pub(super) const ANSWERS: &[Change<ResponseForge>] = &[
    response("rfc6960_ocsp_cert_id_hash_length", "answers", |r| {
        r.first().id = cert_id_of(hash(SHA1), &[1; 20], &[2; 19], &[5]);
        r.status(unknown());
    }),
    response("rfc6960_ocsp_answers_own_certificates", "answers", |r| {
        r.first().id = cert_id_of(hash(SHA1), &[1; 20], &[2; 20], &[5])
    }),
    response("rfc6960_ocsp_answers_own_certificates", "answers", |r| {
        r.first().id = cert_id_of(hash("2.16.840.1.101.3.4.2.3"), &[1; 64], &[2; 64], &[5]);
        r.status(revoked("20261124114500Z", Some(1)));
    }),
    response("gigvault_ocsp_good_serial_number", "answers", |r| {
        r.first().id = cert_id(Sha256, &[0])
    }),
    response("gigvault_ocsp_good_serial_number", "answers", |r| {
        r.first().id = cert_id(Sha1, &[1; 21])
    }),
    response("rfc6960_ocsp_produced_after_this_update", "answers", |r| {
        r.first().this_update = generalized("20261124120001Z")
    }),
    response("rfc9919_ocsp_next_update_present", "answers", |r| {
        r.first().next_update = Vec::new()
    }),
    response("rfc6960_ocsp_update_order", "answers", |r| {
        r.first().next("20261124120000Z")
    }),
    response("rfc6960_ocsp_reason_not_unspecified", "answers", |r| {
        r.status(revoked("20261124114500Z", Some(0)))
    }),
    response("rfc6960_ocsp_reason_assigned", "answers", |r| {
        r.status(revoked("20261124114500Z", Some(8)))
    }),
    response("rfc6960_ocsp_never_issued_is_on_hold", "never_issued", |r| {
        r.status(revoked("19700101000000Z", None))
    }),
    response("rfc6960_ocsp_never_issued_extended_revoke", "never_issued", |r| {
        r.extensions.clear()
    }),
    and_response(
        "rfc6960_ocsp_never_issued_not_in_crl",
        "never_issued",
        |r| {
            r.first()
                .extensions
                .push(Extension::new(CRL_REFERENCES, false, seq(&[])))
        },
        &["gigvault_ocsp_no_unknown_extension"],
    ),
    response("rfc6960_ocsp_extensions_not_empty", "answers", |r| {
        r.raw_extensions = Some(all(0xa1, &[seq(&[])]))
    }),
    response("rfc6960_ocsp_extensions_distinct", "answers", |r| {
        r.add(NONCE, false, octets(&[7; 32]))
    }),
    response("rfc6960_ocsp_extension_not_critical", "answers", |r| {
        r.add(EXTENDED_REVOKE, true, null())
    }),
    response("x690_ocsp_default_not_encoded", "answers", |r| {
        r.extensions[0].critical = boolean(0)
    }),
    response("gigvault_ocsp_no_unknown_extension", "answers", |r| {
        r.add(UNKNOWN, false, null())
    }),
    response("rfc9654_ocsp_nonce_form", "answers", |r| {
        r.extensions[0].value = octets(&[])
    }),
    response("rfc9654_ocsp_nonce_form", "answers", |r| {
        r.extensions[0].value = octets(&[7; 129])
    }),
    response("rfc9654_ocsp_nonce_form", "answers", |r| {
        r.extensions[0].value = int(&[7])
    }),
    response("rfc6960_ocsp_extended_revoke_null", "answers", |r| {
        r.add(EXTENDED_REVOKE, false, boolean(0xff))
    }),
    response("rfc6960_ocsp_archive_cutoff_form", "answers", |r| {
        r.first().extensions[0] = Extension::new(CUTOFF, false, utc("261001000000Z"))
    }),
    response("rfc6960_ocsp_archive_cutoff_form", "answers", |r| {
        r.first().extensions[0] = Extension::new(CUTOFF, false, generalized("20261124120001Z"))
    }),
    // Good of SHA-1 too.
    response("rfc6960_ocsp_reason_not_unspecified", "answers", |r| {
        r.first().id = cert_id(Sha1, &[9]);
        r.status(good());
        r.answers[1].status = revoked("20261124114500Z", Some(0));
    }),
];
