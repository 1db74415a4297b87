//! PKCS#12 files (RFC 7292): a private key and its certificates under one passphrase.
//!
//! Written with PBES2 (PBKDF2-HMAC-SHA-256, AES-256-CBC) and an HMAC-SHA-256 integrity code, which OpenSSL 1.1 and later,
//! Java 8u301 and later, and Windows since 2019 read. Read also with the 3DES of older tools, and in BER.

mod mac;
#[cfg(test)]
mod tests;

use secrecy::SecretString;
use x509::asn1::{DerError, Reader, Tlv, Writer, tag, to_der};
use x509::{Certificate, Oid};
use zeroize::Zeroizing;

use crate::encryption::{self, Opener, malformed};
use crate::{KeyError, Signer, SoftwareKey, pem};

const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.6");
const KEY_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.3");
const NESTED_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.6");
const X509_CERTIFICATE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.22.1");
const FRIENDLY_NAME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.20");
const LOCAL_KEY_ID: Oid = Oid::new_unwrap("1.2.840.113549.1.9.21");

/// Most bags in one file.
const MAX_BAGS: usize = 200;
/// Most encrypted parts, each with a derivation of its own.
const MAX_PARTS: usize = 8;
/// Bags within bags.
const MAX_DEPTH: usize = 4;
const EXPLICIT: u8 = tag::context_constructed(0);

/// What a file holds.
#[derive(Debug)]
pub struct Pkcs12 {
    /// The private key.
    pub key: SoftwareKey,
    /// The certificates, in the order of the file.
    pub certificates: Vec<Certificate>,
}

impl Pkcs12 {
    /// Whether octets begin like a PKCS#12 file.
    #[must_use]
    pub fn is(octets: &[u8]) -> bool {
        is_pkcs12(octets)
    }

    /// The certificates with that of the key first; what else the file holds follows in its order.
    #[must_use]
    pub fn into_chain(mut self) -> Vec<Certificate> {
        let is_leaf = |certificate: &Certificate| {
            certificate
                .public_key()
                .is_ok_and(|key| key == self.key.public_key())
        };
        let leaf = self.certificates.iter().position(is_leaf);
        if let Some(before) = leaf.and_then(|at| self.certificates.get_mut(..=at)) {
            before.rotate_right(1);
        }
        self.certificates
    }

    /// Reads a file, DER or BER. Without a passphrase one is read that has none, or the empty one.
    ///
    /// # Errors
    /// [`KeyError::PassphraseNeeded`], [`KeyError::WrongPassphrase`], [`KeyError::UnsupportedPkcs12`], [`KeyError::Malformed`].
    pub fn from_der(file: &[u8], passphrase: Option<&SecretString>) -> Result<Self, KeyError> {
        with_openers(passphrase, |opener| Self::open(file, opener))
    }

    fn open(file: &[u8], opener: Opener<'_>) -> Result<Self, KeyError> {
        let bags = Bags::open(file, opener)?;
        // The certificates may be in the part that was passed over.
        if let Some(scheme) = bags.unsupported {
            return Err(KeyError::UnsupportedPkcs12(scheme));
        }
        let mut certificates = Vec::with_capacity(bags.certificates.len());
        for der in &bags.certificates {
            let certificate = Certificate::from_der(der);
            certificates.push(certificate.map_err(|error| KeyError::Certificate(error.to_string()))?);
        }
        Ok(Self {
            key: bags.key(opener)?,
            certificates,
        })
    }

