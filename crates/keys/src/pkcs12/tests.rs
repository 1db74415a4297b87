use x509::key::KeyAlgorithm;

use super::*;

/// Some tools leave out the end of the empty passphrase, which OpenSSL writes.
#[test]
fn the_empty_passphrase_is_read_in_both_its_forms() {
    let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
    let pkcs8 = key.to_pkcs8().unwrap();
    let bags = Writer::one(tag::SEQUENCE, |out| {
        out.sequence(|bag| {
            bag.oid(&KEY_BAG);
            bag.constructed(EXPLICIT, |value| value.raw(&pkcs8));
        });
    });
    let safe = Writer::one(tag::SEQUENCE, |out| write_data(out, &bags));
    let (empty, other) = (SecretString::default(), SecretString::from("x"));
    let file = |opener| {
        let mac = mac::write(&safe, opener).unwrap();
        Writer::one(tag::SEQUENCE, |out| {
            out.unsigned(&[3]);
            write_data(out, &safe);
            out.raw(&mac);
        })
    };
    for opener in [Opener::Nothing, Opener::Passphrase(&empty)] {
        let read = crate::from_file(&file(opener), None).unwrap();
        assert_eq!(read.public_key(), key.public_key());
    }
    let refused = crate::from_file(&file(Opener::Passphrase(&other)), None).unwrap_err();
    assert!(matches!(refused, KeyError::PassphraseNeeded), "{refused}");
}
