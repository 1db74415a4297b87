//! Properties over arbitrary input: what was sealed opens, what was changed does not, nothing panics.

use keys::{Argon2Cost, Binding, KeyEncryptionKey, SoftwareKey};
use proptest::collection::vec;
use proptest::prelude::*;

fn kek() -> KeyEncryptionKey {
    let cheap = Argon2Cost {
        memory_kib: 64,
        iterations: 1,
        lanes: 1,
    };
    KeyEncryptionKey::from_passphrase(&"correct horse".into(), b"saltsalt", cheap).unwrap()
}

proptest! {
    #[test]
    fn sealed_bytes_open_again(plaintext in vec(any::<u8>(), 0..2000), aad in vec(any::<u8>(), 0..100)) {
        let kek = kek();
        let envelope = kek.seal(&plaintext, &aad).unwrap();
        let opened = kek.open(&envelope, &aad).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
    }

    #[test]
    fn a_flipped_bit_does_not_open(plaintext in vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0..8) {
        let kek = kek();
        let mut envelope = kek.seal(&plaintext, b"aad").unwrap();
        let position = at.index(envelope.len());
        envelope[position] ^= 1_u8 << bit;
        prop_assert!(kek.open(&envelope, b"aad").is_err());
    }

    #[test]
    fn another_aad_does_not_open(aad in vec(any::<u8>(), 0..40), other in vec(any::<u8>(), 0..40)) {
        prop_assume!(aad != other);
        let kek = kek();
        prop_assert!(kek.open(&kek.seal(b"key", &aad).unwrap(), &other).is_err());
    }

    #[test]
    fn different_bindings_never_encode_alike(a in ".{0,12}", b in ".{0,12}", c in ".{0,12}", d in ".{0,12}") {
        prop_assume!((&a, &b) != (&c, &d));
        prop_assert_ne!(Binding { name: &a, purpose: &b }.aad(), Binding { name: &c, purpose: &d }.aad());
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_panic(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert!(SoftwareKey::from_pkcs8(&bytes).is_err());
        prop_assert!(SoftwareKey::from_pem(&bytes, Some(&"x".into())).is_err());
        prop_assert!(kek().open(&bytes, b"").is_err());
    }

    #[test]
    fn arbitrary_pem_bodies_are_refused_without_panic(bytes in vec(any::<u8>(), 0..400), label in 0_usize..4) {
        let label = ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"][label];
        let pem = x509::pem::encode(label, &bytes);
        prop_assert!(SoftwareKey::from_pem(pem.as_bytes(), Some(&"x".into())).is_err());
    }

    #[test]
    fn a_damaged_key_never_passes_for_another(at in any::<prop::sample::Index>(), bit in 0..8) {
        use keys::Signer;
        let key = SoftwareKey::generate(x509::key::KeyAlgorithm::P256).unwrap();
        let mut document = key.to_pkcs8().unwrap();
        let position = at.index(document.len());
        document[position] ^= 1_u8 << bit;
        // Either it is refused, or the damage was in an optional part and the key is the same.
        if let Ok(read) = SoftwareKey::from_pkcs8(&document) {
            prop_assert_eq!(read.public_key(), key.public_key());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn any_passphrase_opens_its_own_file(passphrase in "\\PC{1,40}") {
        use keys::Signer;
        let key = SoftwareKey::generate(x509::key::KeyAlgorithm::Ed25519).unwrap();
        let pem = key.to_encrypted_pem(&passphrase.clone().into()).unwrap();
        let read = SoftwareKey::from_pem(pem.as_bytes(), Some(&passphrase.clone().into())).unwrap();
        prop_assert_eq!(read.public_key(), key.public_key());
        let other = SoftwareKey::from_pem(pem.as_bytes(), Some(&format!("{passphrase}x").into()));
        prop_assert!(other.is_err());
    }
}