    /// Writes a file: the key, its certificate first among `certificates`, both under `name`.
    ///
    /// # Errors
    /// [`KeyError::EmptyPassphrase`]; [`KeyError::Crypto`] when the library fails.
    pub fn to_der(
        key: &SoftwareKey,
        certificates: &[Certificate],
        name: &str,
        passphrase: &SecretString,
    ) -> Result<Vec<u8>, KeyError> {
        let id = certificates.first().map_or([0; 32], Certificate::fingerprint);
        let bags = Writer::one(tag::SEQUENCE, |out| {
            for (at, certificate) in certificates.iter().enumerate() {
                write_certificate(out, certificate, (at == 0).then_some((&id, name)));
            }
        });
        let certificates = encryption::encrypt(&bags, passphrase)?;
        let shrouded = pem::encrypted(key, passphrase)?;
        let keys = Writer::one(tag::SEQUENCE, |out| {
            out.sequence(|bag| {
                bag.oid(&SHROUDED_KEY_BAG);
                bag.constructed(EXPLICIT, |value| value.raw(&shrouded));
                write_attributes(bag, &id, name);
            });
        });
        let safe = Writer::one(tag::SEQUENCE, |out| {
            out.sequence(|content| {
                content.oid(&ENCRYPTED_DATA);
                content.constructed(EXPLICIT, |explicit| {
                    explicit.sequence(|data| {
                        data.unsigned(&[0]);
                        data.sequence(|info| {
                            info.oid(&DATA);
                            info.raw(&certificates.algorithm);
                            info.primitive(tag::context(0), &certificates.data);
                        });
                    });
                });
            });
            write_data(out, &keys);
        });
        let mac = mac::write(&safe, Opener::Passphrase(passphrase))?;
        Ok(Writer::one(tag::SEQUENCE, |out| {
            out.unsigned(&[3]);
            write_data(out, &safe);
            out.raw(&mac);
        }))
    }
}

/// Whether octets begin like a PKCS#12 file: version 3 and a ContentInfo.
pub(crate) fn is_pkcs12(octets: &[u8]) -> bool {
    let header = octets.get(..12).unwrap_or_default();
    header
        .windows(4)
        .any(|window| matches!(window, [tag::INTEGER, 1, 3, tag::SEQUENCE]))
}

/// The private key of a file, for [`pem::from_file`].
pub(crate) fn key(file: &[u8], passphrase: Option<&SecretString>) -> Result<SoftwareKey, KeyError> {
    with_openers(passphrase, |opener| Bags::open(file, opener)?.key(opener))
}

/// Reads with the passphrase. Without one, with what opens files whose maker gave none: nothing, and the empty passphrase, which
/// tools write in two ways.
fn with_openers<T>(
    passphrase: Option<&SecretString>,
    read: impl Fn(Opener<'_>) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    if let Some(passphrase) = passphrase {
        return read(Opener::Passphrase(passphrase));
    }
    match read(Opener::Nothing) {
        Err(KeyError::WrongPassphrase) => {}
        read => return read,
    }
    match read(Opener::Passphrase(&SecretString::default())) {
        Err(KeyError::WrongPassphrase) => Err(KeyError::PassphraseNeeded),
        read => read,
    }
}

fn write_data(out: &mut Writer, content: &[u8]) {
    out.sequence(|info| {
        info.oid(&DATA);
        info.constructed(EXPLICIT, |explicit| {
            explicit.primitive(tag::OCTET_STRING, content)
        });
    });
}

fn write_certificate(out: &mut Writer, certificate: &Certificate, own: Option<(&[u8; 32], &str)>) {
    out.sequence(|bag| {
        bag.oid(&CERTIFICATE_BAG);
        bag.constructed(EXPLICIT, |value| {
            value.sequence(|fields| {
                fields.oid(&X509_CERTIFICATE);
                fields.constructed(EXPLICIT, |explicit| {
                    explicit.primitive(tag::OCTET_STRING, certificate.der());
                });
            });
        });
        if let Some((id, name)) = own {
            write_attributes(bag, id, name);
        }
    });
}

