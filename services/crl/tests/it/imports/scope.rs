//! Lists that say which certificates they are for: taken if those are the CAs below the issuer.

use keys::{Signer as _, SoftwareKey};
use proto::crl::v1 as wire;
use rootca::{Intermediate, PublicationUrls, Root};
use testkit::on_both_databases;
use tonic::Code;
use x509::asn1::{Reader, Writer, tag};
use x509::{KeyAlgorithm, SignatureAlgorithm, assemble};

use super::{root, send_from, signed};
use crate::world::{NOW, Process, World};

on_both_databases!(
    a_list_has_to_be_one_for_the_cas_below_its_issuer,
    a_list_in_the_forms_of_others_is_taken,
);

/// Where the CA below points to.
const URL: &str = "http://elsewhere.example.test/crl/root.crl";
const DIRECTORY: &str = "ldap://directory.example.test/CN=root?certificateRevocationList";

/// The same list, with the fields of its TBSCertList as `change` has them, signed again.
fn changed(root: &Root, change: impl Fn(&mut Writer, &[u8], u8)) -> Vec<u8> {
    let list = signed(root, 7, 180, NOW);
    let tbs = Reader::within(list.der(), tag::SEQUENCE).unwrap().any().unwrap();
    let mut fields = Reader::new(tbs.content);
    let tbs = Writer::one(tag::SEQUENCE, |out| {
        while let Ok(field) = fields.any() {
            change(out, field.whole, field.tag);
        }
    });
    let key = root.key();
    let algorithm = SignatureAlgorithm::default_for(KeyAlgorithm::P256);
    assemble(&tbs, algorithm, &key.sign(&tbs, algorithm).unwrap()).unwrap()
}

/// With this issuingDistributionPoint.
fn with_point(root: &Root, point: &[u8]) -> Vec<u8> {
    changed(root, |out, field, kind| {
        if kind != tag::context_constructed(0) {
            return out.raw(field);
        }
        let list = Reader::within(field, kind).unwrap().expect(tag::SEQUENCE);
        out.constructed(kind, |out| {
            out.sequence(|out| {
                out.raw(list.unwrap());
                out.sequence(|extension| {
                    extension.raw(&[6, 3, 0x55, 0x1d, 28]);
                    extension.boolean_true();
                    extension.primitive(tag::OCTET_STRING, point);
                });
            });
        });
    })
}

/// A point with a full name of one name.
fn named(name_tag: u8, name: &str, flags: &[u8]) -> Vec<u8> {
    Writer::one(tag::SEQUENCE, |out| {
        out.constructed(tag::context_constructed(0), |point| {
            point.constructed(tag::context_constructed(0), |full| {
                full.primitive(name_tag, name.as_bytes());
            });
        });
        out.raw(flags);
    })
}

fn start(root: &Root) -> wire::ImportStart {
    let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
    let urls = PublicationUrls {
        crl: vec![URL.to_owned(), DIRECTORY.to_owned()],
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
    };
    let wanted = Intermediate {
        urls,
        ..Intermediate::new("CN=Issuing CA".parse().unwrap(), key.public_key().clone())
    };
    let below = root
        .sign_intermediate(&wanted, NOW.replace_nanosecond(0).unwrap())
        .unwrap();
    wire::ImportStart {
        name: "root".to_owned(),
        issuer_certificate: root.certificate().der().to_vec(),
        dry_run: true,
        below: vec![below.der().to_vec()],
    }
}

async fn a_list_has_to_be_one_for_the_cas_below_its_issuer(world: World) {
    let process = world.idle().await;
    let root = root("CN=Offline Root", KeyAlgorithm::P256);
    let uri = tag::context(6);
    for (what, point, refusal) in [
        ("its URL", named(uri, URL, &[]), None),
        ("its other URL", named(uri, DIRECTORY, &[]), None),
        ("its URL, of CAs", named(uri, URL, &[0x82, 1, 0xff]), None),
        ("of CAs", vec![0x30, 3, 0x82, 1, 0xff], None),
        ("nothing", vec![0x30, 0], None),
        (
            "of users",
            vec![0x30, 3, 0x81, 1, 0xff],
            Some("certificates of another kind"),
        ),
        (
            "its URL, of users",
            named(uri, URL, &[0x81, 1, 0xff]),
            Some("certificates of another kind"),
        ),
        (
            "another URL",
            named(uri, "http://elsewhere.example.test/crl/other.crl", &[]),
            Some("point elsewhere"),
        ),
        (
            "another form of name",
            named(tag::context(2), "root.example.test", &[]),
            Some("point elsewhere"),
        ),
        ("indirect", vec![0x30, 3, 0x84, 1, 0xff], Some("indirect")),
        (
            "some reasons",
            vec![0x30, 4, 0x83, 2, 6, 0x40],
            Some("some reasons"),
        ),
    ] {
        judge(&process, &root, (what, &with_point(&root, &point)), refusal).await;
    }
    // Where no certificate says it, the URL is that of the list here.
    for (url, refusal) in [
        ("http://pki.example.test/crl/root.crl", None),
        (URL, Some("point elsewhere")),
    ] {
        let list = with_point(&root, &named(uri, url, &[]));
        let alone = wire::ImportStart {
            below: Vec::new(),
            ..start(&root)
        };
        let taken = send_from(&process, alone, &list).await;
        assert_eq!(taken.is_ok(), refusal.is_none(), "{url}: {taken:?}");
    }
}

async fn judge(process: &Process, root: &Root, (what, list): (&str, &[u8]), refusal: Option<&str>) {
    match (send_from(process, start(root), list).await, refusal) {
        (Ok(_), None) => {}
        (Err(refused), Some(text)) => {
            assert_eq!(refused.code(), Code::InvalidArgument, "{what}: {refused:?}");
            assert!(refused.message().contains(text), "{what}: {refused:?}");
        }
        (taken, _) => panic!("{what}: {taken:?}"),
    }
}

/// What the linter finds wrong with lists of ours only, relying parties take: both readers agree.
async fn a_list_in_the_forms_of_others_is_taken(world: World) {
    let process = world.idle().await;
    let root = root("CN=Offline Root", KeyAlgorithm::P256);
    let empty = changed(&root, |out, field, kind| {
        // The entries are the third SEQUENCE, behind the times; a list of them begins with a SEQUENCE too.
        let is_entries = kind == tag::SEQUENCE
            && Reader::within(field, kind)
                .unwrap()
                .any()
                .unwrap()
                .content
                .first()
                == Some(&tag::INTEGER);
        match is_entries {
            true => out.raw(&[0x30, 0]),
            false => out.raw(field),
        }
    });
    judge(&process, &root, ("an empty list", &empty), None).await;
}
