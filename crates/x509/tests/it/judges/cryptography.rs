//! pyca/cryptography, whose DER reader is strict.

use x509::crl::{CrlEntry, CrlKind, CrlSpec, Reason};
use x509::ocsp::{CertStatus, HashAlgorithm, IssuerIds, Nonce, OcspRequest};

use super::crls::spec;
use super::pkilint::program;
use crate::csr::tool::Tool;
use crate::issue::NOW;
use crate::ocsp::{World, response_of};

/// Runs a script with the Python that pkilint brings, and answers what it printed.
fn python(tool: &Tool, script: &str) -> String {
    tool.write("judge.py", script);
    tool.run(&format!("{} judge.py", program("python")))
}

#[test]
fn cryptography_makes_requests_that_are_read() {
    let world = World::any();
    let tool = Tool::new();
    tool.write("ca.crt", world.ca().certificate.pem());
    tool.write("leaf.crt", world.hierarchy.leaf.pem());
    python(
        &tool,
        r#"
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
ca, leaf = (x509.load_pem_x509_certificate(open(name, "rb").read()) for name in ("ca.crt", "leaf.crt"))
builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, ca, hashes.SHA256())
request = builder.add_extension(x509.OCSPNonce(b"\x5a" * 128), critical=False).build()
open("request.der", "wb").write(request.public_bytes(serialization.Encoding.DER))
"#,
    );
    let request = OcspRequest::from_der(&tool.read("request.der")).unwrap();
    let id = &request.cert_ids()[0];
    assert!(IssuerIds::of(&world.ca().certificate).matches(id));
    assert_eq!(id.hash_algorithm(), Some(HashAlgorithm::Sha256));
    assert_eq!(id.serial(), world.hierarchy.leaf.serial());
    assert_eq!(request.nonce().unwrap().as_bytes(), [0x5a; 128]);
}

#[test]
fn cryptography_reads_and_verifies_our_responses() {
    let world = World::any();
    let tool = Tool::new();
    let mut response = world.spec(CertStatus::Revoked {
        time: NOW,
        reason: Some(Reason::AffiliationChanged),
    });
    response.nonce = Some(Nonce::from_bytes(&[0x5a; 32]).unwrap());
    let chain = [world.responder.certificate.clone()];
    tool.write("response.der", response_of(&world.responder, &response, &chain));
    let printed = python(
        &tool,
        r#"
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
response = ocsp.load_der_ocsp_response(open("response.der", "rb").read())
signer = response.certificates[0]
signer.public_key().verify(response.signature, response.tbs_response_bytes, ec.ECDSA(response.signature_hash_algorithm))
assert x509.SubjectKeyIdentifier.from_public_key(signer.public_key()).digest == response.responder_key_hash
nonce = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
print(response.certificate_status, response.revocation_reason, response.revocation_time_utc, response.next_update_utc)
print(f"{response.serial_number:x}", response.hash_algorithm.name, nonce.hex())
"#,
    );
    let serial = world.hierarchy.leaf.serial().to_string();
    for expected in [
        "OCSPCertStatus.REVOKED ReasonFlags.affiliation_changed 2026-11-24 12:00:00+00:00 2125-12-31 00:00:00+00:00",
        &format!("{} sha256 {}", serial.trim_start_matches('0'), "5a".repeat(32)),
    ] {
        assert!(printed.contains(expected), "{expected} is missing in\n{printed}");
    }
}

#[test]
fn cryptography_reads_and_verifies_our_deltas_and_shards() {
    let world = World::any();
    let tool = Tool::new();
    let list = CrlSpec {
        kind: CrlKind::Delta { base: 4700 },
        shard: vec!["http://pki.example.test/7.crl".into()],
        ..spec(world.ca())
    };
    let entry = |octets: &[u8], reason| CrlEntry {
        serial: x509::Serial::from_bytes(octets).unwrap(),
        time: NOW,
        reason,
        invalidity: Some(NOW),
    };
    let entries = [
        entry(&[0x80], Some(Reason::RemoveFromCrl)),
        entry(&[0x01, 0x00], Some(Reason::Unspecified)),
    ];
    tool.write("ca.crt", world.ca().certificate.pem());
    tool.write("list.crl", super::crls::sign(world.ca(), &list, &entries).der());
    let printed = python(
        &tool,
        r#"
from cryptography import x509
ca = x509.load_pem_x509_certificate(open("ca.crt", "rb").read())
crl = x509.load_der_x509_crl(open("list.crl", "rb").read())
assert crl.is_signature_valid(ca.public_key()) and crl.issuer == ca.subject
for extension in crl.extensions:
    print(extension.critical, extension.value)
for entry in crl:
    print(f"{entry.serial_number:x}", [type(one.value).__name__ for one in entry.extensions])
print(crl.get_revoked_certificate_by_serial_number(0x80).extensions.get_extension_for_class(x509.CRLReason).value)
"#,
    );
    for expected in [
        "False <CRLNumber(4711)>",
        "True <DeltaCRLIndicator(crl_number=4700)>",
        "True <IssuingDistributionPoint(full_name=[<UniformResourceIdentifier(value='http://pki.example.test/7.crl')>]",
        "only_contains_user_certs=False",
        "100 ['InvalidityDate']\n80 ['CRLReason', 'InvalidityDate']",
        "remove_from_crl",
    ] {
        assert!(printed.contains(expected), "{expected} is missing in\n{printed}");
    }
}