/// friendlyName before localKeyID: a SET is sorted by its octets, and the shorter encoding comes first.
fn write_attributes(bag: &mut Writer, id: &[u8; 32], name: &str) {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let attribute = |oid, tag, content: &[u8]| {
        Writer::one(tag::SEQUENCE, |attribute| {
            attribute.oid(&oid);
            attribute.constructed(tag::SET, |values| values.primitive(tag, content));
        })
    };
    let mut attributes = [
        attribute(FRIENDLY_NAME, tag::BMP_STRING, &units),
        attribute(LOCAL_KEY_ID, tag::OCTET_STRING, id),
    ];
    attributes.sort();
    bag.constructed(tag::SET, |set| {
        attributes.iter().for_each(|attribute| set.raw(attribute))
    });
}

/// The decrypted contents.
#[derive(Default)]
struct Bags {
    keys: Vec<Zeroizing<Vec<u8>>>,
    shrouded: Vec<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
    count: usize,
    /// The scheme of a part that was passed over.
    unsupported: Option<&'static str>,
}

/// The same refusal, with the advice for a PKCS#12 file.
fn of_pkcs12(error: KeyError) -> KeyError {
    match error {
        KeyError::UnsupportedEncryption(scheme) => KeyError::UnsupportedPkcs12(scheme),
        other => other,
    }
}

impl Bags {
    fn open(file: &[u8], opener: Opener<'_>) -> Result<Self, KeyError> {
        Self::read(file, opener).map_err(of_pkcs12)
    }

    fn read(file: &[u8], opener: Opener<'_>) -> Result<Self, KeyError> {
        let der = Zeroizing::new(to_der(file).map_err(malformed)?);
        let mut fields = Reader::within(&der, tag::SEQUENCE).map_err(malformed)?;
        if fields.expect(tag::INTEGER).map_err(malformed)? != [3] {
            return Err(KeyError::Malformed("not version 3 of PKCS#12"));
        }
        let safe = data(fields.any().map_err(malformed)?)?;
        let authentic = !fields.is_empty();
        if authentic {
            mac::verify(fields.any().map_err(malformed)?.whole, safe, opener)?;
        }
        let mut bags = Self::default();
        let safe = Zeroizing::new(to_der(safe).map_err(malformed)?);
        let mut contents = Reader::within(&safe, tag::SEQUENCE).map_err(malformed)?;
        let mut parts = 0;
        while !contents.is_empty() {
            parts += 1;
            if parts > MAX_PARTS {
                return Err(KeyError::Malformed("the PKCS#12 file has more than 8 parts"));
            }
            match bags.take_content(contents.any().map_err(malformed)?, opener) {
                // Older tools encrypt certificates with RC2 and the key with 3DES. That the file is as it was written, and the
                // passphrase right, the integrity code has shown.
                Err(KeyError::UnsupportedEncryption(scheme)) if authentic => bags.unsupported = Some(scheme),
                taken => taken?,
            }
        }
        Ok(bags)
    }

    /// One ContentInfo of the AuthenticatedSafe.
    fn take_content(&mut self, info: Tlv<'_>, opener: Opener<'_>) -> Result<(), KeyError> {
        let mut fields = Reader::new(info.expect(tag::SEQUENCE).map_err(malformed)?);
        match fields.oid().map_err(malformed)? {
            DATA => self.take_safe(data(info)?, MAX_DEPTH),
            ENCRYPTED_DATA => {
                let explicit = fields.expect(EXPLICIT).map_err(malformed)?;
                let plain = decrypt_content(explicit, opener)?;
                // As with a key: one wrong passphrase in 256 yields valid padding.
                to_der(&plain)
                    .map(Zeroizing::new)
                    .map_err(|_| KeyError::WrongPassphrase)?;
                self.take_safe(&plain, MAX_DEPTH)
            }
            _ => Err(KeyError::UnsupportedEncryption(
                "a public key instead of a passphrase",
            )),
        }
    }

