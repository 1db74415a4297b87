//! What a caller may have signed, made, and shown: each asks for the others' kinds.

use bytes::Bytes;
use proto::keymgr::v1::{GetRequest, Purpose};
use tonic::{Code, Status};
use x509::kind::{SignedStructure, classify};
use x509::{PublicKey, SignatureAlgorithm};

use crate::crl::{Issuer, sign_crl};
use crate::sign::{batch_for, sign_for};
use crate::structures::{certificate, certificate_request, crl, ocsp_response};
use crate::world::{Running, World, request};

const ECDSA: SignatureAlgorithm = SignatureAlgorithm::EcdsaSha256;
const RESPONDER: &str = "ocsp.issuing.1";
const PEERS: [&str; 5] = ["ca", "crl", "ocsp", "process", "ra"];

fn denied(what: &str, answer: Result<Bytes, Status>) {
    let refused = answer.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{what}: {refused:?}");
}

/// A CA with its key and one responder's key. CA keys may sign OCSP responses, so that nothing but the caller decides.
async fn made(world: &mut World) -> (Running, Issuer) {
    world.config.ca_keys_sign_ocsp = true;
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p256").await;
    running.generate(RESPONDER, "p256", Purpose::OcspSigner).await;
    (running, issuer)
}

#[tokio::test]
async fn each_service_has_signed_what_it_is_for_and_nothing_of_the_others() {
    let mut world = World::sqlite();
    let (running, issuer) = made(&mut world).await;
    for message in [
        certificate(&issuer.key, ECDSA),
        certificate_request(&issuer.key, ECDSA),
        crl(ECDSA),
        ocsp_response(),
    ] {
        let structure = classify(&message).unwrap();
        let allowed = match structure {
            SignedStructure::Certificate | SignedStructure::CertificateRequest => Some("ca"),
            SignedStructure::OcspResponse => Some("ocsp"),
            // By SignCrl.
            SignedStructure::Crl => None,
        };
        for caller in PEERS {
            let what = format!("{structure:?} for {caller}");
            let one = sign_for(caller, &running, "ca-issuing", &message, "").await;
            let batch = vec![Bytes::from(message.clone())];
            let many = batch_for(caller, &running, "ca-issuing", batch).await;
            let streamed = sign_crl(&running, caller, issuer.start(), [message.clone()]).await;
            if allowed == Some(caller) {
                ECDSA.verify(&issuer.key, &message, &one.unwrap()).unwrap();
                ECDSA.verify(&issuer.key, &message, &many.unwrap()[0]).unwrap();
            } else {
                denied(&what, one);
                denied(&what, many.map(|_| Bytes::new()));
            }
            match (caller, structure) {
                ("crl", SignedStructure::Crl) => {
                    ECDSA.verify(&issuer.key, &message, &streamed.unwrap()).unwrap();
                }
                ("crl", _) => {
                    let refused = streamed.unwrap_err();
                    assert_eq!(refused.code(), Code::InvalidArgument, "{what}: {refused:?}");
                }
                _ => denied(&what, streamed),
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_names_the_caller_and_the_structure() {
    let mut world = World::sqlite();
    let (running, issuer) = made(&mut world).await;
    for (caller, message, words) in [
        (
            "ca",
            ocsp_response(),
            "service ca may not have an OCSP response signed",
        ),
        ("ca", crl(ECDSA), "service ca may not have a CRL signed"),
        (
            "ocsp",
            certificate(&issuer.key, ECDSA),
            "service ocsp may not have a certificate signed",
        ),
    ] {
        let refused = sign_for(caller, &running, "ca-issuing", &message, "")
            .await
            .unwrap_err();
        assert!(refused.message().starts_with(words), "{refused:?}");
        assert!(refused.message().contains("message 0"), "{refused:?}");
    }
}

#[tokio::test]
async fn each_service_makes_keys_of_its_own_kind_and_names() {
    let world = World::sqlite();
    let running = world.start().await;
    let make = async |caller, name: &str, purpose| {
        let made = running
            .client(caller)
            .generate(request(name, "p256", purpose))
            .await;
        made.map(|_| ()).map_err(|status| status.code())
    };
    let (ca, ocsp) = (Purpose::CertificateAuthority, Purpose::OcspSigner);
    for caller in ["ca", "process"] {
        make(caller, &format!("of-{caller}"), ca).await.unwrap();
        let names = ["ocsp.issuing.1", "ocsp.x", "ocsp."];
        for name in names {
            assert_eq!(
                make(caller, name, ca).await,
                Err(Code::InvalidArgument),
                "{caller} {name}"
            );
        }
        assert_eq!(
            make(caller, "any", ocsp).await,
            Err(Code::PermissionDenied),
            "{caller}"
        );
        assert_eq!(
            make(caller, RESPONDER, ocsp).await,
            Err(Code::PermissionDenied),
            "{caller}"
        );
    }
    make("ocsp", RESPONDER, ocsp).await.unwrap();
    make("ocsp", "ocsp.issuing.2.1", ocsp).await.unwrap();
    for name in ["any", "ocsp.issuing", "ocsp..1", "ocsp.issuing.01", "ca-issuing"] {
        assert_eq!(
            make("ocsp", name, ocsp).await,
            Err(Code::InvalidArgument),
            "{name}"
        );
    }
    for name in ["any", "ocsp.issuing.7"] {
        assert_eq!(
            make("ocsp", name, ca).await,
            Err(Code::PermissionDenied),
            "{name}"
        );
    }
    assert_eq!(make("crl", "any", ca).await, Err(Code::PermissionDenied));
}

#[tokio::test]
async fn ocsp_sees_the_keys_of_responders_only() {
    let mut world = World::sqlite();
    let (running, issuer) = made(&mut world).await;
    let get = async |caller, name: &str| {
        let name = name.to_owned();
        let found = running.client(caller).get(GetRequest { name }).await;
        found.map(|found| PublicKey::from_spki(&found.into_inner().spki).unwrap())
    };
    for caller in ["ca", "process"] {
        assert_eq!(get(caller, "ca-issuing").await.unwrap(), issuer.key);
        get(caller, RESPONDER).await.unwrap();
    }
    get("ocsp", RESPONDER).await.unwrap();
    let refused = get("ocsp", "ca-issuing").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(
        refused.message(),
        "service ocsp may not be shown keys of purpose certificate-authority"
    );
    assert_eq!(
        get("ocsp", "ocsp.issuing.9").await.unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(
        get("crl", RESPONDER).await.unwrap_err().code(),
        Code::PermissionDenied
    );
}
