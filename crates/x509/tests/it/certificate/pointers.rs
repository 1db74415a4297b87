//! Where certificates of others say that their status is.

use x509::asn1::{Writer, tag};
use x509::extension::{DistributionPoint, oids};
use x509::{Extension, KeyAlgorithm, Oid, Pointers, SignatureAlgorithm};

use crate::csr::holder::Holder;
use crate::issue::{Authority, leaf_spec};

fn pointers(extensions: Vec<Extension>) -> Pointers {
    let ca = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let mut spec = leaf_spec(Holder::new(KeyAlgorithm::P256).public_key(), ca.algorithm);
    let is_pointer = |oid: Oid| {
        [
            oids::CRL_DISTRIBUTION_POINTS,
            oids::AUTHORITY_INFO_ACCESS,
            oids::FRESHEST_CRL,
        ]
        .contains(&oid)
    };
    spec.extensions.retain(|extension| !is_pointer(extension.oid()));
    spec.extensions.extend(extensions);
    Pointers::of(&ca.issue(spec))
}

/// One point for each of these names.
fn points(names: &[&[u8]]) -> Vec<u8> {
    Writer::one(tag::SEQUENCE, |out| {
        for name in names {
            out.sequence(|point| {
                point.constructed(tag::context_constructed(0), |name_of| {
                    name_of.constructed(tag::context_constructed(0), |full| full.raw(name));
                });
            });
        }
    })
}

#[test]
fn an_extension_that_cannot_be_read_is_not_one_that_is_missing() {
    let url = b"\x86\x08http://a";
    let not_ascii = b"\x86\x09http://h\xff";
    for oid in [oids::CRL_DISTRIBUTION_POINTS, oids::FRESHEST_CRL] {
        for der in [points(&[url, not_ascii]), vec![0x30, 2, 5, 0]] {
            let found = pointers(vec![Extension::other(oid, false, der)]);
            let (read, other) = match oid {
                oids::FRESHEST_CRL => (found.freshest_crl, found.crl),
                _ => (found.crl, found.freshest_crl),
            };
            let problem = read.unwrap_err().to_string();
            assert!(
                problem.contains("cRLDistributionPoints") || problem.contains("freshestCRL"),
                "{problem}"
            );
            assert_eq!(other, Ok(Vec::new()));
            assert!(found.access.is_ok());
        }
    }
    let access = Extension::other(oids::AUTHORITY_INFO_ACCESS, false, vec![0x30, 2, 0x30, 0]);
    assert!(pointers(vec![access]).access.is_err());
    let none = pointers(Vec::new());
    assert_eq!((none.access, none.crl), (Ok(Default::default()), Ok(Vec::new())));
}

#[test]
fn what_is_named_otherwise_than_by_a_url_is_there() {
    let directory = b"\xa4\x02\x30\x00";
    let der = points(&[directory, b"\x86\x08http://a"]);
    let crl = pointers(vec![Extension::other(oids::CRL_DISTRIBUTION_POINTS, false, der)]).crl;
    let [first, second] = &crl.unwrap()[..] else {
        unreachable!("two points")
    };
    assert!(first.names.uris.is_empty() && !first.names.is_empty());
    assert_eq!(*second, DistributionPoint::at("http://a"));
    let responder = Writer::one(tag::SEQUENCE, |out| {
        out.sequence(|access| {
            access.oid(&oids::OCSP);
            access.raw(directory);
        });
    });
    let access = Extension::other(oids::AUTHORITY_INFO_ACCESS, false, responder);
    let access = pointers(vec![access]).access.unwrap();
    assert!(access.has_other_ocsp && access.ocsp.is_empty());
}