    /// SafeContents: a list of bags.
    fn take_safe(&mut self, content: &[u8], depth: usize) -> Result<(), KeyError> {
        let der = Zeroizing::new(to_der(content).map_err(malformed)?);
        let mut list = Reader::within(&der, tag::SEQUENCE).map_err(malformed)?;
        while !list.is_empty() {
            self.count += 1;
            if self.count > MAX_BAGS {
                return Err(KeyError::Malformed("the PKCS#12 file has more than 200 entries"));
            }
            let mut bag = list.enter(tag::SEQUENCE).map_err(malformed)?;
            let kind = bag.oid().map_err(malformed)?;
            let value = bag.expect(EXPLICIT).map_err(malformed)?;
            match kind {
                KEY_BAG => self.keys.push(Zeroizing::new(value.to_vec())),
                SHROUDED_KEY_BAG => self.shrouded.push(value.to_vec()),
                CERTIFICATE_BAG => self.certificates.extend(certificate(value).map_err(malformed)?),
                NESTED_BAG => {
                    let depth = depth
                        .checked_sub(1)
                        .ok_or(KeyError::Malformed("its entries are nested too deep"))?;
                    self.take_safe(value, depth)?;
                }
                // CRLs and secrets are of no use here.
                _ => {}
            }
        }
        Ok(())
    }

    fn key(&self, opener: Opener<'_>) -> Result<SoftwareKey, KeyError> {
        match (self.keys.as_slice(), self.shrouded.as_slice()) {
            ([plain], []) => SoftwareKey::from_pkcs8(plain),
            ([], [shrouded]) => pem::from_encrypted(shrouded, opener).map_err(of_pkcs12),
            ([], []) if let Some(scheme) = self.unsupported => Err(KeyError::UnsupportedPkcs12(scheme)),
            ([], []) => Err(KeyError::Malformed("the PKCS#12 file holds no private key")),
            _ => Err(KeyError::Malformed(
                "the PKCS#12 file holds several private keys; export the one that is meant",
            )),
        }
    }
}

/// The octets of a `data` ContentInfo.
fn data(info: Tlv<'_>) -> Result<&[u8], KeyError> {
    let mut fields = Reader::new(info.expect(tag::SEQUENCE).map_err(malformed)?);
    if fields.oid().map_err(malformed)? != DATA {
        return Err(KeyError::UnsupportedEncryption(
            "a signature instead of a passphrase",
        ));
    }
    let explicit = fields.expect(EXPLICIT).map_err(malformed)?;
    Reader::single(explicit, tag::OCTET_STRING).map_err(malformed)
}

/// EncryptedData (RFC 5652 section 8): its ciphertext, decrypted.
fn decrypt_content(explicit: &[u8], opener: Opener<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut fields = Reader::within(explicit, tag::SEQUENCE).map_err(malformed)?;
    fields.expect(tag::INTEGER).map_err(malformed)?;
    let mut info = fields.enter(tag::SEQUENCE).map_err(malformed)?;
    info.oid().map_err(malformed)?;
    let algorithm = info.any().map_err(malformed)?.whole;
    let content = info.any().map_err(malformed)?;
    let ciphertext = match content.tag {
        // In BER the implicit OCTET STRING may come in pieces.
        EXPLICIT => pieces(content.content).map_err(malformed)?,
        _ => content.expect(tag::context(0)).map_err(malformed)?.to_vec(),
    };
    encryption::decrypt(algorithm, &ciphertext, opener)
}

fn pieces(content: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut list = Reader::new(content);
    let mut whole = Vec::with_capacity(content.len());
    while !list.is_empty() {
        whole.extend_from_slice(list.expect(tag::OCTET_STRING)?);
    }
    Ok(whole)
}

/// The DER of an X.509 certificate in a CertBag; others (SDSI) are passed over.
fn certificate(value: &[u8]) -> Result<Option<Vec<u8>>, DerError> {
    let mut fields = Reader::within(value, tag::SEQUENCE)?;
    if fields.oid()? != X509_CERTIFICATE {
        return Ok(None);
    }
    let explicit = fields.expect(EXPLICIT)?;
    Reader::single(explicit, tag::OCTET_STRING).map(|der| Some(der.to_vec()))
}

impl std::fmt::Debug for Bags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bags({} certificates)", self.certificates.len())
    }
}
