//! Sign a CRL that arrives in pieces.
//!
//! A CRL may be larger than memory, and yet keymgr sees what it signs: the octets are read ([`TbsCertListReader`]) and hashed as
//! they arrive, and forgotten. What begins the list is compared with the issuer's certificate as soon as it is there; at the end
//! the list must be whole. A [`CrlSigning`] is used up by each step, so that none goes on after a refusal, and one that is dropped
//! signs nothing.
//!
//! Whether the issuer's certificate was issued is not known here. It holds together what a list says of its issuer: name, key, key
//! identifier, and the right to sign CRLs.

use std::sync::Arc;

use bytes::Bytes;
use keys::StreamedMessage;
use x509::Certificate;
use x509::crl::{TbsCertListHeader, TbsCertListReader};
use x509::extension::KeyUsageFlags;
use x509::kind::SignedStructure;

use super::App;
use super::loaded::LoadedKey;
use super::streams::Place;
use crate::domain::{Caller, KeyName};
use crate::error::Error;

/// Most octets of a piece.
const MAX_PIECE: usize = 1024 * 1024;
/// Octets that are read and hashed on the spot: some ten microseconds.
const ON_THE_SPOT: usize = 8 * 1024;

/// The list to sign.
#[derive(Clone, Debug)]
pub struct SignCrlRequest {
    /// Who asks.
    pub caller: Caller,
    /// The key.
    pub name: String,
    /// The issuer's certificate, DER.
    pub issuer_certificate: Bytes,
}

/// A list that is being received.
pub struct CrlSigning {
    app: App,
    list: ReceivedList,
    /// Of the caller's lists.
    place: Place,
}

/// What was received of a list.
struct ReceivedList {
    key: Arc<LoadedKey>,
    issuer: Certificate,
    /// Subject key identifier of the issuer.
    key_identifier: Vec<u8>,
    reader: TbsCertListReader,
    /// From when on the algorithm is known.
    message: Option<StreamedMessage>,
    /// Octets from before that. The reader bounds them: to the header's end no value has more than 64 KiB.
    before: Vec<u8>,
}

impl App {
    /// Begins to receive a list.
    ///
    /// # Errors
    /// [`Error::Caller`], [`Error::Streams`], [`Error::NotFound`]; [`Error::CrlIssuer`] for a certificate that is not one of a CA
    /// with this key that may sign CRLs.
    pub async fn sign_crl(&self, request: SignCrlRequest) -> Result<CrlSigning, Error> {
        let caller = request.caller;
        if !caller.signs(SignedStructure::Crl) {
            return Err(caller.denied("have a CRL signed".to_owned()));
        }
        let place = self.streams.enter(caller)?;
        let name: KeyName = request.name.parse()?;
        let issuer = Certificate::from_der(&request.issuer_certificate)
            .map_err(|error| Error::invalid("issuer_certificate", error))?;
        let key = self.loaded(&name).await?;
        if !key.purpose.signs(SignedStructure::Crl) {
            return Err(Error::Purpose {
                index: 0,
                name,
                purpose: key.purpose,
                what: "a CRL",
            });
        }
        Ok(CrlSigning {
            app: self.clone(),
            list: ReceivedList::new(key, issuer)?,
            place,
        })
    }
}

impl CrlSigning {
    /// Takes the next octets.
    ///
    /// # Errors
    /// [`Error::Crl`] for what is not a list with its entries in ascending order; [`Error::CrlIssuer`] for one of another issuer;
    /// `Common::Invalid` for a piece that is empty or too long; [`Error::Key`] for an algorithm that the key does not do, and for a
    /// list that is too long for Ed25519.
    pub async fn push(self, octets: Bytes) -> Result<Self, Error> {
        if octets.is_empty() || octets.len() > MAX_PIECE {
            let text = format!("{} octets; a piece has 1 to {MAX_PIECE}", octets.len());
            return Err(Error::invalid("octets", text));
        }
        let Self { app, list, place } = self;
        let list = match octets.len() <= ON_THE_SPOT {
            true => list.push(&octets)?,
            false => app.workers.run(move || list.push(&octets)).await??,
        };
        Ok(Self { app, list, place })
    }

