//! Sign one message or a batch.

use std::sync::Arc;

use bytes::Bytes;
use vocabulary::metric;
use x509::SignatureAlgorithm;
use x509::kind::SignedStructure;

use super::App;
use super::binding::{self, SigningContext};
use super::loaded::LoadedKey;
use super::workers::Spread;
use crate::domain::{Caller, KeyName};
use crate::error::Error;

/// What to sign, with which key.
#[derive(Clone, Debug)]
pub struct SignRequest {
    /// Who asks.
    pub caller: Caller,
    /// The key.
    pub name: String,
    /// Whole to-be-signed structures, DER.
    pub messages: Vec<Bytes>,
    /// `ecdsa-sha256`, …; empty for the key's usual one.
    pub algorithm: String,
}

impl App {
    /// Signatures over all messages, in their order. Nothing is signed unless all of them may be.
    ///
    /// # Errors
    /// [`Error::Caller`] for a message that this caller may not have signed, [`Error::Purpose`] for one that the key was not made for; [`Error::Rate`] for more than the key may
    /// sign in a second; `Common::Invalid`, [`Error::NotFound`].
    pub async fn sign(&self, request: SignRequest) -> Result<Vec<Bytes>, Error> {
        let name: KeyName = request.name.parse()?;
        let messages = request.messages;
        if messages.is_empty() || messages.len() > self.max_batch {
            let (given, most) = (messages.len(), self.max_batch);
            return Err(Error::invalid(
                "messages",
                format!("{given} messages; a call takes 1 to {most}"),
            ));
        }
        let key = self.loaded(&name).await?;
        let algorithm = match request.algorithm.as_str() {
            "" => key.signer.algorithm(),
            text => text.parse().map_err(|error| Error::invalid("algorithm", error))?,
        };
        let judge = Arc::clone(&key);
        let asked = SigningContext {
            caller: request.caller,
            ca_keys_sign_ocsp: self.ca_keys_sign_ocsp,
        };
        let check = move |index: usize, message: &[u8]| binding::check(&judge, asked, index, message);
        let structures = self.workers.each(&messages, Spread::LOOK, check).await?;
        self.usage.pace(&key.name, messages.len()).await?;

        let spread = Spread::of_signing(key.signer.public_key().algorithm());
        let signer = Arc::clone(&key.signer);
        let sign = move |_, message: &[u8]| Ok(Bytes::from(signer.sign(message, algorithm)?));
        let signatures = self.workers.each(&messages, spread, sign).await?;
        self.count(&key, algorithm, &structures);
        Ok(signatures)
    }

    /// Counts signatures that were made.
    pub(super) fn count(
        &self,
        key: &LoadedKey,
        algorithm: SignatureAlgorithm,
        structures: &[SignedStructure],
    ) {
        self.usage.note(&key.name, structures);
        let made = structures.len() as u64;
        metrics::counter!(
            metric::SIGNATURES_TOTAL, "backend" => key.backend, "algorithm" => algorithm.to_string()
        )
        .increment(made);
        metrics::counter!(metric::KEY_SIGNATURES_TOTAL, "purpose" => key.purpose.as_str()).increment(made);
    }
}
