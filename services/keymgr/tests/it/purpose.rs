//! Purpose binding: what a key was made for is all that it signs.

use bytes::Bytes;
use proto::keymgr::v1::Purpose;
use tonic::{Code, Status};
use x509::kind::{SignedStructure, classify};
use x509::{PublicKey, SignatureAlgorithm};

use crate::sign::{sign, sign_for};
use crate::structures::{certificate, certificate_request, ocsp_response};
use crate::world::{Running, World};

const RESPONDER: &str = "ocsp.issuing.1";
const ECDSA: SignatureAlgorithm = SignatureAlgorithm::EcdsaSha256;

struct Keys {
    running: Running,
    ca: PublicKey,
    ocsp: PublicKey,
}

async fn keys(world: &World) -> Keys {
    let running = world.start().await;
    let ca = running
        .generate("ca", "p256", Purpose::CertificateAuthority)
        .await;
    let ocsp = running.generate(RESPONDER, "p256", Purpose::OcspSigner).await;
    let public = |spki: &[u8]| PublicKey::from_spki(spki).unwrap();
    Keys {
        ca: public(&ca.spki),
        ocsp: public(&ocsp.spki),
        running,
    }
}

impl Keys {
    /// Asks as the caller that may have such a structure signed.
    async fn sign(&self, name: &str, message: &[u8]) -> Result<Bytes, Status> {
        let caller = match classify(message) {
            Some(SignedStructure::OcspResponse) => "ocsp",
            _ => "ca",
        };
        sign_for(caller, &self.running, name, message, "").await
    }

    async fn signs(&self, name: &str, message: &[u8]) {
        let key = if name == "ca" { &self.ca } else { &self.ocsp };
        let signature = self.sign(name, message).await.unwrap();
        ECDSA.verify(key, message, &signature).unwrap();
    }

    async fn refuses(&self, name: &str, message: &[u8], what: &str) {
        let refused = self.sign(name, message).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{what}: {refused:?}");
        assert_eq!(refused.metadata().get("gigvault-problem").unwrap(), "key-purpose");
        assert!(refused.message().contains(what), "{what}: {refused:?}");
    }
}

#[tokio::test]
async fn a_ca_key_signs_certificates_and_its_own_request() {
    let world = World::sqlite();
    let keys = keys(&world).await;
    keys.signs("ca", &certificate(&keys.ocsp, ECDSA)).await;
    keys.signs("ca", &certificate_request(&keys.ca, ECDSA)).await;
}

#[tokio::test]
async fn a_ca_key_signs_no_request_for_another_key() {
    let world = World::sqlite();
    let keys = keys(&world).await;
    keys.refuses(
        "ca",
        &certificate_request(&keys.ocsp, ECDSA),
        "a certificate request for another key",
    )
    .await;
}

#[tokio::test]
async fn a_ca_key_signs_no_ocsp_response_unless_that_is_set() {
    let mut world = World::sqlite();
    let first = keys(&world).await;
    first.refuses("ca", &ocsp_response(), "an OCSP response").await;
    let (ca, ocsp) = (first.ca.clone(), first.ocsp.clone());
    first.running.stop().await;

    world.config.ca_keys_sign_ocsp = true;
    let running = world.start().await;
    let keys = Keys { running, ca, ocsp };
    keys.signs("ca", &ocsp_response()).await;
    // It is a setting for CA keys, and changes nothing for those of responders.
    keys.signs(RESPONDER, &ocsp_response()).await;
    keys.refuses(RESPONDER, &certificate(&keys.ocsp, ECDSA), "a certificate")
        .await;
}

#[tokio::test]
async fn an_ocsp_key_signs_responses_and_nothing_else() {
    let world = World::sqlite();
    let keys = keys(&world).await;
    keys.signs(RESPONDER, &ocsp_response()).await;
    keys.refuses(RESPONDER, &certificate(&keys.ocsp, ECDSA), "a certificate")
        .await;
    keys.refuses(
        RESPONDER,
        &certificate_request(&keys.ocsp, ECDSA),
        "a certificate request",
    )
    .await;
}

#[tokio::test]
async fn what_is_not_recognised_is_signed_by_no_key() {
    let world = World::sqlite();
    let keys = keys(&world).await;
    let tbs = certificate(&keys.ca, ECDSA);
    let trailing = [tbs.as_slice(), b"\0"].concat();
    let truncated = tbs.split_last().unwrap().1;
    let digest = [0x5a; 32];
    let wrapped = [&[0x30, 0x82, 0, 0][..], &tbs].concat();
    for message in [
        &b""[..],
        &digest,
        b"hello",
        &trailing,
        truncated,
        &wrapped,
        &[0x30, 0x00],
    ] {
        keys.refuses("ca", message, "not a certificate, CRL").await;
        keys.refuses(RESPONDER, message, "not a certificate, CRL").await;
    }
}

#[tokio::test]
async fn a_purpose_changed_in_the_database_opens_no_key() {
    let world = World::sqlite();
    let made = keys(&world).await;
    made.running.stop().await;
    let db = world.database().await;
    let mut tx = db.begin().await.unwrap();
    let sql = "UPDATE keys SET purpose = 'certificate-authority' WHERE name = 'ocsp.issuing.1'";
    store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();

    let running = world.start().await;
    let message = certificate(&made.ca, ECDSA);
    let refused = sign(&running, RESPONDER, &message, "").await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal, "{refused:?}");
    assert!(
        !refused.message().contains("purpose"),
        "internals shown: {refused:?}"
    );
}

#[tokio::test]
async fn a_public_key_changed_in_the_database_is_noticed() {
    let world = World::sqlite();
    let made = keys(&world).await;
    made.running.stop().await;
    let db = world.database().await;
    let mut tx = db.begin().await.unwrap();
    let sql =
        "UPDATE keys SET spki = (SELECT spki FROM keys WHERE name = 'ocsp.issuing.1') WHERE name = 'ca'";
    store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();

    let running = world.start().await;
    let message = certificate(&made.ca, ECDSA);
    let refused = sign(&running, "ca", &message, "").await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal, "{refused:?}");
}