    /// Ends the list and signs it.
    ///
    /// # Errors
    /// [`Error::Crl`] for a list that is not whole, [`Error::CrlIssuer`] for one with another key identifier, [`Error::Rate`].
    pub async fn finish(self) -> Result<Bytes, Error> {
        let Self {
            app,
            list,
            place: _place,
        } = self;
        let (key, message) = list.finish()?;
        app.usage.pace(&key.name, 1).await?;
        let (signer, algorithm) = (Arc::clone(&key.signer), message.algorithm());
        let signature = app.workers.run(move || signer.sign_streamed(message)).await??;
        app.count(&key, algorithm, &[SignedStructure::Crl]);
        Ok(signature.into())
    }
}

impl ReceivedList {
    fn new(key: Arc<LoadedKey>, issuer: Certificate) -> Result<Self, Error> {
        let refused = |what| not_of_issuer(&key, what);
        if issuer.spki() != key.signer.public_key().spki() {
            return Err(refused("the issuer's certificate has another key"));
        }
        if !issuer.is_ca() {
            return Err(refused("the issuer's certificate is not that of a CA"));
        }
        // Required of every CA that signs CRLs (RFC 5280 section 4.2.1.3).
        let usage = issuer.key_usage();
        if !usage.is_some_and(|usage| usage.contains(KeyUsageFlags::CRL_SIGN)) {
            return Err(refused(
                "the issuer's certificate does not allow signing CRLs (keyUsage)",
            ));
        }
        let key_identifier = issuer.subject_key_identifier().map(<[u8]>::to_vec);
        let key_identifier =
            key_identifier.ok_or_else(|| refused("the issuer's certificate has no key identifier"))?;
        Ok(Self {
            key,
            issuer,
            key_identifier,
            // Ours are written in this order, and only in order is it seen without remembering all entries that no serial number
            // occurs twice: of two entries with one number, relying parties take the one or the other.
            reader: TbsCertListReader::ascending(),
            message: None,
            before: Vec::new(),
        })
    }

    fn push(mut self, octets: &[u8]) -> Result<Self, Error> {
        self.reader.push(octets)?;
        if let Some(message) = &mut self.message {
            message.push(octets)?;
            return Ok(self);
        }
        self.before.extend_from_slice(octets);
        if let Some(header) = self.reader.header() {
            self.check(header)?;
            let mut message = self.key.signer.begin(header.signature_algorithm)?;
            message.push(&std::mem::take(&mut self.before))?;
            self.message = Some(message);
        }
        Ok(self)
    }

    /// The name is compared octet for octet: relying parties find a list by it, and some compare it so (RFC 5280 section 5.1.2.3).
    fn check(&self, header: &TbsCertListHeader) -> Result<(), Error> {
        let refused = |what| Err(not_of_issuer(&self.key, what));
        if header.version != 2 {
            return refused("it is of version 1, which has no authority key identifier");
        }
        if header.issuer.der() != self.issuer.subject().der() {
            return refused("its issuer is not the subject of the issuer's certificate, octet for octet");
        }
        Ok(())
    }

    /// What to sign, once the list is whole.
    fn finish(self) -> Result<(Arc<LoadedKey>, StreamedMessage), Error> {
        let summary = self.reader.finish()?;
        if summary.extensions.authority_key_identifier().as_ref() != Some(&self.key_identifier) {
            return Err(not_of_issuer(
                &self.key,
                "its authority key identifier is not the key identifier of the issuer's certificate",
            ));
        }
        let missing = || Error::internal("a CRL was read whole without its header");
        Ok((self.key, self.message.ok_or_else(missing)?))
    }
}

fn not_of_issuer(key: &LoadedKey, what: &'static str) -> Error {
    Error::CrlIssuer {
        name: key.name.clone(),
        what,
    }
}
