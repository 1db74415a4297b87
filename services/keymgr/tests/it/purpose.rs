//! Purpose binding: what a key was made for is all that it signs.

use proto::keymgr::v1::Purpose;
use tonic::Code;
use x509::{PublicKey, SignatureAlgorithm};

use crate::sign::sign;
use crate::structures::{certificate, certificate_request, crl, ocsp_response};
use crate::world::{Running, World};

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
    let ocsp = running.generate("ocsp", "p256", Purpose::OcspSigner).await;
    let public = |spki: &[u8]| PublicKey::from_spki(spki).unwrap();
    Keys {
        ca: public(&ca.spki),
        ocsp: public(&ocsp.spki),
        running,
    }
}

impl Keys {
    async fn signs(&self, name: &str, message: &[u8]) {
        let key = if name == "ca" { &self.ca } else { &self.ocsp };
        let signature = sign(&self.running, name, message, "").await.unwrap();
        ECDSA.verify(key, message, &signature).unwrap();
    }

    async fn refuses(&self, name: &str, message: &[u8], what: &str) {
        let refused = sign(&self.running, name, message, "").await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{what}: {refused:?}");
        assert_eq!(refused.metadata().get("gigvault-problem").unwrap(), "key-purpose");
        assert!(refused.message().contains(what), "{what}: {refused:?}");
    }
}

#[tokio::test]
async fn a_ca_key_signs_certificates_crls_and_its_own_request() {
    let world = World::sqlite();
    let keys = keys(&world).await;
    keys.signs("ca", &certificate(&keys.ocsp, ECDSA)).await;
    keys.signs("ca", &crl(ECDSA)).await;
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
async fn a_ca_key_signs_no_ocsp_response() {
    let world = World::sqlite();
    let keys = keys(&world).await;
    keys.refuses("ca", &ocsp_response(), "an OCSP response").await;
}

#[tokio::test]
async fn an_ocsp_key_signs_responses_and_nothing_else() {
    let world = World::sqlite();
    let keys = keys(&world).await;
    keys.signs("ocsp", &ocsp_response()).await;
    keys.refuses("ocsp", &certificate(&keys.ocsp, ECDSA), "a certificate")
        .await;
    keys.refuses("ocsp", &crl(ECDSA), "a CRL").await;
    keys.refuses(
        "ocsp",
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
        keys.refuses("ocsp", message, "not a certificate, CRL").await;
    }
}

#[tokio::test]
async fn a_purpose_changed_in_the_database_opens_no_key() {
    let world = World::sqlite();
    keys(&world).await.running.stop().await;
    let db = world.database().await;
    let mut tx = db.begin().await.unwrap();
    let sql = "UPDATE keys SET purpose = 'certificate-authority' WHERE name = 'ocsp'";
    store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();

    let running = world.start().await;
    let refused = sign(&running, "ocsp", &crl(ECDSA), "").await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal, "{refused:?}");
    assert!(
        !refused.message().contains("purpose"),
        "internals shown: {refused:?}"
    );
}

#[tokio::test]
async fn a_public_key_changed_in_the_database_is_noticed() {
    let world = World::sqlite();
    keys(&world).await.running.stop().await;
    let db = world.database().await;
    let mut tx = db.begin().await.unwrap();
    let sql = "UPDATE keys SET spki = (SELECT spki FROM keys WHERE name = 'ocsp') WHERE name = 'ca'";
    store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();

    let running = world.start().await;
    let refused = sign(&running, "ca", &crl(ECDSA), "").await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal, "{refused:?}");
}
